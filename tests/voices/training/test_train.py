"""Pins training: it learns, is the same by seed, goes on where it was stopped, and exports what it learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dragoman.errors import TrainingError
from dragoman.voices import mel
from dragoman.voices.training import corpus

torch = pytest.importorskip("torch", reason="training needs the extra voices-train")
pytest.importorskip("onnx", reason="training needs the extra voices-train")

from dragoman.voices.training import export, train  # noqa: E402  # after the skip
from dragoman.voices.training.ecapa import IDENTITY_DIM, AngularMargin, IdentityEncoder  # noqa: E402
from dragoman.voices.training.gst import STYLE_DIM, StyleEncoder  # noqa: E402

TINY = train.Recipe(steps=16, size=8, seconds=(1.0, 1.2), rate=2e-3, seed=3)


def person(number: int, take: int) -> corpus.Piece:
    """A buzz with a pitch and a colour of its own, at a rate and level of this take."""
    rng = np.random.default_rng([number, take])
    time = np.arange(40_000) / 16_000
    phase = 2 * np.pi * 100 * 2 ** (number / 6) * time
    buzz = sum(np.sin(n * phase) / n ** (0.6 + 0.2 * (number % 4)) for n in range(1, 13))
    swell = 0.55 - 0.45 * np.cos(2 * np.pi * rng.uniform(2, 7) * time)
    sound = (10 ** (rng.uniform(-40, -20) / 20) * buzz * swell).astype(np.float32)
    piece = corpus.prepare(sound, corpus.Source(Path(f"{number}.wav"), f"p{number}", "train"), rng)
    assert piece is not None
    return piece


@pytest.fixture(scope="module")
def pieces() -> list[corpus.Piece]:
    return [person(number, take) for number in range(8) for take in range(2)]


class Losses:
    """Keeps what a training tells."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.steps: list[int] = []
        self.values: list[float] = []
        self._stop_after = stop_after

    def __call__(self, step: int, loss: float, net: object) -> None:
        self.steps.append(step)
        self.values.append(loss)
        if step == self._stop_after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("fit", [train.train_style, train.train_identity])
def test_the_loss_falls(fit: object, pieces: list[corpus.Piece], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "WARM_UP", 5)
    told = Losses()
    fit(pieces, replace(TINY, steps=60), told=told)
    assert told.steps == list(range(1, 61))
    assert np.mean(told.values[-10:]) < 0.8 * np.mean(told.values[:10])


def test_the_head_is_right_on_average_of_whole_sentences(pieces: list[corpus.Piece]) -> None:
    """However little it learned: trained on stretches of a second, it says nothing too low of longer ones."""
    net = train.train_style(pieces, replace(TINY, steps=2))
    off = []
    for number, piece in enumerate(pieces):
        one = corpus.batch([piece], 3.0, hearing=number % len(piece.hearings))
        with torch.no_grad():
            off.append(net(torch.from_numpy(one.features))[1][0].numpy() - one.labels[0])
    np.testing.assert_allclose(np.mean(off, axis=0) / net.label_deviation.numpy(), 0, atol=0.02)


def test_the_same_seed_gives_the_same_weights(pieces: list[corpus.Piece]) -> None:
    one, same, other = (train.train_style(pieces, replace(TINY, steps=3, seed=seed)).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("fit", [train.train_style, train.train_identity])
def test_a_stopped_training_goes_on_as_if_it_had_not_been(
    fit: object, pieces: list[corpus.Piece], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "SAVED_EVERY", 4)
    straight = fit(pieces, TINY, key="k")
    kept = tmp_path / "x.ckpt"
    with pytest.raises(KeyboardInterrupt):
        fit(pieces, TINY, key="k", kept=kept, told=Losses(stop_after=9))
    told = Losses()
    resumed = fit(pieces, TINY, key="k", kept=kept, told=told)
    assert told.steps == list(range(9, 17)), "step 9 was after the last checkpoint"
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_checkpoint_of_another_training_is_not_gone_on_from(pieces: list[corpus.Piece], tmp_path: Path) -> None:
    kept = tmp_path / "x.ckpt"
    short = replace(TINY, steps=2)
    train.train_style(pieces, short, key="one corpus", kept=kept)
    for recipe, key in ((short, "another"), (replace(short, seed=9), "one corpus")):
        told = Losses()
        train.train_style(pieces, recipe, key=key, kept=kept, told=told)
        assert told.steps == [1, 2]


def test_a_broken_checkpoint_is_named(pieces: list[corpus.Piece], tmp_path: Path) -> None:
    kept = tmp_path / "x.ckpt"
    kept.write_bytes(b"not torch's")
    with pytest.raises(TrainingError, match=r"x\.ckpt is no checkpoint .*delete it"):
        train.train_style(pieces, TINY, kept=kept)


def test_the_rate_rises_and_falls() -> None:
    rates = [train.learning_rate(train.STYLE, step) for step in range(train.STYLE.steps)]
    top = rates.index(max(rates))
    assert top == train.WARM_UP - 1
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert 0 < rates[-1] < 0.05 * train.STYLE.rate


def exercised(net: torch.nn.Module) -> torch.nn.Module:
    """With batch statistics that are not those of a new network."""
    torch.manual_seed(0)
    net.train()
    for _ in range(3):
        net(torch.randn(4, 120, mel.BANDS) * 2 - 3)
    return net.eval()


@pytest.mark.parametrize(
    ("kind", "outputs", "sizes"),
    [
        (StyleEncoder, export.STYLE_OUTPUTS, (STYLE_DIM, 4)),
        (IdentityEncoder, export.IDENTITY_OUTPUTS, (IDENTITY_DIM,)),
    ],
)
def test_the_exported_file_does_what_the_network_does(
    kind: type, outputs: tuple[str, ...], sizes: tuple[int, ...], tmp_path: Path
) -> None:
    net, path = exercised(kind()), tmp_path / "x.onnx"
    assert export.export(net, path, outputs) < 1e-4
    export.label(path, {"name": "x"})
    session = export.Session.of(path)
    about = session.session.get_modelmeta().custom_metadata_map
    assert about["name"] == "x" and about["front_end"] == "16000/800/200/1024/80/50/7600"
    assert [put.name for put in session.session.get_inputs()] == ["mel"]
    assert [put.name for put in session.session.get_outputs()] == list(outputs)
    for batch, frames in ((1, 1), (2, 33), (1, 700)):
        features = np.random.default_rng(frames).normal(-3, 2, (batch, frames, mel.BANDS)).astype(np.float32)
        with torch.no_grad():
            wanted = net(torch.from_numpy(features))
        for size, one, got in zip(
            sizes, wanted if isinstance(wanted, tuple) else (wanted,), session.outputs(features), strict=True
        ):
            assert got.shape == (batch, size)
            np.testing.assert_allclose(got, one.numpy(), atol=1e-4)


def test_an_export_that_differs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "TOLERANCE", 0.0)
    with pytest.raises(TrainingError, match="differs"):
        export.export(StyleEncoder(), tmp_path / "x.onnx", export.STYLE_OUTPUTS)


def test_identities_have_length_one_and_do_not_hear_the_level() -> None:
    net = exercised(IdentityEncoder())
    features = torch.randn(3, 90, mel.BANDS)
    with torch.no_grad():
        one, louder = net(features), net(features + 2.0)
    np.testing.assert_allclose(one.norm(dim=1), 1, atol=1e-5)
    np.testing.assert_allclose(one, louder, atol=1e-4)


def test_the_margin_must_be_won() -> None:
    """Being right costs more than softmax without a margin would, and being wrong far more."""
    margin = AngularMargin(5)
    vectors = torch.nn.functional.normalize(margin.centres.detach(), dim=1)
    right, wrong = margin(vectors, torch.arange(5)), margin(vectors, (torch.arange(5) + 1) % 5)
    plain = torch.nn.functional.cross_entropy(30 * vectors @ vectors.T, torch.arange(5))
    assert plain <= right < wrong
