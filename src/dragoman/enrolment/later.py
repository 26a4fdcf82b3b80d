"""Work that waits for the database: tried again by the common back-off (recovery.backoff), while any is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sized

from dragoman.recovery.backoff import Backoff


class Later:
    """``run`` until cancelled."""

    def __init__(self, waiting: Sized, work: Callable[[], Awaitable[None]]) -> None:
        """``waiting`` is what is left; ``work`` does of it what can be done just now, and takes that out."""
        self._waiting = waiting
        self._work = work
        self._added = asyncio.Event()

    def added(self) -> None:
        """Something waits."""
        self._added.set()

    async def run(self) -> None:
        """Work, whenever something waits."""
        clock = asyncio.get_running_loop().time
        while True:
            await self._added.wait()
            self._added.clear()
            backoff = Backoff()
            while self._waiting:
                await asyncio.sleep(backoff.failed(clock()))
                await self._work()
