"""Looking at the processes that an engine started."""

from __future__ import annotations

import os
import select
from pathlib import Path


def children(parent: int | None = None) -> set[int]:
    """Process ids of the living children of ``parent`` (this process)."""
    wanted = str(parent or os.getpid())
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if fields[1] == wanted and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found


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
