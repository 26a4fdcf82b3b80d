"""An HTTP server whose every byte the test writes: what no well-behaved server library would send.

``answers`` says what is written for each request: bytes, and between them seconds to wait, CLOSE or RESET.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self


class End(Enum):
    """How a connection ends before the answer does."""

    CLOSE = auto()
    RESET = auto()


CLOSE, RESET = End.CLOSE, End.RESET

Step = bytes | float | End


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Answers = Callable[[Asked], Iterable[Step]]


class RawServer:
    """``async with`` it."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[Asked] = []
        self._running: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.url = ""

    @property
    def connections(self) -> int:
        return len(self._running)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    def count(self, path: str) -> int:
        """Requests for a path so far."""
        return sum(asked.path.partition("?")[0] == path for asked in self.asked)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._running.add(me)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while await self._serve(reader, writer):
                    pass
        finally:
            self._running.discard(me)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        asked = Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))
        self.asked.append(asked)
        for step in self.answers(asked):
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, End):
                if step is RESET:
                    linger = struct.pack("ii", 1, 0)  # close() then sends RST
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    writer.transport.abort()
                return False
            else:
                await asyncio.sleep(step)
        return True


def head(status: int, *headers: str) -> bytes:
    """Status line and headers."""
    return "\r\n".join((f"HTTP/1.1 {status} So", *headers, "", "")).encode("latin-1")


def whole(body: bytes, status: int = 200, kind: str = "application/json", *headers: str) -> bytes:
    """An answer of known length."""
    return head(status, f"content-type: {kind}", f"content-length: {len(body)}", *headers) + body


def chunked(pieces: Sequence[bytes], kind: str, *, end: bool = True) -> bytes:
    """An answer in chunks; without ``end`` it lacks its last one."""
    data = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head(200, f"content-type: {kind}", "transfer-encoding: chunked") + data + (b"0\r\n\r\n" if end else b"")
