"""One speaking leg: its recognition, its clauses, and a chain per language in which somebody listens or reads."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from dragoman.engines.availability import Availability
from dragoman.engines.base import Hypothesis, Recognizer, StreamRequest
from dragoman.errors import EngineError
from dragoman.media.format import SAMPLE_RATE
from dragoman.pipeline.chain import Chain
from dragoman.pipeline.clause import Clause, ClauseSegmenter
from dragoman.pipeline.completeness import Completeness, Ears
from dragoman.pipeline.cuts import LAST_WORD
from dragoman.pipeline.latency import ClauseTimes
from dragoman.pipeline.options import DEFAULTS, PipelineOptions
from dragoman.pipeline.ports import NO_TERMS, LegAudio, Terms
from dragoman.pipeline.prefix import STABLE_AFTER
from dragoman.pipeline.recognition import Recognition
from dragoman.pipeline.sounding import Dropped, OwnWords
from dragoman.telephony.model import Leg

log = structlog.get_logger(__name__)

DRAIN_DEADLINE = 20.0
"""Seconds after a speaker left in which what he said is still recognised, translated and spoken."""


class LegReports(Protocol):
    """Whom a leg tells what its speaker says."""

    def partial(self, leg: Leg, text: str) -> None:
        """Words as they come; not committed."""

    def committed(self, leg: Leg, clause: Clause, times: ClauseTimes) -> None:
        """A clause in the speaker's own language."""

    def recogniser_failed(self, leg: Leg, error: EngineError, behind_s: float) -> None:
        """The stream died; it is being opened again, and gets again the last ``behind_s`` seconds."""

    def recogniser_changed(self, leg: Leg, before: str, after: str) -> None:
        """Another engine hears this leg now; both by name."""

    def recogniser_missing(self, leg: Leg, error: EngineError) -> None:
        """This leg can have no stream for now; told once, until it had one again."""

    def pressed(self, leg: Leg, stage: str, seconds: float) -> None:
        """A stage fell behind by so much, and what is beside it is held back for that."""

    def not_recognised(self, leg: Leg, start: float, end: float) -> None:
        """What he said between these monotonic times was heard by no recogniser, and never will be."""

    def echoed(self, leg: Leg, echo: Dropped) -> None:
        """Words that were recognised are left out: his phone was played them, and sent them back."""

    def chain_crashed(self, leg: Leg) -> None:
        """What translates and speaks into one language ended by a bug of ours; it begins again at the next clause."""


class SpeakingLeg:
    """Runs from the tap's first audio until the speaker left and all he said was spoken."""

    def __init__(
        self,
        leg: Leg,
        recognizers: Sequence[Recognizer],
        make_chain: Callable[[Leg, str], Chain],
        reports: LegReports,
        clock: Callable[[], float],
        numbers: Iterator[int] | None = None,
        options: PipelineOptions = DEFAULTS,
        circuits: Mapping[str, Availability] | None = None,
        terms: Terms = NO_TERMS,
        own: OwnWords | None = None,
    ) -> None:
        """No ``recognizers``: no engine knows this language; the leg listens only. ``numbers``: of its clauses.

        ``terms``: the room's glossary; its recogniser knows those of the moment it came. ``own`` tells his words from
        echoes; None: all are his.
        """
        agreement = recognizers[0].info.interim_agreement if recognizers else 0
        self.leg = leg
        self._own = own
        self._make_chain = make_chain
        self._reports = reports
        self._clock = clock
        self._segmenter = ClauseSegmenter(
            leg.id,
            leg.language,
            numbers,
            agreement=agreement or STABLE_AFTER,
            by_clause=options.by_clause and agreement > 0,
        )
        self._completeness = (
            Completeness(leg.language, by_clause=options.by_clause) if options.speculate and agreement else None
        )
        self._chains: dict[str, tuple[Chain, asyncio.Task[None]]] = {}
        self._past: Counter[str] = Counter()  # totals of chains that ended
        self._committed = 0  # audio time up to which he was understood
        self._targets: frozenset[str] = frozenset()
        self._group: asyncio.TaskGroup | None = None
        self._deadline: asyncio.Timeout | None = None
        self._audio: LegAudio | None = None
        self.closed = asyncio.Event()
        """Set when the speaker left."""
        self.recognition: Recognition | None = None
        if recognizers:
            self.recognition = recognition = Recognition(
                StreamRequest(leg.id, leg.room, leg.language, terms.keyterms(leg.language)),
                recognizers,
                self._segmenter.ledger,
                self._on_hypothesis,
                clock,
                circuits,
                options.finalize_after_ms,
            )
            self.recognition.on_error = lambda error: reports.recogniser_failed(leg, error, recognition.behind_s)
            self.recognition.on_change = lambda before, after: reports.recogniser_changed(leg, before, after)
            self.recognition.on_behind = lambda seconds: reports.pressed(leg, "asr", seconds)
            self.recognition.on_lost = self._lost
            self.recognition.on_missing = lambda error: reports.recogniser_missing(leg, error)

    @property
    def chains(self) -> tuple[Chain, ...]:
        """One per language somebody listens to or reads."""
        return tuple(chain for chain, _ in self._chains.values())

    @property
    def speaking(self) -> bool:
        """Whether the VAD hears speech now."""
        return self.recognition is not None and self.recognition.speaking

    @property
    def unspoken_since(self) -> float | None:
        """When the oldest was said that is wanted and neither spoken nor read, monotonic seconds; None: all was."""
        marks = [chain.meter.since for chain in self.chains]
        if (start := self._uncommitted()) is not None and self._audio is not None:
            marks.append(self._audio.time_of(start))
        return min((mark for mark in marks if mark is not None), default=None)

    def _uncommitted(self) -> int | None:
        """From where on (audio time) something was said that is wanted and is no clause yet; None: all was."""
        if self.recognition is None or not self.recognition.wanted:
            return None
        known = self._segmenter.ledger.committed_until
        starts = (self.recognition.feed.since, self._segmenter.since)
        return min((max(start, known) for start in starts if start is not None), default=None)

    @property
    def echoed_words(self) -> int:
        """Recognised words that were left out as an echo."""
        return 0 if self._own is None else self._own.echoed_words

    def totals(self) -> Counter[str]:
        """What was merged, started again, given up and heard twice so far; see Conference.totals."""
        totals = Counter(self._past)
        for chain in self.chains:
            totals.update(chain.totals())
        totals["early_words"] = self._segmenter.early.committed
        totals["revised_words"] = self._segmenter.early.revised
        totals["repeated_words"] = self._segmenter.ledger.repeats
        totals["echoed_words"] = self.echoed_words
        totals["echoes"] = 0 if self._own is None else self._own.echoes
        if self.recognition is not None:
            totals["recognizer_restarts"] = self.recognition.restarts
            totals["recognizer_dropped_ms"] = self.recognition.dropped * 1000 // SAMPLE_RATE
        return totals

    def attach(self, audio: LegAudio) -> None:
        """The tap is up: hear it from now on; once, before ``run``."""
        self._audio = audio
        self._committed = audio.end
        if self.recognition is not None:
            self.recognition.attach(audio)

    def want(self, targets: Iterable[str], source_captions: bool) -> None:
        """Into which languages this leg is to be translated now, and whether somebody reads its own words."""
        recognition = self.recognition
        if recognition is None or self.closed.is_set():
            return  # what was said is still wanted by those for whom it was said
        self._targets = frozenset(targets)
        recognition.want(bool(self._targets) or source_captions)
        if not recognition.wanted:
            self._segmenter.flush()  # said for those who left; whoever comes later begins at the next clause
        if self._group is None:
            return
        self._start_chains(self._group)
        for target in self._chains.keys() - self._targets:
            self._chains[target][0].unwanted = True
            self._forget(target).cancel()

    def rest(self) -> None:
        """Recognise nothing more, until ``want``; what was said until now is still spoken."""
        if self.recognition is None or self.closed.is_set():
            return
        self.recognition.want(False)
        now = self._clock()
        for clause in self._segmenter.flush():
            self._commit(clause, now, now)

    def close(self) -> None:
        """The speaker left; ``run`` ends when what he said was spoken, or at a deadline. Idempotent."""
        if self.closed.is_set():
            return
        self.closed.set()
        if self.recognition is not None:
            self.recognition.close()
        self._limit()

    async def run(self) -> None:
        """Hear, translate, speak."""
        recognition = self.recognition
        if recognition is None:
            return
        with structlog.contextvars.bound_contextvars(room=self.leg.room, leg=self.leg.id):
            try:
                async with asyncio.timeout(None) as self._deadline, asyncio.TaskGroup() as self._group:
                    self.want(self._targets, recognition.wanted)
                    self._limit()
                    await self._recognise(recognition)
            except TimeoutError:
                log.warning("what was said is given up", after_s=DRAIN_DEADLINE)
                self._give_up(recognition)
            finally:
                self._group = self._deadline = None
                self._let_go(recognition)

    def _let_go(self, recognition: Recognition) -> None:
        """Nothing more is said: what holds itself waits for the garbage collector, up to 640 KB of audio need not."""
        recognition.attach(None)
        self._audio = None

    def _limit(self) -> None:
        if self._deadline is not None and self.closed.is_set():
            self._deadline.reschedule(asyncio.get_running_loop().time() + DRAIN_DEADLINE)

    async def _recognise(self, recognition: Recognition) -> None:
        await recognition.run()
        now = self._clock()
        for clause in self._segmenter.flush():
            self._commit(clause, now, now)
        self._give_up(recognition)  # he left, and no stream was to be had
        for chain, _ in self._chains.values():
            chain.close()

    def _give_up(self, recognition: Recognition) -> None:
        """What is no clause by now never will be; told once."""
        if (start := self._uncommitted()) is not None and self._audio is not None and start < self._audio.end:
            self._lost(start, self._audio.end)
        recognition.want(False)

    def _lost(self, start: int, stop: int) -> None:
        if self._audio is not None:
            self._reports.not_recognised(self.leg, self._audio.time_of(start), self._audio.time_of(stop))

    def _start_chains(self, group: asyncio.TaskGroup) -> None:
        for target in self._targets - self._chains.keys():
            chain = self._make_chain(self.leg, target)
            chain.meter.talked = self._talked
            self._chains[target] = (chain, group.create_task(self._run_chain(chain)))

    def _forget(self, target: str) -> asyncio.Task[None]:
        chain, task = self._chains.pop(target)
        self._past.update(chain.totals())
        return task

    async def _run_chain(self, chain: Chain) -> None:
        """Run one chain; when a bug of ours ends it, the other languages and the recognition go on."""
        with structlog.contextvars.bound_contextvars(target=chain.target):
            try:
                await chain.run()
            except Exception:
                self._reports.chain_crashed(self.leg)
                log.exception("chain crashed")
                if chain in self.chains:
                    self._forget(chain.target)

    def _on_hypothesis(self, hypothesis: Hypothesis, asked: float, now: float) -> None:
        if self.recognition is None or not self.recognition.wanted:
            return  # its stream is being closed
        if self._own is not None and self._audio is not None:
            hypothesis, echo = self._own.take(hypothesis, self._audio, now)
            if echo is not None:
                self._reports.echoed(self.leg, echo)
        pause = self.recognition.feed.paused_at
        clauses = self._segmenter.feed(hypothesis, pause)
        partial = self._segmenter.partial
        if not hypothesis.is_final and not clauses:
            self._reports.partial(self.leg, partial)
        if asked >= now and not hypothesis.end_of_utterance:
            asked = 0.0  # nobody waited for an end of speech
        for clause in clauses:
            self._commit(clause, asked, now)
        for chain, _ in self._chains.values():
            chain.coming(partial)
        if self._completeness is not None and self._audio is not None:
            ears = Ears(hypothesis.upto, self._audio.heard_until, self._audio.end, pause)
            likely = self._completeness.judge(self._segmenter.foreseen(), ears)
            for chain, _ in self._chains.values():
                chain.foresee(likely)

    def _talked(self) -> float:
        """Seconds for which he has talked since his last clause, or since he began: words of it are known later."""
        recognition, audio = self.recognition, self._audio
        if recognition is None or audio is None or not recognition.speaking:
            return 0.0
        if audio.heard_until - self._committed <= LAST_WORD:
            return 0.0  # that was the clause's last word
        return (audio.heard_until - max(self._committed, recognition.feed.began)) / SAMPLE_RATE

    def _commit(self, clause: Clause, asked: float, recognised: float) -> None:
        if self.recognition is not None:
            clause = replace(clause, heard_by=self.recognition.engine)
        self._committed = clause.end
        said = recognised if self._audio is None else min(self._audio.time_of(clause.end), recognised)
        times = ClauseTimes(said, max(asked, said), recognised, self._clock())
        if self.recognition is not None and (tried := self.recognition.waited.tried(times.finalized)):
            times.tried["asr"] = tried
        self._reports.committed(self.leg, clause, times)
        if self._group is not None:
            self._start_chains(self._group)  # those that crashed
        for chain, _ in self._chains.values():
            chain.offer(clause, times.copy())
