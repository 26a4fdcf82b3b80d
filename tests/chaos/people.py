"""Those who call: a phone each, on a line that may turn bad; whoever loses his call dials again and goes on talking."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench.latency.script import LANGUAGE_OF, Script
from tests.e2e.impaired import Relay, Weather

from dragoman.demo.mic import write_padded
from dragoman.demo.phone import Phone
from dragoman.demo.recording import RecordingClock, Track, read_wav
from dragoman.errors import DemoError
from dragoman.languages import LANGUAGES
from dragoman.media.format import SAMPLE_RATE, Pcm

ROOM = "1000"

WEATHER = {
    "loss": lambda share: Weather(loss=share),
    "reorder": lambda share: Weather(jitter=0.06),
    "double": lambda share: Weather(jitter=0.02, doubled=share),
    "burst": lambda share: Weather(burst=0.12),
}
"""What befalls a line, by the words of ``schedule.KINDS``: 60 ms of uniform jitter let one packet in two overtake."""

DIAL_S = 10.0
"""Seconds for one attempt to call."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one person, from its recordings."""

    voice: str
    spoke: Track
    heard: Track


class Person:
    """One of them. Seconds are the meeting's."""

    def __init__(self, voice: str, script: Script, folder: Path, padding: float, seed: int) -> None:
        self.voice = voice
        self.language = LANGUAGE_OF[voice]
        self._script = script
        self._sound = script.microphone(voice)
        self._folder = folder
        self._padding = padding
        self._seed = seed
        self._stack: AsyncExitStack | None = None
        self._line: Relay | None = None
        self._phone: Phone | None = None
        self._weather = Weather()
        self._past: list[Phone] = []

    async def call(self, sip_port: int, since: float) -> None:
        """Dial and begin to talk where the script is then; comes back when he is in the call.

        Args:
            sip_port: the PBX's.
            since: monotonic time at which the meeting began.

        Raises:
            DemoError: the call is not answered.
        """
        await self.leave()
        mic = self._folder / f"mic-{self.voice}-{len(self._past)}.wav"
        self._stack = AsyncExitStack()
        line = await self._stack.enter_async_context(Relay(sip_port, seed=self._seed + len(self._past), first=None))
        self._line = line
        self.weather(self._weather)
        begun = time.monotonic()
        await asyncio.to_thread(write_padded, mic, self._from(begun + 0.5 - since), self._padding)
        phone = Phone(self.voice.upper(), self._folder / f"{self.voice}-{len(self._past)}", mic=mic, padding=1.0)
        self._phone = await self._stack.enter_async_context(phone)
        await phone.dial(f"sip:{ROOM}*{LANGUAGES[self.language].calling_code}@127.0.0.1:{line.port}")
        await phone.wait_established(DIAL_S)

    async def leave(self) -> None:
        """End the call, if there is one."""
        phone, self._phone = self._phone, None
        if self._stack is not None:
            await self._stack.aclose()
            self._stack = self._line = None
        if phone is not None:
            self._past.append(phone)

    def weather(self, weather: Weather) -> None:
        """On his line, both ways, from now on; a call that is dialled anew goes over the same line."""
        self._weather = weather
        if self._line is not None:
            self._line.up.weather = self._line.down.weather = weather

    @property
    def talking(self) -> bool:
        """Whether his call is up."""
        return self._phone is not None and self._phone.in_call

    @property
    def lost_because(self) -> str:
        """Why his last call ended, in his phone's words."""
        events = [] if self._phone is None else [e for e in self._phone.events if e.type == "CALL_CLOSED"]
        return str(events[-1].fields.get("param")) if events else "the phone ended"

    def calls(self, offset: float) -> list[Call]:
        """All that he recorded; ``offset`` takes monotonic time to seconds since the epoch."""
        found = []
        for phone in self._past:
            try:
                paths = (phone.spoken, phone.spoken_at), (phone.heard, phone.heard_at)
            except DemoError:
                continue  # nothing was recorded: it was never answered
            tracks = []
            for path, time_of in paths:
                pcm = read_wav(path)
                if len(pcm):
                    clock = RecordingClock.of(lambda sample, time_of=time_of: time_of(sample) + offset, len(pcm))
                    tracks.append(Track(pcm, clock))
            if len(tracks) == 2:
                found.append(Call(self.voice, *tracks))
        return found

    def _from(self, second: float) -> Pcm:
        """What is left to say then; a sentence that he was in the middle of is given up."""
        sound = self._sound.copy()
        for sentence in self._script.of(self.voice):
            if sentence.start_s < second < sentence.end_s:
                sound[round(sentence.start_s * SAMPLE_RATE) : round((sentence.end_s + 0.1) * SAMPLE_RATE)] = 0
        left = sound[round(max(second, 0.0) * SAMPLE_RATE) :]
        return left if len(left) else np.zeros(1, np.int16)
