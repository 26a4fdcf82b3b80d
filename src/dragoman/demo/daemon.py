"""The daemon as the demo sees it: a process of its own, asked over HTTP only, as any other client would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp
from pydantic import TypeAdapter, ValidationError

from dragoman.errors import DemoError
from dragoman.pipeline.captions import Caption
from dragoman.recovery.backoff import delay

READY_DEADLINE = 150.0
"""s until it is ready; models load in two or three, torch in ten, on a loaded machine in many more."""

STOP_DEADLINE = 10.0
"""s from SIGTERM to SIGKILL: it takes its taps and booths down first, within 5 s."""

ASK_AGAIN = 0.1
"""s between two questions for something that is awaited."""

SETTLED = 20.0
"""s. One that ran for so long ended of something that happened to it; sooner, it probably ends so every time. It is
ready after two or three, on a loaded machine after ten."""

TRIES = 5
"""Daemons in a row that end before they settled, after which no other is started: what is in its way does not go by
itself. With the waits between them (``recovery/backoff.py``) that is 5 s, and what they need to end."""

_CAPTION = TypeAdapter(Caption)


class Daemon:
    """``async with Daemon(settings, log, port) as daemon`` starts and stops it."""

    def __init__(
        self, settings: Mapping[str, Any], directory: Path, port: int, *, environment: Mapping[str, str] | None = None
    ) -> None:
        """``settings``: sections of its file, but for ``http``; ``directory`` takes the file and the log.

        ``environment``: variables beside those of this process.
        """
        self._environment = dict(environment or {})
        self._settings = {**settings, "http": {"port": port}}
        self._file = directory / "dragoman.toml"
        self.log_path = directory / "dragoman.log"
        self.url = f"http://127.0.0.1:{port}"
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._again = asyncio.Lock()
        self._since = 0.0  # loop time at which it was started
        self._hasty = 0  # in a row, that ended before they settled
        self.revive: Callable[[str], None] | None = None
        """Where it is told that the daemon ended and is started again; None: its end is an error."""

    async def __aenter__(self) -> Self:
        """Start; ``wait_ready`` waits."""
        await asyncio.to_thread(self._write)
        self.log_path.unlink(missing_ok=True)
        await self._start()
        self._session = aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(total=None, sock_connect=5.0))
        return self

    async def _start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DRAGOMAN_")}
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "dragoman",
                "serve",
                "--config",
                str(self._file),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment | self._environment,
                start_new_session=True,  # Ctrl-C in our terminal stops us, and we stop it
            )
        self._since = asyncio.get_running_loop().time()

    async def __aexit__(self, *_: object) -> None:
        """Stop it, in order if it can."""
        if self._session is not None:
            await self._session.close()
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_DEADLINE):
                    await process.wait()
        finally:  # in time, too late or interrupted
            if process.returncode is None:
                process.kill()
            await process.wait()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def wait_ready(self) -> None:
        """Wait until it says that calls can be interpreted.

        Raises:
            DemoError: it ended, or is not ready in time; with its reason or the end of its log.
        """
        why = "it does not answer"
        try:
            async with asyncio.timeout(READY_DEADLINE):
                while True:
                    with contextlib.suppress(aiohttp.ClientError):
                        async with self._http.get("/health/ready") as response:
                            if response.status == 200:
                                return
                            why = str((await response.json(content_type=None)).get("detail", response.status))
                    await self.pause()
        except TimeoutError:
            raise DemoError(f"the daemon is not ready after {READY_DEADLINE:.0f} s: {why}\n{self.log_tail()}") from None

    async def pause(self) -> None:
        """Let ASK_AGAIN pass before a question is asked again.

        Raises:
            DemoError: the daemon has ended, and nobody wants it to be started again (``revive``), or that did not help.
        """
        process = self._process
        if process is None:
            raise DemoError("the daemon was not started")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ASK_AGAIN):
                await process.wait()
        if process.returncode is not None:
            await self._ended(process)

    async def _ended(self, process: asyncio.subprocess.Process) -> None:
        """Start another one, once, whoever notices first; unless one after the other ends at once."""
        async with self._again:
            if self._process is not process:
                return
            ended = f"the daemon ended with exit status {process.returncode}"
            if self.revive is None:
                raise DemoError(f"{ended}\n{self.log_tail()}")
            if self._hasty < TRIES:  # else who notices next is told the same
                settled = asyncio.get_running_loop().time() - self._since >= SETTLED
                self._hasty = 0 if settled else self._hasty + 1
            if self._hasty == TRIES:
                raise DemoError(f"{ended}, {TRIES} times in a row soon after its start\n{self.log_tail()}")
            self.revive(f"{ended}: it is started again; calls stay up, nobody is interpreted until it is ready")
            await asyncio.sleep(delay(self._hasty, random.random))
            await self._start()

    async def stats(self) -> dict[str, Any]:
        """``/api/stats``; empty while it does not answer."""
        return await self._json("/api/stats")

    async def room(self, room: str) -> dict[str, Any]:
        """``/api/rooms/{room}``; empty while nobody is in it, or it does not answer."""
        return await self._json(f"/api/rooms/{room}")

    async def captions(self, room: str, language: str) -> AsyncIterator[Caption]:
        """Everything that is told of ``room`` in ``language``; a broken stream is taken up where it broke.

        Raises:
            DemoError: the daemon has ended for good, refuses, or sends what is no caption.
        """
        last = ""
        process = self._process
        while True:
            if self._process is not process:
                process, last = self._process, ""  # another daemon counts anew
            headers = {"Last-Event-ID": last} if last else {}
            with contextlib.suppress(aiohttp.ClientError):
                async with self._http.get(
                    f"/api/rooms/{room}/captions", params={"lang": language}, headers=headers
                ) as response:
                    if response.status != 200:
                        raise DemoError(f"captions in {language}: {response.status} {await response.text()}")
                    async for line in response.content:
                        name, _, value = line.decode().rstrip("\n").partition(": ")
                        if name == "id":
                            last = value
                        elif name == "data":
                            yield _caption(value)
            await self.pause()

    def log_tail(self, lines: int = 15) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log_path.read_text("utf-8", "replace").splitlines()[-lines:])
        return ""

    @property
    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise DemoError("the daemon was not started")
        return self._session

    async def _json(self, path: str) -> dict[str, Any]:
        try:
            async with self._http.get(path) as response:
                if response.status == 404:
                    return {}
                if response.status != 200:
                    raise DemoError(f"{path}: {response.status} {await response.text()}")
                answer: dict[str, Any] = await response.json()
                return answer
        except aiohttp.ClientError:
            await self.pause()
            return {}

    def _write(self) -> None:
        self._file.touch(mode=0o600)  # it holds the PBX's password
        self._file.write_text(to_toml(self._settings), "utf-8")


def _caption(data: str) -> Caption:
    try:
        return _CAPTION.validate_json(data)
    except ValidationError as error:
        raise DemoError(f"the daemon sent no caption: {error}") from None


def to_toml(sections: Mapping[str, Any], path: str = "") -> str:
    """Settings as TOML: tables of strings, numbers, booleans and lists of these."""
    values = [f"{_key(key)} = {_value(value)}\n" for key, value in sections.items() if not isinstance(value, Mapping)]
    tables = [
        to_toml(value, f"{path}.{_key(key)}" if path else _key(key))
        for key, value in sections.items()
        if isinstance(value, Mapping)
    ]
    return (f"[{path}]\n" if path and (values or not tables) else "") + "".join(values) + "".join(tables)


def _value(value: Any) -> str:
    """JSON's notation is TOML's too (https://toml.io/en/v1.0.0#string), but for DEL, which TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    """Bare where TOML allows it (letters, digits, ``-`` and ``_``), else quoted."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)
