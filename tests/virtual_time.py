"""An event loop whose clock jumps to the next timer: a conversation of 30 s runs in milliseconds, always the same way.

Mark a test (or a module: ``pytestmark = virtual_time``) and write it as ever; its async fixtures run on the same loop::

    @virtual_time
    async def test_gives_up_after_a_second() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await asyncio.Event().wait()
        assert asyncio.get_running_loop().time() == START + 1.0

Time stands still while anything is ready to run, and while a thread of ``run_in_executor`` works. It then jumps to the
earliest timer. Where there is no timer either, nothing can ever happen again: that raises VirtualDeadlock, which names
every task and the line it waits at. A test that would wait for ever beside a ticking clock meets VirtualLimit.

``await settled()`` returns, at the same instant, once everybody else waits for something.

Sockets of this process to itself work, as loopback delivers at once. Whoever talks to another process needs real time.
"""

from __future__ import annotations

import asyncio
import selectors
import traceback
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

START = 1_000.0
"""Seconds at which the virtual clock begins: not 0, so that a falsy "not set yet" is found out."""

LIMIT_S = 3_600.0
"""Virtual seconds after which a test has failed: more than any scenario plays, 180,000 ticks of 20 ms."""

SPIN_LIMIT = 1_000_000
"""Turns of the loop at one instant after which it is taken for a busy wait (``sleep(0)`` until something holds)."""

virtual_time = pytest.mark.virtual_time
"""Marks an ``async def`` test to run in virtual time; tests/conftest.py hands pytest-asyncio the loop."""


class VirtualTimeError(RuntimeError):
    """The test can never end; the message tells what every task waits for."""


class VirtualDeadlock(VirtualTimeError):
    """Every task waits, and no timer, no socket and no thread will ever wake one."""


class VirtualLimit(VirtualTimeError):
    """LIMIT_S virtual seconds passed, or SPIN_LIMIT turns at one instant, and the test has not ended."""


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]  # chosen by platform
    """Instead of sleeping, moves the loop's clock by as much."""

    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if events := super().select(0):
            return events
        loop = self.loop
        if timeout is not None and timeout <= 0:
            loop.spin()
            return []
        if loop.threads:  # the thread's answer comes at this instant, however long it takes outside
            return super().select(None)
        if not loop.wake_settled():
            loop.jump(timeout)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop; give the class itself as ``loop_factory``."""

    def __init__(self) -> None:
        """Start the clock at START."""
        self._virtual_now = START
        self._turns = 0
        self._settled: list[asyncio.Future[None]] = []
        self.threads = 0
        """Calls of ``run_in_executor`` that have not returned: time waits for them."""
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """The virtual clock, seconds."""
        return self._virtual_now

    def jump(self, seconds: float | None) -> None:
        """Move the clock; None means that there is no timer to move it to."""
        self._turns = 0
        if seconds is None:
            raise VirtualDeadlock(f"at {self._elapsed()} all wait and nothing will wake them{self._report()}")
        if self._virtual_now + seconds > START + LIMIT_S:
            raise VirtualLimit(f"not done after {self._elapsed()}{self._report()}")
        self._virtual_now += seconds

    def spin(self) -> None:
        """Count a turn of the loop at this instant."""
        self._turns += 1
        if self._turns > SPIN_LIMIT:
            raise VirtualLimit(f"{self._turns} turns at {self._elapsed()}: somebody waits by sleep(0){self._report()}")

    def settle(self) -> asyncio.Future[None]:
        """A future that is done when nothing is ready to run at this instant."""
        future = self.create_future()
        self._settled.append(future)
        return future

    def wake_settled(self) -> bool:
        """Resolve what ``settle`` gave out; whether there was any."""
        waiting = [future for future in self._settled if not future.done()]
        self._settled.clear()
        for future in waiting:
            future.set_result(None)
        return bool(waiting)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:
        """As asyncio's own; time stands still until the call returns."""
        future = super().run_in_executor(executor, func, *args)
        self.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """As asyncio's own, which waits for a thread that it starts itself."""
        self.threads += 1
        try:
            await super().shutdown_default_executor(*args, **kwargs)
        finally:
            self.threads -= 1

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self.threads -= 1

    def _elapsed(self) -> str:
        return f"{self._virtual_now - START:.3f} virtual s"

    def _report(self) -> str:
        lines = [""]
        for task in sorted(asyncio.all_tasks(self), key=lambda task: task.get_name()):
            lines.append(f"  {task.get_name()}: {task.get_coro()!r}")
            for frame in task.get_stack(limit=3):
                lines += (
                    f"    {entry.filename}:{entry.lineno} in {entry.name}: {entry.line}"
                    for entry in traceback.extract_stack(frame, limit=1)
                )
        return "\n".join(lines)


async def settled() -> None:
    """Return at the same instant, once every other task waits for a timer or an event.

    Raises:
        TypeError: the running loop is not a VirtualTimeLoop.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualTimeLoop):
        raise TypeError("settled() needs @virtual_time")
    await loop.settle()


def run(main: Coroutine[Any, Any, T], *, debug: bool = True) -> T:
    """Run a coroutine in virtual time, for a test that is not ``async def`` itself (a hypothesis state machine).

    Without asyncio's ``debug`` it takes a third of the time.
    """
    with asyncio.Runner(debug=debug, loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
