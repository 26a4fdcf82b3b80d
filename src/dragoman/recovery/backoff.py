"""When to try again what must come back: 200, 400, 800 ms, then slower with jitter, for ever. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

FIRST_S = (0.2, 0.4, 0.8)
"""s before the first tries. A restarting Asterisk listens again after 200 ms at the earliest, and a caller notices a
second; so few tries need no jitter, as one Asterisk has one daemon."""

CEILING_S = 10.0
"""s. After as long without a heartbeat the dialplan tells callers that there is no interpretation."""

JITTER = 0.5
"""Share of a later delay that is left to chance: those who failed together do not come back together.

M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: "equal jitter", which unlike full jitter
never tries at once."""

STABLE_S = 5.0
"""s. What lived shorter than this counts as one more failure, or accept-and-close would be a hot loop."""


def delay(attempt: int, chance: Callable[[], float]) -> float:
    """Seconds to wait before try number ``attempt`` (from 0); ``chance`` gives a number in [0, 1)."""
    if attempt < len(FIRST_S):
        return FIRST_S[attempt]
    # The exponent is capped because attempts are not: 2.0**1024 overflows after some hours without a PBX.
    slower = min(CEILING_S, FIRST_S[-1] * 2 ** min(attempt - len(FIRST_S) + 1, 32))
    return float(slower * (1 - JITTER + JITTER * chance()))


@dataclass(slots=True)
class Backoff:
    """Delays between the attempts to hold one thing; ``now`` in s of any monotonic clock."""

    chance: Callable[[], float] = field(default=random.random)
    _attempt: int = 0
    _up_at: float | None = None

    @property
    def attempts(self) -> int:
        """Failures since it last held."""
        return self._attempt

    def up(self, now: float) -> None:
        """It is there."""
        self._up_at = now

    def failed(self, now: float) -> float:
        """It was lost or could not be had: how long to wait, in s."""
        if self._up_at is not None and now - self._up_at >= STABLE_S:
            self._attempt = 0
        self._up_at = None
        wait = delay(self._attempt, self.chance)
        self._attempt += 1
        return wait
