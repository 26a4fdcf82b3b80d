"""Who gets one of the provider's few streams: the leg that waits longest. Pure."""

from __future__ import annotations

FORGOTTEN = 10.0
"""Seconds after which a leg that was turned away and did not ask again has given up; legs ask every few seconds."""


class Admission:
    """At most ``limit`` streams. A leg is turned away while none is free, or as many wait as are free.

    A leg asks again by itself, so a free stream is held for those who have waited longer than he who asks.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.refused = 0
        self._waiting: dict[str, float] = {}  # in the order in which they came: leg to when it last asked

    @property
    def waiting(self) -> tuple[str, ...]:
        """Legs that were turned away and still ask, the longest waiting first."""
        return tuple(self._waiting)

    def enter(self, leg: str, now: float) -> bool:
        """Take a stream for this leg; False: it has to wait and ask again."""
        for other in [other for other, asked in self._waiting.items() if now - asked > FORGOTTEN]:
            del self._waiting[other]
        self._waiting[leg] = now  # who waits already keeps his place
        ahead = next(i for i, other in enumerate(self._waiting) if other == leg)
        if ahead >= self.limit - self.used:
            self.refused += 1
            return False
        del self._waiting[leg]
        self.used += 1
        return True

    def leave(self) -> None:
        """A stream is free again."""
        self.used -= 1
