"""On the PYTHONPATH of a daemon, this makes its time of day jump: by the seconds in the file $CHAOS_CLOCK names.

A seam in Python and not libfaketime: that one moves absolute timers of the monotonic clock too (timerfd_settime(2)),
which no jump of a real clock does. The kernel's time stamps of packets stay true, as if they came before the jump.
"""

import os
import time

_file = os.environ.get("CHAOS_CLOCK", "")
_true_time, _true_time_ns = time.time, time.time_ns
_LOOK_S = 0.1


class _Clock:
    def __init__(self) -> None:
        self.looked = float("-inf")
        self.offset = 0.0

    def now(self) -> float:
        monotonic = time.monotonic()
        if monotonic - self.looked >= _LOOK_S:
            self.looked = monotonic
            try:
                with open(_file) as file:
                    self.offset = float(file.read())
            except (OSError, ValueError):
                pass
        return self.offset


if _file:
    _clock = _Clock()
    time.time = lambda: _true_time() + _clock.now()
    time.time_ns = lambda: _true_time_ns() + round(_clock.now() * 1e9)
