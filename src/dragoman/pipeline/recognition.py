"""Feeds one leg's speech to a recogniser and hands its hypotheses on; survives the recogniser."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import structlog

from dragoman.engines.availability import Availability
from dragoman.engines.base import EngineInfo, Hypothesis, Recognizer, RecognizerStream, StreamRequest, Word
from dragoman.engines.faults import crashes_of, let_go, words_of
from dragoman.errors import EngineBusy, EngineDenied, EngineError, EngineSilent, EngineTimeout
from dragoman.media.format import SAMPLE_RATE, ms_to_samples
from dragoman.pipeline.completeness import looks_unfinished
from dragoman.pipeline.feed import FeedPlan, Finalize, Push
from dragoman.pipeline.finals import FINAL_DEADLINE, Finals
from dragoman.pipeline.ledger import RECENT, WordLedger
from dragoman.pipeline.ports import LegAudio, OnHypothesis
from dragoman.pipeline.preference import MISSING_AFTER, RESTART_DELAYS, SECOND_LOSS, Preference
from dragoman.pipeline.prefix import STABLE_AFTER, StablePrefix
from dragoman.pipeline.probe import NOT_OPEN, OPEN_DEADLINE, Prober, within
from dragoman.pipeline.wake import Wake, every
from dragoman.recovery.asr import SilenceWatch

log = structlog.get_logger(__name__)

PUSH_DEADLINE = 3.0
"""Seconds a stream may take to accept audio or a finalize; what it left is replayed to the next stream. A replay comes
in pieces of a second (feed.MAX_PUSH), which an engine that paces it at 1.25 times real time takes in 0.8 s."""

WATCH = 0.2
"""Seconds between two looks at whether that is kept: what a stall takes longer than it must."""

LONG_REPLAY = ms_to_samples(5000)
"""Audio without a final from which on its stable words are kept when a stream dies: at 1.25 times real time, hearing it
again would take 20 s to catch up with the speaker."""

STALLED = f"took no audio for {PUSH_DEADLINE:g} s"


class Recognition:
    """One leg's recognition; the media plane's listener of that leg.

    A stream is opened on the first speech that somebody wants (a room of one language opens none), or as soon as it is
    wanted where the engine says so, and kept until nobody does. When it dies or stops answering, a new one is opened,
    by the same recogniser or the next, and gets again what has no final; the ledger keeps any word from being committed
    twice. A recogniser that is preferred to the one in use is probed beside it, and takes over between two utterances.
    """

    def __init__(
        self,
        request: StreamRequest,
        recognizers: Sequence[Recognizer],
        ledger: WordLedger,
        on_hypothesis: OnHypothesis,
        clock: Callable[[], float],
        circuits: Mapping[str, Availability] | None = None,
        finalize_after_ms: int = 0,
    ) -> None:
        """``recognizers`` in order of preference, one at least; ``circuits`` by engine name, shared by all legs.

        ``on_hypothesis`` runs in a task of ``run`` and must not block.
        ``finalize_after_ms``: pause inside an utterance at which a final is asked, of engines that allow it; 0: never.
        """
        self._request = request
        self._recognizers = tuple(recognizers)
        self._ledger = ledger
        self._on_hypothesis = on_hypothesis
        self._clock = clock
        self._circuits = defaultdict(Availability) if circuits is None else circuits
        self._preference = Preference([engine.info.name for engine in self._recognizers], self._circuits)
        self._prober = Prober(self._recognizers, self._preference, self._circuits, request, clock)
        self._now = 0  # index of the recogniser in use
        self._used = self._recognizer.info.name  # of the one that had the last stream
        self._finalize_after = ms_to_samples(finalize_after_ms)
        info = self._recognizer.info
        chunk = ms_to_samples(info.chunk_ms)
        self._plan = FeedPlan(chunk, continuous=info.continuous, early=self._early, leg=request.leg)
        self._audio: LegAudio | None = None
        self.wanted = False
        """Whether anybody needs this leg's words now."""
        self._closing = False
        self._wake = Wake()
        self.waited = Finals()
        """For what, and for whom in vain."""
        self._owed: float | None = None  # until when the stream must have taken what it was given
        self._failures = 0  # times in a row that a stream was not had, or lost without a final
        self._deaths = 0  # of those, streams that had opened: they may die of what they hear
        self._replayed = 0.0  # seconds that a new stream may need more, until it caught up
        self._finals: tuple[Word, ...] = ()  # the last words of which finals told
        self._told: deque[str] = deque(maxlen=4)  # what was told last, which no error is to repeat
        self._stable = StablePrefix(STABLE_AFTER)
        self._silence = SilenceWatch()
        self._busy_at = 0.0  # when there was speech last
        self._release = False
        self._missing = False  # whether it was told that this leg has no recogniser
        self._without: float | None = None  # since when a stream is needed and not had
        self.open = False
        """Whether a stream is open now."""
        self.speaking = False
        """Whether the VAD hears speech now."""
        self.restarts = 0
        self.on_error: Callable[[EngineError], None] = lambda error: None
        self.on_behind: Callable[[float], None] = lambda seconds: None
        """Called when the stream has fallen behind by so many seconds, and its input waits for it."""
        self.on_change: Callable[[str, str], None] = lambda before, after: None
        """Called with the names of two engines, when the second took over from the first."""
        self.on_lost: Callable[[int, int], None] = lambda start, stop: None
        """Called with the stretch of audio time that no recogniser got, or all died of."""
        self.on_missing: Callable[[EngineError], None] = lambda error: None
        """Called once when this leg can have no stream for now, with the reason. Its words wait, the oldest go."""

    @property
    def _recognizer(self) -> Recognizer:
        return self._recognizers[self._now]

    @property
    def _early(self) -> int:
        return self._finalize_after if self._recognizer.info.early_finalize else 0

    @property
    def engine(self) -> str:
        """Name of the recogniser in use."""
        return self._recognizer.info.name

    @property
    def feed(self) -> FeedPlan:
        """What of the audio went to the recogniser, and what the VAD told of it; to be read only."""
        return self._plan

    @property
    def dropped(self) -> int:
        """Samples given up because the recogniser fell behind."""
        return self._plan.dropped

    @property
    def behind_s(self) -> float:
        """Seconds of this leg's speech that no recogniser has given back yet."""
        if self._audio is None or not self._plan.active:
            return 0.0
        return (self._audio.end - self._ledger.known_until(self._finals)) / SAMPLE_RATE

    def attach(self, audio: LegAudio | None) -> None:
        """Read from this audio; once, before ``run``. None: ``run`` has ended, hold it no longer."""
        self._audio = audio

    def on_audio(self, end: int) -> None:
        """LegAudioListener."""
        self._wake.set()

    def on_speech_start(self, at: int) -> None:
        """LegAudioListener."""
        if self._closing:
            return  # the end of his audio is settled: what only came up behind it has none
        self.speaking = True
        self._plan.speech_start(at)
        self._wake.set()

    def on_speech_end(self, at: int) -> None:
        """LegAudioListener."""
        self.speaking = False
        self._plan.speech_end(at)
        if not self.open:
            self.waited.due(at, self._clock())
        self._wake.set()

    def want(self, wanted: bool) -> None:
        """Whether anybody needs this leg's words now; who comes while he speaks gets them from here on."""
        if wanted and not self.wanted and self._audio is not None:
            if not self.speaking:
                self._plan.forget(self._audio.end)
            elif not self._plan.active:  # else he who left came back before his words were forgotten
                self._plan.speech_start(self._audio.end)
        self.wanted = wanted
        self._wake.set()

    def close(self) -> None:
        """The speaker is gone: bring out what he said, then ``run`` ends. Idempotent."""
        if not self._closing and self._audio is not None:
            self._plan.finish(self._audio.end)
        self._closing = True
        self.speaking = False
        self._wake.set()

    async def run(self) -> None:
        """Until ``close`` and the last final; never raises an EngineError."""
        while await self._until_needed():
            self._now, wait = self._preference.choose(self._clock())
            if wait > 0:
                if self._closing and (wait > RESTART_DELAYS[-1] or self._failures >= len(RESTART_DELAYS)):
                    return
                await asyncio.sleep(min(wait, RESTART_DELAYS[-1]))
                continue
            opened = False
            began = self.waited.opening(self._clock())
            self._without = began if self._without is None else self._without
            try:
                stream = await within(OPEN_DEADLINE, self.engine, self._recognizer.open(self._request), NOT_OPEN)
                opened = True
                await self._session(stream)
            except* EngineError as group:
                self._lost(group, opened)
            else:
                self._failures = self._deaths = 0
            if self._closing and self._failures >= len(RESTART_DELAYS):
                return

    def _lost(self, group: BaseExceptionGroup[EngineError], opened: bool) -> None:
        self._failures += 1
        self._deaths += opened
        self.restarts += 1
        now = self._clock()
        missing: EngineError | None = None
        self.waited.failed(self.engine, now)
        for error in group.exceptions:
            if not isinstance(error, EngineError):
                continue
            self.on_error(error)
            denied = isinstance(error, EngineDenied)
            if self._preference.lost(self._now, error, now, opened=opened):
                log.error("recogniser not used for now", engine=error.engine, error=str(error))
            elif not denied:  # that is said once, for all legs
                log.warning("recogniser lost", engine=error.engine, error=str(error), failures=self._failures)
            _, wait = self._preference.choose(now)
            told = wait > 0 and isinstance(error, EngineBusy | EngineDenied)
            away = self._without is not None and now - self._without >= MISSING_AFTER and self._preference.alone(now)
            if not self._missing and (told or away):
                self._missing, missing = True, error
        waiting = 0 if self._audio is None else self._audio.end - self._ledger.known_until(self._finals)
        if self._failures >= SECOND_LOSS or (self._plan.active and waiting >= LONG_REPLAY):
            self._keep_stable()
        if opened and self._deaths > len(RESTART_DELAYS) and self._audio is not None:
            self._plan.give_up_oldest(self._audio.end)
            self._tell_over()
        if missing is not None:  # behind the words that were kept of it
            self.on_missing(missing)

    def _keep_stable(self) -> None:
        """Streams die one after the other without a final: what the last one's partials agreed on counts as one.

        Else each would begin again at the same word, and get no further than the one before.
        """
        words = self._stable.words
        self._stable.clear()
        if not words or (self._finals and words[-1].end <= self._finals[-1].end):
            return
        self._finals = words[-RECENT:]
        self._failures = self._deaths = 1
        self._preference.progressed(self._now)
        now = self._clock()
        self._on_hypothesis(Hypothesis(words, is_final=True, end_of_utterance=False, upto=words[-1].end), now, now)

    async def _until_needed(self) -> bool:
        """Wait for speech that somebody wants, or for that want alone; False when closed and nothing is left."""
        while True:
            self._tell_over()
            if self._closing and not (self.wanted and self._plan.active):
                return False
            ahead = self._recognizers[0].info.open_ahead and self._audio is not None
            if self.wanted and (self._plan.active or ahead):
                return True
            if not self.wanted and self._audio is not None:
                self._plan.forget(self._audio.end)
            self._without = None
            self._wake.clear()
            await self._wake.wait()

    async def _session(self, stream: RecognizerStream) -> None:
        info = self._recognizer.info
        self.open = True
        self._missing, self._without = False, None
        if self._used != info.name:
            log.info("another recogniser takes over", before=self._used, after=info.name)
            self.on_change(self._used, info.name)
        self._used = info.name
        self.waited.opened()
        self._silence.opened()
        self._stable = StablePrefix(info.interim_agreement or STABLE_AFTER)
        self._release = False
        self._busy_at = self._clock()
        self._plan.suit(ms_to_samples(info.chunk_ms), continuous=info.continuous, early=self._early)
        if self._audio is not None:
            hurried = self._failures >= 2 * SECOND_LOSS
            known = self._ledger.replay_from(self._finals, self._plan.pauses, hurried=hurried)
            self._ledger.expect(self._plan.replay(known, self._audio.end))
        self._replayed = self._plan.lag / SAMPLE_RATE
        look = partial(self._look, info, ms_to_samples(info.stall_ms))
        try:
            async with asyncio.TaskGroup() as group:
                beside = [group.create_task(self._read(stream)), group.create_task(every(WATCH, look))]
                if self._now > 0:
                    beside.append(group.create_task(self._prober.run(self._now)))
                await self._feed(stream)
                for task in beside:
                    task.cancel()
        finally:
            self.open = False
            self._owed = None
            if error := await let_go(info.name, lambda: stream.aclose()):
                self.on_error(error)

    async def _feed(self, stream: RecognizerStream) -> None:
        plan, name = self._plan, self.engine
        circuit = self._circuits[name]
        while True:
            audio = self._audio
            if audio is None or not self.wanted or (self._release and not plan.active):
                return
            self._tell_over()
            step = plan.step(audio.end, audio.heard_until)
            if behind := plan.take_behind():
                self.on_behind(behind)
            if isinstance(step, Push):
                pcm = audio.read(step.start, step.stop)
                circuit.asked += len(pcm)
                await self._taken(name, stream.push(pcm, step.start))
                self._silence.given(len(pcm), self._clock())
            elif isinstance(step, Finalize):
                self.waited.ask(step.at, self._clock())
                await self._taken(name, stream.finalize(step.at))
            elif self._closing and not plan.active:
                return
            else:
                await self._wait(audio)

    def _tell_over(self) -> None:
        """An utterance ended whose early final came: he did not go on behind it. Also what was given up of others."""
        for start, stop in self._plan.take_lost():
            self.on_lost(start, stop)
        over = self._plan.take_over()
        if over is not None:
            now = self._clock()
            self._on_hypothesis(Hypothesis((), is_final=True, end_of_utterance=True, upto=over), now, now)

    async def _wait(self, audio: LegAudio) -> None:
        self._wake.clear()
        wake_at = self._plan.wake_at
        if wake_at is not None:
            audio.wake_when(wake_at)
        if not self._plan.awaiting_final:
            await self._wake.wait()
            return
        allowed = FINAL_DEADLINE + self._replayed
        left = self.waited.left(self._replayed, self._clock())
        await within(left, self.engine, self._wake.wait(), f"no final within {allowed:.3g} s of being asked for it")

    async def _taken(self, name: str, doing: Awaitable[None]) -> None:
        """Await that the stream takes audio or a finalize. A deadline of its own would cost each push a timer."""
        self._owed = self._clock() + PUSH_DEADLINE
        try:
            with crashes_of(name, said=self._told):
                await doing
        except TimeoutError as error:
            raise EngineTimeout(name, str(error) or STALLED) from None
        self._owed = None

    def _look(self, info: EngineInfo, stall: int) -> None:
        """Raises EngineTimeout, which ends the session, when the stream does not do in time what it promised."""
        now = self._clock()
        if self._owed is not None and now >= self._owed:
            raise EngineTimeout(info.name, STALLED)
        if self._silence.stalled(stall, SAMPLE_RATE, now):
            raise EngineSilent(info.name, f"no partial of {info.stall_ms} ms of speech")
        if self._plan.active:
            self._busy_at = now
        elif self._preference.better(self._now, now) or (info.idle_s and now - self._busy_at >= info.idle_s):
            self._release = True
            self._wake.set()

    async def _read(self, stream: RecognizerStream) -> None:
        name = self._recognizer.info.name
        hypotheses = aiter(stream)
        while True:
            with crashes_of(name, said=self._told):
                hypothesis = words_of(name, await anext(hypotheses, None))
            self._told.append(hypothesis.text)
            now = asked = self._clock()
            self._silence.heard()
            if hypothesis.is_final:
                self._stable.clear()
                self._finals = (*self._finals, *hypothesis.words)[-RECENT:]
            else:
                self._stable.hear(hypothesis.words)
                unfinished = looks_unfinished(hypothesis.words, self._request.language)
                self._plan.interim(hypothesis.upto, unfinished=unfinished)
            if hypothesis.end_of_utterance or (hypothesis.is_final and hypothesis.words):
                self._preference.heard(self._now, self.waited.began)
                self._failures = self._deaths = 0
            if hypothesis.end_of_utterance:
                if not self._plan.answered():
                    hypothesis = replace(hypothesis, end_of_utterance=False)
                asked = self.waited.answered(asked)
                if not self._plan.awaiting_final:
                    self._replayed = 0.0
                self._wake.set()
            self._on_hypothesis(hypothesis, asked, now)
