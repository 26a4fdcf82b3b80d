"""A meeting before all else that the machine does: sound is real time, and other work should not be what is judged.

A niceness counts among the processes of one session only, where the kernel groups them by session (``CONFIG_SCHED_
AUTOGROUP``, sched(7)): between the groups it is ``/proc/PID/autogroup`` that counts, and no group inherits it. So
whatever is started meanwhile, most of it in a session of its own, is looked for and given it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

URGENT = -15
"""Niceness."""

LOOK_S = 0.5
"""Seconds between looks at what was started."""


@contextmanager
def urgent() -> Iterator[None]:
    """Before all others, and with all that is started meanwhile; where that is not allowed, as ever."""
    before, over = os.getpriority(os.PRIO_PROCESS, 0), threading.Event()
    grouped = Path("/proc/self/autogroup").exists()
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, URGENT)
    looking = threading.Thread(target=_hurry, args=(over,), daemon=True)
    if grouped:
        looking.start()
    try:
        yield
    finally:
        over.set()
        if grouped:
            looking.join()
        os.setpriority(os.PRIO_PROCESS, 0, before)


def _hurry(over: threading.Event) -> None:
    done: set[int] = set()
    while not over.wait(LOOK_S):
        for pid in descendants(os.getpid(), parents()) - done:
            with suppress(OSError):  # it has ended, or may not be hurried
                if os.getsid(pid) != os.getsid(0):  # the group that this belongs to is not ours alone
                    Path(f"/proc/{pid}/autogroup").write_text(str(URGENT))
            done.add(pid)


def parents() -> dict[int, int]:
    """The parent of each process there is."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError, ValueError):
                status = Path(f"/proc/{name}/stat").read_text()
                found[int(name)] = int(status.rpartition(")")[2].split()[1])  # behind the name, which may hold anything
    return found


def descendants(pid: int, of: Mapping[int, int]) -> set[int]:
    """A process's children and theirs, and so on; ``of`` has the parent of each."""
    found: set[int] = set()
    new = {pid}
    while new := {child for child, parent in of.items() if parent in new} - found:
        found |= new
    return found
