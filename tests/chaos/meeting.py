"""The meeting as it is held: Asterisk, the daemon, its providers, its database, phones, and all that strikes them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from bench.latency import wire
from bench.latency.script import LANGUAGE_OF, Script
from tests.chaos import witness
from tests.chaos.parts import Clock, Database, Provider, Wire, frozen, providers
from tests.chaos.people import ROOM, WEATHER, Call, Person
from tests.chaos.schedule import Fault, Part
from tests.e2e.impaired import Weather

from dragoman.demo.daemon import Daemon
from dragoman.demo.fake_cloud import settings as cloud_settings
from dragoman.errors import DemoError
from dragoman.pipeline.captions import Caption, CaptionKind
from dragoman.telephony.pbx import Pbx, Site, ensure_asterisk
from dragoman.telephony.pbx.ports import free_port

TONE = "tests.tonewords.engines:Tone"

TAIL_S = 25.0
"""Seconds after the last word in which what is late is heard out."""

ATTACHED_S = 30.0
"""Seconds within which everybody is interpreted after a call or a start."""

LOOK_S = 0.2
"""Seconds between looks at whether all calls are up."""

PROVIDER_OF = {Part.ASR: "deepgram", Part.MT: "deepl", Part.TTS: "elevenlabs"}


@dataclass(slots=True)
class Happened:
    """A fault as it was; times are seconds since the epoch."""

    fault: Fault
    begun: float
    ended: float = 0.0
    """When the part was well again: what was killed is up, calls are back, everybody is interpreted."""


@dataclass(slots=True)
class Held:
    """What is left of a meeting."""

    calls: list[Call]
    capture: Path
    media_port: int
    captions: list[tuple[float, Caption]]
    """When each was read, and what it says."""
    happened: list[Happened]
    dropped: list[str]
    """Calls that ended though neither side was told to, and Asterisk ran."""
    stats: Mapping[str, Any]
    crashes: list[str]
    """Daemons that ended by themselves, or said so of a part of theirs."""
    frozen: list[tuple[float, float]]
    """When the machine stood still."""


@dataclass
class Meeting:
    """One. ``hold`` runs it in real time."""

    script: Script
    faults: Sequence[Fault]
    folder: Path
    seed: int
    fallback: bool
    """Whether each stage has a second engine."""
    say: Callable[[str], None] = lambda text: None
    _captions: list[tuple[float, Caption]] = field(default_factory=list, init=False)
    _happened: list[Happened] = field(default_factory=list, init=False)
    _dropped: list[str] = field(default_factory=list, init=False)
    _crashes: list[str] = field(default_factory=list, init=False)
    _reading: list[asyncio.Task[None]] = field(default_factory=list, init=False)
    _lives: int = field(default=0, init=False)

    async def hold(self) -> Held:
        """From the first call to what is left.

        Raises:
            DemoError: something did not come up at the beginning, or not again after it was struck.
        """
        asterisk = await asyncio.to_thread(ensure_asterisk)
        self._media_port = free_port(socket.SOCK_DGRAM)
        self._http_port = free_port(socket.SOCK_STREAM)
        self._clock = Clock(self.folder)
        capture = self.folder / "wire.rtp"
        offset = time.time() - time.monotonic()
        self._offset = offset
        async with AsyncExitStack() as stack:
            languages = tuple(LANGUAGE_OF.values())
            self._pbx = await stack.enter_async_context(Pbx(Site(languages, notice=False), asterisk=asterisk))
            self._ari = await stack.enter_async_context(Wire(self._pbx.http_port))
            self._database = await stack.enter_async_context(Database())
            self._clouds = await stack.enter_async_context(providers(self.folder, self.seed))
            await stack.enter_async_context(self._daemon_is_stopped())
            await self._start_daemon()
            await stack.enter_async_context(wire.captured(capture, {self._media_port}))
            await stack.enter_async_context(witness.watching(self.folder / "witness"))
            padding = self.script.seconds + TAIL_S + 60.0
            self._people = [
                Person(voice, self.script, self.folder, padding, self.seed * 100 + place * 10)
                for place, voice in enumerate(LANGUAGE_OF)
            ]
            self._since = time.monotonic()
            async with AsyncExitStack() as calls:
                for person in self._people:
                    calls.push_async_callback(person.leave)
                await self._all_call()
                self._pbx_works = True
                await self._run()
                stats = await self._daemon.stats()
                (self.folder / "metrics.txt").write_text(await self._metrics(), "utf-8")
            for task in self._reading:
                task.cancel()
        return Held(
            [call for person in self._people for call in person.calls(offset)],
            capture,
            self._media_port,
            self._captions,
            self._happened,
            self._dropped,
            stats,
            self._crashes,
            witness.read(self.folder / "witness"),
        )

    # the daemon

    @asynccontextmanager
    async def _daemon_is_stopped(self) -> AsyncIterator[None]:
        self._daemon: Daemon
        self._lived = AsyncExitStack()
        try:
            yield
        finally:
            await self._lived.aclose()

    async def _start_daemon(self) -> None:
        self._lives += 1
        folder = self.folder / f"daemon-{self._lives}"
        folder.mkdir()
        self._daemon = Daemon(self._settings(), folder, self._http_port, environment=self._clock.environment)
        await self._lived.enter_async_context(self._daemon)
        await self._daemon.wait_ready()
        for language in LANGUAGE_OF.values():
            self._reading.append(asyncio.create_task(self._read(self._daemon, language)))

    def _settings(self) -> dict[str, Any]:
        pbx, clouds = self._pbx, self._clouds
        engines = cloud_settings(*(clouds[name].address for name in PROVIDER_OF.values()))
        seconds = {"recognizers": "Recognizer", "translators": "Translator", "synthesizers": "Synthesizer"}
        for stage, kind in seconds.items():
            engines[stage] = [*engines[stage][:1], *([f"{TONE}{kind}"] if self.fallback else [])]
        return {
            "asterisk": {
                "url": f"http://127.0.0.1:{self._ari.port}",
                "username": pbx.ari_username,
                "password": pbx.ari_password,
            },
            "rooms": {"languages": list(LANGUAGE_OF.values())},
            "media": {"port": self._media_port, "vad": "energy"},
            "engines": engines,
            "voices": {"store": self._database.url} if self._database.url else {},
            "log": {"format": "json", "level": "info", "transcripts": True},
        }

    async def _read(self, daemon: Daemon, language: str) -> None:
        with contextlib.suppress(DemoError):
            async for caption in daemon.captions(ROOM, language):
                if caption.kind is not CaptionKind.PARTIAL:
                    self._captions.append((time.time(), caption))

    async def _metrics(self) -> str:
        async with aiohttp.ClientSession() as session, session.get(f"{self._daemon.url}/metrics") as answer:
            return await answer.text()

    # the calls

    async def _all_call(self) -> None:
        await asyncio.gather(*(person.call(self._pbx.sip_port, self._since) for person in self._people))
        await self._attached()

    async def _attached(self) -> None:
        """Wait until everybody is interpreted."""
        try:
            async with asyncio.timeout(ATTACHED_S):
                while True:
                    with contextlib.suppress(aiohttp.ClientError, DemoError):  # it may be struck just now
                        room = await self._daemon.room(ROOM)
                        if len(room.get("legs", ())) == len(room.get("booths", ())) == len(self._people):
                            return
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise DemoError(
                f"not everybody is interpreted after {ATTACHED_S:.0f} s\n{self._daemon.log_tail()}"
            ) from None

    async def _watch(self) -> None:
        """A call that drops while Asterisk runs is counted; its caller dials again."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._pbx_works:
                continue
            for person in self._people:
                if not person.talking and self._pbx_works:
                    self._dropped.append(f"{person.voice} at {self._now():.1f} s: {person.lost_because}")
                    with contextlib.suppress(DemoError):
                        await person.call(self._pbx.sip_port, self._since)

    # the faults

    def _now(self) -> float:
        return time.monotonic() - self._since

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch())
            striking = [group.create_task(self._befall(fault)) for fault in self.faults]
            await asyncio.sleep(max(self.script.seconds + TAIL_S - self._now(), 0))
            for task in striking:
                await task
            watching.cancel()

    async def _befall(self, fault: Fault) -> None:
        await asyncio.sleep(max(fault.at - self._now(), 0))
        strike = self._strikes[fault.part]
        happened = Happened(fault, time.monotonic() + self._offset)
        self._happened.append(happened)
        self.say(f"{self._now():6.1f} s  {fault}")
        await strike(self, fault)
        happened.ended = time.monotonic() + self._offset

    async def _strike_daemon(self, fault: Fault) -> None:
        pid = self._daemon.pid
        if pid is None:
            raise DemoError(f"the daemon ended by itself\n{self._daemon.log_tail(30)}")
        if fault.what == "stall":
            await frozen(pid, fault.seconds)
            return
        os.kill(pid, signal.SIGKILL)
        await self._lived.aclose()
        await asyncio.sleep(fault.seconds)
        await self._start_daemon()
        if self._pbx_works:
            await self._attached()

    async def _strike_asterisk(self, fault: Fault) -> None:
        pid = self._pbx.pid
        assert pid is not None
        if fault.what == "stall":
            await frozen(pid, fault.seconds)
            return
        self._pbx_works = False
        await self._pbx.kill()
        await asyncio.gather(*(person.leave() for person in self._people))
        await asyncio.sleep(fault.seconds)
        await self._pbx.start()
        await self._all_call()
        self._pbx_works = True

    async def _strike_ari(self, fault: Fault) -> None:
        await (self._ari.cut(fault.seconds) if fault.what == "cut" else self._ari.hang(fault.seconds))

    async def _strike_provider(self, fault: Fault) -> None:
        provider: Provider = self._clouds[PROVIDER_OF[fault.part]]
        if fault.what == "freeze":
            await frozen(provider.pid, fault.seconds)
        elif fault.what == "kill":
            await provider.kill()
            await asyncio.sleep(fault.seconds)
            await provider.start()
        else:
            provider.strike(fault.what, fault.seconds, fault.share)
            await asyncio.sleep(fault.seconds)

    async def _strike_database(self, fault: Fault) -> None:
        if self._database.url:
            await (self._database.kill if fault.what == "kill" else self._database.freeze)(fault.seconds)

    async def _strike_line(self, fault: Fault) -> None:
        (person,) = (each for each in self._people if each.voice == fault.voice)
        person.weather(WEATHER[fault.what](fault.share))
        await asyncio.sleep(fault.seconds)
        person.weather(Weather())

    async def _strike_clock(self, fault: Fault) -> None:
        self._clock.set(float(fault.what))
        await asyncio.sleep(fault.seconds)
        self._clock.set(0.0)

    _strikes: Mapping[Part, Callable[[Meeting, Fault], Awaitable[None]]] = field(
        default_factory=lambda: {
            Part.DAEMON: Meeting._strike_daemon,
            Part.ASTERISK: Meeting._strike_asterisk,
            Part.ARI: Meeting._strike_ari,
            Part.ASR: Meeting._strike_provider,
            Part.MT: Meeting._strike_provider,
            Part.TTS: Meeting._strike_provider,
            Part.DATABASE: Meeting._strike_database,
            Part.LINE: Meeting._strike_line,
            Part.CLOCK: Meeting._strike_clock,
        },
        init=False,
    )
