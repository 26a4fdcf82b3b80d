"""What the machine did to those who had to keep time: when it stood still, and for how long it kept a process waiting.

    python -m tests.chaos.witness FILE

A sleeper on every CPU does nothing and notes when it is woken late: a virtual machine may be stopped for a tenth of a
second by what lies under it. What is lost then is nobody's fault. ``FILE`` gets "begin end" a line, seconds (epoch).

Each line of its input is a process id: from then on that process's main thread is watched, by what the kernel notes of
it (``/proc/PID/schedstat``): for how long it was ready to run and another ran, and for how long it ran; else it slept.
``FILE.looks`` gets "begin end waited ran" for each look between which there was any of that. Ends with its input.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dragoman.errors import DemoError

NAP_S = 0.005

LATE_S = 0.03
"""A packet is 20 ms; a phone's jitter buffer holds two or three."""

LEAST_S = 0.001
"""What is noted between two looks, of either."""

START_S = 10.0


class Look(NamedTuple):
    """What a process did between two times (seconds since the epoch)."""

    begun: float
    ended: float
    waited: float
    """Seconds for which it was ready to run and did not. The kernel adds a wait up when it ends: it may have begun
    before ``begun``."""
    ran: float


def waited(looks: Iterable[Look], begun: float, ended: float) -> float:
    """Seconds that the machine kept the process waiting between two times; at most what may lie there of each wait."""
    return sum(min(look.waited, _common(look.begun - look.waited, look.ended, begun, ended)) for look in looks)


def ran(looks: Iterable[Look], begun: float, ended: float) -> float:
    """Seconds that it ran between two times, at most."""
    return sum(min(look.ran, _common(look.begun, look.ended, begun, ended)) for look in looks)


def _common(begun: float, ended: float, first: float, last: float) -> float:
    return max(min(ended, last) - max(begun, first), 0.0)


def sleep(cpu: int, file: Path) -> None:
    """For ever."""
    os.sched_setaffinity(0, {cpu})
    before = time.time()
    while True:
        time.sleep(NAP_S)
        now = time.time()
        if now - before >= NAP_S + LATE_S:
            with file.open("a") as out:
                out.write(f"{before:.3f} {now:.3f}\n")
        before = now


class _Watch(threading.Thread):
    """Looks at one process until it ends, or another one is to be watched."""

    def __init__(self, pid: int, file: Path) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._file = file
        self.over = False

    def run(self) -> None:
        """See Thread."""
        with suppress(OSError), open(f"/proc/{self._pid}/schedstat") as stat, self._file.open("a") as out:
            before, had_run, had_waited = time.time(), *_seconds(stat.read())
            while not self.over:
                time.sleep(NAP_S)
                stat.seek(0)
                now, run, wait = time.time(), *_seconds(stat.read())
                if max(run - had_run, wait - had_waited) >= LEAST_S:
                    out.write(f"{before:.4f} {now:.4f} {wait - had_waited:.4f} {run - had_run:.4f}\n")
                    out.flush()
                before, had_run, had_waited = now, run, wait


def _seconds(schedstat: str) -> tuple[float, float]:
    """Of "ran waited slices", in nanoseconds (Documentation/scheduler/sched-stats.rst of Linux)."""
    run, wait, _ = schedstat.split()
    return int(run) / 1e9, int(wait) / 1e9


def read(file: Path) -> list[tuple[float, float]]:
    """The spans in a file."""
    return [(begin, end) for begin, end in _numbers(file)]


def read_looks(file: Path) -> list[Look]:
    """Those at the processes that were watched."""
    return [Look(*numbers) for numbers in _numbers(_looks_of(file))]


def _numbers(file: Path) -> list[list[float]]:
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [[float(number) for number in line.split()] for line in lines]


def _looks_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.looks")


@dataclass(frozen=True, slots=True)
class Witness:
    """One that is at work."""

    _input: asyncio.StreamWriter

    def watch(self, pid: int) -> None:
        """Look at this process from now on."""
        self._input.write(f"{pid}\n".encode())


@asynccontextmanager
async def watching(file: Path) -> AsyncIterator[Witness]:
    """Meanwhile."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.witness", str(file)),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            if not await process.stdout.readline():
                raise DemoError("the witness does not come up")
        yield Witness(process.stdin)
        process.stdin.close()
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def main() -> None:
    """Until standard input ends."""
    file = Path(sys.argv[1])
    for cpu in os.sched_getaffinity(0):
        threading.Thread(target=sleep, args=(cpu, file), daemon=True).start()
    print("watching", flush=True)
    watch: _Watch | None = None
    for line in sys.stdin:
        if watch is not None:
            watch.over = True
        watch = _Watch(int(line), _looks_of(file))
        watch.start()


if __name__ == "__main__":
    main()
