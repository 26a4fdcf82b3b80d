"""What can be struck: processes that are killed and frozen, a connection that is cut, a clock that jumps."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from tests.voices.store.conftest import Postgres

from dragoman.errors import DemoError
from dragoman.telephony.pbx.ports import free_port

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"

START_S = 60.0
"""Seconds until a provider listens; it takes two, on a busy machine many more."""


async def frozen(pid: int, seconds: float) -> None:
    """Stop a process for so long, as a machine without time for it does."""
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


HICCUP_S = (0.03, 0.15)
"""How long each of them lasts: some are concealed by a phone, some tear a word."""

HICCUP_REST_S = (0.2, 0.6)
"""Between two of them: less than a clause."""


async def hiccups(pid: int, seconds: float, random: Random) -> None:
    """Stop a process for moments, again and again, as a machine that has too much to do does."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        await frozen(pid, random.uniform(*HICCUP_S))
        await asyncio.sleep(random.uniform(*HICCUP_REST_S))


JUNK_EVERY_S = 0.005
"""Between datagrams of junk: four times as many as one tap sends."""


async def junk_to(port: int, seconds: float, random: Random) -> None:
    """Send datagrams of any bytes, and RTP of a stream that is nobody's, to this port for so long."""
    stream, number, end = random.randbytes(4), 0, asyncio.get_running_loop().time() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        while asyncio.get_running_loop().time() < end:
            rtp = bytes((0x80, 118)) + struct.pack(">HI", number & 0xFFFF, 320 * number) + stream
            bare = random.random() < 0.5
            sock.sendto(random.randbytes(random.randrange(1500)) if bare else rtp + random.randbytes(640), (HOST, port))
            number += 1
            await asyncio.sleep(JUNK_EVERY_S)


class Provider:
    """One of the clouds, played by ``tests.chaos.cloud`` in a process of its own on a port that stays."""

    def __init__(self, name: str, folder: Path, seed: int) -> None:
        self.name = name
        self.port = free_port(socket.SOCK_STREAM)
        self._seed = seed
        self._log = folder / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Comes back when it listens.

        Raises:
            DemoError: it does not.
        """
        self._seed += 1  # what it draws is drawn once
        command = ("-m", "tests.chaos.cloud", self.name, "--port", str(self.port), "--seed", str(self._seed))
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, *command),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
                cwd=ROOT, start_new_session=True,
            )  # fmt: skip
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                said = await self._process.stdout.readline()
        except TimeoutError:
            said = b""
        if not said:
            raise DemoError(f"{self.name} does not come up\n{self._log.read_text()[-2000:]}")

    async def kill(self) -> None:
        """SIGKILL: its connections are reset, new ones refused. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()

    def strike(self, what: str, seconds: float, share: float) -> None:
        """From now on, for so long."""
        assert self._process is not None and self._process.stdin is not None
        order = json.dumps({"what": what, "seconds": seconds, "share": share})
        self._process.stdin.write(order.encode() + b"\n")


@asynccontextmanager
async def providers(folder: Path, seed: int) -> AsyncIterator[dict[str, Provider]]:
    """All three, by name."""
    made = {name: Provider(name, folder, seed * 1000) for name in ("deepgram", "deepl", "elevenlabs")}
    try:
        await asyncio.gather(*(provider.start() for provider in made.values()))
        yield made
    finally:
        for provider in made.values():
            await provider.kill()


class Database:
    """The PostgreSQL in which voice profiles are kept; None of it where it is not installed."""

    def __init__(self) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        self._server = Postgres(programs[-1].parent) if programs else None
        self.url = ""

    async def __aenter__(self) -> Database:
        if self._server is not None:
            await asyncio.to_thread(self._server.start)
            self.url = await asyncio.to_thread(self._server.database)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            with contextlib.suppress(subprocess.CalledProcessError):  # it may be dead just now
                await asyncio.to_thread(self._server.stop)
            self._server.remove()

    async def kill(self, seconds: float) -> None:
        """At once, without a word to its clients, and away for so long."""
        assert self._server is not None
        await asyncio.to_thread(self._server.stop)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self._server.restart)

    async def freeze(self, seconds: float) -> None:
        """All of its processes."""
        assert self._server is not None
        postmaster = int((self._server.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        await asyncio.gather(*(frozen(pid, seconds) for pid in (postmaster, *map(int, children))))


BAD_GATEWAY = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 51\r\nConnection: close\r\n\r\n"
    b"<html><body><h1>502 Bad Gateway</h1></body></html>\n"
)


async def _as_it_is(data: bytes) -> bytes:
    return data


class Wire:
    """A TCP connection to ``port`` that can be cut and held: what lies between the daemon and Asterisk's ARI."""

    def __init__(self, port: int, answers: Callable[[bytes], Awaitable[bytes]] = _as_it_is) -> None:
        """``answers`` gets what comes back from there, and returns as much in its place."""
        self._target = port
        self._answers = answers
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._cut = False
        self._junk = False
        self.port = 0

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._drop()

    async def cut(self, seconds: float) -> None:
        """Reset all connections, and all that are made meanwhile."""
        self._cut = True
        await self._drop()
        await asyncio.sleep(seconds)
        self._cut = False

    async def junk(self, seconds: float) -> None:
        """Reset all connections, and answer those that are made meanwhile as a proxy does that stands alone."""
        self._junk = True
        await self._drop()
        await asyncio.sleep(seconds)
        self._junk = False

    async def hang(self, seconds: float) -> None:
        """Let nothing through."""
        self._open.clear()
        await asyncio.sleep(seconds)
        self._open.set()

    async def _drop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        onward: asyncio.StreamWriter | None = None
        try:
            if self._junk:
                await reader.read(1 << 16)
                writer.write(BAD_GATEWAY)
                await writer.drain()
                writer.close()
                return
            if not self._cut:
                back, onward = await asyncio.open_connection("127.0.0.1", self._target)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(reader, onward, _as_it_is))
                    group.create_task(self._pass(back, writer, self._answers))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for each in (writer, onward):
                if each is not None and not each.is_closing():
                    each.transport.abort()

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        change: Callable[[bytes], Awaitable[bytes]],
    ) -> None:
        while data := await reader.read(1 << 16):
            await self._open.wait()
            writer.write(await change(data))
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


class Clock:
    """The time of day of a Python that is started with ``environment`` (see ``clock/sitecustomize.py``)."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.offsets: list[float] = []
        """All that it was set to, the last one now."""
        self.set(0.0)

    @property
    def environment(self) -> Mapping[str, str]:
        """For the process whose clock it is."""
        path = (str(Path(__file__).parent / "clock"), os.environ.get("PYTHONPATH"))
        return {"CHAOS_CLOCK": str(self._file), "PYTHONPATH": os.pathsep.join(filter(None, path))}

    def set(self, offset: float) -> None:
        """So many seconds from the true time; seen within a tenth of a second."""
        written = self._file.with_suffix(".new")
        written.write_text(f"{offset}")
        written.replace(self._file)
        self.offsets.append(offset)
