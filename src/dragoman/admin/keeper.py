"""Keeps what Asterisk knows right: what rooms were given, and who is let in. rooms.py and admission.py decide."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from dragoman.admin.admission import Limits, Load, changes
from dragoman.admin.rooms import Kept, Room, kept, steps
from dragoman.errors import AdminError
from dragoman.telephony.errands import Errands
from dragoman.telephony.recipes import FAILURES

log = structlog.get_logger(__name__)

LOOK_S = 0.25
"""Seconds between looks at the load: so long a room more than is admitted may begin."""

RETRY_S = 2.0
"""Seconds until Asterisk is told again what it did not take."""


class Keeper:
    """Told by the attacher of lost and found connections (telephony.attacher.Guests); ``run`` until cancelled.

    Args:
        errands: runs the dialplan's errands.
        set_global: sets a global variable of the dialplan.
        rooms: those that are set up, another mapping after every change; None while that is not known yet.
        limits: how much is taken on.
        load: how it is just now.
    """

    def __init__(
        self,
        errands: Errands,
        set_global: Callable[[str, str], Awaitable[None]],
        rooms: Callable[[], Mapping[str, Room] | None],
        limits: Limits,
        load: Callable[[], Load],
    ) -> None:
        self._errands = errands
        self._set_global = set_global
        self._rooms = rooms
        self._limits = limits
        self._load = load
        self._connected = False
        self._listed = False
        self._seen: Mapping[str, Room] | None = None
        self._there: dict[str, Kept | None] = {}
        self._told: dict[str, str] = {}
        self._round = asyncio.Condition()

    def synced(self) -> None:
        """Asterisk is there (again), and may have forgotten everything."""
        self._connected, self._listed = True, False
        self._there, self._told = {}, {}

    def lost(self) -> None:
        """Asterisk cannot be told anything now."""
        self._connected = False

    def enforced(self, room: str) -> bool:
        """Whether Asterisk knows of a room what was set up, or that nothing was."""
        found = (self._rooms() or {}).get(room)
        wanted = None if found is None else kept(found)
        return self._connected and self._listed and self._there.get(room) == wanted

    async def settled(self, room: str, within: float) -> bool:
        """Wait until ``enforced``, for so many seconds at most; whether it is."""
        try:
            async with asyncio.timeout(within), self._round:
                await self._round.wait_for(lambda: self.enforced(room))
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Look and tell, for ever."""
        while True:
            pause = LOOK_S
            if self._connected:
                try:
                    await self.tell()
                except (*FAILURES, AdminError) as error:
                    log.warning("Asterisk was not told who may come in", reason=str(error) or type(error).__name__)
                    pause = RETRY_S
            async with self._round:
                self._round.notify_all()
            await asyncio.sleep(pause)

    async def tell(self) -> None:
        """Tell what Asterisk does not know yet. What it took is remembered, also when the next thing fails."""
        told = self._told
        for name, value in changes(self._limits, self._load(), told).items():
            await self._set_global(name, value)
            told[name] = value
        rooms = self._rooms()
        if rooms is None or (self._listed and rooms is self._seen):  # to compare 500 of them takes 2 ms of a tick
            return
        there = self._there
        also = () if self._listed else await self._errands.kept()
        todo = steps(rooms, there, also)
        for room, line in todo.keep.items():
            await self._errands.keep(room, pin=line.pin, languages=line.languages, most=line.most)
            there[room] = line
        for room in todo.forget:
            await self._errands.forget(room)
            there[room] = None
        if there is self._there:  # else the connection was lost and found meanwhile
            self._listed, self._seen = True, rooms
