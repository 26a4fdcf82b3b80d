"""How often a translator is asked for one clause before the next one is. Pure."""

from __future__ import annotations

STRIKES = 3
"""Strikes after which the next translator is asked."""

LATE_STRIKES = 2
"""Strikes of an answer that did not come in time: it has cost four times the pause, so one more try is all (the stage
table: over 1200 ms retry once, then the fallback engine)."""

REQUEUE_S = 0.3
"""s from sending a clause to sending it again: what an overloaded service needs to turn to another server, and less
than a listener notices."""


class Strikes:
    """One clause at one translator."""

    def __init__(self, limit: int = STRIKES, *, last: bool = False) -> None:
        """``limit`` 1: one that tries again by itself, or is known to fail.

        ``last``: nobody is left behind it. A clause that comes late is better than one that is lost: it is asked
        further, each time after twice the pause, for as long as the caller has time.
        """
        self._left = limit
        self._last = last
        self._pause = REQUEUE_S

    def failed(self, *, late: bool, took_s: float) -> float | None:
        """It failed, ``took_s`` s after it was asked: seconds to wait before it is asked again; None: ask the next."""
        self._left -= LATE_STRIKES if late else 1
        if self._left <= 0:
            if not self._last:
                return None
            self._pause *= 2
        return max(self._pause - took_s, 0.0)
