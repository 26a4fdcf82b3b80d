"""The witness: a process that others keep from running is told from one that sleeps, and from one that runs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.chaos.witness import Look, ran, read_looks, waited, watching

BUSY = "\nwhile True: pass"
SLEEPS = "import time; time.sleep(600)"

WATCHED_S = 1.0


@contextmanager
def running(code: str) -> Iterator[int]:
    """A Python that does this, on a CPU that it shares with all that are started here."""
    cpu = min(os.sched_getaffinity(0))
    process = subprocess.Popen([sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{{cpu}}}); {code}"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_of_a_wait_so_much_counts_as_may_lie_in_the_time() -> None:
    looks = [Look(10.0, 10.05, 0.04, 0.01), Look(10.195, 10.2, 0.1, 0.0)]
    for begun, ended, seconds in (
        (9.0, 11.0, 0.14),
        (9.9, 10.0, 0.04),
        (10.0, 10.05, 0.04),
        (10.03, 10.09, 0.02),
        (10.06, 10.09, 0.0),
        (10.19, 10.3, 0.01),
    ):
        assert waited(looks, begun, ended) == pytest.approx(seconds)
    assert [ran(looks, 9.0, end) for end in (10.0, 10.005, 11.0)] == pytest.approx([0.0, 0.005, 0.01])


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel does not count waits")
@pytest.mark.timeout(60)
async def test_only_who_is_kept_from_running_waits(tmp_path: Path) -> None:
    sums = {}
    with ExitStack() as stack:
        stack.enter_context(running(BUSY))
        for name, code in (("busy", BUSY), ("asleep", SLEEPS)):
            pid = stack.enter_context(running(code))
            await asyncio.sleep(WATCHED_S)  # it has come up
            async with watching(tmp_path / name) as witness:
                witness.watch(pid)
                await asyncio.sleep(WATCHED_S)
            looks = read_looks(tmp_path / name)
            sums[name] = sum(look.waited for look in looks), sum(look.ran for look in looks)
    assert min(sums["busy"]) > WATCHED_S / 10
    assert sums["asleep"] == (0, 0)


async def test_the_latest_process_is_watched_and_one_that_ends_harms_nothing(tmp_path: Path) -> None:
    async with watching(tmp_path / "file") as witness:
        with running(SLEEPS) as first:
            witness.watch(first)
        witness.watch(os.getpid())
    assert all(look.ended > look.begun for look in read_looks(tmp_path / "file"))
