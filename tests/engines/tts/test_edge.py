"""Edge's voices by the real package edge-tts, against a server that speaks its protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import pytest
from tests.engines.missing import without
from tests.engines.tts.cloud import REQUEST, CloudConformance, fails_once, started, until_none
from tests.engines.tts.speaking import speak
from tests.fakes.edge import FakeEdge, Fault

from dragoman.engines.base import SpeechRequest
from dragoman.engines.tts.edge import EdgeSynthesizer
from dragoman.engines.tts.edge_voices import VOICES
from dragoman.errors import (
    ConfigError,
    EngineBusy,
    EngineCrashed,
    EngineDenied,
    EngineError,
    EngineRejected,
    EngineTimeout,
    EngineUnavailable,
)
from dragoman.languages import LANGUAGES
from dragoman.media.format import ms_to_samples


@pytest.fixture
async def fake() -> AsyncIterator[FakeEdge]:
    async with FakeEdge() as fake:
        yield fake


@pytest.fixture
def options(fake: FakeEdge) -> dict[str, object]:
    return {"deadline_ms": 20_000}


@pytest.fixture
async def engine(options: dict[str, object]) -> AsyncIterator[EdgeSynthesizer]:
    async with started(EdgeSynthesizer(options)) as engine:
        yield engine


class TestConformance(CloudConformance):
    """The suite that every engine has to pass."""


async def test_the_first_two_speakers_have_a_woman_s_and_a_man_s_voice(fake: FakeEdge, engine: EdgeSynthesizer) -> None:
    for speaker in ("x", "y", "x"):
        await speak(engine, SpeechRequest("Hola & <adiós>.", "es", speaker))
    voices = [voice for voice, _ in fake.spoken]
    assert voices[0] == voices[2] != voices[1]
    assert all("es-" in voice for voice in voices)
    assert {text for _, text in fake.spoken} == {"Hola & <adiós>."}


async def test_voices_can_be_chosen(fake: FakeEdge) -> None:
    chosen = {"es": "es-AR-ElenaNeural", "sw": "sw-KE-ZuriNeural"}
    engine = EdgeSynthesizer({"voices": chosen, "deadline_ms": 20_000})
    await speak(engine, REQUEST)
    assert "(es-AR, ElenaNeural)" in fake.spoken[0][0]
    assert engine.supports("sw") and engine.supports("de")


@pytest.mark.parametrize(
    ("faults", "kind", "said"),
    [
        ([Fault.FORBIDDEN], EngineDenied, r"refuses us \(403\); a newer edge-tts may help: pip install -U edge-tts"),
        ([Fault.TOO_MANY], EngineBusy, "429"),
        ([Fault.SILENT], EngineCrashed, "NoAudioReceived"),
        ([Fault.JUNK], EngineCrashed, "no MP3 frame"),
        ([Fault.UNKNOWN], EngineCrashed, "UnknownResponse"),
        ([Fault.CUT], EngineCrashed, "cut off"),
        ([Fault.NO_HEADERS], EngineCrashed, "not understood: ValueError"),
        ([Fault.BAD_METADATA], EngineCrashed, "not understood: KeyError"),
    ],
)
async def test_every_error_is_one_of_ours(
    fake: FakeEdge, engine: EdgeSynthesizer, faults: list[Fault], kind: type[EngineError], said: str
) -> None:
    fake.faults.extend(faults)
    await fails_once(engine, kind, said)


async def test_no_audio_by_the_deadline_is_a_timeout(fake: FakeEdge) -> None:
    fake.faults.append(Fault.STALL)
    async with started(EdgeSynthesizer({"deadline_ms": 300})) as engine:
        with pytest.raises(EngineTimeout, match=r"no audio within 0\.3 s"):
            await speak(engine, REQUEST)
        await until_none(lambda: fake.open)


async def test_closing_ends_the_connection(fake: FakeEdge, engine: EdgeSynthesizer) -> None:
    async with aclosing(cast("Any", engine.synthesize(REQUEST))) as pieces:
        assert len(await anext(pieces))
    await until_none(lambda: fake.open)


async def test_closed_is_closed(engine: EdgeSynthesizer) -> None:
    await engine.close()
    with pytest.raises(EngineCrashed, match="closed"):
        await speak(engine, REQUEST)


@pytest.mark.parametrize("text", ["", " \n\0", "x" * 1001])
async def test_no_text_or_too_much_is_rejected(engine: EdgeSynthesizer, text: str) -> None:
    with pytest.raises(EngineRejected, match="takes 1 to 1000"):
        await speak(engine, SpeechRequest(text, "es", "somebody"))


async def test_what_is_missing_is_said() -> None:
    with without("edge_tts", "av"), pytest.raises(EngineUnavailable) as raised:
        await EdgeSynthesizer({}).start()
    assert str(raised.value) == ('edge: the Python packages edge_tts, av are missing: pip install "dragoman[edge]"')


def test_it_says_what_it_is_without_the_package() -> None:
    with without("edge_tts", "av"):
        info = EdgeSynthesizer({}).info
    assert not info.commercial_use
    assert "Unofficial" in info.purpose
    assert set(LANGUAGES) <= set(info.languages)


def test_voices_are_of_their_language() -> None:
    assert all(voice.startswith(f"{language}-") for language, voices in VOICES.items() for voice in voices)
    assert min(map(len, VOICES.values())) >= 2
    assert ms_to_samples(1)


def test_wrong_options_are_named() -> None:
    with pytest.raises(ConfigError, match=r"engines\.options\.edge\.voice: unknown option; known: voices, deadline_ms"):
        EdgeSynthesizer({"voice": "x"})
