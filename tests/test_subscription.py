"""Events reach a reader once, in order; a slow one loses the oldest, counted; who waits is woken."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.subscription import Subscription

DEPTH = 4


def subscription(closed: list[bool] | None = None) -> Subscription[str]:
    return Subscription(DEPTH, lambda: None if closed is None else closed.append(True))


@given(st.lists(st.integers(1, 2 * DEPTH), max_size=20))
def test_what_is_read_and_what_was_dropped_is_all_there_was(bursts: list[int]) -> None:
    """Bursts of events, after each of which the reader reads all he still can."""

    async def run() -> None:
        reader = subscription()
        events = aiter(reader)
        put = 0
        for burst in bursts:
            before = reader.dropped
            for _ in range(burst):
                reader.put(put, str(put))
                put += 1
            lost = reader.dropped - before
            assert lost == max(0, burst - DEPTH)
            expected = range(put - burst + lost, put)
            assert [await anext(events) for _ in expected] == [(number, str(number)) for number in expected]

    asyncio.run(run())


@pytest.mark.virtual_time
async def test_one_who_waits_is_woken() -> None:
    reader = subscription()

    async def read() -> list[tuple[int, str]]:
        return [each async for each in reader]

    reading = asyncio.create_task(read())
    await asyncio.sleep(1)
    reader.put(7, "seven")
    await asyncio.sleep(1)
    reader.put(9, "nine")
    reader.close()
    assert await reading == [(7, "seven"), (9, "nine")]


async def test_it_says_once_that_it_is_closed() -> None:
    closed: list[bool] = []
    reader = subscription(closed)
    reader.close()
    reader.close()
    assert closed == [True]
    assert [each async for each in reader] == []
