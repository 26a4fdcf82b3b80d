"""When the next 20 ms tick is due: absolute deadlines, never a burst."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dragoman.media.format import FRAME_MS

PERIOD: Final = FRAME_MS / 1000
"""Seconds between ticks."""

LATE_S: Final = 0.002
"""Seconds behind its deadline from which a tick counts as late (the design's target for p99 at 100 legs)."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick that has begun."""

    lateness: float
    """Seconds behind its deadline, never negative."""
    skipped: int
    """Whole slots that passed unsent since the last tick: senders advance their timestamps over them."""

    @property
    def late(self) -> bool:
        """Whether it counts as late."""
        return self.lateness >= LATE_S


class MediaClock:
    """Deadlines on a grid fixed by the first; a tick that comes too late skips the slots it missed.

    Args:
        first: monotonic seconds of the first deadline.
    """

    def __init__(self, first: float) -> None:
        self._first = first
        self._slot = 0

    @property
    def deadline(self) -> float:
        """When the next tick is due, monotonic seconds; exact however long the clock has run."""
        return self._first + self._slot * PERIOD

    def tick(self, now: float) -> Tick:
        """Take the tick that is due; the next deadline lies after ``now``."""
        lateness = max(now - self.deadline, 0.0)
        skipped = int(lateness / PERIOD)
        self._slot += 1 + skipped
        return Tick(lateness, skipped)
