from __future__ import annotations

import asyncio

from tests.virtual_time import settled, virtual_time

from dragoman.telephony.ari.events import ApplicationReplaced
from dragoman.telephony.ari.queue import Due, EventQueue, Gap, Lost

EVENT = ApplicationReplaced()
pytestmark = virtual_time


def drain(queue: EventQueue) -> list[object]:
    return [item for item in iter(queue.get_nowait, None)]


async def test_first_in_first_out() -> None:
    queue = EventQueue()
    queue.put_control(Gap(None))
    queue.put(EVENT, 1.0)
    queue.put_control(Lost(2.0))
    assert len(queue) == 3
    assert [await queue.get(), await queue.get(), await queue.get()] == [Gap(None), EVENT, Lost(2.0)]
    assert queue.get_nowait() is None


async def test_a_waiting_consumer_is_woken() -> None:
    queue = EventQueue()
    waiting = asyncio.ensure_future(queue.get())
    await settled()
    assert not waiting.done()
    queue.put(EVENT, 1.0)
    assert await waiting is EVENT


async def test_when_full_all_events_give_way_to_one_gap_and_controls_stay() -> None:
    queue = EventQueue(capacity=4)
    queue.put_control(Lost(0.0))
    for now in (1.0, 2.0, 3.0):
        queue.put(EVENT, now)
    queue.put(EVENT, 4.0)
    assert queue.dropped == 4
    queue.put(EVENT, 5.0)
    assert drain(queue) == [Lost(0.0), Gap(4.0), EVENT]


async def test_a_consumer_that_hangs_costs_no_memory() -> None:
    queue = EventQueue(capacity=8)
    for now in range(1000):
        queue.put(EVENT, float(now))
    assert len(queue) <= 8
    assert sum(isinstance(item, Gap) for item in drain(queue)) == 1
    queue.put_control(Due())
    assert drain(queue) == [Due()]
