"""One speaker into one language: translate each clause, then speak it at that language's booth, in order."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

import structlog

from dragoman.engines.base import SpeechRequest, Synthesizer, Translation, TranslationRequest
from dragoman.engines.circuits import Circuits, Line
from dragoman.engines.faults import crashes_of, let_go
from dragoman.errors import EngineCutShort, EngineError, EngineRejected, EngineTimeout
from dragoman.media.format import FRAME_SAMPLES, Pcm
from dragoman.pipeline.booth import READY_FRAMES, BoothMixer, Speech
from dragoman.pipeline.clause import Clause
from dragoman.pipeline.completeness import Foreseen
from dragoman.pipeline.latency import ClauseTimes
from dragoman.pipeline.pending import ChainReports, Pending, merge_pending
from dragoman.pipeline.ports import NO_TERMS, Terms, Translates
from dragoman.pipeline.queues import QueueClosed, StageQueue
from dragoman.pipeline.speculation import Ahead, Speculations

log = structlog.get_logger(__name__)

MT_DEPTH = 6
"""Clauses that may wait for the translator before neighbours are merged: better merged than late."""

TTS_DEPTH = 4
"""Translated clauses that may wait for the booth; then translation is held back (design: 2-4 clauses ahead)."""

CONTEXT = 3
"""Clauses of the same speaker given to the translator as context (DeepL: "last 2-3 utterances")."""

TTS_DEADLINE = 0.5
"""Seconds without audio before synthesis is tried once more (stage table: no audio for 500 ms)."""


class Chain:
    """Runs until ``close`` and the last clause was played, or until cancelled (what is unspoken is then silenced)."""

    def __init__(
        self,
        speaker: str,
        target: str,
        translator: Translates,
        synthesizers: Sequence[Synthesizer],
        mixer: Callable[[], BoothMixer | None],
        reports: ChainReports,
        clock: Callable[[], float],
        circuits: Circuits | None = None,
        terms: Terms = NO_TERMS,
    ) -> None:
        """``synthesizers``: asked in their order of then; without any, and without a booth, clauses end as captions.

        ``mixer`` gives the target's booth while somebody listens there. ``circuits``: those that all chains share.
        ``terms``: the room's glossary.
        """
        self.target = target
        self._speaker = speaker
        self._translator = translator
        self._synthesizers = synthesizers
        self._mixer = mixer
        self._reports = reports
        self._clock = clock
        self._circuits = circuits or Circuits()
        self._terms = terms
        self._context: deque[str] = deque(maxlen=CONTEXT)
        self._playing: dict[Speech, BoothMixer] = {}
        self._played = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._speculations = Speculations(self._begin)
        self.mt_queue: StageQueue[Pending] = StageQueue("mt", MT_DEPTH, merge_pending)
        self.tts_queue: StageQueue[Pending] = StageQueue("tts", TTS_DEPTH)

    def offer(self, clause: Clause, times: ClauseTimes) -> None:
        """Take a committed clause; never waits."""
        self.mt_queue.offer(Pending(clause, times, ahead=self._speculations.take(clause)))

    def foresee(self, likely: Sequence[Foreseen]) -> None:
        """What will probably be committed next; never waits.

        While clauses wait here for their turn, nothing is begun: it would be ready too soon, and perhaps for nothing.
        """
        if self._group is not None:
            self._speculations.foresee(likely, begin=not (len(self.mt_queue) or len(self.tts_queue)))

    def totals(self) -> Counter[str]:
        """What was merged and foreseen so far; see Conference.totals."""
        counts = Counter(merged_clauses=self.mt_queue.merged)
        for what, count in self._speculations.counts.items():
            counts[f"speculations_{what}"] += count
        return counts

    def close(self) -> None:
        """No more clauses come; what was said is still translated and spoken. Idempotent."""
        self._speculations.drop_all()
        self.mt_queue.close()

    async def run(self) -> None:
        """Translate and speak; an engine's failure costs the clause, not the chain."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._translate_all())
                group.create_task(self._speak_all())
        finally:
            for speech, mixer in self._playing.items():
                mixer.cancel(speech)

    async def _translate_all(self) -> None:
        try:
            while True:
                pending = await self.mt_queue.get()
                pending.times.mt_begin = self._clock()
                context = tuple(self._context)
                self._context.append(pending.clause.text)
                try:
                    if not await self._use_ahead(pending):
                        pending.translation = await self._translate(pending.clause, context)
                        pending.times.mt_end = self._clock()
                except EngineError as error:
                    self._reports.dropped(self.target, pending, "mt", error)
                    continue
                self._reports.translated(self.target, pending)
                if self._mixer() is not None:
                    await self.tts_queue.put(pending)
                else:
                    pending.release()
                    self._reports.read(self.target, pending)
        except QueueClosed:
            self.tts_queue.close()
        finally:
            self._group = None  # closed, cancelled or crashed: nothing more is begun

    def _begin(self, clause: Clause, known: Translation | None) -> Ahead:
        if self._group is None:
            raise AssertionError("only a running chain begins ahead")
        ahead = Ahead(clause.text, self._clock, known)
        translate = partial(self._translate, clause, tuple(self._context))
        ahead.task = self._group.create_task(ahead.run(translate, self._voice_ahead))
        return ahead

    def _voice_ahead(self, translation: Translation) -> tuple[Synthesizer, SpeechRequest, float] | None:
        works = [synthesizer for synthesizer in self._synthesizers if self._circuits.usable(synthesizer)]
        if self._mixer() is None or not works:
            return None
        request = self._request(translation)
        self._circuits.of(works[0]).asked += len(request.text)
        return works[0], request, TTS_DEADLINE

    async def _use_ahead(self, pending: Pending) -> bool:
        """Take the translation that was begun ahead; False where there is none."""
        ahead = pending.ahead
        if ahead is None:
            return False
        pending.translation = await ahead.translated()
        if pending.translation is None:
            pending.release()
            return False
        pending.times.mt_begin, pending.times.mt_end = ahead.mt_begin, ahead.mt_end
        return True

    def _request(self, translation: Translation) -> SpeechRequest:
        return SpeechRequest(self._terms.say(translation.text, self.target), self.target, self._speaker)

    async def _translate(self, clause: Clause, context: tuple[str, ...]) -> Translation:
        terms = self._terms.pairs(clause.language, self.target)
        request = TranslationRequest(clause.text, clause.language, self.target, context, terms)
        return await self._translator.translate(request)

    async def _speak_all(self) -> None:
        try:
            while True:
                pending = await self.tts_queue.get()
                mixer = self._mixer()
                try:
                    if mixer is None:
                        self._reports.read(self.target, pending)  # its listeners left meanwhile
                        continue
                    if not self._synthesizers:
                        self._reports.dropped(self.target, pending, "no-voice", None)
                        continue
                    await self._speak(pending, mixer)
                except EngineError as error:
                    self._reports.dropped(self.target, pending, "tts", error)
                finally:
                    pending.release()
        except QueueClosed:
            while self._playing:
                self._played.clear()
                await self._played.wait()
        finally:
            self._group = None

    async def _speak(self, pending: Pending, mixer: BoothMixer) -> None:
        loop = asyncio.get_running_loop()

        def first_sent(at: float) -> None:
            pending.times.sent = at
            loop.call_soon(self._reports.spoken, self.target, pending)  # not in the tick

        speech = mixer.open(self._speaker, first_sent)
        self._playing[speech] = mixer
        room = asyncio.Event()

        def done() -> None:
            self._playing.pop(speech, None)
            self._played.set()
            pending.times.played = self._clock()
            loop.call_soon(self._reports.played, self.target, pending)

        def cancelled() -> None:
            room.set()
            done()
            if pending.times.sent is None:
                loop.call_soon(self._reports.dropped, self.target, pending, "nobody-listens", None)

        speech.on_room, speech.on_done, speech.on_cancel = room.set, done, cancelled
        pending.times.tts_begin = self._clock()
        try:
            await self._voice(pending, speech, room)
        except EngineError:
            if speech.cancelled:
                return
            if pending.times.tts_first is None:  # a clause without a sound leaves the line
                mixer.cancel(speech)
                done()
            raise
        finally:
            speech.finish()  # what was said of it is said

    async def _voice(self, pending: Pending, speech: Speech, room: asyncio.Event) -> None:
        """Speak by the first synthesizer that gives a sound, each that works asked twice where that may help."""
        if pending.translation is None:
            raise AssertionError("only translated clauses reach synthesis")
        line = self._circuits.line(self._synthesizers)
        request = self._request(pending.translation)
        left = [(synthesizer, again) for synthesizer in line.order() for again in (False, True)]
        if pending.ahead is not None:
            try:
                if await self._speak_ahead(pending, pending.ahead, line, speech, room):
                    return
            except EngineCutShort as error:
                request, left = self._go_on(error, request, left, speech)
                if not left:
                    return
        if not left and (refusal := line.refusal()):
            raise refusal
        while left:
            synthesizer, again = left.pop(0)
            pending.voice = synthesizer.info.name
            try:
                await self._synthesize(request, synthesizer, speech, room, pending.times)
                if pending.times.tts_first is not None:
                    line.served(synthesizer)
                return
            except EngineError as error:
                line.failed(synthesizer, error)
                if isinstance(error, EngineCutShort):
                    request, left = self._go_on(error, request, left, speech)
                    continue
                if not again and not (error.retryable and self._circuits.usable(synthesizer)):
                    left.pop(0)
                if not left or speech.cancelled or pending.times.tts_first is not None:
                    raise
                log.warning("synthesizer failed", engine=error.engine, error=str(error))
                self._reports.engine_failed("tts", error)

    def _go_on(
        self, error: EngineCutShort, request: SpeechRequest, left: list[tuple[Synthesizer, bool]], speech: Speech
    ) -> tuple[SpeechRequest, list[tuple[Synthesizer, bool]]]:
        """What the others are to speak of a clause that one broke off; nothing of it when nothing is left.

        Raises:
            EngineCutShort: there is no other, or nobody listens any more.
        """
        others = [each for each in left if each[0].info.name != error.engine]
        if speech.cancelled or (error.rest and not others):
            raise error
        log.warning("synthesizer broke off", engine=error.engine, error=str(error), rest=len(error.rest))
        self._reports.engine_failed("tts", error)
        return replace(request, text=error.rest), others if error.rest else []

    async def _speak_ahead(
        self, pending: Pending, ahead: Ahead, line: Line[Synthesizer], speech: Speech, room: asyncio.Event
    ) -> bool:
        """Speak what was synthesized ahead; False where that gave no sound.

        Raises:
            EngineError: it ended in the middle.
        """
        times = pending.times
        pending.voice = ahead.voice
        asked = [synthesizer for synthesizer in self._synthesizers if synthesizer.info.name == ahead.voice]
        try:
            while not speech.cancelled and (pcm := await ahead.next_piece()) is not None:
                times.tts_begin, times.tts_first = ahead.tts_begin, ahead.tts_first
                await _write(speech, pcm, room)
        except EngineError as error:
            for synthesizer in asked:
                line.failed(synthesizer, error)
            if speech.cancelled or times.tts_first is not None:
                raise
            log.warning("synthesizer failed", engine=error.engine, error=str(error))
            self._reports.engine_failed("tts", error)
        else:
            if times.tts_first is not None:
                for synthesizer in asked:
                    line.served(synthesizer)
        return speech.cancelled or times.tts_first is not None

    async def _synthesize(
        self, request: SpeechRequest, synthesizer: Synthesizer, speech: Speech, room: asyncio.Event, times: ClauseTimes
    ) -> None:
        name = synthesizer.info.name
        self._circuits.of(synthesizer).asked += len(request.text)
        with crashes_of(name):
            pieces = cast("AsyncGenerator[Pcm, None]", synthesizer.synthesize(request))
        try:
            while not speech.cancelled:
                try:
                    async with asyncio.timeout(TTS_DEADLINE):
                        with crashes_of(name):
                            pcm = await anext(pieces, None)
                except TimeoutError:
                    raise EngineTimeout(name, f"no audio for {TTS_DEADLINE * 1000:.0f} ms") from None
                if pcm is None:
                    if times.tts_first is None:
                        raise EngineRejected(name, "gave no audio for this text")
                    return
                if len(pcm) and times.tts_first is None:
                    times.tts_first = self._clock()
                await _write(speech, pcm, room)
        finally:
            # Engines give async generators; closing one at once is what cancels its synthesis.
            if error := await let_go(name, lambda: pieces.aclose()):
                self._reports.engine_failed("tts", error)


async def _write(speech: Speech, pcm: Pcm, room: asyncio.Event) -> None:
    """Write in pieces of READY_FRAMES, waiting while that much lies ready; a cancelled speech takes no more."""
    piece = READY_FRAMES * FRAME_SAMPLES
    for start in range(0, len(pcm), piece):
        while speech.full and not speech.cancelled:
            room.clear()
            await room.wait()
        if speech.cancelled:
            return
        speech.write(pcm[start : start + piece])
