"""What was stored and is not wanted is deleted, if the database is away then as soon as it is back; in virtual time."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs
from tests.virtual_time import virtual_time

from dragoman.enrolment.leftovers import Leftovers
from dragoman.errors import StoreLocked, StoreUnavailable
from dragoman.recovery.backoff import CEILING_S

pytestmark = virtual_time


class Store:
    def __init__(self) -> None:
        self.away, self.locked = False, ""
        self.deleted: list[str] = []

    async def delete(self, key: str) -> None:
        if self.away:
            raise StoreUnavailable("away")
        if key == self.locked:
            raise StoreLocked("another key")
        self.deleted.append(key)


async def test_now_where_the_database_answers() -> None:
    store = Store()
    left = Leftovers(store.delete)
    await left.discard("a")
    assert store.deleted == ["a"] and len(left) == 0


async def test_later_and_again_where_it_does_not() -> None:
    store = Store()
    left = Leftovers(store.delete)
    running = asyncio.ensure_future(left.run())
    for _ in range(2):
        store.away = True
        await left.discard("a")
        left.add("b")
        await asyncio.sleep(600)
        assert store.deleted == [] and len(left) == 2
        store.away = False
        await asyncio.sleep(CEILING_S + 1)
        assert store.deleted == ["a", "b"] and len(left) == 0
        store.deleted.clear()
    store.locked = "c"
    left.add("c")
    left.add("d")
    await asyncio.sleep(CEILING_S + 1)
    assert store.deleted == ["d"] and len(left) == 0, "one that cannot be deleted holds none up"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_daemon_that_stops_names_them() -> None:
    left = Leftovers(Store().delete)
    running = asyncio.ensure_future(left.run())
    left.add("a")
    await asyncio.sleep(0)
    running.cancel()
    with capture_logs() as logs:
        await asyncio.gather(running, return_exceptions=True)
    assert [entry["profile"] for entry in logs] == ["a"]


async def test_those_that_come_while_it_stops_are_named_too() -> None:
    left = Leftovers(Store().delete)
    running = asyncio.ensure_future(left.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with capture_logs() as logs:
        left.add("a")
    assert [entry["profile"] for entry in logs] == ["a"]
