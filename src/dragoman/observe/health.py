"""Whether calls can be interpreted now, part by part: what ``/health/ready`` answers. Pure."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from dragoman.redaction import KNOWN

STREAK: Final = 3
"""Failures in a row that make a stage not ready: one may be the text's, two a bad moment's."""

STREAK_S: Final = 60.0
"""Seconds within which they must fall. A stage that nobody tried since may have recovered, and only use can tell: kept
from being used by its readiness, it would never be ready again."""

TICK_S: Final = 1.0
"""Seconds without a tick after which the media clock stands still: 50 slots."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the daemon; ``why`` says in words what is wrong (empty when ok)."""

    name: str
    ok: bool
    why: str
    since: float
    """Unix time (s) at which ``ok`` last changed."""
    degraded: str = ""
    """What of it does not work though it is ok: something else does its work."""


class Health:
    """The daemon's parts. Each starts as not ok ("starting") and is told from then on.

    That the event loop runs (``/health/live``) needs no entry: if it does not, nobody answers.
    """

    def __init__(self, parts: Iterable[str], clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        now = clock()
        self._parts = {name: Part(name, False, "starting", now) for name in parts}

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts, in the order in which they were named."""
        return tuple(self._parts.values())

    @property
    def ready(self) -> bool:
        """Whether every part is ok."""
        return all(part.ok for part in self._parts.values())

    def ok(self, name: str, degraded: str = "") -> None:
        """The part works; ``degraded``: what of it does not. Raises KeyError for a part never named."""
        part, degraded = self._parts[name], KNOWN.without(degraded)
        if not part.ok:
            self._parts[name] = Part(name, True, "", self._clock(), degraded)
        elif part.degraded != degraded:
            self._parts[name] = replace(part, degraded=degraded)

    def failed(self, name: str, why: str) -> None:
        """The part does not work, and why: for people, without secrets. Raises KeyError for a part never named."""
        part = self._parts[name]
        since = self._clock() if part.ok else part.since
        self._parts[name] = replace(part, ok=False, why=KNOWN.without(why), since=since, degraded="")


class Streak:
    """Whether one stage's engines fail again and again. ``now`` in seconds, of one monotonic clock."""

    def __init__(self) -> None:
        self._failures: deque[float] = deque(maxlen=STREAK)
        self._why = ""

    def failed(self, now: float, why: str) -> None:
        """It failed, and why: for people, without secrets."""
        self._failures.append(now)
        self._why = why

    def succeeded(self) -> None:
        """It worked."""
        self._failures.clear()

    def trouble(self, now: float) -> str:
        """Why it is not ready; empty while it is: a success, or a minute of silence, ends a streak."""
        if len(self._failures) < STREAK or now - self._failures[0] > STREAK_S:
            return ""
        return f"{STREAK} failures in a row, the last one: {self._why}"


def tick_trouble(last_tick: float, now: float) -> str:
    """Why the media clock, which ticked last at ``last_tick``, is not ready; empty while it is. Both s, monotonic."""
    silent = now - last_tick
    return f"the media clock has not ticked for {silent:.1f} s" if silent > TICK_S else ""
