"""What a task that runs many times a second waits for: an event for one waiter, and a deadline around many awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final

EARLY: Final = 0.001
"""Seconds by which a timer may come too soon for its deadline, by the clock's grain: it counts as passed."""


STOOD_S: Final = 0.01
"""Seconds by which a timer comes late where the loop stood still, or had too much to do: half the time from one media
tick to the next, which a loop that keeps up does not work in one go. Else it is 2 ms."""

GRACE_S: Final = 0.1
"""Seconds that a loop which stood still has to take what came meanwhile: five media ticks. What lies in a socket goes
through four layers (connection, its parser, the engine's task, the clause's), each in a turn of the loop of its own;
a turn may hold a tick, and the first one has all else to do that is late."""


class Wake:
    """An event that one task at a time waits for: ``asyncio.Event`` without its coroutine and its line of waiters."""

    __slots__ = ("_set", "_waiter")

    def __init__(self) -> None:
        self._set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Wake who waits, or who waits next."""
        self._set = True
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():  # else its task was cancelled
            waiter.set_result(None)

    def clear(self) -> None:
        """Whoever waits next waits for the next ``set``."""
        self._set = False

    def wait(self) -> asyncio.Future[None]:
        """To be awaited: until ``set``."""
        waiter = asyncio.get_running_loop().create_future()
        if self._set:
            waiter.set_result(None)
        else:
            self._waiter = waiter
        return waiter


async def every(seconds: float, look: Callable[[], None]) -> None:
    """Call ``look`` every so many seconds, until it raises, which this then raises.

    A plain callback, at moments that all share who look as often: to sleep and wake a task costs four times as much,
    and each leg at a moment of its own would wake the process.
    """
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()
    timer: asyncio.TimerHandle | None = None

    def arm() -> None:
        nonlocal timer
        timer = loop.call_at(_next(loop.time(), seconds), ring)

    def ring() -> None:
        try:
            look()
        except Exception as error:
            if not failed.done():  # else who awaits it was cancelled just now
                failed.set_exception(error)
        else:
            arm()

    arm()
    try:
        await failed
    finally:
        if timer is not None:
            timer.cancel()


def _next(now: float, seconds: float) -> float:
    """The next multiple of ``seconds``; one that is as good as now is not meant."""
    return (now + EARLY) // seconds * seconds + seconds


class Patience:
    """``asyncio.timeout`` for one thing after the other, each within so many seconds: ``with patience: await ...``.

    Each ``asyncio.timeout`` sets a timer and takes it back, for every piece of audio of every clause. Here the one
    timer is let run, and looks when it rings whether what is awaited then has waited long enough. Where it rings late,
    the loop stood still over the deadline, and what is awaited may have come: it is given time to be taken, once for
    each ``with``, or a loop that is always late would wait for ever for what never comes.
    """

    __slots__ = ("_cancelling", "_expired", "_graced", "_loop", "_seconds", "_task", "_timer", "_until")

    def __init__(self, seconds: float) -> None:
        """``seconds`` that each ``with`` may take. Made and used by one task; ``close`` it."""
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._expired = False
        self._graced = False

    def close(self) -> None:
        """Nothing more is awaited; idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be waited for")
        self._task = task
        self._cancelling = task.cancelling()
        self._until = self._loop.time() + self._seconds
        self._graced = False
        if self._timer is None:
            self._timer = self._loop.call_at(self._until, self._ring)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises TimeoutError in place of the cancellation with which the deadline ended the wait."""
        task, self._task = self._task, None
        if task is None or not self._expired:
            return
        self._expired = False
        if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _ring(self) -> None:
        self._timer = None
        if self._task is None:
            return  # between two awaits; the next one sets the timer
        left = self._until - self._loop.time()
        if left < -STOOD_S and not self._graced:
            self._graced = True
            self._until += GRACE_S - left
            left = GRACE_S
        if left > EARLY:
            self._timer = self._loop.call_at(self._until, self._ring)
        else:
            self._expired = True
            self._task.cancel()
