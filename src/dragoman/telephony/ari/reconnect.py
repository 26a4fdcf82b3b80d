"""When to try again: exponential back-off with full jitter, as a plain object."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

FIRST_S = 0.2
"""s. A restarting Asterisk listens again after about this long at the earliest."""
CEILING_S = 10.0
"""s. After as long without a heartbeat the dialplan tells callers that there is no interpretation."""
STABLE_S = 5.0
"""s. A connection that lived shorter than this counts as one more failure, or accept-and-close would be a hot loop."""


def full_jitter(attempt: int, chance: Callable[[], float], first: float = FIRST_S, ceiling: float = CEILING_S) -> float:
    """Delay in s before repeat number ``attempt`` (from 0): uniform in [0, min(ceiling, first * 2**attempt)).

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: of the variants compared, full
    jitter made the fewest calls in all. ``chance`` gives a number in [0, 1).
    """
    # The exponent is capped because attempts are not: 2.0**1024 overflows after some hours without a PBX.
    return chance() * float(min(ceiling, first * 2 ** min(attempt, 32)))


@dataclass(slots=True)
class Backoff:
    """Delays between the attempts to hold one connection; ``now`` in s of any monotonic clock."""

    chance: Callable[[], float] = field(default=random.random)
    _attempt: int = 0
    _connected_at: float | None = None

    def connected(self, now: float) -> None:
        """The connection is up."""
        self._connected_at = now

    def failed(self, now: float) -> float:
        """The connection was lost or could not be made: how long to wait, in s."""
        if self._connected_at is not None and now - self._connected_at >= STABLE_S:
            self._attempt = 0
        self._connected_at = None
        delay = full_jitter(self._attempt, self.chance)
        self._attempt += 1
        return delay
