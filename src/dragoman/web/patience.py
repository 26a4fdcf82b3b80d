"""How long a sender may keep us waiting: an idle deadline and a minimum rate in one. Pure.

Patience begins with IDLE_S seconds. Waiting uses it up, every LEAST_RATE bytes that come give a second back, and there
is never more than at the beginning. So one who stops is given up after IDLE_S seconds, one who dribbles hardly later,
and one who sends faster than LEAST_RATE never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

IDLE_S: Final = 10.0
"""Seconds without a byte: a phone changes from one cell to the next in less, TCP sends again after 1, 2 and 4."""

LEAST_RATE: Final = 4096
"""Bytes a second: 33 kbit/s, half of what a single GPRS or ISDN channel carries."""


@dataclass(slots=True)
class Patience:
    """With one sender."""

    left: float = IDLE_S
    """Seconds that he may keep us waiting from here on."""

    def waited(self, seconds: float, size: int) -> None:
        """So long it took until ``size`` bytes were there."""
        self.left = min(self.left - seconds + size / LEAST_RATE, IDLE_S)
