"""Feeds one leg's speech to a recogniser and hands its hypotheses on; survives the recogniser."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import structlog

from dragoman.engines.base import Hypothesis, Recognizer, RecognizerStream, StreamRequest
from dragoman.engines.faults import crashes_of, let_go
from dragoman.errors import EngineCrashed, EngineError, EngineTimeout
from dragoman.media.format import SAMPLE_RATE, ms_to_samples
from dragoman.pipeline.completeness import looks_unfinished
from dragoman.pipeline.feed import FeedPlan, Finalize, Push
from dragoman.pipeline.ledger import WordLedger
from dragoman.pipeline.ports import LegAudio

log = structlog.get_logger(__name__)

RESTART_DELAYS = (0.0, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds before a lost stream is opened again; the first time at once, then slower, the last for ever. Streams that
open, but die this many times in a row without a final, may die of what they hear: each further one costs an utterance.
"""

OPEN_DEADLINE = 5.0
"""Seconds a recogniser may take to open a stream: a connection through a proxy, with its TLS, takes under two."""

PUSH_DEADLINE = 3.0
"""Seconds a stream may take to accept audio or a finalize; what it left is replayed to the next stream."""

WATCH = 0.5
"""Seconds between two looks at whether that is kept."""

FINAL_DEADLINE = 3.0
"""Seconds a recogniser may take for the final after it was asked; then the stream counts as dead. One that was given
a replay may take that much longer."""

NOT_OPEN = f"no stream within {OPEN_DEADLINE:g} s"
STALLED = f"took no audio for {PUSH_DEADLINE:g} s"

T = TypeVar("T")

OnHypothesis = Callable[[Hypothesis, float, float], None]
"""Called with (hypothesis, monotonic time of the finalize it answers or of now, now)."""


class Recognition:
    """One leg's recognition; the media plane's listener of that leg.

    A stream is opened on the first speech that somebody wants (a room of one language opens none) and kept
    until nobody does. When it dies or stops answering, a new one is opened and gets again what has no final; the
    ledger keeps any word from being committed twice.
    """

    def __init__(
        self,
        request: StreamRequest,
        recognizer: Recognizer,
        ledger: WordLedger,
        on_hypothesis: OnHypothesis,
        clock: Callable[[], float],
        finalize_after_ms: int = 0,
    ) -> None:
        """``on_hypothesis`` runs in a task of ``run`` and must not block.

        ``finalize_after_ms``: pause inside an utterance at which a final is asked, of engines that allow it; 0: never.
        """
        self._request = request
        self._recognizer = recognizer
        self._ledger = ledger
        self._on_hypothesis = on_hypothesis
        self._clock = clock
        info = recognizer.info
        early = ms_to_samples(finalize_after_ms) if info.early_finalize else 0
        self._plan = FeedPlan(ms_to_samples(info.chunk_ms), continuous=info.continuous, early=early)
        self._audio: LegAudio | None = None
        self.wanted = False
        """Whether anybody needs this leg's words now."""
        self._closing = False
        self._wake = asyncio.Event()
        self._finalized: deque[float] = deque()
        self._owed: float | None = None  # until when the stream must have taken what it was given
        self._failures = 0  # streams lost in a row without a final
        self._replayed = 0.0  # seconds that a new stream may need more, until it caught up
        self.open = False
        """Whether a stream is open now."""
        self.speaking = False
        """Whether the VAD hears speech now."""
        self.restarts = 0
        self.on_error: Callable[[EngineError], None] = lambda error: None

    @property
    def dropped(self) -> int:
        """Samples given up because the recogniser fell behind."""
        return self._plan.dropped

    def attach(self, audio: LegAudio) -> None:
        """Read from this audio; once, before ``run``."""
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
        while await self._until_speech():
            opened = False
            try:
                stream = await self._within(OPEN_DEADLINE, self._recognizer.open(self._request), NOT_OPEN)
                opened = True
                await self._session(stream)
            except* EngineError as group:
                self._lost(group, opened)
            else:
                self._failures = 0
            if self._failures:
                if self._closing and self._failures >= len(RESTART_DELAYS):
                    return
                await asyncio.sleep(RESTART_DELAYS[min(self._failures, len(RESTART_DELAYS)) - 1])

    def _lost(self, group: BaseExceptionGroup[EngineError], opened: bool) -> None:
        self._failures += 1
        self.restarts += 1
        for error in group.exceptions:
            if isinstance(error, EngineError):
                self.on_error(error)
                log.warning("recogniser lost", engine=error.engine, error=str(error), failures=self._failures)
        if opened and self._failures > len(RESTART_DELAYS) and self._audio is not None:
            self._plan.give_up_oldest(self._audio.end)

    async def _until_speech(self) -> bool:
        """Wait for speech that somebody wants; False when closed and nothing is left."""
        while True:
            self._tell_over()
            if self._closing and not (self.wanted and self._plan.active):
                return False
            if self.wanted and self._plan.active:
                return True
            if not self.wanted and self._audio is not None:
                self._plan.forget(self._audio.end)
            self._wake.clear()
            await self._wake.wait()

    async def _session(self, stream: RecognizerStream) -> None:
        self.open = True
        self._finalized.clear()
        if self._audio is not None:
            self._plan.replay(self._ledger.committed_until, self._audio.end)
        self._replayed = self._plan.lag / SAMPLE_RATE
        try:
            async with asyncio.TaskGroup() as group:
                beside = (group.create_task(self._read(stream)), group.create_task(self._watch()))
                await self._feed(stream)
                for task in beside:
                    task.cancel()
        finally:
            self.open = False
            self._owed = None
            if error := await let_go(self._recognizer.info.name, lambda: stream.aclose()):
                self.on_error(error)

    async def _feed(self, stream: RecognizerStream) -> None:
        while True:
            audio = self._audio
            if audio is None or not self.wanted:
                return
            self._tell_over()
            step = self._plan.step(audio.end, audio.heard_until)
            if isinstance(step, Push):
                pcm = audio.read(step.start, step.stop)
                await self._taken(stream.push(pcm, step.start))
            elif isinstance(step, Finalize):
                self._finalized.append(self._clock())
                await self._taken(stream.finalize(step.at))
            elif self._closing and not self._plan.active:
                return
            else:
                await self._wait(audio)

    def _tell_over(self) -> None:
        """An utterance whose early final came has ended: the speaker did not go on behind his pause."""
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
        left = self._finalized[0] + allowed - self._clock() if self._finalized else allowed
        await self._within(max(left, 0), self._wake.wait(), f"no final within {allowed:.3g} s of being asked for it")

    async def _taken(self, doing: Awaitable[None]) -> None:
        """Await that the stream takes audio or a finalize. A deadline of its own would cost each push a timer."""
        self._owed = self._clock() + PUSH_DEADLINE
        try:
            with crashes_of(self._recognizer.info.name):
                await doing
        except TimeoutError as error:
            raise EngineTimeout(self._recognizer.info.name, str(error) or STALLED) from None
        self._owed = None

    async def _watch(self) -> None:
        """Raises EngineTimeout, which ends the session, when the stream has not taken in time what it was given."""
        while True:
            await asyncio.sleep(WATCH)
            if self._owed is not None and self._clock() >= self._owed:
                raise EngineTimeout(self._recognizer.info.name, STALLED)

    async def _read(self, stream: RecognizerStream) -> None:
        name = self._recognizer.info.name
        hypotheses = aiter(stream)
        while True:
            with crashes_of(name):
                hypothesis = await anext(hypotheses, None)
            if hypothesis is None:
                raise EngineCrashed(name, "the stream ended by itself")
            now = self._clock()
            asked = now
            if not hypothesis.is_final:
                self._plan.interim(
                    hypothesis.upto, unfinished=looks_unfinished(hypothesis.words, self._request.language)
                )
            if hypothesis.end_of_utterance:
                if not self._plan.answered():
                    hypothesis = replace(hypothesis, end_of_utterance=False)
                self._failures = 0
                if self._finalized:
                    asked = self._finalized.popleft()
                if not self._plan.awaiting_final:
                    self._replayed = 0.0
                self._wake.set()
            self._on_hypothesis(hypothesis, asked, now)

    async def _within(self, seconds: float, doing: Awaitable[T], what: str) -> T:
        """Await what the recogniser owes us; raises EngineTimeout with ``what`` when it takes longer."""
        try:
            async with asyncio.timeout(seconds):
                with crashes_of(self._recognizer.info.name):
                    return await doing
        except TimeoutError:
            raise EngineTimeout(self._recognizer.info.name, what) from None
