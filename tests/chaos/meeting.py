"""The meeting as it is held: Asterisk, the daemon, its providers, its database, phones, and all that strikes them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
from bench.latency import wire
from bench.latency.script import LANGUAGE_OF, Script
from pydantic import TypeAdapter
from tests.chaos import path, witness
from tests.chaos.parts import Clock, Database, Provider, Wire, frozen, hiccups, junk_to, providers
from tests.chaos.people import ROOM, WEATHER, Call, Person
from tests.chaos.schedule import Fault, Part
from tests.e2e.impaired import Weather

from dragoman.demo.daemon import Daemon
from dragoman.demo.fake_cloud import settings as cloud_settings
from dragoman.errors import DemoError
from dragoman.pipeline.captions import Caption, CaptionKind
from dragoman.telephony.pbx import Pbx, Site, ensure_asterisk
from dragoman.telephony.pbx.ports import free_port

PROVIDER_OF = {Part.ASR: "deepgram", Part.MT: "deepl", Part.TTS: "elevenlabs"}

TONE = "tests.tonewords.engines:Tone"
SECOND = {"recognizers": "Recognizer", "translators": "Translator", "synthesizers": "Synthesizer"}
"""The engine within the daemon that takes over, where there is to be one."""

TAIL_S = 25.0
"""Seconds after the last word in which what is late is heard out."""

PADDING_S = 60.0
"""Seconds of silence behind that: a microphone that ends would end the call."""

ATTACHED_S = 60.0
"""Seconds within which everybody is interpreted after a call or a start; on a busy machine a daemon starts in 20."""

LOOK_S = 0.2
"""Seconds between looks at whether something is as it should be."""

_CAPTION = TypeAdapter(Caption)


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
    events: list[tuple[float, dict[str, Any]]]
    """The same of health events, as ``/api/events`` tells them."""
    happened: list[Happened]
    dropped: list[str]
    """Calls that ended though neither side was told to, and Asterisk ran."""
    crashes: list[str]
    """Daemons that ended by themselves."""
    frozen: list[tuple[float, float]]
    """When the machine stood still."""
    looks: list[witness.Look]
    """When it kept the daemon waiting, and when that ran."""


class Meeting:
    """One; ``hold`` runs it in real time, once."""

    def __init__(
        self,
        script: Script,
        faults: Sequence[Fault],
        folder: Path,
        seed: int,
        *,
        fallback: bool,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """``folder`` takes all files; ``fallback``: whether each stage has a second engine; ``say`` tells of faults."""
        self.fallback = fallback
        self._script = script
        self._faults = faults
        self._folder = folder
        self._seed = seed
        self._say = say
        self._media_port = free_port(socket.SOCK_DGRAM)
        self._http_port = free_port(socket.SOCK_STREAM)
        self._clock = Clock(folder)
        self._offset = time.time() - time.monotonic()
        self._lives = 0
        self._offsets = slice(0, None)
        """Of the clock's, those that the daemon may have begun with."""
        self._pbx_works = True
        self._captions: list[tuple[float, Caption]] = []
        self._events: list[tuple[float, dict[str, Any]]] = []
        self._happened: list[Happened] = []
        self._dropped: list[str] = []
        self._crashes: list[str] = []
        padding = script.seconds + TAIL_S + PADDING_S
        self._people = [
            Person(voice, script, folder, padding, seed * 100 + place * 10) for place, voice in enumerate(LANGUAGE_OF)
        ]

    async def hold(self) -> Held:
        """From the first call to what is left.

        Raises:
            DemoError: something did not come up at the beginning, or not again after it was struck.
        """
        capture, frozen_at = self._folder / "wire.rtp", self._folder / "witness"
        asterisk = await asyncio.to_thread(ensure_asterisk)
        async with AsyncExitStack() as stack:
            self._pbx = await stack.enter_async_context(
                Pbx(Site(tuple(LANGUAGE_OF.values()), notice=False), asterisk=asterisk)
            )
            self._path = await stack.enter_async_context(path.Path(self._media_port, self._seed))
            self._ari = await stack.enter_async_context(Wire(self._pbx.http_port, self._path.answer))
            self._database = await stack.enter_async_context(Database())
            self._clouds = await stack.enter_async_context(providers(self._folder, self._seed))
            self._witness = await stack.enter_async_context(witness.watching(frozen_at))
            await stack.enter_async_context(self._daemon_is_stopped())
            await self._start_daemon()
            await stack.enter_async_context(self._all_is_read())
            await stack.enter_async_context(wire.captured(capture, {self._media_port}))
            for person in self._people:
                stack.push_async_callback(person.leave)
            self._since = time.monotonic()
            await self._all_call()
            await self._run()
            await self._note_metrics()
        return Held(
            [call for person in self._people for call in person.calls(self._offset)],
            capture,
            self._media_port,
            self._captions,
            self._events,
            self._happened,
            self._dropped,
            self._crashes,
            witness.read(frozen_at),
            witness.read_looks(frozen_at),
        )

    # the daemon

    @asynccontextmanager
    async def _daemon_is_stopped(self) -> AsyncIterator[None]:
        self._life = AsyncExitStack()
        try:
            yield
        finally:
            await self._life.aclose()

    async def _start_daemon(self) -> None:
        self._lives += 1
        self._offsets = slice(len(self._clock.offsets) - 1, None)
        folder = self._folder / f"daemon-{self._lives}"
        folder.mkdir()
        self._daemon = Daemon(self._settings(), folder, self._http_port, environment=self._clock.environment)
        await self._life.enter_async_context(self._daemon)
        assert self._daemon.pid is not None
        self._witness.watch(self._daemon.pid)
        await self._daemon.wait_ready()
        self._offsets = slice(self._offsets.start, len(self._clock.offsets))

    def _settings(self) -> dict[str, Any]:
        engines = cloud_settings(*(self._clouds[name].address for name in PROVIDER_OF.values()))
        for stage, kind in SECOND.items():
            engines[stage] = [*engines[stage][:1], *([f"{TONE}{kind}"] if self.fallback else [])]
        return {
            "asterisk": {
                "url": f"http://127.0.0.1:{self._ari.port}",
                "username": self._pbx.ari_username,
                "password": self._pbx.ari_password,
            },
            "rooms": {"languages": list(LANGUAGE_OF.values())},
            "media": {"vad": "energy", "echo_guard": False} | self._path.settings,
            "engines": engines,
            "voices": {"store": self._database.url} if self._database.url else {},
            "log": {"format": "json", "level": "info", "transcripts": True},
        }

    @asynccontextmanager
    async def _all_is_read(self) -> AsyncIterator[None]:
        reading = [
            asyncio.create_task(self._read(f"/api/rooms/{ROOM}/captions?lang={language}", self._take))
            for language in LANGUAGE_OF.values()
        ]
        reading.append(asyncio.create_task(self._read("/api/events", self._take_event)))
        try:
            yield
        finally:
            for task in reading:
                task.cancel()
            await asyncio.wait(reading)

    async def _read(self, path: str, take: Callable[[str], None]) -> None:
        """As a browser does: whenever the stream ends, ask again from where it ended; over all lives of the daemon."""
        url, last = f"http://127.0.0.1:{self._http_port}{path}", ""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=5.0)) as session:
            while True:
                headers = {"Last-Event-ID": last} if last else {}
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(url, headers=headers) as answer:
                        answer.raise_for_status()
                        async for line in answer.content:
                            name, _, value = line.decode().rstrip("\n").partition(": ")
                            if name == "id":
                                last = value
                            elif name == "data":
                                take(value)
                await asyncio.sleep(LOOK_S)

    def _take_event(self, data: str) -> None:
        self._events.append((time.time(), json.loads(data)))

    def _take(self, data: str) -> None:
        caption = _CAPTION.validate_json(data)
        if caption.kind is not CaptionKind.PARTIAL:
            self._captions.append((time.time(), self._in_true_time(caption)))

    def _in_true_time(self, caption: Caption) -> Caption:
        """A caption is in the time of day that its daemon had when it began; it is told soon after its end."""
        now = time.time()
        wrong = min(self._clock.offsets[self._offsets], key=lambda offset: abs(now + offset - caption.end_unix))
        return replace(caption, start_unix=caption.start_unix - wrong, end_unix=caption.end_unix - wrong)

    async def _note_metrics(self) -> None:
        async with aiohttp.ClientSession() as session, session.get(f"{self._daemon.url}/metrics") as answer:
            (self._folder / "metrics.txt").write_text(await answer.text(), "utf-8")

    # the calls

    async def _legs(self) -> frozenset[str]:
        """Ids of those who are interpreted; empty while the daemon does not answer."""
        with contextlib.suppress(aiohttp.ClientError, DemoError, TimeoutError):
            async with asyncio.timeout(1.0):
                return frozenset(leg["id"] for leg in (await self._daemon.room(ROOM)).get("legs", ()))
        return frozenset()

    async def _attached(self, gone: frozenset[str] = frozenset()) -> None:
        """Wait until everybody is interpreted, by legs that are none of those that are ``gone``."""
        try:
            async with asyncio.timeout(ATTACHED_S):
                while len(legs := await self._legs()) < len(self._people) or legs & gone:
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            told = self._daemon.log_tail()
            raise DemoError(f"not everybody is interpreted after {ATTACHED_S:.0f} s\n{told}") from None

    async def _all_call(self, gone: frozenset[str] = frozenset()) -> None:
        await asyncio.gather(*(person.call(self._pbx.sip_port, self._since) for person in self._people))
        await self._attached(gone)

    async def _watch(self) -> None:
        """A call that drops while Asterisk runs is counted, and its caller dials again; a daemon that ends is noted."""
        while True:
            await asyncio.sleep(LOOK_S)
            for person in self._people:
                if self._pbx_works and not person.talking:
                    self._dropped.append(f"{person.voice} at {self._now:.1f} s: {person.lost_because}")
                    with contextlib.suppress(DemoError):
                        await person.call(self._pbx.sip_port, self._since)

    # the faults

    @property
    def _now(self) -> float:
        return time.monotonic() - self._since

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch())
            striking = [group.create_task(self._befall(fault)) for fault in self._faults]
            await asyncio.sleep(max(self._script.seconds + TAIL_S - self._now, 0))
            await asyncio.gather(*striking)
            watching.cancel()

    async def _befall(self, fault: Fault) -> None:
        await asyncio.sleep(max(fault.at - self._now, 0))
        happened = Happened(fault, time.monotonic() + self._offset)
        self._happened.append(happened)
        self._say(f"{self._now:6.1f} s  {fault}")
        await STRIKES[fault.part](self, fault)
        happened.ended = time.monotonic() + self._offset

    async def strike_daemon(self, fault: Fault) -> None:
        """Freeze it, or kill it or have it end, and start another one."""
        pid = self._daemon.pid
        if pid is None:
            self._crashes.append(f"found dead at {self._now:.1f} s: {self._daemon.log_tail(30)}")
        elif fault.what == "stall":
            return await frozen(pid, fault.seconds)
        elif fault.what == "hiccups":
            return await hiccups(pid, fault.seconds, Random(f"{self._seed}/{fault.at}"))
        elif fault.what == "kill":
            os.kill(pid, signal.SIGKILL)
        await self._life.aclose()
        await asyncio.sleep(fault.seconds)
        await self._start_daemon()
        if self._pbx_works:
            await self._attached()

    async def strike_asterisk(self, fault: Fault) -> None:
        """Freeze it, or kill it: all calls end, and once there is one again, all dial again."""
        assert self._pbx.pid is not None
        if fault.what == "stall":
            await frozen(self._pbx.pid, fault.seconds)
            return
        gone = await self._legs()
        self._pbx_works = False
        await self._pbx.kill()
        await asyncio.gather(*(person.leave() for person in self._people))
        await asyncio.sleep(fault.seconds)
        await self._pbx.start()
        await self._all_call(gone)
        self._pbx_works = True

    async def strike_ari(self, fault: Fault) -> None:
        """Cut the connection, let nothing through, or have something else answer."""
        ari = self._ari
        await {"cut": ari.cut, "hang": ari.hang, "junk": ari.junk}[fault.what](fault.seconds)

    async def strike_media(self, fault: Fault) -> None:
        """Send to the daemon's socket what is no sound, or nobody's."""
        await junk_to(self._media_port, fault.seconds, Random(f"{self._seed}/{fault.at}"))

    async def strike_provider(self, fault: Fault) -> None:
        """Freeze or kill one, or have it do something."""
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

    async def strike_database(self, fault: Fault) -> None:
        """Freeze or kill it, where there is one."""
        if self._database.url:
            await (self._database.kill if fault.what == "kill" else self._database.freeze)(fault.seconds)

    async def strike_line(self, fault: Fault) -> None:
        """Make one person's line bad."""
        (person,) = (each for each in self._people if each.voice == fault.voice)
        person.weather(WEATHER[fault.what](fault.share))
        await asyncio.sleep(fault.seconds)
        person.weather(Weather())

    async def strike_path(self, fault: Fault) -> None:
        """Make the way between Asterisk and the daemon bad, for the sound of all calls."""
        self._path.weather(path.WEATHER[fault.what](fault.share))
        await asyncio.sleep(fault.seconds)
        self._path.weather(Weather())

    async def strike_clock(self, fault: Fault) -> None:
        """Have the daemon's time of day jump, and back."""
        self._clock.set(float(fault.what))
        await asyncio.sleep(fault.seconds)
        self._clock.set(0.0)


STRIKES: Mapping[Part, Callable[[Meeting, Fault], Awaitable[None]]] = {
    Part.DAEMON: Meeting.strike_daemon,
    Part.ASTERISK: Meeting.strike_asterisk,
    Part.ARI: Meeting.strike_ari,
    Part.ASR: Meeting.strike_provider,
    Part.MT: Meeting.strike_provider,
    Part.TTS: Meeting.strike_provider,
    Part.DATABASE: Meeting.strike_database,
    Part.MEDIA: Meeting.strike_media,
    Part.LINE: Meeting.strike_line,
    Part.PATH: Meeting.strike_path,
    Part.CLOCK: Meeting.strike_clock,
}
