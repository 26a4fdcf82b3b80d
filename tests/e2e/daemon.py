"""The daemon as a process of its own, as an operator runs it, and what a test may ask of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dragoman.pipeline.captions import GapCause
from dragoman.telephony.pbx import Pbx
from dragoman.telephony.pbx.ports import free_port

ROOT = Path(__file__).parents[2]
TONE = "tests.tonewords.engines:Tone"

READY_S = 150.0
"""Seconds; engines load within 5 on a quiet machine, torch within 10, and took 70 on one that five suites ran on."""


@dataclass(slots=True)
class Captions:
    """What a reader of one language saw; ``events`` grows while it reads."""

    language: str
    events: list[dict[str, Any]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]

    @property
    def gaps(self) -> list[dict[str, Any]]:
        """Those that are the daemon's part: a machine that stood still for a moment, as one that is shared may, tells
        of that too. What was not heard counts: at the least, the socket holds 0.6 s of three phones."""
        return [gap for gap in self.of("gap") if gap["cause"] != GapCause.STOOD_STILL]

    def words(self, kind: str, speaker: str | None = None) -> list[str]:
        """Words of all events of a kind, in order, of one speaker or of all."""
        wanted = [event for event in self.of(kind) if speaker in (None, event["speaker"])]
        return [word for event in wanted for word in event["text"].split()]

    async def until(self, holds: Callable[[Captions], bool], within: float = 30.0) -> None:
        """Wait until what was seen is as it should be."""
        try:
            async with asyncio.timeout(within):
                while not holds(self):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            pytest.fail(f"after {within} s the captions in {self.language} are {json.dumps(self.events, indent=1)}")


class Daemon:
    """``dragoman serve`` beside a PBX; ``log`` is its standard error."""

    def __init__(self, pbx: Pbx, directory: Path, toml: str = "", *, tone: bool = True) -> None:
        """``toml``: more settings; with ``tone`` the engines are those of tests.tonewords and the VAD is by energy."""
        self.pbx = pbx
        self.port = free_port()
        self.log = directory / "daemon.log"
        self._config = directory / "dragoman.toml"
        self._process: asyncio.subprocess.Process | None = None
        engines = f"""
[engines]
recognizers = ["{TONE}Recognizer"]
translators = ["{TONE}Translator"]
synthesizers = ["{TONE}Synthesizer"]
[media]
vad = "energy"
echo_guard = false  # its words are tones, and one tone is like another
"""
        self._config.write_text(
            f"""
[asterisk]
url = "{pbx.ari_url}"
username = "{pbx.ari_username}"
password = "{pbx.ari_password}"
[http]
port = {self.port}
[log]
level = "info"
transcripts = true
{engines if tone else ""}
{toml}
"""
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        path = os.pathsep.join((str(ROOT), *filter(None, (os.environ.get("PYTHONPATH"),))))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONASYNCIODEBUG": ""}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "dragoman", "serve", "--config", str(self._config),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=environment,
            )  # fmt: skip
        await self.ready()

    async def ready(self, within: float = READY_S) -> None:
        """Wait until it says that it is ready."""
        try:
            async with asyncio.timeout(within), aiohttp.ClientSession() as session:
                while True:
                    with contextlib.suppress(aiohttp.ClientError):
                        async with session.get(f"{self.url}/health/ready") as answer:
                            if answer.status == 200:
                                return
                    await self._breath()
        except TimeoutError:
            pytest.fail(f"the daemon is not ready after {within} s:\n{self.log.read_text()}")

    async def stop(self) -> int:
        """SIGTERM, and its exit status; kills it when it does not end. Idempotent."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> int:
        """SIGKILL: it can clean nothing up."""
        return await self._end(signal.SIGKILL)

    async def ended(self, within: float = 30.0) -> int:
        """Its exit status, when it ends by itself."""
        assert self._process is not None
        try:
            async with asyncio.timeout(within):
                status = await self._process.wait()
        except TimeoutError:
            pytest.fail(f"the daemon has not ended after {within} s:\n{self.log.read_text()[-4000:]}")
        self._process = None
        return status

    async def _end(self, number: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(number)
        try:
            async with asyncio.timeout(20):
                status = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            pytest.fail(f"the daemon did not end:\n{self.log.read_text()[-4000:]}")
        self._process = None
        return status

    async def get(self, path: str) -> Any:
        """JSON of ``path``."""
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def metric(self, name: str) -> float:
        """Sum over all labels of a metric."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        values = [line.rsplit(" ", 1)[1] for line in lines if line.split("{")[0].split(" ")[0] == name]
        assert values, f"no metric {name}"
        return sum(map(float, values))

    async def until(self, path: str, holds: Callable[[Any], bool], within: float = 20.0) -> Any:
        """Ask ``path`` until the answer is as it should be."""
        answer: Any = None
        try:
            async with asyncio.timeout(within):
                while not holds(answer := await self.get(path)):
                    await self._breath()
        except TimeoutError:
            pytest.fail(f"{path} still says after {within} s: {json.dumps(answer, indent=1)}\n{self.log.read_text()}")
        return answer

    async def _breath(self) -> None:
        """Between two questions: asking without a pause would take from the daemon the time it needs for its ticks."""
        assert self._process is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                status = await self._process.wait()
                pytest.fail(f"the daemon ended with {status}:\n{self.log.read_text()}")

    async def legs(self, room: str, count: int) -> list[dict[str, Any]]:
        """Wait until so many people of a room are interpreted, with a booth per language; returns the legs."""

        def holds(answer: Any) -> bool:
            (found,) = [r for r in answer["rooms"] if r["room"] == room] or [
                {"legs": [], "booths": [], "languages": []}
            ]
            return len(found["legs"]) == count and len(found["booths"]) == len(found["languages"])

        answer = await self.until("/api/rooms", holds)
        return next((r["legs"] for r in answer["rooms"] if r["room"] == room), [])

    async def spoken(self, room: str, count: int, within: float = 30.0) -> None:
        """Wait until so many clauses were spoken since the daemon started, and the room is quiet."""
        await self.until("/api/stats", lambda stats: stats["clauses"]["spoken"] >= count, within)
        await self.quiet(room)

    async def speaking(self, room: str) -> dict[str, Any]:
        """Wait until somebody speaks; returns his leg."""

        def speaker(answer: Any) -> dict[str, Any] | None:
            legs = [leg for r in answer["rooms"] if r["room"] == room for leg in r["legs"]]
            return next((leg for leg in legs if leg["speaking"]), None)

        found = speaker(await self.until("/api/rooms", lambda answer: speaker(answer) is not None))
        assert found is not None
        return found

    async def quiet(self, room: str) -> None:
        """Wait until nobody speaks and no booth of the room has anything to say."""

        def holds(answer: Any) -> bool:
            rooms = [r for r in answer["rooms"] if r["room"] == room]
            return not any(leg["speaking"] for r in rooms for leg in r["legs"]) and not any(
                booth["speaking"] or booth["waiting"] for r in rooms for booth in r["booths"]
            )

        await self.until("/api/rooms", holds)

    @contextlib.asynccontextmanager
    async def captions(self, room: str, language: str, after: int | None = None) -> AsyncIterator[Captions]:
        """Read captions meanwhile. A reader counts as a listener of the language: mind what that starts.

        ``after``: number of the last event that was read before, as a browser says it that was cut off.
        """
        seen = Captions(language)
        async with asyncio.timeout(None), aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
            path = f"{self.url}/api/rooms/{room}/captions"
            headers = {} if after is None else {"Last-Event-ID": str(after)}
            async with session.get(path, params={"lang": language}, headers=headers) as answer:
                answer.raise_for_status()

                async def read() -> None:
                    async for line in answer.content:
                        if line.startswith(b"data:"):
                            seen.events.append(json.loads(line[5:]))
                            seen.changed.set()

                reader = asyncio.create_task(read())
                try:
                    yield seen
                finally:
                    reader.cancel()
                    with contextlib.suppress(asyncio.CancelledError, aiohttp.ClientError):
                        await reader
