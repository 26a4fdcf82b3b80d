"""Listens now and then to what was spoken in somebody's voice: does it sound like him?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import numpy as np
import structlog

from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.voices.embedders import Samples

log = structlog.get_logger(__name__)

EVERY_S: Final = 5.0
"""Seconds between two clauses that are listened to: ECAPA takes 50 ms of a core per second of speech, so that MOST_S of
it in this time are 6 % of one."""

MOST_S: Final = 6.0
"""Seconds of a clause that are listened to."""


class Judge(Protocol):
    """Who compares (voices.source.LiveVoices)."""

    async def likeness(self, speaker: str, samples: Samples) -> float | None:
        """Cosine of what was spoken for ``speaker`` (16 kHz) with the owner of his profile; None: cannot be told."""


class HasJudge(Protocol):
    """Who has the judge, by now or later (voices.voicing.Voicing)."""

    @property
    def live(self) -> Judge | None:
        """None: nobody is compared with."""


class Likenesses:
    """Takes what was spoken, compares one clause at a time, and tells ``on_likeness``; ``run`` until cancelled.

    One clause waits at most; others that come meanwhile are skipped, and counted.
    """

    def __init__(self, judges: HasJudge) -> None:
        self.on_likeness: Callable[[float], None] = lambda likeness: None
        self._judges = judges
        self._waiting: asyncio.Queue[tuple[str, Pcm]] = asyncio.Queue(1)
        self._counts = {"likeness_scored": 0, "likeness_skipped": 0}

    def counts(self) -> Mapping[str, int]:
        """Clauses that were compared, and those that were not, as another one was."""
        return dict(self._counts)

    def spoken(self, speaker: str, pcm: Pcm) -> None:
        """A clause was spoken in the voice of ``speaker`` (16 kHz). Never waits."""
        try:
            self._waiting.put_nowait((speaker, pcm[: round(MOST_S * SAMPLE_RATE)]))
        except asyncio.QueueFull:
            self._counts["likeness_skipped"] += 1

    async def run(self) -> None:
        """Compare, for ever."""
        while True:
            speaker, pcm = await self._waiting.get()
            await self._score(speaker, pcm)
            await asyncio.sleep(EVERY_S)

    async def _score(self, speaker: str, pcm: Pcm) -> None:
        judge = self._judges.live
        if judge is None:
            return
        try:
            found = await judge.likeness(speaker, pcm.astype(np.float32) / np.float32(32768))
        except Exception:  # an encoder that fails costs a figure, not the call
            log.exception("a voice could not be compared with its owner", speaker=speaker)
            return
        if found is not None:
            self._counts["likeness_scored"] += 1
            self.on_likeness(found)
