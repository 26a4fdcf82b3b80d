from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest

from dragoman.signals import ENDING, ended_by_signals, told_by_signal


@pytest.fixture(autouse=True)
def not_ignored() -> Iterator[None]:
    """Whoever runs the tests in the background of a script ignores SIGINT, and so do his children."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
async def test_the_first_signal_ends_and_further_ones_are_ignored(number: signal.Signals) -> None:
    ended: asyncio.Queue[None] = asyncio.Queue()
    before = [signal.getsignal(each) for each in ENDING]
    with ended_by_signals(lambda: ended.put_nowait(None)):
        os.kill(os.getpid(), number)
        async with asyncio.timeout(60):
            await ended.get()
        for other in ENDING:
            os.kill(os.getpid(), other)
        seen = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, seen.set)
        os.kill(os.getpid(), signal.SIGUSR1)  # handled after those before it
        async with asyncio.timeout(60):
            await seen.wait()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)
    assert ended.empty()
    assert signal.getsignal(signal.SIGTERM) == before[1]


async def test_nohup_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals(lambda: pytest.fail("ended")):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


CLOSED_TERMINAL = """
import asyncio, os
from dragoman.signals import ended_by_signals
async def main():
    end = asyncio.Event()
    with ended_by_signals(end.set):
        print("ready", flush=True)
        await end.wait()
        print("cleaning up", flush=True)
        os.write(TELL, b"clean")
asyncio.run(main())
"""


def test_a_closed_terminal_does_not_break_the_clean_up() -> None:
    told, tell = os.pipe()
    try:
        master, slave = pty.openpty()
    except OSError as error:
        pytest.skip(f"no terminal can be made here: {error}")
    process = subprocess.Popen(
        [sys.executable, "-c", CLOSED_TERMINAL.replace("TELL", str(tell))],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        pass_fds=[tell],
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # only a controlling terminal's end sends SIGHUP
    )
    os.close(slave)
    os.close(tell)
    seen = b""
    while b"ready\r\n" not in seen:  # the terminal shows a line before its end: that is still being written
        seen += os.read(master, 1000)
    os.close(master)
    assert os.read(told, 100) == b"clean"
    os.close(told)
    assert process.wait(10) == 0


async def test_a_signal_that_tells_something_is_heard_each_time_and_no_longer_than_asked() -> None:
    told: asyncio.Queue[None] = asyncio.Queue()
    before = signal.getsignal(signal.SIGUSR1)
    with told_by_signal(signal.SIGUSR1, lambda: told.put_nowait(None)):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGUSR1)
            async with asyncio.timeout(60):
                await told.get()
    assert signal.getsignal(signal.SIGUSR1) == before
