"""A worker process of an engine: a Python module of ours that reads frames on stdin and answers on stdout."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import BinaryIO

from dragoman.engines import wire
from dragoman.errors import EngineCrashed

SEND_DEADLINE_S = 5.0
"""Seconds a worker may leave its full pipe unread; by then it hangs (a second of audio takes 0.4 s of work)."""

CLOSE_DEADLINE_S = 2.0
"""Seconds a worker gets to end by itself after its stdin was closed."""

FAILED = 255
"""Frame kind by which a worker says why it ends: UTF-8 text."""


class WorkerProcess:
    """The daemon's end.

    The worker inherits nothing but its three standard streams, so it outlives neither the daemon (its stdin ends when
    the daemon dies, however that dies) nor a socket. It has a session of its own: Ctrl-C is the daemon's to handle.
    """

    def __init__(self, engine: str, process: asyncio.subprocess.Process) -> None:
        """``engine`` is whom errors name."""
        if process.stdin is None or process.stdout is None:
            raise ValueError("the worker needs both pipes")
        self._engine = engine
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout

    @classmethod
    async def spawn(cls, engine: str, module: str, backlog: int) -> WorkerProcess:
        """Start ``python -m module``; ``backlog``: bytes that may wait here beyond the pipe's own 64 KiB."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the daemon's working directory is no place to import from
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        worker = cls(engine, process)
        worker._stdin.transport.set_write_buffer_limits(high=backlog)
        return worker

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs. The kernel is asked: asyncio learns of its end a little later."""
        if self._process.returncode is not None or self._stdin.is_closing():
            return False
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    async def send(self, kind: int, payload: bytes = b"") -> None:
        """Give it a frame; waits while its backlog is full.

        Raises:
            EngineCrashed: it is dead, or took nothing for SEND_DEADLINE_S (it is killed then).
        """
        if not self.alive:
            raise await self._crashed()
        self._stdin.write(wire.pack(kind, payload))
        try:
            async with asyncio.timeout(SEND_DEADLINE_S):
                await self._stdin.drain()
        except ConnectionError:
            raise await self._crashed() from None
        except TimeoutError:
            self.kill()
            raise EngineCrashed(self._engine, f"worker {self.pid} took no data for {SEND_DEADLINE_S:g} s") from None

    async def receive(self) -> tuple[int, bytes]:
        """Its next frame.

        Raises:
            EngineCrashed: it is dead, or says that it failed.
        """
        try:
            frame = await wire.read(self._stdout)
        except wire.WireError as error:
            self.kill()
            raise EngineCrashed(self._engine, f"worker {self.pid}: {error}") from None
        if frame is None:
            raise await self._crashed()
        if frame[0] == FAILED:
            raise EngineCrashed(self._engine, f"worker {self.pid} failed: {frame[1].decode(errors='replace')}")
        return frame

    def kill(self) -> None:
        """End it at once; ``close`` still has to be awaited."""
        if self._process.returncode is None:
            self._process.kill()

    async def close(self) -> None:
        """Wait for its end, killing it when it does not end by itself in time. Idempotent."""
        self._stdin.close()
        try:
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await self._drain_output()
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    async def _drain_output(self) -> None:
        """Throw away what it still says: a full pipe would keep it from ending."""
        try:
            while await self._stdout.read(1 << 16):
                pass
        except RuntimeError:
            return  # somebody else waits in ``receive`` and will see its end

    async def _crashed(self) -> EngineCrashed:
        await self.close()
        code = self._process.returncode
        return EngineCrashed(self._engine, f"worker {self.pid} ended with {code} (negative: the signal)")


def serve_stdio(serve: Callable[[BinaryIO, BinaryIO], None]) -> None:
    """The worker's end, its whole life: ``serve`` reads stdin and writes stdout; why it failed is said there too."""
    sink = sys.stdout.buffer
    try:
        serve(sys.stdin.buffer, sink)
    except BrokenPipeError:
        return  # the daemon is gone
    except Exception as error:
        sink.write(wire.pack(FAILED, f"{type(error).__name__}: {error}".encode()))
        sink.flush()
        sys.exit(1)
