"""What every engine must do, by ``engines.base``: subclass, give the fixtures, and pytest runs the tests.

A subclass for an engine that is no process of its own leaves the crash tests out by ``crashes = False``.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import numpy as np
import pytest
from tests.engines.processes import children

from dragoman.engines.base import (
    Hypothesis,
    Recognizer,
    RecognizerStream,
    SpeechRequest,
    StreamRequest,
    Synthesizer,
    TranslationRequest,
    Translator,
)
from dragoman.errors import EngineCrashed, EngineError, EngineRejected
from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples

DEADLINE_S = 60.0
CHUNK = ms_to_samples(60)
SLACK = ms_to_samples(30)  # a synthesizer may vary a little from one time to the next: espeak-ng does


async def hear(stream: RecognizerStream, speech: Pcm, at: int) -> int:
    """Push all of it and finalize; gives the audio time behind it."""
    for start in range(0, len(speech), CHUNK):
        await stream.push(speech[start : start + CHUNK], at + start)
    await stream.finalize(at + len(speech))
    return at + len(speech)


async def until_final(hypotheses: AsyncIterator[Hypothesis]) -> list[Hypothesis]:
    """Hypotheses up to and with the one that ends the utterance."""
    found = []
    async with asyncio.timeout(DEADLINE_S):
        async for hypothesis in hypotheses:
            found.append(hypothesis)
            if hypothesis.end_of_utterance:
                return found
    raise AssertionError(f"the stream ended without an end of utterance: {found}")


class RecognizerConformance:
    """Fixtures to give: ``engine`` (started, closed after), ``speech`` (an utterance), ``language``."""

    language = "en"
    crashes = True

    @pytest.fixture
    async def stream(self, engine: Recognizer) -> AsyncIterator[RecognizerStream]:
        stream = await engine.open(StreamRequest("leg", "room", self.language))
        yield stream
        await stream.aclose()

    def test_has_the_shape(self, engine: Recognizer) -> None:
        assert isinstance(engine, Recognizer)
        assert engine.supports(self.language)
        assert engine.info.chunk_ms % 20 == 0

    async def test_rejects_an_unknown_language(self, engine: Recognizer) -> None:
        assert not engine.supports("xx")
        with pytest.raises(EngineRejected):
            await engine.open(StreamRequest("leg", "room", "xx"))

    async def test_words_lie_in_order_within_the_audio(self, stream: RecognizerStream, speech: Pcm) -> None:
        at = 5 * SAMPLE_RATE
        end = await hear(stream, speech, at)
        found = await until_final(aiter(stream))
        assert all(not hypothesis.is_final for hypothesis in found[:-1])
        final = found[-1]
        assert final.is_final
        assert final.words
        assert final.upto == end
        times = [time for word in final.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert at <= times[0] < times[-1] <= end
        assert [hypothesis.upto for hypothesis in found] == sorted(hypothesis.upto for hypothesis in found)

    async def test_each_finalize_is_answered_once(self, stream: RecognizerStream, speech: Pcm) -> None:
        at = 0
        for _ in range(2):  # both before anything is read
            at = await hear(stream, speech, at) + SAMPLE_RATE
        hypotheses = aiter(stream)
        first, second = await until_final(hypotheses), await until_final(hypotheses)
        assert first[-1].upto == len(speech)
        assert second[-1].upto == 2 * len(speech) + SAMPLE_RATE
        assert first[-1].words[-1].end < second[-1].words[0].start

    async def test_noise_gives_an_empty_final(self, stream: RecognizerStream) -> None:
        noise = (np.random.default_rng(3).standard_normal(SAMPLE_RATE) * 10).astype(np.int16)
        await hear(stream, noise, 0)
        assert (await until_final(aiter(stream)))[-1].words == ()

    async def test_closing_ends_the_iteration(self, stream: RecognizerStream, speech: Pcm) -> None:
        async def read() -> list[Hypothesis]:
            return [hypothesis async for hypothesis in stream]

        reader = asyncio.create_task(read())
        await stream.push(speech[:CHUNK], 0)
        await stream.aclose()
        await stream.aclose()
        async with asyncio.timeout(DEADLINE_S):
            await reader
        with pytest.raises(EngineCrashed):
            await stream.push(speech[:CHUNK], CHUNK)

    async def test_a_closed_stream_leaves_no_process(self, engine: Recognizer, speech: Pcm) -> None:
        before = children()
        stream = await engine.open(StreamRequest("leg", "room", self.language))
        await stream.push(speech[:CHUNK], 0)
        await stream.aclose()
        await engine.close()
        assert children() <= before

    async def test_a_killed_worker_is_a_crash(self, engine: Recognizer, speech: Pcm) -> None:
        if not self.crashes:
            pytest.skip("no process of its own")
        before = children()
        stream = await engine.open(StreamRequest("leg", "room", self.language))
        for pid in children() - before:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(EngineCrashed):
            async with asyncio.timeout(DEADLINE_S):
                async for _ in stream:
                    pass
        with pytest.raises(EngineCrashed):
            await stream.push(speech[:CHUNK], 0)
        await stream.aclose()
        again = await engine.open(StreamRequest("leg", "room", self.language))
        await hear(again, speech, 0)
        assert (await until_final(aiter(again)))[-1].words
        await again.aclose()


class TranslatorConformance:
    """Fixtures to give: ``engine`` (started, closed after), ``request`` as ``known`` (that it can translate)."""

    crashes = True

    def test_has_the_shape(self, engine: Translator, known: TranslationRequest) -> None:
        assert isinstance(engine, Translator)
        assert engine.supports(known.source, known.target)
        assert f"{known.source}-{known.target}" in engine.info.languages

    async def test_translates(self, engine: Translator, known: TranslationRequest) -> None:
        translation = await engine.translate(known)
        assert translation.text.strip()
        assert translation.engine == engine.info.name

    async def test_rejects_an_unknown_pair(self, engine: Translator, known: TranslationRequest) -> None:
        assert not engine.supports(known.source, "xx")
        assert not engine.supports(known.source, known.source)
        with pytest.raises(EngineRejected):
            await engine.translate(TranslationRequest(known.text, known.source, "xx"))

    @pytest.mark.parametrize("text", ["", " ", "\0", "x" * 100_000])
    async def test_bad_text_is_an_engine_error(self, engine: Translator, known: TranslationRequest, text: str) -> None:
        try:
            await engine.translate(TranslationRequest(text, known.source, known.target))
        except EngineError:
            pass
        assert (await engine.translate(known)).text

    async def test_at_once_is_as_one_by_one(self, engine: Translator, known: TranslationRequest) -> None:
        alone = await engine.translate(known)
        together = await asyncio.gather(*(engine.translate(known) for _ in range(10)))
        assert together == [alone] * 10

    async def test_a_cancelled_request_does_not_answer_the_next(
        self, engine: Translator, known: TranslationRequest
    ) -> None:
        expected = await engine.translate(known)
        other = TranslationRequest(known.text + " " + known.text, known.source, known.target)
        task = asyncio.create_task(cast("Any", engine.translate(other)))
        await asyncio.sleep(0)
        task.cancel()
        assert await engine.translate(known) == expected

    async def test_a_killed_process_is_a_crash_and_replaced(
        self, engine: Translator, known: TranslationRequest
    ) -> None:
        if not self.crashes:
            pytest.skip("no process of its own")
        expected = await engine.translate(known)
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        try:
            await engine.translate(known)
        except EngineCrashed:
            pass
        assert await engine.translate(known) == expected

    async def test_close_leaves_no_process(self, engine: Translator, known: TranslationRequest) -> None:
        await engine.translate(known)
        await engine.close()
        await engine.close()
        assert children() == set()


class SynthesizerConformance:
    """Fixtures to give: ``engine`` (started, closed after), ``known`` (a request it can speak)."""

    crashes = True

    async def speak(self, engine: Synthesizer, request: SpeechRequest) -> Pcm:
        async with asyncio.timeout(DEADLINE_S):
            return np.concatenate([piece async for piece in engine.synthesize(request)])

    def test_has_the_shape(self, engine: Synthesizer, known: SpeechRequest) -> None:
        assert isinstance(engine, Synthesizer)
        assert engine.supports(known.language)

    async def test_level_and_lead(self, engine: Synthesizer, known: SpeechRequest) -> None:
        audio = await self.speak(engine, known)
        assert audio.dtype == np.int16
        frames = audio[: len(audio) // 320 * 320].reshape(-1, 320).astype(np.float64)
        power = (frames**2).mean(axis=1)
        loud = power[power > power.max() / 100]
        assert -23 < 10 * np.log10(loud.mean() / 32768**2) < -17
        assert np.argmax(np.abs(audio) > 300) < ms_to_samples(40)

    async def test_rejects_an_unknown_language(self, engine: Synthesizer, known: SpeechRequest) -> None:
        assert not engine.supports("xx")
        with pytest.raises(EngineRejected):
            await self.speak(engine, SpeechRequest(known.text, "xx", known.speaker))

    async def test_same_speaker_same_voice(self, engine: Synthesizer, known: SpeechRequest) -> None:
        first, again = await self.speak(engine, known), await self.speak(engine, known)
        assert len(first) == pytest.approx(len(again), abs=SLACK)

    async def test_many_at_once_keep_their_audio(self, engine: Synthesizer, known: SpeechRequest) -> None:
        alone = await self.speak(engine, known)
        together = await asyncio.gather(*(self.speak(engine, known) for _ in range(8)))
        assert [len(audio) for audio in together] == pytest.approx([len(alone)] * 8, abs=SLACK)

    async def test_an_unread_request_does_not_stop_others(self, engine: Synthesizer, known: SpeechRequest) -> None:
        long = SpeechRequest(" ".join([known.text] * 10), known.language, "another")
        async with aclosing(cast("Any", engine.synthesize(long))) as pieces:
            assert len(await anext(pieces))
            assert len(await self.speak(engine, known))

    async def test_cancelling_is_clean(self, engine: Synthesizer, known: SpeechRequest) -> None:
        expected = await self.speak(engine, known)
        for _ in range(3):
            async with aclosing(cast("Any", engine.synthesize(known))) as pieces:
                await anext(pieces)
        assert len(await self.speak(engine, known)) == pytest.approx(len(expected), abs=SLACK)

    async def test_a_killed_process_is_a_crash_and_replaced(self, engine: Synthesizer, known: SpeechRequest) -> None:
        if not self.crashes:
            pytest.skip("no process of its own")
        expected = await self.speak(engine, known)
        for pid in children():
            os.kill(pid, signal.SIGSTOP)
        waiting = asyncio.create_task(self.speak(engine, known))
        for _ in range(5):
            await asyncio.sleep(0)
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(EngineCrashed):
            await waiting
        assert len(await self.speak(engine, known)) == pytest.approx(len(expected), abs=SLACK)

    async def test_close_leaves_no_process(self, engine: Synthesizer, known: SpeechRequest) -> None:
        await self.speak(engine, known)
        await engine.close()
        await engine.close()
        assert children() == set()
