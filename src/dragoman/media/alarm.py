"""Wakes the event loop at a point in time, to the tenth of a millisecond where Linux can.

asyncio sleeps in ``epoll_wait``, whose timeout counts whole ms and is rounded up twice: a ``call_at`` comes 1 to 2 ms
late. A timerfd is a file that becomes readable at the deadline: 0.2 ms late (both medians, measured on a busy machine).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Callable
from typing import Any, Final, Protocol

_CLOCK_MONOTONIC: Final = 1  # what loop.time() reads on Linux
_TFD_NONBLOCK_CLOEXEC: Final = 0o2004000  # timerfd_create(2)
_TFD_TIMER_ABSTIME: Final = 1
_ITIMERSPEC: Final = struct.Struct("@qqqq")  # interval and value, seconds and ns each
_NS: Final = 1_000_000_000


class Alarm(Protocol):
    """Calls back once for every ``arm``."""

    def arm(self, at: float) -> None:
        """Call back at loop time ``at``, or as soon as may be if that has passed; forgets an earlier ``arm``."""

    def close(self) -> None:
        """Never call again; idempotent."""


def open_alarm(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> Alarm:
    """The most exact alarm this host has."""
    if TimerfdAlarm.available():
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            return TimerfdAlarm(loop, callback)
    return LoopAlarm(loop, callback)


class LoopAlarm:
    """The loop's own timer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, at: float) -> None:
        """As the protocol says."""
        self.close()
        self._handle = self._loop.call_at(at, self._callback)

    def close(self) -> None:
        """Never call again; idempotent."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class TimerfdAlarm:
    """A timerfd that the loop watches.

    Raises:
        OSError: the kernel refuses one.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        libc: Any = ctypes.PyDLL(None, use_errno=True)
        self._settime = libc.timerfd_settime
        self._settime.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
        self._loop = loop
        self._callback = callback
        self._fd: int | None = libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
        if self._fd == -1:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        loop.add_reader(self._fd, self._ring)

    @staticmethod
    def available() -> bool:
        """Whether this is a 64-bit Linux, whose structures are laid out here."""
        return sys.platform == "linux" and sys.maxsize > 2**32 and hasattr(ctypes.PyDLL(None), "timerfd_create")

    def arm(self, at: float) -> None:
        """As the protocol says."""
        nanoseconds = max(round(at * _NS), 1)  # zero would disarm it
        spec = _ITIMERSPEC.pack(0, 0, *divmod(nanoseconds, _NS))
        if self._fd is not None and self._settime(self._fd, _TFD_TIMER_ABSTIME, spec, None) == -1:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def _ring(self) -> None:
        if self._fd is None:
            return
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # armed anew between the event and here
            return
        self._callback()

    def close(self) -> None:
        """Never call again; idempotent."""
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None
