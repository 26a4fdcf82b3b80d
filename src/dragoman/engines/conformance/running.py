"""What runs in this process and below it, so that one sees what an engine left there; and waiting with a deadline."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

GRACE_S = 2.0
"""Seconds after ``close`` in which what is ending may still be seen: the other end of a socket in a test's own server,
a thread between its last line and its end."""

LOOK_S = 0.02
"""Seconds between looks."""

ASYNC = 'it should be an "async def"'
"""What to do about a call that gives its answer at once."""

LET_GO_S = 2.0
"""Seconds in which what is left ends; as long as the daemon waits (``engines/faults.py``)."""


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


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send these processes a signal; one that has just ended needs none."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@dataclass(frozen=True, slots=True)
class Running:
    """What runs now: tasks of this loop, threads, child processes, open descriptors."""

    tasks: frozenset[asyncio.Task[Any]]
    threads: frozenset[threading.Thread]
    processes: frozenset[int]
    descriptors: frozenset[tuple[int, str]]
    """Number and target, such as ``socket:[4711]``."""

    @classmethod
    def now(cls) -> Running:
        """Look."""
        return cls(
            frozenset(task for task in asyncio.all_tasks() if task is not asyncio.current_task()),
            frozenset(thread for thread in threading.enumerate() if not _idle_in_the_loops_pool(thread)),
            frozenset(children()),
            frozenset(_descriptors()),
        )

    def beyond(self, before: Running) -> list[str]:
        """What runs here that did not run ``before``, in words."""
        return [
            *(f"task {task.get_name()}: {task.get_coro()!r}" for task in self.tasks - before.tasks),
            *(f"thread {thread.name}" for thread in self.threads - before.threads),
            *(f"process {pid}: {_command(pid)}" for pid in self.processes - before.processes),
            *(f"descriptor {number}: {target}" for number, target in self.descriptors - before.descriptors),
        ]


async def nothing_beyond(before: Running) -> None:
    """Nothing runs that did not run before, within GRACE_S.

    Raises:
        AssertionError: naming what still runs.
    """
    left: list[str] = []
    for _ in range(round(GRACE_S / LOOK_S)):
        left = Running.now().beyond(before)
        if not left:
            return
        await asyncio.to_thread(threading.Event().wait, LOOK_S)  # real time passes, also where the loop's is virtual
    raise AssertionError(f"still there after close: {'; '.join(left)}: what an engine starts it keeps, and ends there")


def start(doing: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Begin it beside the test; the test awaits it by ``done_within``."""
    return asyncio.create_task(doing, name="conformance test")


async def done_within(seconds: float, doing: Coroutine[Any, Any, T] | asyncio.Task[T], what: str) -> T:
    """What came of it. Unlike ``asyncio.timeout`` it also comes back from what cannot be cancelled.

    Raises:
        AssertionError: it takes longer, or nothing can be awaited; ``what`` names it.
    """
    if not asyncio.iscoroutine(doing) and not isinstance(doing, asyncio.Task):
        raise AssertionError(f"{what} gives {type(doing).__name__}, nothing to be awaited: {ASYNC}")
    task = doing if isinstance(doing, asyncio.Task) else start(doing)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise AssertionError(f"{what} takes more than {seconds:g} s")
        return task.result()
    finally:
        await ended_within(LET_GO_S, task)


async def ended_within(seconds: float, task: asyncio.Task[Any]) -> bool:
    """Cancel it; whether it has ended in time.

    Whoever goes on is disowned, or the loop would wait for him when it closes, and no test would ever say why.
    """
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        # For tasks that somebody else looks after: https://docs.python.org/3/library/asyncio-extending.html
        asyncio.tasks._unregister_task(task)
    return task.done()


async def turns(number: int) -> None:
    """Let everybody else run so many turns of the loop."""
    for _ in range(number):
        await asyncio.sleep(0)


def _idle_in_the_loops_pool(thread: threading.Thread) -> bool:
    """Whether it is a thread of the loop's own pool (``asyncio.to_thread``) that waits for work."""
    frame = sys._current_frames().get(thread.ident or -1)
    return thread.name.startswith("asyncio_") and frame is not None and frame.f_code.co_name == "_worker"


def _descriptors() -> list[tuple[int, str]]:
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(link)
        except OSError:
            continue  # the one by which we look
        found.append((int(link.name), target))
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "ended meanwhile"
