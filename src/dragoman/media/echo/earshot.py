"""Whose sound can come back at whom: who is in a room, and what sounded there lately. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from dragoman.media.echo.history import BLOCK, Rows
from dragoman.media.echo.search import LONGEST

LINGER: Final = LONGEST // BLOCK + 8
"""Frames for which what sounded may come back, with 160 ms of reverberation."""

SOURCES: Final = 6
"""Sounding sources that a stretch is compared with: booths and whispers before legs, the latest first."""


class Earshot:
    """Legs are rows, booths and whispers are numbered behind them; all of them are sources. Times are ticks."""

    def __init__(self, legs: int, streams: int) -> None:
        self._legs = legs
        self._group: Rows = np.arange(legs + streams)
        self.sounded: Rows = np.full(legs + streams, -LINGER, np.int64)
        """(legs + streams,) the tick in which a source last sounded."""
        self.until: Rows = np.zeros(legs, np.int64)
        """(legs,) the tick up to which something may come back."""
        self._whispers: dict[int, int] = {}
        self._rooms: dict[str, int] = {}

    def open_leg(self, row: int) -> None:
        """A leg begins, alone."""
        self._group[row] = row
        self.sounded[row] = -LINGER
        self.until[row] = 0

    def open_stream(self, source: int, leg: int | None) -> None:
        """A booth begins, or the whisper to a leg."""
        self._group[source] = source if leg is None else self._group[leg]
        self.sounded[source] = -LINGER
        if leg is not None:
            self._whispers[source] = leg

    def close_stream(self, source: int) -> None:
        """It ends; idempotent."""
        self._whispers.pop(source, None)

    def gather(self, room: str, sources: Sequence[int]) -> None:
        """These are in one room; none: it is over."""
        rows = list(sources)
        if not rows:
            self._rooms.pop(room, None)
            return
        if room not in self._rooms:
            taken = set(self._rooms.values())
            self._rooms[room] = next(n for n in range(len(self._group), 2 * len(self._group)) if n not in taken)
        self._group[rows] = self._rooms[room]
        for source, leg in self._whispers.items():
            self._group[source] = self._group[leg]

    def hear(self, legs: Rows, streams: Rows, tick: int) -> None:
        """For how long each leg may hear back what others say now."""
        sources = np.concatenate([legs, streams])
        sounds = self.sounded[sources] >= tick - 1
        heard = np.bincount(self._group[sources[sounds]], minlength=2 * len(self._group))
        alone = self.sounded[legs] >= tick - 1
        some = heard[self._group[legs]] > alone
        self.until[legs[some]] = tick + LINGER

    def heard_by(self, row: int, sources: Rows, tick: int) -> list[int]:
        """Which of these sources sounded lately in the leg's room: booths and whispers first, the latest first."""
        there = (self._group[sources] == self._group[row]) & (sources != row)
        there &= self.sounded[sources] > tick - LINGER
        some = sources[there]
        order = np.lexsort((-self.sounded[some], some < self._legs))
        return [int(source) for source in some[order][:SOURCES]]
