"""One meeting: phones call the room, say their turns, hang up; what was told and what was recorded is kept."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from dragoman.demo.daemon import Daemon
from dragoman.demo.mic import write_padded
from dragoman.demo.minutes import Minutes
from dragoman.demo.phone import Phone
from dragoman.demo.recording import Recording, RecordingClock, Track, read_wav
from dragoman.demo.scenario import Scenario
from dragoman.demo.table import View
from dragoman.demo.turns import Played, TurnTaking
from dragoman.errors import DemoError
from dragoman.media.format import SAMPLE_RATE, Pcm

JOIN_DEADLINE = 20.0
"""s from the first call to everybody being in the room with the booths up; it takes about one."""

LEAD_S = 1.0
"""s before the first turn at which the meeting's time begins: in recordings, captions and picture."""

TAIL_S = 2.0
"""s recorded after the last sound: the end of it is an estimate."""

MIC_LEAD_S = 1.0
"""s of silence before a turn: while a phone changes its microphone no packet goes out for a moment, and a jitter buffer
takes those behind the pause for late ones, until it has settled again."""

MIC_SILENCE_S = 120.0
"""s after which a phone that was given nothing to say is given silence anew: a file that ends would end the call. Of
the order of a minute, as baresip reads the whole file into memory."""

MIC_SPARE_S = 30.0
"""s that a file lasts longer than that: all phones dial, and JOIN_DEADLINE passes, before anybody looks."""

REPEAT_S = 30.0
"""s of silence, when the demo stays, after which the script is said again: time enough to think of something to say."""

KEPT_CLAUSES = 50
"""Clauses that are remembered when the script is said again."""

STATS_EVERY = 1.0
"""s between two looks at the daemon's figures."""

LOOK_EVERY = 0.05
"""s between two looks at whether a turn is due, when no caption comes."""


@dataclass(frozen=True, slots=True)
class Held:
    """A meeting that was held."""

    played: tuple[Played, ...]
    minutes: Minutes
    recordings: tuple[Recording, ...]
    stats: Mapping[str, Any]
    """``/api/stats`` at its end."""
    begin: float
    """Seconds since the epoch that recordings, captions and picture count from."""
    end: float


class Meeting:
    """The scenario's people on their phones, in the room: ``hold`` it once to judge it, or ``stay`` with it."""

    def __init__(
        self,
        scenario: Scenario,
        turns: Mapping[int, Pcm],
        daemon: Daemon,
        sip_port: int,
        folder: Path,
        view: View,
        seated: Callable[[Mapping[str, str]], None],
    ) -> None:
        """``turns``: audio by number; ``sip_port``: the PBX's; ``folder``: for the phones' files; ``view`` shows it.

        ``seated`` is told each person's leg before anybody speaks, and again when a restarted daemon named them anew.
        """
        self._seated = seated
        self._seats: Mapping[str, str] = {}
        self._scenario = scenario
        self._turns = turns
        self._daemon = daemon
        self._sip_port = sip_port
        self._folder = folder
        self._view = view
        self._minutes = view.minutes
        self._taking = self._new_taking()
        self._news = asyncio.Event()
        self._quiet_since: float | None = None
        self._mic_ends: dict[str, float] = {}  # per person, the monotonic second by which a new file must be given

    async def hold(self) -> Held:
        """From the first call to the last word, and everybody hung up.

        Raises:
            DemoError: a phone or the daemon failed, or not everybody came into the room.
        """
        async with self._in_the_room(recorded=True) as phones:
            self._view.status = "the meeting runs"
            await self._speak(phones)
            await asyncio.sleep(TAIL_S)
            end = time.time()
            stats = await self._daemon.stats()
        recordings = await asyncio.to_thread(lambda: tuple(_recording(phone) for phone in phones.values()))
        begin = self._taking.played[0].start_unix - LEAD_S
        return Held(self._taking.played, self._minutes, recordings, stats, begin, end)

    async def stay(self) -> NoReturn:
        """Stay in the room for whoever dials in, unrecorded, and say the script again when it was quiet for a while.

        A daemon that ends meanwhile is started again, and this goes on.

        Raises:
            DemoError: a phone or the daemon failed, or not everybody came into the room.
        """
        self._daemon.revive = self._view.say
        async with self._in_the_room(recorded=False) as phones:
            self._view.begin(time.time())
            while True:
                self._view.status = "everybody listens"
                while self._quiet_since is None or time.time() < self._quiet_since + REPEAT_S:
                    await self._look(phones)
                self._minutes.keep(KEPT_CLAUSES)
                self._taking = self._new_taking()
                self._view.status = "the meeting is held again"
                await self._speak(phones)

    @asynccontextmanager
    async def _in_the_room(self, *, recorded: bool) -> AsyncIterator[dict[str, Phone]]:
        """Everybody's phone by name, in the room, with captions and figures being read; all hang up at the end."""
        await asyncio.to_thread(self._write_mics)
        async with asyncio.TaskGroup() as group:
            watching = [group.create_task(self._read(language)) for language in self._scenario.languages]
            watching.append(group.create_task(self._watch_stats()))
            watching.append(group.create_task(self._watch_room()))
            async with AsyncExitStack() as calls:
                yield await self._call(calls, recorded)
            for task in watching:
                task.cancel()

    async def _call(self, calls: AsyncExitStack, recorded: bool) -> dict[str, Phone]:
        phones: dict[str, Phone] = {}
        for number, person in enumerate(self._scenario.people):
            phone = Phone(
                person.name,
                self._folder / f"phone{number}",
                padding=MIC_SILENCE_S + MIC_SPARE_S,
                recorded=recorded,
                number=self._scenario.caller(person.name),
            )
            phones[person.name] = await calls.enter_async_context(phone)
        for person in self._scenario.people:
            uri = f"sip:{person.number(self._scenario.room)}@127.0.0.1:{self._sip_port}"
            await phones[person.name].dial(uri)
            self._view.say(f"{person.name} ({person.language}) dials {uri}")
        for name, phone in phones.items():
            await phone.wait_established()
            self._mic_ends[name] = time.monotonic() + MIC_SILENCE_S
        await self._all_in()
        self._view.say("everybody is in the room, every booth is up")
        return phones

    async def _all_in(self) -> None:
        room: dict[str, Any] = {}
        try:
            async with asyncio.timeout(JOIN_DEADLINE):
                while True:
                    room = await self._daemon.room(self._scenario.room)
                    if self._all_seated(room):
                        return
                    await self._daemon.pause()
        except TimeoutError:
            raise DemoError(
                f"not everybody is in room {self._scenario.room} after {JOIN_DEADLINE:.0f} s: "
                f"the daemon knows of {room or 'nobody'}\n{self._daemon.log_tail()}"
            ) from None

    def _all_seated(self, room: Mapping[str, Any]) -> bool:
        if not all_in(self._scenario, room):
            return False
        seats = {leg["name"]: leg["id"] for leg in room["legs"]}
        if seats != self._seats:
            self._seats = seats
            self._seated(seats)
        return True

    async def _speak(self, phones: Mapping[str, Phone]) -> None:
        """Play each turn when it is due, until the last was interpreted."""
        while not self._taking.over(time.time(), self._minutes, self._quiet_since):
            sounds = time.time() + MIC_LEAD_S
            due = self._taking.due(sounds, self._minutes, self._quiet_since)
            if due is None:
                await self._look(phones)
                continue
            if not self._taking.played:
                self._view.begin(sounds - LEAD_S)
            self._taking.started(due, sounds)
            await self._play(phones, self._scenario.turns[due].speaker, self._mic(due))

    async def _look(self, phones: Mapping[str, Phone]) -> None:
        """Wait for news, not for long; and see to it that no microphone's file ends."""
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await self._news.wait()
        for name, end in list(self._mic_ends.items()):
            if time.monotonic() > end:
                await self._play(phones, name, self._silence)

    async def _play(self, phones: Mapping[str, Phone], name: str, mic: Path) -> None:
        self._mic_ends[name] = time.monotonic() + MIC_SILENCE_S
        await phones[name].command("ausrc", f"aufile,../{mic.name}")  # it runs in a folder of ours, and wants it short

    async def _read(self, language: str) -> None:
        async for caption in self._daemon.captions(self._scenario.room, language):
            self._minutes.apply(caption)
            self._view.tell(caption)
            self._news.set()

    async def _watch_stats(self) -> None:
        while True:
            self._view.stats = await self._daemon.stats()
            await asyncio.sleep(STATS_EVERY)

    async def _watch_room(self) -> None:
        while True:
            room = await self._daemon.room(self._scenario.room)
            self._all_seated(room)
            if not quiet(room):
                self._quiet_since = None
            elif self._quiet_since is None:
                self._quiet_since = time.time()
            await self._daemon.pause()

    def _new_taking(self) -> TurnTaking:
        return TurnTaking(self._scenario, [len(self._turns[i]) / SAMPLE_RATE for i in range(len(self._turns))])

    def _mic(self, number: int) -> Path:
        return self._folder / f"turn{number}.wav"

    @property
    def _silence(self) -> Path:
        return self._folder / "silence.wav"

    def _write_mics(self) -> None:
        """A file per turn; the phone goes on with its silence until the next one."""
        write_padded(self._silence, np.zeros(0, np.int16), MIC_SILENCE_S + MIC_SPARE_S)
        for number, pcm in self._turns.items():
            write_padded(self._mic(number), pcm, MIC_SILENCE_S + MIC_SPARE_S, lead=MIC_LEAD_S)


def all_in(scenario: Scenario, room: Mapping[str, Any]) -> bool:
    """Whether all people are in the ``room`` (of the REST interface) and all booths up, whoever else is there."""
    missing = Counter(person.name for person in scenario.people)
    missing.subtract(leg["name"] for leg in room.get("legs", ()))
    booths = {booth["language"] for booth in room.get("booths", ())}
    return max(missing.values()) <= 0 and booths >= set(scenario.languages)


def quiet(room: Mapping[str, Any]) -> bool:
    """Whether nobody in the ``room`` (of the REST interface) speaks, and no booth has anything to speak."""
    return bool(room) and not (
        any(leg["speaking"] for leg in room["legs"])
        or any(booth["speaking"] or booth["waiting"] for booth in room["booths"])
    )


def _recording(phone: Phone) -> Recording:
    to_unix = time.time() - time.monotonic()
    spoke, heard = read_wav(phone.spoken), read_wav(phone.heard)
    return Recording(
        phone.name,
        Track(spoke, RecordingClock.of(lambda sample: phone.spoken_at(sample) + to_unix, len(spoke))),
        Track(heard, RecordingClock.of(lambda sample: phone.heard_at(sample) + to_unix, len(heard))),
    )
