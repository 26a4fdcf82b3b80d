"""Keeps what is said in rooms whose transcripts are kept, for as long as the room says."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import islice

import structlog

from dragoman.admin.model import Line
from dragoman.errors import AdminStoreDown
from dragoman.pipeline.captions import Caption, CaptionKind

log = structlog.get_logger(__name__)

DEPTH = 5_000
"""Lines that wait for a store that does not answer; the oldest is dropped then, and counted: an hour of ten rooms.
Before the store was ever open that is of all rooms: any may be one that keeps what is said."""

FLUSH_S = 1.0
"""Seconds between writes: one transaction for all rooms."""

PURGE_S = 60.0
"""Seconds between deletions of what is over its time."""

MOST_LINES = 100
"""Lines written at once: to seal them takes 3 ms, of the 20 that a tick of the media clock has."""

Keep = Callable[[Sequence[tuple[Line, float]]], Awaitable[None]]


class Recorder:
    """Takes captions and writes those that are to be kept.

    Args:
        hours: how long what is said in a room is kept; 0: not at all; None: that is not known yet.
        keep: writes lines, each with the unix time until which it is kept; raises AdminStoreDown.
        purge: deletes what is over its time; raises AdminStoreDown.
        clock: unix time, s.
    """

    def __init__(
        self,
        hours: Callable[[str], float | None],
        keep: Keep,
        purge: Callable[[float], Awaitable[int]],
        clock: Callable[[], float],
    ) -> None:
        self.dropped = 0
        self.on_drop: Callable[[], None] = lambda: None
        """Called when a line is dropped that waited."""
        self._hours = hours
        self._keep = keep
        self._purge = purge
        self._clock = clock
        self._waiting: deque[tuple[Line, float | None]] = deque()  # with the hours, where they are known
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        """How many lines wait to be written."""
        return len(self._waiting)

    def take(self, caption: Caption) -> None:
        """A caption was published; waits for nothing."""
        hours = self._hours(caption.room)
        line = line_of(caption) if hours is None or hours > 0 else None
        if line is None:
            return
        if len(self._waiting) >= DEPTH:
            oldest, known = self._waiting.popleft()
            if known is not None or self._hours(oldest.room) != 0:  # else it is known by now that nobody keeps it
                self.dropped += 1
                self.on_drop()
        self._waiting.append((line, hours))

    async def run(self) -> None:
        """Write and purge, until cancelled."""
        due, away = 0.0, False
        while True:
            await asyncio.sleep(FLUSH_S)
            try:
                await self.flush()
                if self._clock() >= due:
                    gone = await self._purge(self._clock())
                    due = self._clock() + PURGE_S
                    if gone:
                        log.info("transcripts deleted, their time is over", lines=gone)
                away = False
            except AdminStoreDown as error:
                if not away:  # told once: it is tried every second
                    log.warning("transcripts not written", waiting=len(self._waiting), reason=str(error))
                away = True

    async def flush(self) -> None:
        """Write what waits; raises AdminStoreDown, and it waits still."""
        async with self._turn:  # whoever reads a transcript flushes too
            while self._waiting:
                taken = list(islice(self._waiting, MOST_LINES))
                found = [(line, self._hours(line.room) if hours is None else hours) for line, hours in taken]
                if any(hours is None for _, hours in found):
                    return  # the store is not open yet
                kept = [(line, line.start + hours * 3600) for line, hours in found if hours]
                if kept:
                    await self._keep(kept)
                for each in taken:
                    if self._waiting and self._waiting[0] is each:  # else it was dropped meanwhile
                        self._waiting.popleft()

    def paused(self) -> AbstractAsyncContextManager[None]:
        """Nothing is being written inside: what is deleted there does not come back by a write that was under way."""
        return self._turn

    def forget(self, room: str) -> None:
        """A room's transcripts are deleted: what waits of it is not written either. While paused."""
        self._waiting = deque(each for each in self._waiting if each[0].room != room)


def line_of(caption: Caption) -> Line | None:
    """What of a caption belongs into a transcript; None: nothing.

    A clause, and what is missing: a gap, and a clause that was never translated. That a clause was not spoken does not
    matter here: it is read.
    """
    if caption.kind is CaptionKind.DROPPED and not caption.text:
        text, note = "", caption.note or "not translated"
    elif caption.kind is CaptionKind.GAP:
        text, note = "", caption.note or "gap"
    elif caption.kind is CaptionKind.CLAUSE and caption.text:
        text, note = caption.text, caption.note or ""
    else:
        return None
    return Line(
        caption.room,
        caption.language,
        caption.speaker,
        caption.source_language,
        text,
        round(caption.start_unix, 6),  # as exact as it is shown, so that one can ask for what came since
        round(caption.end_unix, 6),
        note,
    )
