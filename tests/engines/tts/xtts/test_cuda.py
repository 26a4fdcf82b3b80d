"""The same on a GPU, where one is; elsewhere skipped. Seen to pass on an H200 (docs/xtts.md),
before it took what coqui says from test_equality."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

torch = pytest.importorskip("torch")
pytest.importorskip("TTS")
if not torch.cuda.is_available():
    pytest.skip("no CUDA device", allow_module_level=True)

from tests.engines.tts.xtts import tiny  # noqa: E402
from tests.engines.tts.xtts.test_equality import TOKENS, said_by_coqui  # noqa: E402

from dragoman.engines.base import SpeechRequest  # noqa: E402  # torch must be there
from dragoman.engines.tts.xtts.engine import XttsSynthesizer  # noqa: E402
from dragoman.engines.tts.xtts.gpt import BatchedDecoder  # noqa: E402
from dragoman.engines.tts.xtts.load import load  # noqa: E402
from dragoman.engines.tts.xtts.sampling import Sampling  # noqa: E402
from dragoman.engines.tts.xtts.shapes import FixedShapes, Lengths  # noqa: E402
from dragoman.engines.tts.xtts.vocoder import WindowedVocoder, decode  # noqa: E402

TEXTS = ("hello there, this is a test.", "no.", "a much longer sentence, whose prefix has quite another length.")


@pytest.fixture(scope="module", params=[0, 7])
def both(request: pytest.FixtureRequest, one_thread: None) -> Any:
    """coqui's model on the GPU, ours, and what coqui says: text tokens, voice, tokens, latents."""
    folder = tiny.make(Path(tempfile.mkdtemp()), request.param)
    with tiny.narrow():
        coqui, ours = tiny.by_coqui(folder).cuda(), load(folder)
    noise, clauses = torch.Generator().manual_seed(request.param), []
    for text in TEXTS:
        said = said_by_coqui(coqui, text, torch.randn(32, 64, generator=noise) * 0.2, None)
        clauses.append((said.text, said.voice, said.tokens, said.latents))
    return coqui, ours, clauses


@pytest.mark.parametrize("graph", [False, True], ids=["launched", "as graphs"])
@pytest.mark.parametrize(("dtype", "near"), [("float32", 1e-5), ("float16", 0.01)])
def test_clauses_that_come_and_go_say_what_coqui_says(both: Any, dtype: str, near: float, graph: bool) -> None:
    coqui, ours, clauses = both
    greedy = Sampling(1.0, 1, 1.0, 10.0, (coqui.gpt.stop_audio_token,))
    decoder = BatchedDecoder(ours.xtts.gpt, 3, 400, greedy, "cuda", getattr(torch, dtype), graph)
    assert decoder.capture() == "" and bool(decoder.graphs) == graph
    waiting, said, seats, step = [*range(len(clauses))], [[] for _ in clauses], {}, 0
    while waiting or seats:
        due = [number for number in waiting if number * 7 <= step]
        waiting = [number for number in waiting if number not in due]
        joined = decoder.join([decoder.prefix(clauses[n][1], clauses[n][0]) for n in due], [0] * len(due))
        seats |= zip(joined, due, strict=True)
        for each in decoder.step():
            number = seats[each.seat]
            said[number].append(each)
            if len(said[number]) == TOKENS:
                decoder.leave(each.seat)
                del seats[each.seat]
        step += 1
    for (_, _, tokens, latents), spoken in zip(clauses, said, strict=True):
        same = next((n for n, each in enumerate(spoken) if each.token != tokens[n]), TOKENS)
        assert same == TOKENS or dtype == "float16", "only half precision may choose another token of two alike ones"
        made = torch.stack([each.latent for each in spoken[: max(1, same)]])
        assert float((made - latents[: len(made)]).abs().max()) < near


def test_windows_of_recorded_shapes_give_the_samples_of_one_whole_decoding(both: Any) -> None:
    coqui, _, clauses = both
    hifigan = coqui.hifigan_decoder
    torch.backends.cudnn.allow_tf32 = False  # as exact as float32 is; by default cuDNN's is not
    try:
        shapes = FixedShapes(hifigan.waveform_decoder, Lengths.of(43.5, 69.7), 4)
        assert shapes.capture() == "" and len(shapes) == 12
        voice = torch.nn.functional.normalize(torch.ones(1, 512, 1), dim=1).cuda()
        vocoders = [WindowedVocoder(hifigan, voice) for _ in clauses]
        made: list[list[Any]] = [[] for _ in clauses]
        for begin, end in ((0, 10), (10, 26), (26, 40)):
            windows = [
                vocoder.window(clause[3][begin:end], end == 40)
                for vocoder, clause in zip(vocoders, clauses, strict=True)
            ]
            for pieces, sound in zip(made, decode(hifigan, windows, shapes), strict=True):
                pieces.append(sound)
        for pieces, clause in zip(made, clauses, strict=True):
            with torch.inference_mode():
                whole = hifigan(clause[3][None], g=voice).reshape(-1).cpu()
            assert float((torch.cat(pieces) - whole).abs().max()) < 1e-5 * float(whole.abs().max())
    finally:
        torch.backends.cudnn.allow_tf32 = True


async def test_the_engine_speaks_on_it_with_everything_in_force(talkative: Path, narrow: None) -> None:
    engine = XttsSynthesizer({"model": str(talkative), "accept_cpml": True, "device": "cuda", "slots": 4})
    with structlog.testing.capture_logs() as logs:
        await engine.start()
    try:
        (ready,) = [entry for entry in logs if entry["event"] == "model ready"]
        assert (ready["device"], ready["dtype"], ready["vocoder"]) == ("cuda", "float16", "float16")
        assert ready["graphs"] == 9 and ready["vocoder_graphs"] == 20
        pieces = [piece async for piece in engine.synthesize(SpeechRequest("Good morning to everybody.", "en", "a"))]
        assert sum(map(len, pieces)) > 16_000 // 2
    finally:
        await engine.close()
