"""What rooms spend on engines, by day and in the last hour. Pure: ``now`` is unix time, s."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime

from dragoman.admin.model import Prices, Usage

HOUR_S = 3600.0
"""Seconds over which ``cost_per_hour`` is counted."""

SLOT_S = 60.0
"""Width of the slots in which an hour is counted: 60 of them, however much is said."""

DAYS = 2
"""Days whose usage stays in memory: today's, and yesterday's until the last of it is stored."""


def day_of(now: float) -> str:
    """The day, UTC: ``2026-11-25``."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")


class Spending:
    """Counts usage per room and day; what changed since it was last stored is told by ``take_changes``."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self._days: dict[tuple[str, str], Usage] = {}
        self._changed: set[tuple[str, str]] = set()
        self._slots: deque[tuple[float, float]] = deque()

    def restore(self, rows: Iterable[tuple[str, str, Usage]]) -> None:
        """What was stored before this daemon started: (day, room, usage); what was counted since stays on top."""
        for day, room, usage in rows:
            self._days[day, room] = self._days.get((day, room), Usage()) + usage

    def add(self, room: str, usage: Usage, now: float) -> None:
        """Something was done for a room."""
        key = (day_of(now), room)
        self._days[key] = self._days.get(key, Usage()) + usage
        self._changed.add(key)
        cost = self.prices.of(usage)
        if cost:
            at = now // SLOT_S * SLOT_S
            before = self._slots.pop()[1] if self._slots and self._slots[-1][0] == at else 0.0
            self._slots.append((at, before + cost))

    def of(self, room: str, now: float) -> Usage:
        """What was done for a room today."""
        return self._days.get((day_of(now), room), Usage())

    def cost(self, room: str, now: float) -> float:
        """What a room cost today."""
        return self.prices.of(self.of(room, now))

    def last_hour(self, now: float) -> float:
        """What all rooms cost in the last hour, to the minute."""
        while self._slots and self._slots[0][0] < now - HOUR_S:
            self._slots.popleft()
        return sum(cost for _, cost in self._slots)

    def take_changes(self, now: float) -> list[tuple[str, str, Usage]]:
        """(day, room, usage) to store; of days long gone nothing is remembered."""
        changes = [(day, room, self._days[day, room]) for day, room in sorted(self._changed)]
        self._changed.clear()
        recent = {day_of(now - back * 86_400) for back in range(DAYS)}
        self._days = {key: usage for key, usage in self._days.items() if key[0] in recent}
        return changes

    def put_back(self, changes: Iterable[tuple[str, str, Usage]]) -> None:
        """They could not be stored: they are changes still."""
        self._changed.update((day, room) for day, room, _ in changes if (day, room) in self._days)
