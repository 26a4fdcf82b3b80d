"""When Python looks for garbage cycles: behind a tick, seldom, and not at what has lived since the start.

Left to itself it looks whenever 700 objects more are alive than the last time. Under 100 legs that is five times a
second, at thousands of objects each, of which none is garbage: a tenth of all the daemon's time (measured), and pauses
of 2 to 40 ms wherever they fall.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 50
"""Ticks between two looks at what was made since the last one (1 s; 1 to 2 ms at 100 legs)."""

MIDDLE: Final = 10 * YOUNG
"""Ticks between two looks at what lives longer (10 s)."""

FULL: Final = 60 * MIDDLE
"""Ticks between two looks at all but what ``freeze_garbage`` put away (10 minutes): 16 ms for 30 talking legs. It finds
what legs that left kept in cycles, some 130 objects each, and nothing else: while nobody comes or goes, 120 s of 20
talking legs leave none (measured in virtual time; a spoken clause is freed when it was played, see
``booth.Speech.forget``, a leg's audio when all was said). What outlives it is not frozen too, or legs that leave would
stay for ever. Once the last leg left it is not waited for: nobody hears that look, and there is little to look at."""


def freeze_garbage() -> None:
    """Take what exists out of the garbage collector's sight, and leave the rest to the ticks; for the end of start-up.

    A full collection over a loaded daemon stops every thread for 40 ms (measured), two ticks. What lives as long as the
    daemon need not be looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


class GarbageTurns:
    """Looks for garbage behind ticks, from ``freeze_garbage`` until ``close``; else Python does as it always does."""

    def __init__(self) -> None:
        self._ticks = 0
        self._left = False  # whether anybody was here since the last look at all

    def turn(self, *, legs: bool) -> None:
        """A tick is over, the next one is 20 ms away: look, if it is time. ``legs``: whether anybody is here."""
        if gc.isenabled():
            return
        self._ticks += 1
        self._left = self._left or legs
        if self._ticks % YOUNG == 0:
            alone = self._left and not legs
            self._left = legs
            gc.collect(2 if alone or self._ticks % FULL == 0 else 1 if self._ticks % MIDDLE == 0 else 0)

    def close(self) -> None:
        """No more ticks come: Python looks by itself again. Idempotent."""
        gc.enable()
