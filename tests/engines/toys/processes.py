"""A process that says what it is told, and the ways in which an engine can deal badly with one."""

from __future__ import annotations

import asyncio

from tests.engines.toys.kinds import leftovers

from dragoman.errors import EngineCrashed


class Cat:
    """``cat``, started when it is needed. Good, but for what its arguments say."""

    def __init__(self, *, crash: Exception | None = None, replaced: bool = True, killed: bool = True) -> None:
        """``crash``: raised when it died; ``replaced`` then; ``killed`` by ``close``, which otherwise waits for it."""
        self._crash = crash or EngineCrashed("cat", "died")
        self._replaced, self._killed = replaced, killed
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._closed = False

    async def ask(self, text: str) -> str:
        async with self._lock:
            if self._closed:
                raise EngineCrashed("cat", "closed")
            if self._process is None or (self._replaced and self._process.returncode is not None):
                pipe = asyncio.subprocess.PIPE
                self._process = process = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
                leftovers.append(lambda: process.returncode is None and process.kill())
            process = self._process
            assert process.stdin and process.stdout
            try:
                process.stdin.write(f"{text}\n".encode())
                await process.stdin.drain()
                answer = await process.stdout.readline()
            except ConnectionError:
                answer = b""
            except asyncio.CancelledError:
                process.kill()  # its answer is nobody's
                await process.wait()
                raise
            if not answer:
                await process.wait()
                raise self._crash
            return answer.decode().strip()

    async def close(self) -> None:
        self._closed = True
        await self._end()
        async with self._lock:  # somebody may have been starting one
            await self._end()

    async def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            if self._killed:
                self._process.kill()
            elif self._process.stdin:
                self._process.stdin.close()
            await self._process.wait()
