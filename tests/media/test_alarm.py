from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from dragoman.media.alarm import Alarm, LoopAlarm, TimerfdAlarm, open_alarm

KINDS = [LoopAlarm, *([TimerfdAlarm] if TimerfdAlarm.available() else [])]
DEADLINE_S = 5


class Rings:
    """Counts the alarm's calls and lets a test wait for one."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.event = asyncio.Event()

    def __call__(self) -> None:
        self.times.append(asyncio.get_running_loop().time())
        self.event.set()

    async def next(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            await self.event.wait()
        self.event.clear()


@pytest.fixture
async def rings() -> Rings:
    return Rings()


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
async def alarm(request: pytest.FixtureRequest, rings: Rings) -> Iterator[Alarm]:
    opened = request.param(asyncio.get_running_loop(), rings)
    yield opened
    opened.close()


async def test_it_rings_once_and_not_before_its_time(alarm: Alarm, rings: Rings) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(3):
        at = loop.time() + 0.005
        alarm.arm(at)
        await rings.next()
        assert rings.times[-1] >= at - loop._clock_resolution  # type: ignore[attr-defined]
    assert len(rings.times) == 3


@pytest.mark.parametrize("past", [0.0, -5.0])
async def test_what_has_passed_rings_at_once(alarm: Alarm, rings: Rings, past: float) -> None:
    alarm.arm(past)
    await rings.next()


async def test_a_new_time_replaces_the_old(alarm: Alarm, rings: Rings) -> None:
    loop = asyncio.get_running_loop()
    alarm.arm(loop.time() + 3600)
    alarm.arm(loop.time())
    await rings.next()
    assert len(rings.times) == 1


async def test_a_closed_alarm_is_silent(alarm: Alarm, rings: Rings) -> None:
    loop = asyncio.get_running_loop()
    alarm.arm(loop.time())
    alarm.close()
    alarm.close()
    other = Rings()
    second = open_alarm(loop, other)
    second.arm(loop.time() + 0.002)
    await other.next()
    second.close()
    assert rings.times == []


async def test_without_a_timerfd_the_loop_does(monkeypatch: pytest.MonkeyPatch, rings: Rings) -> None:
    monkeypatch.setattr(TimerfdAlarm, "available", staticmethod(lambda: False))
    assert type(open_alarm(asyncio.get_running_loop(), rings)) is LoopAlarm
