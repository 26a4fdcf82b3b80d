"""Which sound was lost between Asterisk and us, and when that is told. Pure; one call per tick and direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TORN_S: Final = 0.055
"""s from one packet of a booth to the next from which what it says is torn: a phone conceals two or three packets. Of
104 times that we were stopped while booths spoke, none up to 57 ms damaged a word of 315 ms that was on its way, half
of those from 58 ms on did (real Asterisk and phones, 2 meetings)."""

TELL_EVERY_S: Final = 1.0
"""s between two tellings, while more and more is lost: the first one is told at once."""

Span = tuple[float, float]
"""s, monotonic."""


class Untold:
    """Time in which sound was lost, until it is told."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._until = float("-inf")
        """Up to here, told or not."""
        self._told = float("-inf")

    def lost(self, since: float, until: float) -> None:
        """Between two times; none of it is told twice."""
        if self._since is None:
            self._since = max(since, self._until)
        self._until = until

    def due(self, now: float) -> Span | None:
        """What is to be told now."""
        if self._since is None or now - self._told < TELL_EVERY_S:
            return None
        span = (self._since, self._until)
        self._since, self._told = None, now
        return span


@dataclass(slots=True)
class _Overflow:
    drained: float
    dropped: int


class Unheard:
    """What came found no room in the socket: more came, between two ticks, than its buffer holds. Or it was closed."""

    def __init__(self) -> None:
        self._untold = Untold()
        self._closed = False
        self._before: _Overflow | None = None

    def drained(self, dropped: int, now: float) -> Span | None:
        """The socket is empty; so many datagrams found no room since it was opened. What is to be told now.

        Empty it is if what comes are packets of taps (2.3 KB each to the kernel): ``intake.DRAIN_BATCHES`` of smaller
        datagrams are fewer than its buffer holds. In such a flood what found no room may have come a tick before.
        """
        before, self._before = self._before, _Overflow(now, dropped)
        if before is not None and (self._closed or dropped > before.dropped):
            self._untold.lost(before.drained, now)
        return self._untold.due(now)

    def reopened(self, is_open: bool, now: float) -> None:
        """Tried in the tick that had just emptied it, so nothing waited there; where that failed, nothing is heard."""
        self._closed = not is_open
        self._before = _Overflow(now, 0)


class Unsent:
    """No packet went, to any booth: we stood still, or the kernel took none."""

    def __init__(self) -> None:
        self._untold = Untold()
        self._went: float | None = None

    def sent(self, taken: int, refused: int, at: float) -> Span | None:
        """Of this tick's packets so many were taken, and refused, at this time. What is to be told now."""
        if not taken and not refused:
            self._went = None  # there was nobody to send to
        elif self._went is None:
            self._went = at
        if self._went is not None and at - self._went >= TORN_S:
            self._untold.lost(self._went, at)
        if taken:
            self._went = at
        return self._untold.due(at)
