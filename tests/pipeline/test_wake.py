"""A task is woken once per set; what waits too long is cancelled at its deadline, and nothing else is; looks go on."""

from __future__ import annotations

import asyncio

import pytest
from tests.virtual_time import START, VirtualTimeLoop, settled, virtual_time

from dragoman.pipeline.wake import GRACE_S, Patience, Wake, every

pytestmark = virtual_time


async def test_set_wakes_who_waits_and_who_waits_next() -> None:
    wake, woken = Wake(), []

    async def wait(name: str) -> None:
        await wake.wait()
        woken.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(wait("first"))
        await settled()
        assert woken == []
        wake.set()
        await settled()
        assert woken == ["first"]
        group.create_task(wait("next"))
        await settled()
        assert woken == ["first", "next"]
        wake.clear()
        group.create_task(wait("later"))
        await settled()
        assert woken == ["first", "next"]
        wake.set()
        wake.set()
    assert woken == ["first", "next", "later"]


async def test_set_after_the_waiter_was_cancelled_wakes_the_next_one() -> None:
    wake = Wake()
    async with asyncio.TaskGroup() as group:
        waiter = group.create_task(wait_for(wake))
        await settled()
        waiter.cancel()
        wake.set()
    assert waiter.cancelled()
    await asyncio.wait_for(wake.wait(), 0)


async def wait_for(wake: Wake) -> None:
    await wake.wait()


async def test_each_await_has_its_own_time() -> None:
    patience = Patience(0.5)
    for _ in range(10):
        with patience:
            await asyncio.sleep(0.4)
    await asyncio.sleep(3.0)  # between two awaits nothing is due
    began = now()
    with pytest.raises(TimeoutError), patience:
        await asyncio.sleep(60)
    assert now() - began == pytest.approx(0.5, abs=0.002)
    with patience:  # it may go on
        await asyncio.sleep(0.4)
    patience.close()
    patience.close()


async def test_an_await_behind_short_ones_is_given_its_full_time_and_no_more() -> None:
    patience = Patience(0.5)
    with patience:
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.3)
    began = now()
    with pytest.raises(TimeoutError), patience:
        await asyncio.sleep(60)
    assert now() - began == pytest.approx(0.5, abs=0.002)
    patience.close()


@pytest.mark.parametrize("stood", [0.45, 0.9, 5.0])
async def test_what_came_while_the_loop_stood_still_is_taken_however_late(stood: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    came: asyncio.Future[str] = loop.create_future()
    loop.call_later(0.3, lambda: loop.call_soon(lambda: loop.call_soon(came.set_result, "sound")))
    loop.call_later(0.1, loop.jump, stood)
    patience = Patience(0.5)
    with patience:
        assert await came == "sound"
    patience.close()


async def test_a_loop_that_stood_still_is_no_reason_to_wait_for_ever() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.call_later(0.1, loop.jump, 0.9)
    patience = Patience(0.5)
    began = now()
    with pytest.raises(TimeoutError), patience:
        await asyncio.sleep(60)
    assert now() - began == pytest.approx(1.0 + GRACE_S, abs=0.002)
    patience.close()


async def test_a_loop_that_is_held_again_and_again_is_given_time_once_for_each_await() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    held = 0.05

    async def hold() -> None:
        for _ in range(1000):
            loop.jump(held)
            await asyncio.sleep(0)

    holding = asyncio.ensure_future(hold())
    patience = Patience(0.49)
    for _ in range(2):
        began = now()
        with pytest.raises(TimeoutError), patience:
            await asyncio.sleep(60)
        assert 0.49 + GRACE_S <= now() - began <= 0.49 + GRACE_S + 4 * held
    assert not holding.done()
    holding.cancel()
    patience.close()


async def test_a_cancellation_by_others_stays_one() -> None:
    async def work() -> None:
        patience = Patience(0.5)
        try:
            with patience:
                await asyncio.sleep(60)
        finally:
            patience.close()

    task = asyncio.ensure_future(work())
    await settled()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_in_the_instant_of_the_deadline_is_not_lost() -> None:
    async def work() -> None:
        patience = Patience(0.5)
        with patience:
            await asyncio.sleep(60)

    task = asyncio.ensure_future(work())
    await settled()
    asyncio.get_running_loop().call_later(0.5, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_fails_by_itself_is_told_as_it_is() -> None:
    patience = Patience(0.5)
    with pytest.raises(KeyError), patience:
        raise KeyError
    patience.close()
    await asyncio.sleep(2)  # and no timer is left to cancel whoever comes behind


async def test_looks_come_at_moments_that_all_share_until_one_raises() -> None:
    looks: list[float] = []

    def look() -> None:
        looks.append(now() - START)
        if len(looks) == 4:
            raise LookupError("seen enough")

    await asyncio.sleep(0.13)
    with pytest.raises(LookupError):
        await every(0.2, look)
    assert looks == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.002)


async def test_looks_end_with_the_task() -> None:
    looks: list[float] = []
    task = asyncio.ensure_future(every(0.2, lambda: looks.append(now())))
    await asyncio.sleep(0.5)
    task.cancel()
    await asyncio.sleep(2)
    assert task.cancelled()
    assert len(looks) == 2


def now() -> float:
    return asyncio.get_running_loop().time()
