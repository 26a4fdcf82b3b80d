"""The batcher, in virtual time: who shares a batch, what is refused, that one request's end is not another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from tests.virtual_time import START, settled, virtual_time

from dragoman.engines.mt.batching import Batcher
from dragoman.errors import EngineBusy, EngineCrashed, EngineError, EngineRejected

pytestmark = virtual_time

WINDOW = 0.006


class Model:
    """Doubles numbers, in batches that it remembers; ``meanwhile`` is called in the thread that does."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, items: Sequence[int]) -> list[int | EngineError]:
        self.batches.append(list(items))
        self.meanwhile()
        if 666 in items:
            raise RuntimeError("out of memory")
        return [EngineRejected("toy", "odd") if item % 2 else item * 2 for item in items]


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
async def batcher(model: Model) -> AsyncIterator[Batcher[int, int]]:
    batcher: Batcher[int, int] = Batcher("toy", model, max_batch=3, max_waiting=4, window=WINDOW)
    yield batcher
    await batcher.close()


async def test_those_who_come_within_the_window_share_a_batch(batcher: Batcher[int, int], model: Model) -> None:
    async def late() -> int:
        await asyncio.sleep(WINDOW / 2)
        return await batcher.ask(4)

    assert await asyncio.gather(batcher.ask(2), late()) == [4, 8]
    assert model.batches == [[2, 4]]
    assert asyncio.get_running_loop().time() == pytest.approx(START + WINDOW)


async def test_who_comes_alone_waits_for_the_window_only(batcher: Batcher[int, int], model: Model) -> None:
    assert await batcher.ask(2) == 4
    assert await batcher.ask(4) == 8
    assert model.batches == [[2], [4]]
    assert asyncio.get_running_loop().time() == pytest.approx(START + 2 * WINDOW)


async def test_a_batch_has_its_size(batcher: Batcher[int, int], model: Model) -> None:
    assert await asyncio.gather(*(batcher.ask(2 * i) for i in range(4))) == [0, 4, 8, 12]
    assert model.batches == [[0, 2, 4], [6]]
    assert (batcher.batches, batcher.items) == (2, 4)


async def test_one_too_many_is_refused_at_once(batcher: Batcher[int, int], model: Model) -> None:
    waiting = [asyncio.create_task(batcher.ask(2)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(EngineBusy, match="4 clauses wait already"):
        await batcher.ask(2)
    assert batcher.refused == 1
    assert await asyncio.gather(*waiting) == [4] * 4


async def test_who_gave_up_takes_no_place(batcher: Batcher[int, int], model: Model) -> None:
    waiting = [asyncio.create_task(batcher.ask(2)) for _ in range(4)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await settled()
    assert await batcher.ask(4) == 8
    assert model.batches == [[4]]


async def test_a_rejected_item_spoils_no_other(batcher: Batcher[int, int]) -> None:
    results = await asyncio.gather(batcher.ask(2), batcher.ask(3), batcher.ask(4), return_exceptions=True)
    assert [results[0], results[2]] == [4, 8]
    assert isinstance(results[1], EngineRejected)


async def test_a_crash_is_told_to_its_batch_only(batcher: Batcher[int, int]) -> None:
    results = await asyncio.gather(*(batcher.ask(i) for i in (666, 2, 2, 4)), return_exceptions=True)
    assert [type(result) for result in results[:3]] == [EngineCrashed] * 3
    assert "RuntimeError: out of memory" in str(results[0])
    assert results[3] == 8


async def test_who_gives_up_while_his_batch_runs_spoils_no_other(batcher: Batcher[int, int], model: Model) -> None:
    one, other = asyncio.create_task(batcher.ask(2)), asyncio.create_task(batcher.ask(4))
    loop = asyncio.get_running_loop()
    model.meanwhile = lambda: loop.call_soon_threadsafe(one.cancel)
    assert await other == 8
    assert model.batches == [[2, 4]]
    assert one.cancelled()


async def test_close_refuses_what_waits_and_leaves_nothing_running(batcher: Batcher[int, int], model: Model) -> None:
    waiting = asyncio.create_task(batcher.ask(2))
    await asyncio.sleep(0)
    await batcher.close()
    await batcher.close()
    with pytest.raises(EngineCrashed, match="closed"):
        await waiting
    with pytest.raises(EngineCrashed, match="closed"):
        await batcher.ask(2)
    assert model.batches == []
    assert [task for task in asyncio.all_tasks() if "batches" in task.get_name()] == []
