"""The audit log: who did what, and who used which voice profile, when, for which room. Appended to log and store."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict

import structlog

from dragoman.admin.model import Entry
from dragoman.errors import AdminStoreDown
from dragoman.voices.source import VoiceEvent, VoiceEventKind

log = structlog.get_logger(__name__)

DEPTH = 10_000
"""Entries that wait for a store that does not answer; the oldest is dropped then, counted, and stays in the log."""

RETRY_S = 2.0
"""Seconds until a store that failed is asked again."""

PROMPT_S = 0.5
"""Seconds that what is done to live calls waits for its entry to be written; a database that is there takes some ms."""

Write = Callable[[Sequence[Entry]], Awaitable[None]]

Caller = tuple[str, str]
"""Room, and the number he calls from."""


class Journal:
    """Entries of calls are written behind them (``note``), those of REST before what they tell of.

    Of those, what touches voices and what is stored is done only if it is written (``record``); what is done to live
    calls is done all the same (``announce``): whom nobody can put out of a room at night is worse than a late entry.
    """

    def __init__(self, write: Write | None, clock: Callable[[], float]) -> None:
        """``write`` appends to the store and raises AdminStoreDown; None: there is only the log. ``clock``: unix, s."""
        self.dropped = 0
        self.on_drop: Callable[[], None] = lambda: None
        """Called when an entry is dropped that waited; it is in the log alone then."""
        self._away = False
        self._turn = asyncio.Lock()
        self._told = asyncio.Condition()
        self._write = write
        self._clock = clock
        self._waiting: deque[Entry] = deque()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        """How many entries wait to be written."""
        return len(self._waiting)

    def note(self, actor: str, action: str, *, profile: str = "", room: str = "", detail: str = "") -> None:
        """Something happened; waits for nothing."""
        self._put(self._entry(actor, action, profile, room, detail))

    async def announce(self, actor: str, action: str, *, profile: str = "", room: str = "", detail: str = "") -> None:
        """Something is about to be done, and is even if this cannot be written yet: then it waits as what is noted.

        Returns when it is written, at once while the store is known to be away, and after PROMPT_S at the latest.
        """
        entry = self._entry(actor, action, profile, room, detail)
        self._put(entry)

        def settled() -> bool:
            return self._away or all(each is not entry for each in self._waiting)

        with suppress(TimeoutError):
            async with asyncio.timeout(PROMPT_S), self._told:
                await self._told.wait_for(settled)

    async def record(self, actor: str, action: str, *, profile: str = "", room: str = "", detail: str = "") -> None:
        """Something is about to be done, and may be only if this can be written.

        Raises:
            AdminStoreDown: it cannot.
        """
        entry = self._entry(actor, action, profile, room, detail)
        if self._write is not None:
            await self._write((entry,))

    async def run(self) -> None:
        """Write what waits, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not await self.flush():
                await asyncio.sleep(RETRY_S)
                self._wake.set()

    async def flush(self) -> bool:
        """Write what waits; False: the store does not answer, and it waits still.

        An entry is there twice if the store went while it kept it, and its word of that was lost.
        """
        try:
            async with self._turn:  # an entry is not written by two at once
                while self._waiting and self._write is not None:
                    entries = list(self._waiting)
                    await self._write(entries)
                    for entry in entries:
                        if self._waiting and self._waiting[0] is entry:  # else it was dropped meanwhile
                            self._waiting.popleft()
            away = False
        except AdminStoreDown as error:
            if not self._away:  # told once: it is tried every other second
                log.warning("audit log not written; its entries wait", waiting=len(self._waiting), reason=str(error))
            away = True
        if self._away and not away:
            log.info("audit log written again")
        self._away = away
        async with self._told:
            self._told.notify_all()
        return not away

    def _put(self, entry: Entry) -> None:
        if self._write is None:
            return
        if len(self._waiting) >= DEPTH:
            self._waiting.popleft()
            self.dropped += 1
            self.on_drop()
        self._waiting.append(entry)
        self._wake.set()

    def _entry(self, actor: str, action: str, profile: str, room: str, detail: str) -> Entry:
        entry = Entry(self._clock(), actor, action, profile, room, detail)
        log.info("audit", **{key: value for key, value in asdict(entry).items() if value and key not in ("at", "id")})
        return entry


ACTIONS = {
    VoiceEventKind.ASSIGNED: "voice used",
    VoiceEventKind.STRANGER: "voice withheld",
    VoiceEventKind.OWNER: "voice used again",
    VoiceEventKind.BROKEN: "voice unusable",
    VoiceEventKind.GONE: "voice withdrawn",
}
"""What happened to a speaker's voice, in the audit log's words."""


def note_voice(journal: Journal, event: VoiceEvent, caller: Caller) -> None:
    """A voice profile was taken for a caller, or no longer is."""
    room, number = caller
    detail = f"channel {event.speaker}" + (f": {event.text}" if event.text else "")
    journal.note(f"caller {masked(number)}", ACTIONS[event.kind], profile=event.profile, room=room, detail=detail)


def masked(number: str) -> str:
    """A caller's number as the log shows it: the PBX has the whole one, by the channel's id; no second list begins."""
    return f"...{number[-3:]}" if len(number) > 5 else "unknown"
