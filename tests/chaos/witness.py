"""When the machine itself stood still: sleepers that do nothing, one on every CPU, and note when they are woken late.

    python -m tests.chaos.witness FILE     until standard input ends; FILE gets "begin end" a line, seconds (epoch)

A virtual machine may be stopped for a tenth of a second by what lies under it. What is lost then is nobody's fault.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dragoman.errors import DemoError

NAP_S = 0.005

LATE_S = 0.03
"""A packet is 20 ms; a phone's jitter buffer holds two or three."""

START_S = 10.0


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


def read(file: Path) -> list[tuple[float, float]]:
    """The spans in a file."""
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [(float(begin), float(end)) for begin, end in (line.split() for line in lines)]


@asynccontextmanager
async def watching(file: Path) -> AsyncIterator[None]:
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
        yield
        process.stdin.close()
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def main() -> None:
    for cpu in os.sched_getaffinity(0):
        threading.Thread(target=sleep, args=(cpu, Path(sys.argv[1])), daemon=True).start()
    print("watching", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
