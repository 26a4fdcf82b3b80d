"""Whether calls can be interpreted now, part by part: what ``/health/ready`` answers. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the daemon; ``why`` says in words what is wrong (empty when ok)."""

    name: str
    ok: bool
    why: str
    since: float
    """Unix time (s) at which ``ok`` last changed."""


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

    def ok(self, name: str) -> None:
        """The part works. Raises KeyError for a part never named."""
        part = self._parts[name]
        if not part.ok:
            self._parts[name] = Part(name, True, "", self._clock())

    def failed(self, name: str, why: str) -> None:
        """The part does not work, and why: for people, without secrets. Raises KeyError for a part never named."""
        part = self._parts[name]
        since = self._clock() if part.ok else part.since
        self._parts[name] = replace(part, ok=False, why=why, since=since)
