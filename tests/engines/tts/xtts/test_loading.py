"""From settings to a model that is ready: what is prepared for a GPU, tried here on the CPU; what lacks is named."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

torch = pytest.importorskip("torch")
pytest.importorskip("TTS")

from torch.nn.utils import parametrize  # noqa: E402  # torch must be there

from dragoman.engines.tts.xtts import loading as module  # noqa: E402
from dragoman.engines.tts.xtts.load import Model, load, speakers  # noqa: E402
from dragoman.engines.tts.xtts.loading import halved, loading, prepare  # noqa: E402
from dragoman.engines.tts.xtts.settings import Settings  # noqa: E402
from dragoman.engines.tts.xtts.speakers import StockVoices  # noqa: E402
from dragoman.engines.tts.xtts.trouble import trouble_of  # noqa: E402
from dragoman.engines.tts.xtts.vocoder import AT_ONCE, WindowedVocoder, decode  # noqa: E402
from dragoman.errors import EngineUnavailable  # noqa: E402
from dragoman.recovery.gpu import Trouble  # noqa: E402

pytestmark = pytest.mark.usefixtures("narrow")

EMBEDDING = torch.full((1, 512, 1), 512**-0.5)


def settings(folder: Path, **options: object) -> Settings:
    return Settings.read({"model": str(folder), "accept_cpml": True, "device": "cpu", **options})


@pytest.fixture
def model(talkative: Path) -> Model:
    return load(talkative)


def latents(model: Model, tokens: int = 20) -> Any:
    return torch.randn(tokens, 64, generator=torch.Generator().manual_seed(1))


def test_weight_norm_is_computed_once_and_the_samples_are_the_same(talkative: Path, model: Model) -> None:
    wanted = WindowedVocoder(model.xtts.hifigan_decoder, EMBEDDING).push(latents(model), last=True)
    assert any(parametrize.is_parametrized(part) for part in model.xtts.hifigan_decoder.waveform_decoder.modules())
    loaded = loading(settings(talkative))
    generator = loaded.manner.hifigan.waveform_decoder
    assert not any(parametrize.is_parametrized(part) for part in generator.modules())
    assert not any(tensor.requires_grad for tensor in generator.parameters())
    made = WindowedVocoder(loaded.manner.hifigan, EMBEDDING).push(latents(model), last=True)
    assert torch.allclose(made, wanted, atol=1e-6)


def test_windows_decoded_together_are_what_each_is_alone(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AT_ONCE, "cpu", AT_ONCE["cuda"])
    hifigan = model.xtts.hifigan_decoder
    random = torch.Generator().manual_seed(2)
    clauses = [torch.randn(tokens, 64, generator=random) for tokens in (20, 20, 9, 20, 33)]
    voices = [torch.nn.functional.normalize(torch.randn(1, 512, 1, generator=random), dim=1) for _ in clauses]
    alone = [
        WindowedVocoder(hifigan, voice).push(clause, last=True) for clause, voice in zip(clauses, voices, strict=True)
    ]
    calls = []
    hifigan.waveform_decoder.conv_pre.register_forward_hook(lambda layer, frames, made: calls.append(len(made)))
    windows = [
        window
        for clause, voice in zip(clauses, voices, strict=True)
        if (window := WindowedVocoder(hifigan, voice).window(clause, last=True)) is not None
    ]
    for one, other in zip(decode(hifigan, windows), alone, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert sorted(calls) == [1, 1, 3], "those of one length go through the network together"
    calls.clear()
    decode(hifigan, windows[:1] * 40)
    assert calls == [16, 16, 8], "so many at once take a bounded memory"
    assert decode(hifigan, []) == []


def test_the_vocoder_is_halved_where_nobody_hears_it(model: Model) -> None:
    hifigan = model.xtts.hifigan_decoder
    module.bake(hifigan.waveform_decoder)
    exact = WindowedVocoder(hifigan, EMBEDDING).push(latents(model), last=True)
    assert halved(hifigan, latents(model), EMBEDDING) is torch.float16
    made = WindowedVocoder(hifigan, EMBEDDING.half()).push(latents(model), last=True)
    assert made.dtype is torch.float32
    assert float((made - exact).square().mean()) < float(exact.square().mean()) * 10**-3.5
    assert {tensor.dtype for tensor in hifigan.speaker_encoder.parameters()} == {torch.float32}, "it makes voices"


@pytest.mark.parametrize("scale", [1e6, 1e-9], ids=["overflows", "vanishes"])
def test_where_half_precision_is_heard_single_precision_stays(model: Model, scale: float) -> None:
    hifigan = model.xtts.hifigan_decoder
    module.bake(hifigan.waveform_decoder)
    generator = hifigan.waveform_decoder
    with torch.no_grad():
        generator.conv_pre.weight *= scale
        generator.conv_pre.bias *= scale
        generator.cond_layer.weight *= scale
        generator.cond_layer.bias *= scale
        for up in (generator.ups[0], *generator.conds[:1]):
            up.weight /= scale
            up.bias /= scale
    exact = copy.deepcopy(generator)
    with structlog.testing.capture_logs() as logs:
        assert halved(hifigan, latents(model), EMBEDDING) is torch.float32
    assert hifigan.waveform_decoder is generator
    assert all(torch.equal(a, b) for a, b in zip(generator.parameters(), exact.parameters(), strict=True))
    assert [entry["event"] for entry in logs] == ["the vocoder stays in single precision"]


@pytest.mark.parametrize(
    "error", [RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"), torch.OutOfMemoryError("CUDA out of memory.")]
)
def test_where_half_precision_fails_single_precision_stays(model: Model, error: Exception) -> None:
    hifigan = model.xtts.hifigan_decoder
    module.bake(hifigan.waveform_decoder)
    generator, lost = hifigan.waveform_decoder, []

    def fails(layer: Any, given: tuple[Any, ...]) -> None:
        if lost or given[0].dtype is torch.float16:
            raise error

    generator.conv_pre.register_forward_pre_hook(fails)
    wanted = WindowedVocoder(hifigan, EMBEDDING).push(latents(model), last=True)
    with structlog.testing.capture_logs() as logs:
        assert halved(hifigan, latents(model), EMBEDDING) is torch.float32
    assert hifigan.waveform_decoder is generator
    assert torch.equal(WindowedVocoder(hifigan, EMBEDDING).push(latents(model), last=True), wanted)
    assert [(entry["event"], str(error) in entry["reason"]) for entry in logs] == [
        ("the vocoder stays in single precision", True)
    ]
    lost.append(True)  # and where nothing works any more, that is raised
    with pytest.raises(RuntimeError, match=str(error)):
        halved(hifigan, latents(model), EMBEDDING)


@pytest.mark.parametrize("grows", [False, True])
def test_a_model_that_float16_cannot_hold_speaks_in_bfloat16(talkative: Path, model: Model, grows: bool) -> None:
    if grows:
        model.xtts.gpt.gpt.h[1].mlp.c_fc.weight.data *= 1e6
    voices = StockVoices({name: (a.numpy(), b.numpy()) for name, (a, b) in speakers(talkative).items()})
    with structlog.testing.capture_logs() as logs:
        loaded = prepare(model, voices, settings(talkative, device="cpu", dtype="float16"))
    told = [entry["reason"] for entry in logs if "bfloat16" in entry["event"]]
    assert told == (["its numbers grow beyond it"] if grows else [])
    assert [entry["dtype"] for entry in logs if entry["event"] == "model ready"] == ["bfloat16" if grows else "float16"]
    assert loaded.decoder.free == loaded.decoder.slots
    loaded.decoder.join([loaded.decoder.prefix(torch.zeros(32, 64), [1, 2, 3])], [0])
    assert all(bool(torch.isfinite(each.latent).all()) for each in loaded.decoder.step())


def test_a_gpu_that_is_not_there_or_too_small_is_named(
    talkative: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    voices = StockVoices({name: (a.numpy(), b.numpy()) for name, (a, b) in speakers(talkative).items()})
    with pytest.raises(EngineUnavailable, match=r'no CUDA device.*device = "auto"'):
        prepare(model, voices, settings(talkative, device="cuda"))

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")

    monkeypatch.setattr(module, "BatchedDecoder", full)
    with pytest.raises(EngineUnavailable, match=r"2\.00 GiB.*fewer slots than 8"):
        prepare(model, voices, settings(talkative))


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), Trouble.MEMORY),
        (RuntimeError("CUDA error: out of memory"), Trouble.MEMORY),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), Trouble.MEMORY),
        (RuntimeError("CUDA error: device-side assert triggered"), Trouble.DEVICE),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), Trouble.DEVICE),
        (ValueError("a bug"), Trouble.OTHER),
    ],
    ids=str,
)
def test_failures_are_told_apart(error: Exception, trouble: Trouble) -> None:
    assert trouble_of(error) is trouble


def test_what_a_clause_leaves_behind_does_not_spread(model: Model) -> None:
    """A mask weighs what it hides with 0, and 0 times a number that is none is none."""
    from dragoman.engines.tts.xtts.gpt import BatchedDecoder
    from dragoman.engines.tts.xtts.sampling import Sampling

    made = BatchedDecoder(model.xtts.gpt, 2, 400, Sampling(top_k=1))
    long, short = made.prefix(torch.zeros(32, 64), range(1, 80)), made.prefix(torch.zeros(32, 64), [1, 2, 3])
    none = made.prefix(torch.full((32, 64), float("nan")), range(1, 80))
    for leaves in ("leave", "clear"):
        broken, other = made.join([none, long], [0, 0])
        assert not torch.isfinite(made.step()[0].latent).all()
        if leaves == "leave":
            made.leave(broken)  # the other one moves into its row
            (late,) = made.join([short], [0])
        else:
            made.clear()
            late, other = made.join([short, long], [0, 0])
        spoken = made.step()
        assert len(spoken) == 2 and all(torch.isfinite(each.latent).all() for each in spoken)
        made.leave(late)
        made.leave(other)
