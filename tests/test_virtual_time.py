from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import virtual_time as module
from tests.virtual_time import START, VirtualDeadlock, VirtualLimit, VirtualTimeLoop, run, settled, virtual_time


@pytest.fixture
async def ticker() -> AsyncIterator[list[float]]:
    """A fixture with a task of its own, which lives on the test's loop."""
    loop = asyncio.get_running_loop()
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            ticks.append(loop.time())
            await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(tick())
        yield ticks
        task.cancel()


@virtual_time
async def test_a_conversation_of_thirty_seconds_takes_no_time(ticker: list[float]) -> None:
    began = time.monotonic()
    await asyncio.sleep(30.0)
    assert len(ticker) in (1500, 1501)  # whose timer is first at second 30 is a matter of rounding
    assert time.monotonic() - began < 15.0  # generous: that it is no 30 s is the point


@virtual_time
async def test_the_clock_moves_only_by_timers() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(100):
        await asyncio.sleep(0)
    assert loop.time() == START
    await asyncio.sleep(1.5)
    assert loop.time() == START + 1.5


@virtual_time
async def test_timers_of_different_tasks_interleave_in_order() -> None:
    loop = asyncio.get_running_loop()
    seen: list[tuple[str, float]] = []

    async def speak(name: str, every: float, times: int) -> None:
        for _ in range(times):
            await asyncio.sleep(every)
            seen.append((name, round(loop.time() - START, 6)))

    async with asyncio.TaskGroup() as group:
        group.create_task(speak("a", 2.0, 3))
        group.create_task(speak("b", 3.5, 2))
        group.create_task(speak("c", 0.5, 2))
    assert seen == [("c", 0.5), ("c", 1.0), ("a", 2.0), ("b", 3.5), ("a", 4.0), ("a", 6.0), ("b", 7.0)]


@virtual_time
async def test_timeouts_and_events_race_as_they_should() -> None:
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(0.9, event.set)
    async with asyncio.timeout(1.0):
        await event.wait()
    event.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await event.wait()
    assert asyncio.get_running_loop().time() == START + 1.9


@virtual_time
async def test_settled_lets_everybody_run_but_no_timer() -> None:
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    seen: list[int] = []

    async def produce() -> None:
        for number in range(10):
            await queue.put(number)
        await asyncio.sleep(0.001)
        await queue.put(99)

    async def consume() -> None:
        while (number := await queue.get()) != 99:
            seen.append(number)

    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        group.create_task(consume())
        await settled()
        assert seen == list(range(10))
        assert loop.time() == START
    assert loop.time() == START + 0.001


@virtual_time
async def test_time_waits_for_threads() -> None:
    loop = asyncio.get_running_loop()
    late = asyncio.create_task(asyncio.sleep(0.01))
    assert await asyncio.to_thread(sum, range(1000)) == 499500
    assert loop.time() == START
    assert not late.done()
    await late


@virtual_time
async def test_a_socket_to_oneself_works() -> None:
    class Collector(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.got: asyncio.Queue[bytes] = asyncio.Queue(4)

        def datagram_received(self, data: bytes, addr: object) -> None:
            self.got.put_nowait(data)

    loop = asyncio.get_running_loop()
    transport, collector = await loop.create_datagram_endpoint(Collector, local_addr=("127.0.0.1", 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", transport.get_extra_info("sockname"))
        async with asyncio.timeout(1.0):
            assert await collector.got.get() == b"hello"
    assert loop.time() == START
    transport.close()


async def test_an_unmarked_test_runs_in_real_time() -> None:
    assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    with pytest.raises(TypeError, match="virtual_time"):
        await settled()


def test_a_deadlock_fails_at_once_and_names_who_waits_where() -> None:
    async def wait_for_godot() -> None:
        await asyncio.Event().wait()

    with pytest.raises(VirtualDeadlock, match=r"(?s)0\.500 virtual s.*vladimir.*wait_for_godot.*Event\(\)\.wait"):
        run(_with_task(wait_for_godot()))


async def _with_task(coroutine: object) -> None:
    await asyncio.sleep(0.5)
    async with asyncio.TaskGroup() as group:
        group.create_task(coroutine, name="vladimir")  # type: ignore[arg-type]


def test_waiting_for_ever_beside_a_ticking_clock_fails() -> None:
    async def tick_for_ever() -> None:
        while True:
            await asyncio.sleep(10.0)

    with pytest.raises(VirtualLimit, match=r"not done after 3590.5"):
        run(_with_task(tick_for_ever()))


def test_a_busy_wait_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPIN_LIMIT", 1_000)

    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(VirtualLimit, match=r"sleep\(0\)"):
        run(_with_task(spin()))


def test_tasks_are_cancelled_after_a_deadlock() -> None:
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("hang")

    with pytest.raises(VirtualDeadlock):
        run(hang())
    assert ended == ["hang"]


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=20))
def test_sleepers_wake_in_order_of_their_deadlines(delays: list[float]) -> None:
    async def main() -> list[float]:
        woke: list[float] = []

        async def sleeper(delay: float) -> None:
            await asyncio.sleep(delay)
            woke.append(delay)

        async with asyncio.TaskGroup() as group:
            for delay in delays:
                group.create_task(sleeper(delay))
        return woke

    woke = run(main())
    # Deadlines closer than the loop's clock resolution (1 ns) fire in the same turn, in any order.
    assert all(later - earlier > -2e-9 for earlier, later in itertools.pairwise(woke))
