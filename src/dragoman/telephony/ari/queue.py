"""The one ordered, bounded queue between the websocket's reader and whoever acts on what it read."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from dragoman.telephony.ari.events import Event

CAPACITY = 4096
"""Events. A hundred legs joining at once make some 1500; more means that the consumer hangs."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The websocket is down: no event comes, and nothing can be created."""

    at: float
    """s, monotonic."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The websocket is up, but what happened since ``since`` (s, monotonic; None: ever) is not known: take stock anew.

    Asterisk replays nothing after a reconnect (measured).
    """

    since: float | None


@dataclass(frozen=True, slots=True)
class Due:
    """Something that failed may be tried again."""


Item = Event | Lost | Gap | Due


class EventQueue:
    """First in, first out, one consumer.

    Drop policy: when an event finds it full, all events in it are dropped and one Gap takes their place, because taking
    stock anew makes them superfluous. ``Lost``, ``Gap`` and ``Due`` are never dropped; there are only ever a few.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.dropped = 0
        """Events dropped in all."""
        self._items: deque[Item] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, event: Event, now: float) -> None:
        """Append an event that came at ``now`` (s, monotonic)."""
        if len(self._items) >= self.capacity:
            controls = [item for item in self._items if isinstance(item, Lost | Gap | Due)]
            self.dropped += len(self._items) - len(controls) + 1
            self._items = deque(controls)
            if not (controls and isinstance(controls[-1], Gap)):
                self._items.append(Gap(now))
        else:
            self._items.append(event)
        self._filled.set()

    def put_control(self, item: Lost | Gap | Due) -> None:
        """Append what must not be dropped."""
        self._items.append(item)
        self._filled.set()

    async def get(self) -> Item:
        """Wait for the next item."""
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        return self._items.popleft()

    def get_nowait(self) -> Item | None:
        """The next item, or None."""
        return self._items.popleft() if self._items else None
