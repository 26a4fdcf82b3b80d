"""What every recogniser must do."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
import pytest_asyncio

from dragoman.engines.base import Hypothesis, Recognizer, RecognizerStream, Stage, StreamRequest, Word
from dragoman.engines.conformance.common import (
    DEADLINE_S,
    ODD_LANGUAGES,
    EngineConformance,
    Work,
    given,
    promised,
)
from dragoman.engines.conformance.running import children, done_within, send, start, turns
from dragoman.engines.faults import CLOSE_DEADLINE
from dragoman.engines.faults import words_of as heard_of
from dragoman.errors import EngineCrashed, EngineError
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm, ms_to_samples

CHUNK = ms_to_samples(60)

NOISE = 10
"""RMS of the noise of a quiet line (-70 dBFS)."""

PIECES = (FRAME_SAMPLES, 333, SAMPLE_RATE)
"""Samples of a push: a packet, an odd number (what is left of an utterance), the most that a replay gives."""

ALIKE = "the same speech is heard as the same words, whatever was heard before it"
"""What two tries with one speech must show."""

STREAMS = 3
"""Streams open together."""


async def hear(stream: RecognizerStream, speech: Pcm, at: int, chunk: int = CHUNK) -> int:
    """Push all of it and finalize; gives the audio time behind it."""
    for begin in range(0, len(speech), chunk):
        await promised(stream.push(speech[begin : begin + chunk], at + begin), "push()")
    await promised(stream.finalize(at + len(speech)), "finalize()")
    return at + len(speech)


async def opened(engine: Recognizer, request: StreamRequest) -> RecognizerStream:
    """A stream of it, which has what a stream has to have."""
    stream = await promised(engine.open(request), "open()")
    lacks = [name for name in ("push", "finalize", "__aiter__", "aclose") if not hasattr(stream, name)]
    assert not lacks, f"open() gave {type(stream).__name__}, a stream that lacks {', '.join(lacks)}"
    return stream


async def until_final(hypotheses: AsyncIterator[Hypothesis]) -> list[Hypothesis]:
    """Hypotheses up to and with the one that ends the utterance."""
    found: list[Hypothesis] = []

    async def read() -> None:
        async for hypothesis in hypotheses:
            found.append(given(heard_of, "the stream", hypothesis))
            if hypothesis.end_of_utterance:
                return
        raise AssertionError(f"the stream ended without an end of utterance: {found}")

    await done_within(DEADLINE_S, read(), "a Hypothesis with end_of_utterance, the answer to finalize(),")
    return found


def words_of(hypotheses: Sequence[Hypothesis]) -> list[Word]:
    """The words of the finals: what was said."""
    return [word for hypothesis in hypotheses if hypothesis.is_final for word in hypothesis.words]


class RecognizerConformance(EngineConformance):
    """Give ``name`` (or a fixture ``engine``), ``language``, and the fixture ``speech``: an utterance that it knows."""

    stage: ClassVar[Stage] = Stage.ASR
    language: ClassVar[str] = "en"

    def request(self, leg: str = "leg") -> StreamRequest:
        """What a stream is opened with."""
        return StreamRequest(leg, "room", self.language)

    @pytest_asyncio.fixture
    async def stream(self, engine: Recognizer) -> AsyncIterator[RecognizerStream]:
        """A stream of the engine under test."""
        stream = await done_within(DEADLINE_S, opened(engine, self.request()), "open()")
        yield stream
        await done_within(CLOSE_DEADLINE, stream.aclose(), "aclose()")

    @pytest.fixture
    def work(self, speech: Pcm) -> Work:
        """Hear ``speech`` by a stream of its own."""

        async def recognise(engine: Recognizer) -> list[str]:
            stream = await opened(engine, self.request())
            try:
                await hear(stream, speech, 0)
                words: list[str] = []
                async for hypothesis in stream:  # which may end, when somebody closes the engine
                    words += [word.text for word in words_of([given(heard_of, "the stream", hypothesis)])]
                    if hypothesis.end_of_utterance:
                        break
                return words
            finally:
                await stream.aclose()

        return recognise

    def test_supports_what_it_says(self, engine: Recognizer) -> None:
        known = self.language
        assert engine.supports(known), f"supports() denies {known}, the suite's language"
        assert not engine.info.languages or known in engine.info.languages, f"info.languages lacks {known}"
        for language in engine.info.languages:
            assert engine.supports(language), f"supports() denies {language}, which info.languages names"

    async def test_rejects_an_unknown_language(self, engine: Recognizer) -> None:
        for odd in ODD_LANGUAGES:
            assert engine.supports(odd) is False, f"supports() should say False of {odd!r:.20}"
            await self.refused(opened(engine, StreamRequest("leg", "room", odd)), f"a stream in language {odd!r:.20}")

    async def test_takes_keyterms(self, engine: Recognizer, speech: Pcm) -> None:
        request = StreamRequest("leg", "room", self.language, keyterms=("zorblax", "San Sebastián de los Reyes"))
        stream = await opened(engine, request)
        await hear(stream, speech, 0)
        assert words_of(await until_final(aiter(stream)))
        await stream.aclose()

    # Order

    async def test_words_lie_in_order_within_the_audio(self, stream: RecognizerStream, speech: Pcm) -> None:
        at = 5 * SAMPLE_RATE
        end = await hear(stream, speech, at)
        found = await until_final(aiter(stream))
        assert found[-1].is_final, "a Hypothesis with end_of_utterance is final too"
        assert found[-1].upto == end, f"upto of the last one is {found[-1].upto}, not the {end} of finalize()"
        words = words_of(found)
        assert words, "it heard no words in the speech that the fixture gives"
        times = [time for word in words for time in (word.start, word.end)]
        assert times == sorted(times), f"words are not in order of audio time: {words}"
        assert at <= times[0] < times[-1] <= end, f"words lie outside of the audio ({at} to {end}): {words}"
        final_until = at
        for hypothesis in found:
            assert hypothesis.upto >= final_until, f"upto goes back behind a final: {hypothesis.upto}, {final_until}"
            for word in hypothesis.words:
                assert word.text and word.text == word.text.strip(), f"{word.text!r} is not one word"
                assert word.confidence is None or 0 <= word.confidence <= 1, "a confidence lies between 0 and 1"
                assert word.start >= final_until - FRAME_SAMPLES, "comes again after it was final"
            final_until = hypothesis.upto if hypothesis.is_final else final_until

    async def test_each_finalize_is_answered_once(self, stream: RecognizerStream, speech: Pcm) -> None:
        """Two utterances far apart, both before anything is read; the audio between was not sent."""
        at = 0
        for _ in range(2):
            at = await hear(stream, speech, at) + SAMPLE_RATE
        hypotheses = aiter(stream)
        first, second = await until_final(hypotheses), await until_final(hypotheses)
        assert first[-1].upto == len(speech), "the first answer is not of the first finalize()"
        assert second[-1].upto == 2 * len(speech) + SAMPLE_RATE, "the second answer is not of the second finalize()"
        assert words_of(first) and words_of(second), "one of two utterances has no words"
        assert words_of(first)[-1].end < words_of(second)[0].start, "words of one utterance lie in the other"

    async def test_a_jump_forward_moves_the_words(self, stream: RecognizerStream, speech: Pcm) -> None:
        """Half a minute was not sent; what is said behind it has its own time."""
        hypotheses = aiter(stream)
        await hear(stream, speech, 0)
        near = words_of(await until_final(hypotheses))
        at = 30 * SAMPLE_RATE
        await hear(stream, speech, at)
        far = words_of(await until_final(hypotheses))
        assert [word.text for word in far] == [word.text for word in near], ALIKE
        moved = far[0].start - near[0].start
        assert moved == pytest.approx(at, abs=SAMPLE_RATE // 4), (
            f"said {at} samples later, a word has times {moved} later: they are samples, of the audio time of push()"
        )

    # What is no speech

    async def test_silence_gives_an_empty_final(self, stream: RecognizerStream) -> None:
        end = await hear(stream, np.zeros(SAMPLE_RATE, np.int16), 0)
        found = await until_final(aiter(stream))
        assert words_of(found) == [], "words in silence"
        assert found[-1].upto == end

    async def test_noise_gives_an_empty_final(self, stream: RecognizerStream) -> None:
        noise = (np.random.default_rng(3).standard_normal(SAMPLE_RATE) * NOISE).astype(np.int16)
        await hear(stream, noise, 0)
        assert words_of(await until_final(aiter(stream))) == [], "words in noise"

    async def test_loud_rubbish_is_an_engine_error_at_most(
        self, engine: Recognizer, stream: RecognizerStream, work: Work
    ) -> None:
        rubbish = np.random.default_rng(4).integers(-32768, 32768, SAMPLE_RATE // 2).astype(np.int16)
        rubbish[::7] = -32768  # whose absolute value is no int16
        await self.try_to(hear(stream, rubbish, 0), "pushing rubbish")
        await self.try_to(until_final(aiter(stream)), "the answer to rubbish")
        assert await work(engine)

    async def test_a_finalize_without_audio_answers_nothing_later(self, stream: RecognizerStream, speech: Pcm) -> None:
        """It may be answered or not, but what is said after it has its own answer."""
        await stream.finalize(0)
        end = await hear(stream, speech, SAMPLE_RATE)
        hypotheses = aiter(stream)
        found = await until_final(hypotheses)
        if found[-1].upto < end:
            assert words_of(found) == []
            found = await until_final(hypotheses)
        assert found[-1].upto == end
        assert words_of(found)

    async def test_many_finalizes_are_as_one(self, stream: RecognizerStream, speech: Pcm) -> None:
        end = await hear(stream, speech, 0)
        for _ in range(5):
            await stream.finalize(end)
        hypotheses = aiter(stream)
        first = await until_final(hypotheses)
        assert words_of(first)
        last = await hear(stream, speech, end + SAMPLE_RATE)
        second: list[Hypothesis] = []
        while not second or second[-1].upto < last:
            assert words_of(second) == [], "an utterance is said twice"
            second = await until_final(hypotheses)
        assert [word.text for word in words_of(second)] == [word.text for word in words_of(first)], ALIKE

    async def test_pieces_of_any_length(self, stream: RecognizerStream, speech: Pcm) -> None:
        speech = speech.copy()
        speech.setflags(write=False)  # it is the leg's, and others hear it too
        hypotheses = aiter(stream)
        at = 0
        for chunk in PIECES:
            await stream.push(np.zeros(0, np.int16), at)
            end = await hear(stream, speech, at, chunk)
            found = await until_final(hypotheses)
            assert words_of(found), f"in pieces of {chunk} samples"
            assert found[-1].upto == end
            at = end + SAMPLE_RATE

    # Several at once

    async def test_streams_do_not_hear_each_other(self, engine: Recognizer, speech: Pcm) -> None:
        streams = [await opened(engine, self.request(f"leg-{number}")) for number in range(STREAMS)]
        audio = [speech, np.zeros(len(speech), np.int16), speech]
        for begin in range(0, len(speech), CHUNK):
            for stream, each in zip(streams, audio, strict=True):
                await stream.push(each[begin : begin + CHUNK], begin)
        for stream in streams:
            await stream.finalize(len(speech))
        heard = [words_of(await until_final(aiter(stream))) for stream in streams]
        for stream in streams:
            await stream.aclose()
        assert heard[0] and [word.text for word in heard[0]] == [word.text for word in heard[2]]
        assert heard[1] == [], "one leg is given another's words"

    # Closing

    async def test_closing_ends_the_iteration(self, stream: RecognizerStream, speech: Pcm) -> None:
        async def read() -> list[Hypothesis]:
            return [hypothesis async for hypothesis in stream]

        reader = start(read())
        await stream.push(speech[:CHUNK], 0)
        await stream.aclose()
        await done_within(CLOSE_DEADLINE, stream.aclose(), "aclose() again")
        await done_within(DEADLINE_S, reader, "the end of the iteration")
        for what, call in (("push()", partial(stream.push, speech[:CHUNK])), ("finalize()", stream.finalize)):
            came = await self.try_to(call(CHUNK), f"{what} of a closed stream")
            assert isinstance(came, EngineCrashed), f"{what} of a closed stream should raise EngineCrashed"

    async def test_closing_during_a_push_ends_both(self, engine: Recognizer, speech: Pcm) -> None:
        stream = await opened(engine, self.request())

        async def push() -> None:
            for begin in range(0, 50 * CHUNK, CHUNK):
                await stream.push(np.resize(speech, CHUNK), begin)

        pushing = start(self.try_to(push(), "push() that aclose() ends"))
        await turns(3)
        await done_within(CLOSE_DEADLINE, stream.aclose(), "aclose()")
        await done_within(DEADLINE_S, pushing, "push() of a closed stream")

    async def test_a_closed_stream_can_be_followed_by_another(self, engine: Recognizer, speech: Pcm) -> None:
        """What was pushed to the first is not heard by the second."""
        for _ in range(3):
            left = await opened(engine, self.request())
            await left.push(speech, 0)
            await done_within(CLOSE_DEADLINE, left.aclose(), "aclose()")
        stream = await opened(engine, self.request())
        await hear(stream, np.zeros(SAMPLE_RATE, np.int16), 0)
        assert words_of(await until_final(aiter(stream))) == []
        await stream.aclose()

    async def test_a_killed_worker_is_a_crash(self, engine: Recognizer, speech: Pcm, strangers: frozenset[int]) -> None:
        before = children()
        stream = await opened(engine, self.request())
        self.ours(strangers)
        send(signal.SIGKILL, children() - before or children() - strangers)

        async def read() -> None:
            async for _ in stream:
                pass

        with pytest.raises(EngineCrashed):
            await done_within(DEADLINE_S, read(), "the end of a stream whose process died")
        with pytest.raises(EngineCrashed):
            await stream.push(speech[:CHUNK], 0)
        await stream.aclose()
        again = await opened(engine, self.request())
        await hear(again, speech, 0)
        assert words_of(await until_final(aiter(again)))
        await again.aclose()

    async def test_the_engine_closes_its_streams(self, engine: Recognizer, speech: Pcm) -> None:
        stream = await opened(engine, self.request())
        await stream.push(speech[:CHUNK], 0)
        await self.close(engine)
        came: Any = await self.try_to(self._to_the_end(stream), "reading a stream of a closed engine")
        assert came is None or isinstance(came, EngineError)
        await done_within(CLOSE_DEADLINE, stream.aclose(), "aclose() after the engine's close()")

    async def _to_the_end(self, stream: RecognizerStream) -> None:
        async for _ in stream:
            pass
