"""Looking at the processes that an engine started."""

from __future__ import annotations

import os
import select

from dragoman.engines.conformance import children as all_children

__all__ = ["children", "ended", "know_strangers"]

_strangers: set[int] = set()


def know_strangers() -> None:
    """What runs below this process now is none of the next engine's: an Asterisk of other tests, for one."""
    _strangers.clear()
    _strangers.update(all_children())


def children(parent: int | None = None) -> set[int]:
    """Process ids of the living children of ``parent`` (this process) that were not there when the test began."""
    return all_children(parent) - _strangers


def ended(pid: int, deadline_s: float) -> bool:
    """Wait until the process has ended; False when it has not by the deadline."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], deadline_s)[0])
    finally:
        os.close(handle)
