"""One who reads events as they come: a bounded queue, drop policy "oldest, counted".

Pure but for the waiting of the reader.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Subscription(Generic[T]):
    """One reader, in the event loop's thread; iterate it. ``dropped`` counts what it lost by being slow."""

    def __init__(self, depth: int, on_close: Callable[[], None]) -> None:
        """It may lag ``depth`` events behind; ``on_close`` is called once."""
        self.dropped = 0
        self._depth = depth
        self._queue: deque[tuple[int, T]] = deque()
        self._wake = asyncio.Event()
        self._on_close = on_close
        self._closed = False

    def put(self, number: int, event: T) -> None:
        """Queue an event; a full queue loses its oldest."""
        if len(self._queue) >= self._depth:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append((number, event))
        self._wake.set()

    def close(self) -> None:
        """Stop; idempotent; a waiting reader gets what is queued and ends."""
        if not self._closed:
            self._closed = True
            self._on_close()
            self._wake.set()

    async def __aiter__(self) -> AsyncIterator[tuple[int, T]]:
        """Events with their number (the SSE id), in order, until closed."""
        while True:
            while self._queue:
                yield self._queue.popleft()
            if self._closed:
                return
            self._wake.clear()
            await self._wake.wait()
