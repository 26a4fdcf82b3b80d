"""The Deepgram engine against the fake: protocol, refusals, every way a connection ends, pace, admission, fallback."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest
from tests.engines.asr.deepgram_leg import leg
from tests.engines.conformance import RecognizerConformance, hear, until_final
from tests.fakes.deepgram import FakeDeepgram, Faults, Line, ScriptedWords, scripted
from tests.fakes.deepgram.faults import FaultPlan
from tests.pipeline.fakes import FakeRecognizer
from tests.tonewords.code import words
from tests.tonewords.encode import encode, silence
from tests.virtual_time import virtual_time

from dragoman.engines.asr import deepgram as module
from dragoman.engines.asr.deepgram import DeepgramRecognizer
from dragoman.engines.availability import Circuit
from dragoman.engines.base import Hypothesis, StreamRequest
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
from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples

pytestmark = virtual_time

SAID = words("a", "en", 6)


async def started(fake: FakeDeepgram, **options: object) -> DeepgramRecognizer:
    engine = DeepgramRecognizer({"api_key": "key", "base_url": fake.url, **options})
    await engine.start()
    return engine


def request(name: str = "leg", **more: Any) -> StreamRequest:
    return StreamRequest(name, "1000", more.pop("language", "en"), **more)


class TestConformance(RecognizerConformance):
    crashes = False

    @pytest.fixture
    def speech(self) -> Pcm:
        return encode(SAID)

    @pytest.fixture
    async def fake(self) -> AsyncIterator[FakeDeepgram]:
        async with FakeDeepgram() as fake:
            yield fake

    @pytest.fixture
    def options(self, fake: FakeDeepgram) -> dict[str, object]:
        return {"api_key": "key", "base_url": fake.url}

    @pytest.fixture
    async def engine(self, options: dict[str, object]) -> AsyncIterator[DeepgramRecognizer]:
        engine = DeepgramRecognizer(options)
        await engine.start()
        yield engine
        await engine.close()

    test_does_not_block_the_loop = None  # it turns the loop for ever: test_deepgram_blocking.py does it in real time


# options and start


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": "whisper"}, "nova-3, nova-2"),
        ({"base_url": "ftp://x"}, "https://api.deepgram.com"),
        ({"variants": {"en": "en-XX"}}, "en-GB"),
        ({"variants": {"xx": "xx-XX"}}, "no language of this model"),
        ({"max_streams": 0}, "whole number"),
        ({"colour": "blue"}, "unknown option"),
    ],
)
async def test_a_wrong_option_is_named(options: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        DeepgramRecognizer(options)


async def test_without_a_key_it_says_where_to_set_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPGRAM_API_KEY", raising=False)
    engine = DeepgramRecognizer({})
    assert engine.info.languages
    with pytest.raises(EngineUnavailable, match=r"DEEPGRAM_API_KEY"):
        await engine.start()


async def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailable, match=r'pip install "dragoman\[deepgram\]"'):
        await DeepgramRecognizer({"api_key": "secret"}).start()


async def test_what_the_stream_is_asked_for() -> None:
    async with FakeDeepgram() as fake:
        engine = await started(fake, variants={"en": "en-GB"}, tags=["site"])
        stream = await engine.open(request(keyterms=("Dragoman", "ear voice span", "Dragoman")))
        await stream.aclose()
        query = fake.connections[0].query
        assert (query.model, query.language, query.endpointing_ms, query.utterance_end_ms) == (
            "nova-3",
            "en-GB",
            300,
            1000,
        )
        assert query.tags == ("site", "room:1000", "leg:leg")
        assert query.values["keyterm"] == ["Dragoman", "ear voice span"]
        assert query.values["mip_opt_out"] == query.values["smart_format"] == ["true"]
        old = await started(fake, model="nova-2", multi=True)
        await (await old.open(request(keyterms=("Dragoman",)))).aclose()
        query = fake.connections[1].query
        assert (query.model, query.language, query.values["keywords"]) == ("nova-2", "multi", ["Dragoman"])
        assert not old.supports("vi")


async def test_more_keyterms_than_the_provider_takes_do_not_cost_the_stream() -> None:
    async with FakeDeepgram() as fake:
        engine = await started(fake)
        stream = await engine.open(request(keyterms=tuple(f"a b c {i}" for i in range(500))))
        await stream.aclose()
        assert len(fake.connections[0].query.values["keyterm"]) == 125


# handshake


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (400, EngineRejected, "Bad Request: as its script says"),
        (401, EngineDenied, "api_key"),
        (402, EngineDenied, "credit"),
        (403, EngineDenied, "role"),
        (429, EngineBusy, "Too many requests"),
        (500, EngineBusy, "Internal server error"),
        (503, EngineBusy, "Service unavailable"),
    ],
)
async def test_a_refused_handshake(status: int, error: type[EngineError], says: str) -> None:
    async with FakeDeepgram(faults=scripted(Faults(refuse=status, retry_after=7))) as fake:
        engine = await started(fake)
        with pytest.raises(error, match=says) as caught:
            await engine.open(request())
        assert "secret" not in str(caught.value)
        assert f"HTTP {status}" in str(caught.value)
        if isinstance(caught.value, EngineBusy):
            assert caught.value.retry_after == 7
        await (await engine.open(request())).aclose()  # its place was given back
        assert engine._admission.used == 0


async def test_a_key_that_is_not_valid_is_not_told() -> None:
    async with FakeDeepgram(keys=frozenset(("other",))) as fake:
        engine = await started(fake, api_key="very-secret")
        with pytest.raises(EngineDenied) as caught:
            await engine.open(request())
        assert "very-secret" not in str(caught.value)
        assert "very-secret" not in repr(engine._settings)


async def test_a_handshake_that_never_ends_times_out_and_leaves_nothing() -> None:
    async with FakeDeepgram(faults=scripted(Faults(handshake_s=60.0))) as fake:
        engine = await started(fake, open_timeout_s=0.5)
        with pytest.raises(EngineTimeout, match=r"0\.5 s"):
            await engine.open(request())
        assert engine._admission.used == 0


async def test_nobody_there_is_a_crash() -> None:
    async with FakeDeepgram() as fake:
        engine = await started(fake)
    with pytest.raises(EngineCrashed, match="cannot connect"):
        await engine.open(request())


# a stream


async def dies(engine: DeepgramRecognizer) -> EngineError:
    """Speak on a stream until it dies; gives the error."""
    stream = await engine.open(request())
    speech = encode(words("a", "en", 40))

    async def speak() -> None:
        for at in range(0, len(speech), 960):
            await stream.push(speech[at : at + 960], at)

    speaking = asyncio.create_task(speak())
    try:
        with pytest.raises(EngineCrashed) as caught:
            async for _ in stream:
                pass
        return caught.value
    finally:
        speaking.cancel()
        await asyncio.wait((speaking,))
        began = asyncio.get_running_loop().time()
        await stream.aclose()
        assert asyncio.get_running_loop().time() - began < 2


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        (
            Faults(close_at=1.0, close_code=1008, close_reason="Deepgram could not decode. See data0000"),
            "1008.*data0000",
        ),
        (Faults(close_at=1.0), "1011.*net0000"),
        (Faults(close_at=1.0, close_code=1006), "1006"),
        (Faults(close_at=1.0, close_code=1000, close_reason=""), "1000"),
        (Faults(error_at=1.0), "gives up: ServerError: something went wrong"),
        (Faults(half_open_at=1.0), "half-open"),
    ],
)
async def test_every_end_of_a_connection_is_a_crash(faults: Faults, says: str) -> None:
    async with FakeDeepgram(faults=scripted(faults)) as fake:
        engine = await started(fake)
        said = str(await dies(engine))
        assert re.search(says, said), said
        again = await engine.open(request())
        await hear(again, encode(SAID), 0)
        assert (await until_final(aiter(again)))[-1].text == " ".join(SAID)
        await again.aclose()
        assert engine.counts()["reconnects"] == 1


async def test_silence_between_utterances_is_bridged_by_keepalive_alone() -> None:
    async with FakeDeepgram() as fake:
        engine = await started(fake)
        stream = await engine.open(request())
        hypotheses = aiter(stream)
        for at in (0, 60 * SAMPLE_RATE, 120 * SAMPLE_RATE):
            await hear(stream, encode(SAID), at)
            final = (await until_final(hypotheses))[-1]
            assert final.text == " ".join(SAID)
            assert abs(final.words[0].start - at) < ms_to_samples(30)
            await asyncio.sleep(50)
        assert len(fake.connections) == 1
        assert fake.connections[0].keepalives in range(30, 45)
        await stream.aclose()


async def test_a_stream_opened_ahead_lives_though_nobody_speaks() -> None:
    async with FakeDeepgram() as fake:
        engine = await started(fake)
        stream = await engine.open(request())
        await asyncio.sleep(60)
        await hear(stream, encode(SAID), 5 * SAMPLE_RATE)
        final = (await until_final(aiter(stream)))[-1]
        assert final.text == " ".join(SAID)
        assert abs(final.words[0].start - 5 * SAMPLE_RATE) < ms_to_samples(30)
        await stream.aclose()


async def test_audio_goes_out_in_fitting_frames_and_never_too_fast() -> None:
    speech = encode(words("a", "en", 30))
    async with FakeDeepgram() as fake:
        engine = await started(fake)
        stream = await engine.open(request())
        loop = asyncio.get_running_loop()
        began = loop.time()
        for at in range(0, len(speech), 12_345):
            await stream.push(speech[at : at + 12_345], at)
        await stream.finalize(len(speech))
        length = len(speech) / SAMPLE_RATE
        assert length / 1.25 - 0.6 < loop.time() - began < length / 1.25
        assert (await until_final(aiter(stream)))[-1].end_of_utterance
        (seen,) = fake.connections
        assert min(seen.frames_ms) >= 20 and max(seen.frames_ms) <= 250
        assert seen.ahead_s <= 0.51
        await stream.aclose()


@pytest.mark.parametrize(
    "faults",
    [
        Faults(duplicate_finals=1.0),
        Faults(late_finals=1.0, late_s=0.6),
        Faults(late_finals=1.0, late_s=2.0),
        Faults(lost_flags=1.0),
        Faults(junk=1.0),
        Faults(wrong_interims=0.3),
        Faults(word_jitter=0.04),
    ],
)
async def test_bad_habits_cost_no_word_and_double_none(faults: Faults) -> None:
    said = words("a", "en", 40)
    async with FakeDeepgram(faults=scripted(rest=faults)) as fake:
        engine = await started(fake)
        async with leg(engine) as speaker:
            for i in range(0, 40, 8):
                await speaker.say(np.concatenate((encode(said[i : i + 8]), silence(1.0))), 0.0)
            await asyncio.sleep(4)
        assert speaker.words == said
        assert speaker.recognition.restarts == 0
        if faults.junk:
            assert engine.counts()["junk_messages"] > 10
        if faults.duplicate_finals:
            assert engine.counts()["duplicate_finals"] > 0


async def test_noise_that_is_never_answered_costs_one_reconnect_at_most() -> None:
    """The provider need not answer a Finalize; loud noise might be speech, so it is sent once more."""
    noise = (np.random.default_rng(1).standard_normal(SAMPLE_RATE) * 600).astype(np.int16)

    class Deaf(FakeDeepgram):
        def make_listener(self, *args: Any) -> Any:
            made = super().make_listener(*args)
            made.audio = lambda pcm, now: []
            made.finalize = lambda now: []
            return made

    async with Deaf() as fake:
        engine = await started(fake, stall_ms=0)
        async with leg(engine) as speaker:
            await speaker.say(noise, 12.0)
        assert len(fake.connections) == 2
        assert speaker.recognition.restarts == 1
        assert speaker.words == []


# admission


async def test_who_waits_longest_gets_the_stream_that_becomes_free() -> None:
    async with FakeDeepgram() as fake:
        engine = await started(fake, max_streams=1)
        first = await engine.open(request("a"))
        for name in ("b", "c"):
            with pytest.raises(EngineBusy, match="no stream free") as caught:
                await engine.open(request(name))
            assert caught.value.retry_after == 1.0
        await first.aclose()
        with pytest.raises(EngineBusy):
            await engine.open(request("c"))
        second = await engine.open(request("b"))
        await second.aclose()
        await (await engine.open(request("c"))).aclose()
        assert engine.counts()["streams_refused"] == 3


async def test_a_leg_without_a_stream_waits_says_so_once_and_loses_no_word() -> None:
    async with FakeDeepgram() as fake:
        engine = await started(fake, max_streams=1, idle_s=0)
        taken = await engine.open(request("other"))
        async with leg(engine) as speaker:
            await speaker.say(encode(SAID), 6.0)
            assert speaker.words == []
            assert [type(error) for error in speaker.missing] == [EngineBusy]
            await taken.aclose()
            await asyncio.sleep(8)
            assert speaker.words == SAID
            assert speaker.recognition.dropped == 0


async def test_a_stream_is_let_go_when_its_leg_is_silent_and_opened_again_at_his_next_word() -> None:
    async with FakeDeepgram() as fake:
        engine = await started(fake, idle_s=5)
        async with leg(engine) as speaker:
            await speaker.say(encode(SAID), 8.0)
            assert fake.open_streams == 0
            await speaker.say(encode(SAID), 3.0)
            assert speaker.words == SAID * 2
            assert speaker.recognition.restarts == 0


# in a leg


@pytest.mark.parametrize("handshake", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("ahead", [False, True])
async def test_the_first_word_is_not_lost_while_the_stream_is_opened(handshake: float, ahead: bool) -> None:
    async with FakeDeepgram(faults=scripted(Faults(handshake_s=handshake))) as fake:
        engine = await started(fake, open_ahead=ahead)
        async with leg(engine) as speaker:
            await asyncio.sleep(5)
            assert fake.open_streams == ahead
            await speaker.say(encode(SAID), 4.0)
            assert speaker.words == SAID
            spoken = 5 + len(encode(SAID)) / SAMPLE_RATE
            late = speaker.committed_at[0][0] - speaker.audio.time_of(0) - spoken
            if ahead or not handshake:
                assert late < 1.0
            else:
                assert late < 1.0 + handshake


async def test_a_stalled_stream_is_replaced_within_the_utterance() -> None:
    said = words("a", "en", 30)
    async with FakeDeepgram(faults=scripted(Faults(stall_at=3.0))) as fake:
        engine = await started(fake)
        async with leg(engine) as speaker:
            await speaker.say(encode(said), 10.0)
            assert speaker.words == said
            assert [str(error) for error in speaker.errors] == ["deepgram: no partial of 2000 ms of speech"]
            assert len(fake.connections) == 2


class Spare(FakeRecognizer):
    """Hears tone words at once; another engine than the one under test."""

    def __init__(self) -> None:
        super().__init__()
        from tests.tonewords.engines import ToneRecognizer

        self._tones = ToneRecognizer({})
        self.opened = 0

    async def open(self, request: StreamRequest) -> Any:
        self.opened += 1
        return await self._tones.open(request)


async def test_the_next_recogniser_takes_over_within_the_utterance_and_the_first_comes_back() -> None:
    said = words("a", "en", 20)

    def plan(number: int, tag: str) -> Faults:
        down = 3.0 < asyncio.get_running_loop().time() - began < 30.0
        return Faults(refuse=503) if down else Faults(close_at=4.0 if number == 0 else None)

    began = asyncio.get_running_loop().time()
    faults: FaultPlan = plan
    async with FakeDeepgram(faults=faults) as fake:
        engine, spare = await started(fake), Spare()
        async with leg(engine, spare) as speaker:
            await speaker.say(encode(said), 2.0)
            assert speaker.words == said
            assert speaker.changes == [("deepgram", "ears")]
            for _ in range(8):
                await speaker.say(encode(SAID), 4.0)
            assert speaker.changes == [("deepgram", "ears"), ("ears", "deepgram")]
            assert speaker.words == said + SAID * 8
            assert speaker.recognition._circuits["deepgram"].state is Circuit.CLOSED


async def test_a_provider_that_denies_is_asked_once_and_that_is_said_once() -> None:
    async with FakeDeepgram(faults=scripted(rest=Faults(refuse=402))) as fake:
        engine = await started(fake)
        async with leg(engine) as speaker:
            for _ in range(5):
                await speaker.say(encode(SAID), 5.0)
            assert fake.refused == [402]
            assert [type(error) for error in speaker.missing] == [EngineDenied]
            assert not speaker.recognition.open


# the other hearing


async def test_a_script_is_laid_over_speech_and_survives_a_reconnect() -> None:
    lines = ["Good morning, everybody.", Line("How are you today?", 2.0)]
    script = ScriptedWords({"*": [Line(x) if isinstance(x, str) else x for x in lines]})
    tone = encode(words("b", "en", 5))
    async with FakeDeepgram(script, faults=scripted(Faults(close_at=1.2))) as fake:
        engine = await started(fake)
        async with leg(engine) as speaker:
            await speaker.say(tone, 2.0)
            await speaker.say(tone, 3.0)
            assert [clause.text for clause in speaker.clauses] == ["Good morning, everybody.", "How are you today?"]
            assert len(fake.connections) == 2


def texts(found: Sequence[Hypothesis]) -> list[str]:
    return [hypothesis.text for hypothesis in found]


async def test_partials_come_while_one_speaks() -> None:
    async with FakeDeepgram() as fake:
        engine = await started(fake)
        stream = await engine.open(request())
        reading = asyncio.create_task(until_final(aiter(stream)))
        speech = encode(SAID)
        for at in range(0, len(speech), 960):
            await stream.push(speech[at : at + 960], at)
            await asyncio.sleep(0.06)
        await stream.finalize(len(speech))
        found = texts(await reading)
        for count in range(len(SAID) - 1):
            assert " ".join(SAID[:count]) in found
        await stream.aclose()
