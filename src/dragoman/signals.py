"""The signals that end a command (Ctrl-C, ``kill``, and the terminal being closed), or tell it something."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_by_signals(end: Callable[[], object]) -> Iterator[None]:
    """Call ``end`` at the first signal that ends a command; those after it are ignored, so that clean-up completes.

    A SIGHUP that is ignored already (nohup) stays so. Wants a running event loop.
    """
    loop = asyncio.get_running_loop()
    ended = False
    terminals = [fd for fd in (1, 2) if os.isatty(fd)]

    def received(number: signal.Signals) -> None:
        nonlocal ended
        if number is signal.SIGHUP:
            _discard(terminals)
        if not ended:
            ended = True
            end()

    numbers = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        loop.add_signal_handler(number, received, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@contextmanager
def told_by_signal(number: signal.Signals, tell: Callable[[], object]) -> Iterator[None]:
    """Call ``tell`` at every signal of this number. Wants a running event loop."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(number, tell)
    try:
        yield
    finally:
        loop.remove_signal_handler(number)


def _discard(terminals: list[int]) -> None:
    """Send what is still printed nowhere: writing to a terminal that is gone would fail in the midst of clean-up."""
    null = os.open(os.devnull, os.O_WRONLY)
    for fd in terminals:
        os.dup2(null, fd)
    os.close(null)
