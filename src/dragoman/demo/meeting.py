"""One meeting: phones call the room, say their turns, hang up; what was told and what was recorded is kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from dragoman.demo.daemon import Daemon
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

STATS_EVERY = 1.0
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
    """Hold it with ``hold``, once."""

    def __init__(
        self, scenario: Scenario, turns: Mapping[int, Pcm], daemon: Daemon, sip_port: int, folder: Path, view: View
    ) -> None:
        """``turns``: audio by number; ``sip_port``: the PBX's; ``folder``: for the phones' files; ``view`` shows it."""
        self._scenario = scenario
        self._turns = turns
        self._daemon = daemon
        self._sip_port = sip_port
        self._folder = folder
        self._view = view
        self._minutes = view.minutes
        self._taking = TurnTaking(scenario, [len(turns[i]) / SAMPLE_RATE for i in range(len(turns))])
        self._news = asyncio.Event()

    async def hold(self) -> Held:
        """From the first call to the last word, and everybody hung up.

        Raises:
            DemoError: a phone or the daemon failed, or not everybody came into the room.
        """
        for number, pcm in self._turns.items():
            await asyncio.to_thread(_write_mic, self._mic(number), pcm, self._longest())
        async with asyncio.TaskGroup() as group:
            watching = [group.create_task(self._read(language)) for language in self._scenario.languages]
            watching.append(group.create_task(self._watch_stats()))
            async with AsyncExitStack() as calls:
                phones = await self._call(calls)
                self._view.status = "the meeting runs"
                await self._speak(phones)
                await asyncio.sleep(TAIL_S)
                end = time.time()
                stats = await self._daemon.stats()
            for task in watching:
                task.cancel()
        recordings = await asyncio.to_thread(lambda: tuple(_recording(phone) for phone in phones.values()))
        begin = self._taking.played[0].start_unix - LEAD_S
        return Held(self._taking.played, self._minutes, recordings, stats, begin, end)

    async def _call(self, calls: AsyncExitStack) -> dict[str, Phone]:
        """Everybody's phone, in the room."""
        phones: dict[str, Phone] = {}
        for number, person in enumerate(self._scenario.people):
            phone = Phone(person.name, self._folder / f"phone{number}", padding=self._longest())
            phones[person.name] = await calls.enter_async_context(phone)
        for person in self._scenario.people:
            uri = f"sip:{person.number(self._scenario.room)}@127.0.0.1:{self._sip_port}"
            await phones[person.name].dial(uri)
            self._view.say(f"{person.name} ({person.language}) dials {uri}")
        for phone in phones.values():
            await phone.wait_established()
        await self._all_in()
        self._view.say("everybody is in the room, every booth is up")
        return phones

    async def _all_in(self) -> None:
        people = sorted(person.name for person in self._scenario.people)
        room: dict[str, Any] = {}
        try:
            async with asyncio.timeout(JOIN_DEADLINE):
                while True:
                    room = await self._daemon.room(self._scenario.room)
                    there = sorted(leg["name"] for leg in room.get("legs", ()))
                    booths = {booth["language"] for booth in room.get("booths", ())}
                    if there == people and booths >= set(self._scenario.languages):
                        return
                    await self._daemon.pause()
        except TimeoutError:
            raise DemoError(
                f"not everybody is in room {self._scenario.room} after {JOIN_DEADLINE:.0f} s: "
                f"the daemon knows of {room or 'nobody'}\n{self._daemon.log_tail()}"
            ) from None

    async def _speak(self, phones: Mapping[str, Phone]) -> None:
        """Play each turn when it is due, until the last was interpreted."""
        while not self._taking.over(time.time(), self._minutes):
            due = self._taking.due(time.time(), self._minutes)
            if due is None:
                self._news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY):
                        await self._news.wait()
                continue
            turn = self._scenario.turns[due]
            if not self._taking.played:
                self._view.begin(time.time() - LEAD_S)
            self._taking.started(due, time.time())
            await phones[turn.speaker].command("ausrc", f"aufile,{self._mic(due)}")

    async def _read(self, language: str) -> None:
        async for caption in self._daemon.captions(self._scenario.room, language):
            self._minutes.apply(caption)
            self._view.tell(caption)
            self._news.set()

    async def _watch_stats(self) -> None:
        while True:
            self._view.stats = await self._daemon.stats()
            await asyncio.sleep(STATS_EVERY)

    def _mic(self, number: int) -> Path:
        return self._folder / f"turn{number}.wav"

    def _longest(self) -> float:
        """Seconds that the meeting cannot outlast: a microphone's file that ends would end the call."""
        speech = sum(len(pcm) for pcm in self._turns.values()) / SAMPLE_RATE
        waits = len(self._scenario.turns) * (self._scenario.patience_s + self._scenario.pause_s + 1.0)
        return JOIN_DEADLINE + speech + waits + TAIL_S + 30.0


def _write_mic(path: Path, speech: Pcm, silence: float) -> None:
    """A turn and so many seconds of silence; the phone goes on with this file to the end of the call."""
    soundfile.write(path, np.concatenate((speech, np.zeros(int(silence * SAMPLE_RATE), np.int16))), SAMPLE_RATE)


def _recording(phone: Phone) -> Recording:
    to_unix = time.time() - time.monotonic()
    spoke, heard = read_wav(phone.spoken), read_wav(phone.heard)
    return Recording(
        phone.name,
        Track(spoke, RecordingClock.of(lambda sample: phone.spoken_at(sample) + to_unix, len(spoke))),
        Track(heard, RecordingClock.of(lambda sample: phone.heard_at(sample) + to_unix, len(heard))),
    )
