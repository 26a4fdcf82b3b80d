"""One leg over the fake Deepgram, as a call has it: audio that grows in time, Recognition, segmenter and ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
from tests.engines.asr.audio import GrowingAudio

from dragoman.engines.base import Hypothesis, Recognizer, StreamRequest
from dragoman.errors import EngineError
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.pipeline.clause import Clause, ClauseSegmenter
from dragoman.pipeline.recognition import Recognition


class Leg:
    """A speaker; ``texts`` is what was committed of what he said."""

    def __init__(self, recognizers: Sequence[Recognizer], name: str = "leg", *, by_clause: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.segmenter = ClauseSegmenter(name, "en", by_clause=by_clause)
        self.clauses: list[Clause] = []
        self.errors: list[EngineError] = []
        self.missing: list[EngineError] = []
        self.changes: list[tuple[str, str]] = []
        self.committed_at: list[tuple[float, Clause]] = []
        self.recognition = Recognition(
            StreamRequest(name, "1000", "en"), recognizers, self.segmenter.ledger, self._heard, loop.time
        )
        self.recognition.on_error = self.errors.append
        self.recognition.on_missing = self.missing.append
        self.recognition.on_change = lambda before, after: self.changes.append((before, after))
        self.audio = GrowingAudio(loop.time(), self.recognition)
        self.recognition.attach(self.audio)

    def _heard(self, hypothesis: Hypothesis, asked: float, now: float) -> None:
        for clause in self.segmenter.feed(hypothesis):
            self.clauses.append(clause)
            self.committed_at.append((now, clause))

    @property
    def words(self) -> list[str]:
        return " ".join(clause.text for clause in self.clauses).split()

    async def say(self, pcm: Pcm, pause: float = 1.0) -> None:
        """Speak, and be silent for a while."""
        self.audio.coming = np.concatenate((self.audio.coming, pcm))
        await asyncio.sleep(len(self.audio.coming) / SAMPLE_RATE + pause)


@asynccontextmanager
async def leg(
    *recognizers: Recognizer, name: str = "leg", drain: float = 120.0, by_clause: bool = False
) -> AsyncIterator[Leg]:
    """Somebody listens to it; at the end it leaves, and what it said is brought out."""
    made = Leg(recognizers, name, by_clause=by_clause)
    made.recognition.want(True)
    running = asyncio.create_task(made.recognition.run())
    ticking = asyncio.create_task(made.audio.run())
    try:
        yield made
        made.recognition.close()
        async with asyncio.timeout(drain):
            await running
        made.clauses += made.segmenter.flush()
    finally:
        running.cancel()
        ticking.cancel()
        await asyncio.wait((running, ticking))
