"""espeak-ng in its real worker process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import combinations

import numpy as np
import pytest
from tests.engines.conformance import SynthesizerConformance
from tests.engines.processes import children

from dragoman.engines.base import SpeechRequest
from dragoman.engines.tts.espeak import EspeakSynthesizer, render
from dragoman.engines.tts.voices import PROFILES
from dragoman.errors import ConfigError, EngineCrashed, EngineRejected, EngineUnavailable
from dragoman.languages import LANGUAGES
from dragoman.media.format import Pcm, ms_to_samples


@pytest.fixture
async def engine() -> AsyncIterator[EspeakSynthesizer]:
    engine = EspeakSynthesizer({})
    await engine.start()
    yield engine
    await engine.close()


class TestConformance(SynthesizerConformance):
    @pytest.fixture
    def known(self) -> SpeechRequest:
        return SpeechRequest("Buenos días a todos, empecemos con la primera pregunta.", "es", "leg-1")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_language_has_a_voice(engine: EspeakSynthesizer, language: str) -> None:
    assert len(await render(engine, "1 2 3", language, "somebody")) > ms_to_samples(300)


async def test_silence_at_the_end_is_short(engine: EspeakSynthesizer) -> None:
    audio = await render(engine, "Muchas gracias por su ayuda.", "es", "somebody")
    assert np.argmax(np.abs(audio[::-1]) > 300) < ms_to_samples(150)


def fundamental(audio: Pcm) -> float:
    """Hz, by the peak of the autocorrelation over the loud frames."""
    frame = 1024
    frames = audio[: len(audio) // frame * frame].reshape(-1, frame).astype(np.float64)
    loud = frames[np.argsort((frames**2).sum(axis=1))[-len(frames) // 2 :]]
    found = []
    for each in loud:
        correlation = np.correlate(each, each, "full")[frame - 1 :]
        low, high = 16000 // 400, 16000 // 60
        found.append(16000 / (low + np.argmax(correlation[low:high])))
    return float(np.median(found))


async def test_the_first_two_speakers_sound_unlike(engine: EspeakSynthesizer) -> None:
    voices = [await render(engine, "Buenos días a todos, empecemos.", "es", f"leg-{i}") for i in range(len(PROFILES))]
    assert len({len(audio) for audio in voices}) > 1
    for one, other in combinations(voices, 2):
        assert len(one) != len(other) or not np.array_equal(one, other)
    heights = [fundamental(audio) for audio in voices]
    assert max(heights) / min(heights) > 2


@pytest.mark.parametrize("text", ["<speak>Hola <b>x</b> & [[bad]] </speak>", "Hola\0\x01\x1b[31m\n\n\n hola", "¿¡…!?"])
async def test_markup_and_control_characters_are_data(engine: EspeakSynthesizer, text: str) -> None:
    try:
        await render(engine, text, "es", "somebody")
    except EngineRejected:
        pass
    assert len(await render(engine, "Hola.", "es", "somebody"))


@pytest.mark.parametrize("text", ["", " \n\0", "x" * 1001])
async def test_no_text_or_too_much_is_rejected(engine: EspeakSynthesizer, text: str) -> None:
    with pytest.raises(EngineRejected, match="takes 1 to 1000"):
        await render(engine, text, "es", "somebody")


async def test_cancelled_work_is_not_done(engine: EspeakSynthesizer) -> None:
    """Far more than could be spoken in the time: the worker has to skip what nobody waits for."""
    text = " ".join(["palabra"] * 100)
    for _ in range(50):
        pieces = engine.synthesize(SpeechRequest(text, "es", "somebody"))
        await anext(pieces)
        await pieces.aclose()  # type: ignore[attr-defined]
    assert len(await render(engine, "Hola.", "es", "somebody"))


async def test_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(EngineUnavailable, match="apt-get install libespeak-ng1 espeak-ng-data"):
        await EspeakSynthesizer({}).start()


async def test_closed_is_closed(engine: EspeakSynthesizer) -> None:
    await engine.close()
    with pytest.raises(EngineCrashed):
        await render(engine, "Hola.", "es", "somebody")
    assert children() == set()


async def test_close_while_speaking_ends_the_request(engine: EspeakSynthesizer) -> None:
    pieces = engine.synthesize(SpeechRequest("Buenos días a todos. " * 40, "es", "somebody"))
    await anext(pieces)
    await engine.close()
    with pytest.raises((EngineCrashed, StopAsyncIteration)):
        async with asyncio.timeout(30):
            while True:
                await anext(pieces)


def test_unknown_options_are_named() -> None:
    with pytest.raises(ConfigError, match=r"engines\.options\.espeak.speed: unknown option; known: none"):
        EspeakSynthesizer({"speed": 2})
