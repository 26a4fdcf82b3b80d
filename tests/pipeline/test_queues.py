from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.virtual_time import run, settled, virtual_time

from dragoman.pipeline.queues import QueueClosed, StageQueue

pytestmark = virtual_time


async def _drain(queue: StageQueue[str], pause: list[float]) -> list[str]:
    got = []
    try:
        while True:
            got.append(await queue.get())
            await asyncio.sleep(pause.pop() if pause else 0)
    except QueueClosed:
        return got


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 4),
    st.lists(st.sampled_from((0.0, 1.0, 2.0)), max_size=12),
    st.lists(st.sampled_from((0.0, 1.0, 2.0)), max_size=12),
)
def test_everything_comes_out_once_in_order_whoever_is_slower(
    depth: int, producing: list[float], consuming: list[float]
) -> None:
    async def play() -> None:
        queue: StageQueue[str] = StageQueue("q", depth)
        consumer = asyncio.create_task(_drain(queue, list(consuming)))
        for i, pause in enumerate(producing):
            await asyncio.sleep(pause)
            await queue.put(str(i))
            assert len(queue) <= depth
        queue.close()
        assert await consumer == [str(i) for i in range(len(producing))]

    run(play())


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 4),
    st.lists(st.sampled_from((0.0, 1.0, 2.0)), max_size=12),
    st.lists(st.sampled_from((0.0, 1.0, 2.0)), max_size=12),
)
def test_a_merging_queue_never_waits_never_grows_and_loses_nothing(
    depth: int, producing: list[float], consuming: list[float]
) -> None:
    async def play() -> None:
        queue: StageQueue[str] = StageQueue("q", depth, lambda a, b: f"{a} {b}")
        consumer = asyncio.create_task(_drain(queue, list(consuming)))
        for i, pause in enumerate(producing):
            await asyncio.sleep(pause)
            queue.offer(str(i))
            assert len(queue) <= depth
        queue.close()
        got = await consumer
        assert " ".join(got).split() == [str(i) for i in range(len(producing))]
        assert queue.merged == len(producing) - len(got)

    run(play())


async def test_a_cancelled_producer_or_consumer_loses_nothing() -> None:
    queue: StageQueue[str] = StageQueue("q", 1)
    consumer = asyncio.create_task(queue.get())
    await settled()
    consumer.cancel()
    await settled()
    await queue.put("first")
    producer = asyncio.create_task(queue.put("never"))
    await settled()
    producer.cancel()
    await settled()
    queue.close()
    assert await queue.get() == "first"
    with pytest.raises(QueueClosed):
        await queue.get()


async def test_close_wakes_who_waits_and_takes_nothing_more() -> None:
    queue: StageQueue[str] = StageQueue("q", 1)
    consumer = asyncio.create_task(queue.get())
    await settled()
    queue.close()
    queue.close()
    with pytest.raises(QueueClosed):
        await consumer
    with pytest.raises(QueueClosed):
        await queue.put("late")
    merging: StageQueue[str] = StageQueue("m", 1, lambda a, b: a + b)
    merging.close()
    with pytest.raises(QueueClosed):
        merging.offer("late")
    full: StageQueue[str] = StageQueue("f", 1)
    await full.put("one")
    producer = asyncio.create_task(full.put("two"))
    await settled()
    full.close()
    with pytest.raises(QueueClosed):
        await producer
    assert await full.get() == "one"


async def test_nothing_is_offered_to_a_queue_that_cannot_merge() -> None:
    holding: StageQueue[str] = StageQueue("h", 1)
    with pytest.raises(TypeError, match="queue h"):
        holding.offer("x")
