"""What Asterisk knows is right after a start, a change, a restart of Asterisk, and whatever fails in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr
from tests.fakes.ari import PASSWORD, USER, FakeAri
from tests.virtual_time import virtual_time

from dragoman.admin.admission import Limits, Load
from dragoman.admin.keeper import LOOK_S, RETRY_S, Keeper
from dragoman.admin.rooms import Room
from dragoman.telephony.ari.talking import TalkingClient
from dragoman.telephony.errands import Errands

pytestmark = virtual_time

ROOM = Room("1000", pin=SecretStr("4711"))


@dataclass
class Site:
    ari: FakeAri
    rooms: dict[str, Room] | None = field(default_factory=dict)
    load: Load = field(default_factory=Load)
    keeper: Keeper = field(init=False)

    async def passes(self, seconds: float = LOOK_S * 2) -> None:
        await asyncio.sleep(seconds)


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    ari = FakeAri()
    async with ari.serve(), TalkingClient(ari.url, USER, PASSWORD) as client:
        client.connected = True
        made = Site(ari)
        made.keeper = Keeper(Errands(client), client.set_global, lambda: made.rooms, Limits(legs=9), lambda: made.load)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(made.keeper.run())
            yield made
            running.cancel()


async def test_nothing_is_told_before_asterisk_is_there() -> None:
    async with site() as s:
        s.rooms = {"1000": ROOM}
        await s.passes()
        assert s.ari.requests == [] and not s.keeper.enforced("1000")
        s.keeper.synced()
        assert await s.keeper.settled("1000", 1.0)
        assert s.ari.asterisk.kept == {"1000": "4711||"}
        assert s.ari.asterisk.globals["DRAGOMAN_MOST"] == "9"


async def test_what_is_left_of_rooms_deleted_elsewhere_goes_and_what_is_not_known_yet_stays() -> None:
    async with site() as s:
        s.rooms = None  # the store does not answer: no PIN may be lost for that
        s.ari.asterisk.kept = {"1000": "4711||", "2000": "1||"}
        s.keeper.synced()
        await s.passes()
        assert set(s.ari.asterisk.kept) == {"1000", "2000"} and not s.keeper.enforced("1000")
        s.rooms = {"1000": ROOM}
        assert await s.keeper.settled("1000", 1.0)
        assert s.ari.asterisk.kept == {"1000": "4711||"}


async def test_changes_are_told_once() -> None:
    async with site() as s:
        s.keeper.synced()
        s.rooms = {"1000": ROOM}
        assert await s.keeper.settled("1000", 1.0)
        told = len(s.ari.requests)
        await s.passes(10)
        assert len(s.ari.requests) == told
        s.rooms = {"1000": Room("1000", most_legs=3)}
        assert not s.keeper.enforced("1000") and await s.keeper.settled("1000", 1.0)
        assert s.ari.asterisk.kept == {"1000": "||3"}
        s.rooms = {}
        assert await s.keeper.settled("1000", 1.0)
        assert s.ari.asterisk.kept == {}


async def test_the_load_is_told_and_told_again_after_a_restart() -> None:
    async with site() as s:
        s.keeper.synced()
        s.load = Load(draining=True, capped={"1000": True})
        await s.passes()
        told = {name: s.ari.asterisk.globals[name] for name in ("DRAGOMAN_SHUT", "DRAGOMAN_SHUT_1000")}
        assert told == {"DRAGOMAN_SHUT": "drain", "DRAGOMAN_SHUT_1000": "spent"}
        s.keeper.lost()
        s.ari.restart()
        s.load = Load(capped={"1000": False})
        await s.passes()
        assert "DRAGOMAN_SHUT" not in s.ari.asterisk.globals
        s.keeper.synced()
        await s.passes()
        assert (s.ari.asterisk.globals["DRAGOMAN_SHUT"], s.ari.asterisk.globals["DRAGOMAN_SHUT_1000"]) == ("", "")


async def test_what_fails_is_tried_again_and_the_rest_is_not() -> None:
    async with site() as s:
        s.keeper.synced()
        await s.passes()
        fault = s.ari.fault("POST /channels", status=500)
        s.rooms = {name: Room(name, pin=SecretStr("123")) for name in ("1", "2", "3")}
        await s.passes()
        assert fault.reached.is_set() and not s.keeper.enforced("3")
        await s.passes(RETRY_S + 1)
        assert set(s.ari.asterisk.kept) == {"1", "2", "3"} and s.keeper.enforced("3")
        assert s.ari.asterisk.errands.count("keep") == 3


async def test_waiting_for_asterisk_has_an_end() -> None:
    async with site() as s:
        s.rooms = {"1000": ROOM}
        assert not await s.keeper.settled("1000", 1.0)
