"""Looking at the processes that an engine started."""

from __future__ import annotations

import os
import select

from dragoman.engines.conformance import children

__all__ = ["children", "ended"]


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
