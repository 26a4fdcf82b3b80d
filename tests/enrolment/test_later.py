"""What could not be done is tried again while any of it is left, and not when nothing is; in virtual time."""

from __future__ import annotations

import asyncio

from tests.virtual_time import START, virtual_time

from dragoman.enrolment.later import Later
from dragoman.recovery.backoff import FIRST_S

pytestmark = virtual_time


async def test_it_works_while_something_waits_and_begins_soon_again_with_what_comes_later() -> None:
    waiting: list[str] = []
    tried: list[float] = []
    clock = asyncio.get_running_loop().time

    async def work() -> None:
        tried.append(clock())
        if len(tried) % 3 == 0:
            waiting.clear()

    later = Later(waiting, work)
    running = asyncio.ensure_future(later.run())
    for begun in (START, START + 600):
        await asyncio.sleep(begun - clock())
        waiting.append("x")
        later.added()
        await asyncio.sleep(60)
        assert [round(at - begun, 3) for at in tried[-3:]] == [0.2, 0.6, 1.4] == [
            round(sum(FIRST_S[: number + 1]), 3) for number in range(3)
        ]  # fmt: skip
        assert not waiting
    later.added()
    await asyncio.sleep(60)
    assert len(tried) == 6
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
