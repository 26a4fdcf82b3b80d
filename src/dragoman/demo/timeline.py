"""When the samples of a recording were taken, from watching its file grow.

baresip writes every frame to its recording as it takes it, but nothing while no RTP comes (who is alone and silent in a
room may be sent none). A recording is therefore a row of stretches, each continuous, with time lost between them.
"""

from __future__ import annotations

import bisect
import contextlib
import ctypes
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

_BREAK = 0.06
"""s that a frame may come late and still belong to the stretch: three packets, more than the jitter buffer holds."""


class Timeline:
    """The map from samples to monotonic time, built from (time, samples so far) observations. Pure.

    An observation may be late, never early, so a stretch's earliest counts: the error is how late the least late was.
    """

    def __init__(self, rate: int) -> None:
        """``rate`` is the recording's, in Hz."""
        self._rate = rate
        self._samples = 0
        self._starts: list[int] = []  # first sample of each stretch
        self._bases: list[float] = []  # the time at which sample 0 would have been, were it in the stretch

    @property
    def stretches(self) -> list[int]:
        """The first sample of each stretch."""
        return list(self._starts)

    def observe(self, now: float, samples: int) -> None:
        """At ``now`` (monotonic s) there were so many samples."""
        if samples <= self._samples:
            return
        base = now - samples / self._rate
        if not self._bases or base > self._bases[-1] + _BREAK:
            self._starts.append(self._samples)
            self._bases.append(base)
        else:
            self._bases[-1] = min(self._bases[-1], base)
        self._samples = samples

    def time_of(self, sample: int) -> float:
        """The monotonic time in s at which ``sample`` was written, were samples written one by one and not in frames.

        Raises:
            ValueError: nothing was recorded.
        """
        if not self._bases:
            raise ValueError("nothing was recorded")
        stretch = max(0, bisect.bisect_right(self._starts, sample) - 1)
        return self._bases[stretch] + sample / self._rate


class GrowthWatch:
    """Calls back with the sizes of a folder's files whenever one of them changes (Linux: inotify(7)).

    Give ``fileno`` to the event loop's ``add_reader`` with ``ready``; ``close`` it in the end.
    """

    _MODIFY = 0x2  # IN_MODIFY, <sys/inotify.h>
    _CREATE = 0x100  # IN_CREATE

    def __init__(self, folder: Path, changed: Callable[[float, Mapping[Path, int]], None]) -> None:
        """Watch ``folder``; ``changed`` gets the monotonic time in s and the size of every file in bytes.

        Raises:
            OSError: the kernel refuses another watch.
        """
        self._folder = folder
        self._changed = changed
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0 or libc.inotify_add_watch(self._fd, os.fsencode(folder), self._MODIFY | self._CREATE) < 0:
            number = ctypes.get_errno()
            self.close()
            raise OSError(number, os.strerror(number), str(folder))

    def fileno(self) -> int:
        """The descriptor that becomes readable when there is news."""
        return self._fd

    def ready(self) -> None:
        """Take the news, whatever it is, and report the sizes."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 65536)  # that something has changed is all we want to know
        sizes = {path: path.stat().st_size for path in self._folder.iterdir()}
        self._changed(time.monotonic(), sizes)

    def close(self) -> None:
        """Stop watching. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
