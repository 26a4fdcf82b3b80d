"""Health events: counted, numbered, kept for who comes late, and a slow watcher holds nobody up."""

from __future__ import annotations

import asyncio

from tests.virtual_time import virtual_time

from dragoman.recovery.events import HISTORY, WATCHER_DEPTH, HealthBus
from dragoman.recovery.kinds import Action, Kind, Status

pytestmark = virtual_time


def bus() -> HealthBus:
    return HealthBus(lambda: 1_700_000_000.0, first=1000)


def lose(bus: HealthBus, number: int) -> None:
    bus.tell(Kind.ARI_LOST, Action.RECONNECT, Status.RECOVERING, "ari", session=str(number), lag_s=0.25)


async def test_watchers_get_all_in_order_with_their_numbers() -> None:
    told = bus()
    watchers = [told.watch() for _ in range(2)]
    for number in range(3):
        lose(told, number)
    for watcher in watchers:
        watcher.close()
        got = [(number, event.session) async for number, event in watcher]
        assert got == [(1001, "0"), (1002, "1"), (1003, "2")]
    assert told.counts == {(Kind.ARI_LOST, Action.RECONNECT): 3}
    assert told.history[0].lag_ms == 250.0
    assert told.history[0].time == 1_700_000_000.0


async def test_who_comes_again_first_gets_what_he_missed_as_far_as_it_is_kept() -> None:
    told = bus()
    for number in range(HISTORY + 5):
        lose(told, number)
    watcher = told.watch(after=1000 + HISTORY + 2)
    watcher.close()
    assert [event.session async for _, event in watcher] == [str(HISTORY + 2), str(HISTORY + 3), str(HISTORY + 4)]
    early = told.watch(after=0)
    assert len(told.history) == HISTORY
    assert early.dropped == HISTORY - WATCHER_DEPTH
    early.close()


async def test_a_slow_watcher_loses_the_oldest_and_that_is_counted() -> None:
    told = bus()
    slow = told.watch()
    for number in range(WATCHER_DEPTH + 7):
        lose(told, number)
    assert told.dropped == slow.dropped == 7
    slow.close()
    slow.close()
    assert told.dropped == 7
    assert (await anext(aiter(slow)))[1].session == "7"
    lose(told, 0)  # nobody is left to take it


async def test_a_waiting_watcher_is_woken() -> None:
    told = bus()
    watcher = told.watch()

    async def read() -> list[str]:
        return [event.session async for _, event in watcher]

    reading = asyncio.create_task(read())
    await asyncio.sleep(1)
    lose(told, 7)
    await asyncio.sleep(1)
    watcher.close()
    assert await reading == ["7"]
