"""One speaker into one language: translate each clause, then speak it at that language's booth, in order."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial

from dragoman.engines.base import SpeechRequest, Synthesizer, Translation, TranslationRequest
from dragoman.engines.circuits import Circuits
from dragoman.errors import EngineError
from dragoman.media.format import SAMPLE_RATE
from dragoman.pipeline import catchup
from dragoman.pipeline.booth import BoothMixer
from dragoman.pipeline.clause import Clause
from dragoman.pipeline.completeness import Foreseen
from dragoman.pipeline.cuts import MAX_CLAUSE
from dragoman.pipeline.delivery import TTS_DEADLINE, Delivery
from dragoman.pipeline.lag import LagMeter
from dragoman.pipeline.latency import ClauseTimes
from dragoman.pipeline.pending import BEHIND, ChainReports, Pending, merge_pending
from dragoman.pipeline.ports import NO_TERMS, Stretcher, Terms, Translates
from dragoman.pipeline.pressure import MT_LIMIT
from dragoman.pipeline.queues import QueueClosed, StageQueue
from dragoman.pipeline.speculation import Ahead, Speculations

MT_DEPTH = 6
"""Clauses that may wait for the translator before neighbours are merged: better merged than late."""

TTS_DEPTH = 4
"""Translated clauses that may wait for the booth; then translation is held back (design: 2-4 clauses ahead)."""

TTS_DEPTH_LATE = 2
"""The same while the chain is far behind: what is not translated yet can still be merged."""

CONTEXT = 3
"""Clauses of the same speaker given to the translator as context (DeepL: "last 2-3 utterances")."""


def keep_tempo() -> Stretcher | None:
    """There is nothing that could speak faster."""
    return None


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
        stretcher: Callable[[], Stretcher | None] = keep_tempo,
        fastest: float = catchup.FASTEST,
    ) -> None:
        """``synthesizers``: asked in their order of then; without any, and without a booth, clauses end as captions.

        ``mixer`` gives the target's booth while somebody listens there. ``circuits``: those that all chains share.
        ``terms``: the room's glossary. ``stretcher`` makes what changes the tempo of speech, or nothing; ``fastest``:
        how many times as fast as its synthesizer a chain that is behind may speak, 1.0: never faster.
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
        self._group: asyncio.TaskGroup | None = None
        self._translating: Pending | None = None
        self.unwanted = False
        """Whether nobody needs it any more: what it had not spoken when it is cancelled is missed by nobody."""
        self._speculations = Speculations(self._begin)
        self.meter = LagMeter()
        self.mt_queue: StageQueue[Pending] = StageQueue("mt", MT_DEPTH, merge_pending)
        self.tts_queue: StageQueue[Pending] = StageQueue("tts", TTS_DEPTH)
        self.delivery = Delivery(
            speaker,
            target,
            synthesizers,
            mixer,
            reports,
            clock,
            self._circuits,
            self._request,
            self.meter,
            stretcher,
            fastest,
            self.tts_queue,
        )

    def offer(self, clause: Clause, times: ClauseTimes) -> None:
        """Take a committed clause; never waits."""
        began = times.said - (clause.end - clause.start) / SAMPLE_RATE
        load = self.meter.open(len(clause.text), began)
        pending = Pending(clause, times, ahead=self._speculations.take(clause), load=load)
        newest = self.mt_queue.newest
        length = clause.end - newest.clause.start if newest is not None else 0
        backlog = self.meter.backlog
        self.mt_queue.offer(pending, merge=backlog > catchup.MERGE and length <= MAX_CLAUSE)
        if backlog > catchup.DROP and self._mixer() is not None:
            self._give_up()

    def coming(self, text: str) -> None:
        """What the speaker has said since his last clause, as far as it is known."""
        self.meter.coming = len(text)

    def foresee(self, likely: Sequence[Foreseen]) -> None:
        """What will probably be committed next; never waits.

        While clauses wait here for their turn, nothing is begun: it would be ready too soon, and perhaps for nothing.
        """
        if self._group is not None:
            self._speculations.foresee(likely, begin=not (len(self.mt_queue) or len(self.tts_queue)))

    def totals(self) -> Counter[str]:
        """What was merged and foreseen so far; see Conference.totals."""
        delivery = self.delivery
        counts = Counter(
            merged_clauses=self.mt_queue.merged,
            tempo_saved_ms=max(delivery.saved, 0) * 1000 // SAMPLE_RATE,
        )
        for what, count in self._speculations.counts.items():
            counts[f"speculations_{what}"] += count
        return counts

    def close(self) -> None:
        """No more clauses come; what was said is still translated and spoken. Idempotent."""
        self._speculations.drop_all()
        self.meter.coming = 0
        self.mt_queue.close()

    async def run(self) -> None:
        """Translate and speak; an engine's failure costs the clause, not the chain."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._translate_all())
                group.create_task(self._speak_all())
        finally:  # cancelled or crashed, unless nothing is left
            self.delivery.silence(unwanted=self.unwanted)
            for pending in (self._translating, *self.mt_queue):
                if pending is not None:
                    self.delivery.lose(pending, unwanted=self.unwanted)

    async def _translate_all(self) -> None:
        try:
            while True:
                self._translating = None
                self._translating = pending = await self.mt_queue.get()
                pending.times.mt_begin = self._clock()
                context = tuple(self._context)
                self._context.append(pending.clause.text)
                try:
                    if not await self._use_ahead(pending):
                        pending.translation = await self._translate(pending.clause, context)
                        pending.times.mt_end = self._clock()
                except EngineError as error:
                    pending.times.tried["mt"] = list(error.tried)
                    self.delivery.drop(pending, "mt", error)
                    continue
                await self._hand_on(pending)
        except QueueClosed:
            self.tts_queue.close()
        finally:
            self._group = None  # closed, cancelled or crashed: nothing more is begun

    async def _hand_on(self, pending: Pending) -> None:
        """A translated clause: to the booth where there is one, to the readers in any case."""
        if pending.translation is not None:
            self.meter.translated(pending.load, len(pending.translation.text))
            pending.times.tried["mt"] = list(pending.translation.tried)
        took = (pending.times.mt_end or 0.0) - (pending.times.mt_begin or 0.0)
        if took > MT_LIMIT:
            self._reports.pressed(self.target, "mt", took)
        self._reports.translated(self.target, pending)
        if pending.given_up:
            pending.release()
            self.delivery.drop(pending, BEHIND, None)
            return
        if self._mixer() is None:
            pending.load.close()
            pending.release()
            self._reports.read(self.target, pending)
            return
        self.tts_queue.depth = TTS_DEPTH_LATE if self.meter.backlog > catchup.MERGE else TTS_DEPTH
        await self.tts_queue.put(pending)

    def _give_up(self) -> None:
        """Of what does not sound yet, the oldest clauses will not be spoken; readers have or get their text."""
        newest = self.mt_queue.newest
        for queue in (self.tts_queue, self.mt_queue):
            for pending in queue:
                if pending is newest or self.meter.backlog <= catchup.KEEP:
                    return
                if pending.given_up:
                    continue
                pending.given_up = True
                pending.load.close()
                pending.release()
                if queue is self.tts_queue:  # else it is told when it has a text
                    self.delivery.drop(pending, BEHIND, None)

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
            await self.delivery.run()
        finally:
            self._group = None
