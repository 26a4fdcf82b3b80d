"""How often somebody may ask. Pure.

Not a package: those there are keep time by clocks and threads of their own, beside a loop that must be on time.
"""

from __future__ import annotations

KEYS = 10_000
"""Of which something is remembered at once; who asks least often is forgotten first."""


class Rates:
    """So many in a time, of each key: the generic cell rate algorithm (ITU-T I.371), one number per key.

    All of them may come at once; from then on they come back evenly.
    """

    def __init__(self, count: int, seconds: float) -> None:
        self._each = seconds / count
        self._all = seconds
        self._free: dict[str, float] = {}  # when all that was taken will have come back

    def wait(self, key: str, now: float) -> float:
        """Seconds until the next one is allowed; 0: now. Takes nothing. ``now``: monotonic, s."""
        # A billionth of slack: as many as are allowed add up to the whole but for rounding.
        return max(0.0, self._free.get(key, 0.0) + self._each - self._all * (1 + 1e-9) - now)

    def take(self, key: str, now: float) -> float:
        """Take one; seconds to wait if it is not allowed, and then nothing is taken."""
        wait = self.wait(key, now)
        if wait == 0.0:
            if key not in self._free and len(self._free) >= KEYS:
                self._free = {each: at for each, at in self._free.items() if at > now}
                if len(self._free) >= KEYS:
                    del self._free[min(self._free, key=lambda each: self._free[each])]
            self._free[key] = max(self._free.get(key, 0.0), now) + self._each
        return wait
