"""Recognisers with one defect each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import numpy as np
from tests.engines.toys.kinds import Loudness, LoudnessStream, found_by
from tests.engines.toys.processes import Cat

from dragoman.engines.base import Hypothesis, Stage, StreamRequest, Word
from dragoman.errors import EngineCrashed, EngineRejected
from dragoman.media.format import FRAME_SAMPLES, Pcm

ASR = Stage.ASR


class Toy(Loudness):
    """Opens streams of the class that it names."""

    stream: type[Any] = LoudnessStream

    async def open(self, request: StreamRequest) -> Any:
        if not self.supports(request.language):
            raise EngineRejected("loudness", f"no {request.language}")
        if self._closed:
            raise EngineCrashed("loudness", "closed")
        stream = self.stream(self._threshold, self._streams.discard)
        self._streams.add(stream)
        return stream


def streams(*checks: str) -> Callable[[type[Any]], type[Any]]:
    """Marks a stream by the checks that must find the engine that opens it."""

    def mark(stream: type[Any]) -> type[Any]:
        found_by(ASR, *checks)(type(stream.__name__, (Toy,), {"stream": stream}))
        return stream

    return mark


@found_by(ASR, "test_supports_what_it_says")
class Boasts(Toy):
    def supports(self, language: str) -> bool:
        return language == "en"


@found_by(ASR, "test_rejects_an_unknown_language")
class HearsAnything(Toy):
    async def open(self, request: StreamRequest) -> Any:
        return await super().open(replace(request, language="en"))


@found_by(ASR, "test_takes_keyterms")
class TripsOverKeyterms(Toy):
    async def open(self, request: StreamRequest) -> Any:
        " ".join(request.keyterms).encode("ascii")
        return await super().open(request)


@streams("test_words_lie_in_order_within_the_audio", "test_a_jump_forward_moves_the_words")
class ItsOwnClock(LoudnessStream):
    """Word times count from the first sample that it was given."""

    heard = 0

    async def push(self, pcm: Pcm, at: int) -> None:
        await super().push(pcm, self.heard)
        self.heard += len(pcm)


@streams("test_words_lie_in_order_within_the_audio")
class Backwards(LoudnessStream):
    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        async for hypothesis in super().__aiter__():
            yield replace(hypothesis, words=hypothesis.words[::-1])


@streams("test_words_lie_in_order_within_the_audio")
class SaysFinalsAgain(LoudnessStream):
    """A final within the utterance, whose words come again in the next one."""

    def _quiet(self, time: int) -> None:
        if self._sound is not None:
            super()._quiet(time)
            self._out.put_nowait(Hypothesis(tuple(self._words), is_final=True, end_of_utterance=False, upto=time))


@streams("test_each_finalize_is_answered_once")
class AnswersTwice(LoudnessStream):
    async def finalize(self, at: int) -> None:
        await super().finalize(at)
        await super().finalize(at)


@streams("test_silence_gives_an_empty_final", "test_noise_gives_an_empty_final")
class HearsVoices(LoudnessStream):
    """As a large model does: silence is "thank you"."""

    async def finalize(self, at: int) -> None:
        if not self._words and self._sound is None:
            self._words = [Word("thanks", at - FRAME_SAMPLES, at)]
        await super().finalize(at)


@streams("test_noise_gives_an_empty_final")
class HearsTheLine(LoudnessStream):
    def __init__(self, threshold: float, on_close: Any) -> None:
        super().__init__(1.0, on_close)


@streams("test_loud_rubbish_is_an_engine_error_at_most")
class TakesAbsoluteValues(LoudnessStream):
    async def push(self, pcm: Pcm, at: int) -> None:
        if len(pcm) and np.abs(pcm).min() < 0:
            raise ValueError("math domain error")
        await super().push(pcm, at)


@streams("test_a_finalize_without_audio_answers_nothing_later")
class NeedsAWord(LoudnessStream):
    async def finalize(self, at: int) -> None:
        assert self._end, "nothing was pushed"
        await super().finalize(at)


@streams("test_a_finalize_without_audio_answers_nothing_later")
class FinalizesLater(LoudnessStream):
    """A finalize without audio finalizes what is said next."""

    early = False

    async def finalize(self, at: int) -> None:
        if not self._end:
            self.early = True
        else:
            await super().finalize(at)

    async def push(self, pcm: Pcm, at: int) -> None:
        await super().push(pcm, at)
        if self.early and self._words:
            self.early = False
            await super().finalize(self._end)


@streams("test_many_finalizes_are_as_one")
class SaysItAgain(LoudnessStream):
    async def finalize(self, at: int) -> None:
        words = self._words
        await super().finalize(at)
        self._words = list(words)

    async def push(self, pcm: Pcm, at: int) -> None:
        if at > self._end:
            self._words = []
        await super().push(pcm, at)


@streams("test_pieces_of_any_length")
class WholeFramesOnly(LoudnessStream):
    async def push(self, pcm: Pcm, at: int) -> None:
        pcm.reshape(-1, FRAME_SAMPLES)
        await super().push(pcm, at)


@streams("test_pieces_of_any_length")
class WritesIntoIt(LoudnessStream):
    async def push(self, pcm: Pcm, at: int) -> None:
        pcm //= 1
        await super().push(pcm, at)


@streams("test_streams_do_not_hear_each_other")
class OneEarForAll(LoudnessStream):
    heard: list[Word] = []  # noqa: RUF012  # shared by mistake: that is the defect

    def __init__(self, threshold: float, on_close: Any) -> None:
        super().__init__(threshold, on_close)
        self.heard.clear()
        self._words = self.heard


@streams("test_closing_ends_the_iteration")
class NeverEnds(LoudnessStream):
    async def aclose(self) -> None:
        self._closed = True
        self._on_close(self)


@streams("test_closing_ends_the_iteration")
class HearsWhenClosed(LoudnessStream):
    def _check(self) -> None: ...


@streams("test_closing_during_a_push_ends_both")
class PushesIntoNothing(LoudnessStream):
    out: Any = ""

    async def push(self, pcm: Pcm, at: int) -> None:
        await asyncio.sleep(0)
        self.out.upper()
        await super().push(pcm, at)

    async def aclose(self) -> None:
        self.out = None
        await super().aclose()


@streams("test_closing_during_a_push_ends_both")
class ClosesBehindThePush(LoudnessStream):
    """Closing waits for a push that takes 5 s."""

    def __init__(self, threshold: float, on_close: Any) -> None:
        super().__init__(threshold, on_close)
        self.lock = asyncio.Lock()

    async def push(self, pcm: Pcm, at: int) -> None:
        async with self.lock:
            await asyncio.sleep(5)
            await super().push(pcm, at)

    async def aclose(self) -> None:
        async with self.lock:
            await super().aclose()


@found_by(ASR, "test_a_closed_stream_can_be_followed_by_another")
class UsesStreamsAgain(Toy):
    """What the last stream heard is in the next one's first final."""

    async def open(self, request: StreamRequest) -> Any:
        stream = await super().open(request)
        last, self.last = getattr(self, "last", None), stream
        if last is not None and last._words:
            stream._words = [Word(word.text, 0, 1) for word in last._words]
        return stream


@found_by(ASR, "test_the_engine_closes_its_streams")
class LeavesItsStreams(Toy):
    async def close(self) -> None:
        self._closed = True


class CatStream(LoudnessStream):
    """Good: hypotheses go through a process, whose end is the stream's."""

    def __init__(self, threshold: float, on_close: Any) -> None:
        super().__init__(threshold, on_close)
        self.cat = Cat(replaced=False)

    async def push(self, pcm: Pcm, at: int) -> None:
        await super().push(pcm, at)
        await self.cat.ask("x")

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        hypotheses = super().__aiter__()
        while True:
            next_one = asyncio.ensure_future(anext(hypotheses, None))
            try:
                while not (await asyncio.wait({next_one}, timeout=0.02))[0]:
                    if not self._closed:
                        await self.cat.ask("x")
            except EngineCrashed:
                if not self._closed:
                    raise
            finally:
                next_one.cancel()
                await asyncio.wait({next_one})
            if next_one.cancelled() or (hypothesis := next_one.result()) is None:
                return
            yield hypothesis

    async def aclose(self) -> None:
        await super().aclose()
        await self.cat.close()


class ByCat(Toy):
    """Its streams have a process each, from the beginning."""

    stream = CatStream

    async def open(self, request: StreamRequest) -> Any:
        stream = await super().open(request)
        await stream.cat.ask("x")
        return stream


class HangsWithItsProcess(CatStream):
    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        async for hypothesis in LoudnessStream.__aiter__(self):
            yield hypothesis


@found_by(ASR, "test_a_killed_worker_is_a_crash")
class DoesNotSeeItDie(ByCat):
    stream = HangsWithItsProcess
