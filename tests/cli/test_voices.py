"""Pins the ``dragoman voices`` commands: what they say when they cannot work, and a whole training of a few steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.engines.missing import without
from typer.testing import CliRunner

from dragoman.cli import app

RUNNER = CliRunner()


def needs_training() -> None:
    for name in ("torch", "onnx"):
        pytest.importorskip(name, reason="training needs the extra voices-train")


def speech(folder: Path, speakers: int = 6) -> Path:
    """Buzzes of 3 s, a subfolder per pitch."""
    time = np.arange(48_000) / 16_000
    for speaker in range(speakers):
        (folder / f"s{speaker}").mkdir(parents=True)
        for take in range(3):
            phase = 2 * np.pi * 90 * 2 ** (speaker / 5) * time
            buzz = sum(np.sin(n * phase) / n for n in range(1, 9)) * (
                0.55 - 0.45 * np.cos((4 + 2 * take) * np.pi * time)
            )
            soundfile.write(folder / f"s{speaker}" / f"{take}.wav", 0.05 * buzz, 16_000)
    return folder


def test_no_folder(tmp_path: Path) -> None:
    needs_training()
    said = RUNNER.invoke(app, ["voices", "train-style", str(tmp_path / "nowhere")])
    assert said.exit_code == 1 and "nowhere is no folder" in said.stderr.replace("\n", "")


def test_too_little_speech(tmp_path: Path) -> None:
    needs_training()
    folder = speech(tmp_path / "speech", speakers=2)
    said = RUNNER.invoke(app, ["voices", "train-style", str(folder), "--work", str(tmp_path / "w")])
    assert said.exit_code == 1 and "at least 10 are needed" in said.stderr


def test_without_torch_it_says_what_to_install(tmp_path: Path) -> None:
    with without("torch", forget="dragoman.voices.training"):
        said = RUNNER.invoke(app, ["voices", "train-style", str(tmp_path)])
    assert said.exit_code == 1 and 'pip install "dragoman[voices-train]"' in said.stderr


@pytest.mark.parametrize(("kind", "file"), [("style", "gst64"), ("identity", "identity")])
def test_a_whole_training(tmp_path: Path, kind: str, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_training()
    from dragoman.voices.training import job
    from dragoman.voices.training.card import of_weights

    monkeypatch.setitem(job.SPEAKERS, "identity", 4)
    monkeypatch.setattr(job, "EARLY", 2)
    folder, out = speech(tmp_path / "speech"), tmp_path / "out"
    (folder / "s0" / "broken.wav").write_bytes(b"RIFF")
    options = ["--out", str(out), "--work", str(tmp_path / "w"), "--steps", "3", "--minutes", "0.5"]
    said = RUNNER.invoke(app, ["voices", f"train-{kind}", str(folder), *options])
    assert said.exit_code == 0, said.stderr
    assert "12 pieces, 1 min, 4 speakers to train on; 6 pieces to measure with" in said.stderr
    assert "left out" in said.stderr and "broken.wav cannot be read" in said.stderr
    assert "after 2 steps, loss" in said.stderr and "on voices kept from training:" in said.stderr
    card = (out / f"{file}.md").read_text()
    assert card.startswith(f"# {file}-speech-") and "voices kept from training" in card
    assert "only knows synthetic voices" not in card, "that is said of make-speech's voices"
    from dragoman.voices.training.export import Session

    about = Session.of(out / f"{file}.onnx").session.get_modelmeta().custom_metadata_map
    assert about["kind"] == kind and about["name"] in card
    assert of_weights(about) == card
