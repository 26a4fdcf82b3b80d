"""ElevenLabs against a server true to its protocol: streaming, voices, every error, deadlines, cancelling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from tests.engines.tts.cloud import REQUEST, CloudConformance, fails_once, started
from tests.engines.tts.speaking import speak
from tests.fakes.elevenlabs import KEY, FakeElevenLabs, Fault
from tests.fakes.latency import Latency
from tests.fakes.speaking import tone
from tests.tonewords.decode import ToneDecoder
from tests.virtual_time import START, settled, virtual_time

from dragoman.engines.base import Counting, SpeechRequest
from dragoman.engines.tts.elevenlabs import VOICES, ElevenLabsSynthesizer
from dragoman.engines.tts.provider import STALL_S
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


@pytest.fixture
async def fake() -> AsyncIterator[FakeElevenLabs]:
    async with FakeElevenLabs() as fake:
        yield fake


@pytest.fixture
def options(fake: FakeElevenLabs) -> dict[str, object]:
    return {"url": fake.url, "api_key": KEY, "max_requests": 9, "deadline_ms": 20_000}


@pytest.fixture
async def engine(options: dict[str, object]) -> AsyncIterator[ElevenLabsSynthesizer]:
    async with started(ElevenLabsSynthesizer(options)) as engine:
        yield engine


class TestConformance(CloudConformance):
    """The suite that every engine has to pass."""


async def test_the_request_is_as_documented(fake: FakeElevenLabs, engine: ElevenLabsSynthesizer) -> None:
    await speak(engine, REQUEST)
    assert fake.requests == [
        {
            "text": REQUEST.text,
            "model_id": "eleven_flash_v2_5",
            "language_code": "es",
            "voice_id": fake.requests[0]["voice_id"],
            "output_format": "pcm_16000",
        }
    ]
    assert fake.requests[0]["voice_id"] in VOICES


@virtual_time
async def test_a_model_that_guesses_the_language_is_not_told_it(fake: FakeElevenLabs) -> None:
    options = {"url": fake.url, "api_key": KEY, "model": "eleven_multilingual_v2", "logging": False}
    async with started(ElevenLabsSynthesizer(options)) as engine:
        assert len(await speak(engine, REQUEST))
        assert "language_code" not in fake.requests[0]
        assert fake.requests[0]["enable_logging"] == "false"
        assert not engine.supports("vi") and not engine.supports("ca")


@virtual_time
async def test_each_speaker_has_a_voice_and_keeps_it(fake: FakeElevenLabs) -> None:
    async with started(ElevenLabsSynthesizer({"url": fake.url, "api_key": KEY, "voices": ["a", "b", "c"]})) as engine:
        for speaker in ("x", "y", "z", "x", "y", "z"):
            await speak(engine, SpeechRequest("Hola.", "es", speaker))
        used = [request["voice_id"] for request in fake.requests]
        assert sorted(used[:3]) == ["a", "b", "c"]
        assert used[3:] == used[:3]


@virtual_time
async def test_tone_words_come_through_exactly() -> None:
    words = "es017a es018a es019a"
    async with FakeElevenLabs(tone) as fake:
        async with started(ElevenLabsSynthesizer({"url": fake.url, "api_key": KEY})) as engine:
            audio = await speak(engine, SpeechRequest(words, "es", "somebody"))
    decoder = ToneDecoder()
    heard = [*decoder.feed(np.pad(audio, (800, 8000))), *decoder.flush()]
    assert " ".join(str(word.text) for word in heard) == words


@virtual_time
async def test_audio_is_given_on_while_it_is_made() -> None:
    """The first piece comes after the provider's latency, long before the last one is made."""
    async with FakeElevenLabs(tone, Latency(120, 200, seed=3), pace=1.0) as fake:
        expected = Latency(120, 200, seed=3).sample()
        async with started(ElevenLabsSynthesizer({"url": fake.url, "api_key": KEY})) as engine:
            now = asyncio.get_running_loop().time
            words = " ".join(f"es{n:03}a" for n in range(20))
            pieces = engine.synthesize(SpeechRequest(words, "es", "somebody"))
            assert len(await anext(pieces))
            assert now() - START == pytest.approx(expected, abs=0.001)
            rest = [piece async for piece in pieces]
            assert now() - START > 3
            assert len(rest) > 10


@virtual_time
async def test_closing_breaks_the_answer_off_at_once() -> None:
    async with FakeElevenLabs(tone, pace=1.0) as fake:
        async with started(ElevenLabsSynthesizer({"url": fake.url, "api_key": KEY, "max_requests": 1})) as engine:
            words = " ".join(f"es{n:03}a" for n in range(20))
            async with aclosing(cast("Any", engine.synthesize(SpeechRequest(words, "es", "somebody")))) as pieces:
                await anext(pieces)
                with pytest.raises(EngineBusy, match="max_requests"):
                    await speak(engine, REQUEST)
            await settled()
            assert fake.running == 0
            assert fake.broken_off == 1
            assert engine.counts() == {"requests": 1, "characters": len(words), "cancelled": 1}
            assert len(await speak(engine, SpeechRequest("es001a", "es", "somebody")))


@virtual_time
async def test_what_was_answered_and_is_still_being_played_is_no_request_that_runs() -> None:
    async with FakeElevenLabs(tone) as fake:
        async with started(ElevenLabsSynthesizer({"url": fake.url, "api_key": KEY, "max_requests": 1})) as engine:
            words = " ".join(f"es{n:03}a" for n in range(10))
            async with aclosing(cast("Any", engine.synthesize(SpeechRequest(words, "es", "somebody")))) as pieces:
                heard = len(await anext(pieces))
                await settled()
                assert fake.running == 0
                assert len(await speak(engine, REQUEST))
                heard += sum([len(piece) async for piece in pieces])
            assert heard == pytest.approx(len(await tone(words, "es")), rel=0.05)
            assert engine.counts()["cancelled"] == 0


CASES: list[tuple[Fault, type[EngineError], str]] = [
    (
        Fault.UNAUTHORIZED,
        EngineDenied,
        r"key is refused; set .*api_key_file.*\(401 invalid_api_key: Invalid API key",
    ),
    (Fault.QUOTA, EngineDenied, r"asks for payment or a larger quota \(401 quota_exceeded: This request exceeds"),
    (Fault.PAYMENT, EngineDenied, r"asks for payment .*\(402 paid_plan_required"),
    (Fault.FORBIDDEN, EngineDenied, r"403 insufficient_permissions"),
    (Fault.INVALID, EngineRejected, r"422 invalid: body\.text: String should have at least 1 character"),
    (Fault.TOO_MANY, EngineBusy, r"429 concurrent_limit_exceeded"),
    (Fault.SERVER, EngineBusy, r"500 internal_server_error"),
    (Fault.HTML, EngineBusy, r"502: <html><h1>502 Bad Gateway"),
    (Fault.CUT, EngineCrashed, r"the audio was cut off"),
    (Fault.MP3, EngineCrashed, r"not the samples that were asked for: pcm_16000"),
]


@pytest.mark.parametrize(("fault", "kind", "said"), CASES, ids=[case[0] for case in CASES])
async def test_every_error_is_one_of_ours(
    fake: FakeElevenLabs, engine: ElevenLabsSynthesizer, fault: Fault, kind: type[EngineError], said: str
) -> None:
    fake.fail(fault)
    assert KEY not in await fails_once(engine, kind, said)


async def test_busy_says_for_how_long(fake: FakeElevenLabs, engine: ElevenLabsSynthesizer) -> None:
    fake.fail(Fault.TOO_MANY, Fault.SERVER)
    for expected in (7.0, None):
        with pytest.raises(EngineBusy) as raised:
            await speak(engine, REQUEST)
        assert raised.value.retry_after == expected


async def test_an_empty_answer_is_no_audio(fake: FakeElevenLabs, engine: ElevenLabsSynthesizer) -> None:
    fake.fail(Fault.EMPTY)
    assert len(await speak(engine, REQUEST)) == 0


@virtual_time
async def test_no_audio_by_the_deadline_is_a_timeout() -> None:
    async with FakeElevenLabs(tone) as fake:
        async with started(ElevenLabsSynthesizer({"url": fake.url, "api_key": KEY, "deadline_ms": 700})) as engine:
            for fault, seconds, said in (
                (Fault.STALL, 0.7, "no audio within 0.7 s"),
                (Fault.STALL_MIDWAY, STALL_S, f"no more audio within {STALL_S:g} s"),
            ):
                began = asyncio.get_running_loop().time()
                fake.fail(fault)
                with pytest.raises(EngineTimeout, match=said):
                    await speak(engine, SpeechRequest("es001a es002a", "es", "somebody"))
                assert asyncio.get_running_loop().time() - began == pytest.approx(seconds, abs=0.001)
                await settled()
                assert fake.running == 0


@virtual_time
async def test_no_server_is_a_crash_that_may_be_tried_again() -> None:
    async with FakeElevenLabs() as fake:
        url = fake.url
    async with started(ElevenLabsSynthesizer({"url": url, "api_key": KEY})) as engine:  # it may come back
        with pytest.raises(EngineCrashed, match=r"no connection to 127\.0\.0\.1"):
            await speak(engine, REQUEST)


async def test_no_key_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)
    with pytest.raises(EngineUnavailable) as raised:
        await ElevenLabsSynthesizer({}).start()
    assert str(raised.value) == (
        "elevenlabs: no API key: set engines.options.elevenlabs.api_key_file to a file that holds it, or "
        "engines.options.elevenlabs.api_key, or $ELEVENLABS_API_KEY"
    )


@virtual_time
async def test_the_key_may_come_from_a_file_or_the_environment(
    fake: FakeElevenLabs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)
    by_file = ElevenLabsSynthesizer({"url": fake.url, "api_key_file": str(tmp_path / "key")})
    monkeypatch.setenv("ELEVENLABS_API_KEY", KEY)
    for engine in (by_file, ElevenLabsSynthesizer({"url": fake.url})):
        await engine.start()
        assert len(await speak(engine, REQUEST))
        assert KEY not in repr(vars(engine).get("_key"))
        await engine.close()


async def test_a_refused_key_is_told_at_start(fake: FakeElevenLabs) -> None:
    engine = ElevenLabsSynthesizer({"url": fake.url, "api_key": "sk_wrong"})
    with pytest.raises(EngineDenied, match="the API key is refused") as raised:
        await engine.start()
    assert "sk_wrong" not in str(raised.value)
    await engine.close()


async def test_a_voice_that_is_not_there_is_told_at_start(fake: FakeElevenLabs) -> None:
    fake.voices_missing.add("gone")
    engine = ElevenLabsSynthesizer({"url": fake.url, "api_key": KEY, "voices": ["there", "gone"]})
    with pytest.raises(EngineUnavailable, match=r"elevenlabs\.voices: the account has no voice 'gone'"):
        await engine.start()
    await engine.close()


async def test_close_while_speaking_ends_the_request(fake: FakeElevenLabs, engine: ElevenLabsSynthesizer) -> None:
    fake.voice = tone
    fake.fail(Fault.STALL_MIDWAY)
    pieces = engine.synthesize(SpeechRequest("es001a es002a", "es", "somebody"))
    await anext(pieces)
    await engine.close()
    with pytest.raises(EngineCrashed):
        async with asyncio.timeout(30):
            await anext(pieces)
    with pytest.raises(EngineCrashed, match="not started, or closed"):
        await speak(engine, REQUEST)


def test_wrong_options_are_named() -> None:
    with pytest.raises(ConfigError, match=r"engines\.options\.elevenlabs\.model: 'x' is not one of eleven_flash_v2_5"):
        ElevenLabsSynthesizer({"model": "x"})


def test_what_it_is() -> None:
    engine = ElevenLabsSynthesizer({})
    assert isinstance(engine, Counting)
    assert engine.info.streaming and engine.info.commercial_use
    assert "ca" not in engine.info.languages
