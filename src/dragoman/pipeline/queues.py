"""The bounded queue between two stages: a depth, a named policy for when it is full, and counters."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class QueueClosed(Exception):
    """The queue is closed: it takes nothing more and, once empty, gives nothing more."""


class StageQueue(Generic[T]):
    """One producer, one consumer, in order."""

    def __init__(self, name: str, depth: int, merge: Callable[[T, T], T] | None = None) -> None:
        """When full, the producer waits (``put``), or, with ``merge``, the newest item takes the next one in."""
        self.name = name
        self.depth = depth
        self.merged = 0
        self._items: deque[T] = deque()
        self._merge = merge
        self._closed = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        """What waits, the oldest first."""
        return iter(self._items)

    @property
    def newest(self) -> T | None:
        """What waits behind all others."""
        return self._items[-1] if self._items else None

    def offer(self, item: T, *, merge: bool = False) -> None:
        """Put without waiting; a full queue, or one that holds anything with ``merge``, merges it into its newest.

        Raises:
            QueueClosed: nobody would get it.
        """
        if self._merge is None:
            raise TypeError(f"queue {self.name}: offer needs a merge")
        if self._closed:
            raise QueueClosed
        if len(self._items) >= self.depth or (merge and self._items):
            self._items[-1] = self._merge(self._items[-1], item)
            self.merged += 1
        else:
            self._items.append(item)
        self._changed.set()

    async def put(self, item: T) -> None:
        """Put; waits while the queue is full.

        Raises:
            QueueClosed: nobody would get it.
        """
        while len(self._items) >= self.depth and not self._closed:
            self._changed.clear()
            await self._changed.wait()
        if self._closed:
            raise QueueClosed
        self._items.append(item)
        self._changed.set()

    async def get(self) -> T:
        """The oldest item; waits for one.

        Raises:
            QueueClosed: there will be none.
        """
        while not self._items:
            if self._closed:
                raise QueueClosed
            self._changed.clear()
            await self._changed.wait()
        item = self._items.popleft()
        self._changed.set()
        return item

    def close(self) -> None:
        """No more items will come; what is queued is still handed out. Idempotent."""
        self._closed = True
        self._changed.set()
