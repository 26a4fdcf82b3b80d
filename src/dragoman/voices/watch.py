"""Listens to callers who have a profile, now and then: how they speak, and whether it is they."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import structlog

from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.telephony.model import Leg
from dragoman.voices.embedders import Samples
from dragoman.voices.guard import Verdict
from dragoman.voices.source import LiveVoices

log = structlog.get_logger(__name__)

LOOK_S: Final = 0.25
"""Seconds between looks at who is there and whose profile changed: below the time in which a clause is translated, so
that a profile which is given, changed or taken in the call is heard from the next clause on."""

SETTLED_S: Final = 10.0
"""Seconds between judgements of one who is known to be the owner: ECAPA takes 50 ms of a core per second of speech. How
he speaks is listened to all the same: the style encoder takes 2 ms."""

PIECE_S: Final = 4.0
"""Seconds of the newest speech that are listened to at a look."""

LEAST_S: Final = 1.5
"""Seconds of speech at least; less is kept for the next look. A clause's length, so that the style in use is that of
the clause before at the oldest."""

GATE_DB: Final = 30.0
"""dB below the loudest 20 ms of a piece that still count as speech; the rest are pauses."""


class Heard(Protocol):
    """A leg's audio on its timeline (pipeline.ports.LegAudio)."""

    @property
    def heard_until(self) -> int:
        """Audio time behind the last speech."""

    def read(self, start: int, stop: int) -> Pcm:
        """Samples [start, stop)."""


class Present(Protocol):
    """Somebody in a room (pipeline.conference.LegState)."""

    @property
    def leg(self) -> Leg:
        """Who."""

    @property
    def audio(self) -> Heard:
        """What he says."""


@dataclass(slots=True)
class _Look:
    at: int = 0
    """Audio time up to which his speech was listened to."""
    due: float = 0.0
    """When to judge again whether it is he, s, monotonic."""


class VoiceWatch:
    """Run by the daemon beside the conference."""

    def __init__(
        self, voices: LiveVoices, present: Callable[[], Mapping[str, Present]], clock: Callable[[], float]
    ) -> None:
        """``present`` gives the legs that are in rooms, by id."""
        self._voices = voices
        self._present = present
        self._clock = clock
        self._looks: dict[str, _Look] = {}
        self._names: dict[str, str] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Once: who came and went, what is new of the others."""
        present = dict(self._present())
        for gone in self._looks.keys() - present.keys():
            del self._looks[gone]
            name = self._names.pop(gone)
            if name not in self._names.values():  # he may be back already, in a new epoch
                self._voices.leave(name)
        for leg_id, state in present.items():
            if leg_id not in self._looks:
                self._looks[leg_id] = _Look()
                self._names[leg_id] = state.leg.channel_id
                await self._voices.enter(state.leg.channel_id, state.leg.caller, state.leg.voice)
        await self._voices.refresh()
        speakers = self._voices.speakers
        for leg_id, state in present.items():
            if state.leg.channel_id in speakers:
                try:
                    await self._listen(self._looks[leg_id], state)
                except Exception:  # an encoder that fails costs this caller's style and guard, not the call
                    log.exception("listening to a voice failed", leg=leg_id)
                    self._looks[leg_id].due = self._clock() + SETTLED_S

    async def _listen(self, look: _Look, state: Present) -> None:
        now, until = self._clock(), state.audio.heard_until
        if until - look.at < LEAST_S * SAMPLE_RATE:
            return
        start = max(look.at, until - round(PIECE_S * SAMPLE_RATE), 0)
        piece = speech_of(state.audio.read(start, until))
        seconds = len(piece) / SAMPLE_RATE
        if seconds < LEAST_S:
            return
        look.at = until
        judgement = await self._voices.hear(state.leg.channel_id, piece, seconds, judge=now >= look.due)
        if judgement is not None:
            look.due = now + (SETTLED_S if judgement.verdict is Verdict.OWNER else 0.0)


def speech_of(pcm: Pcm) -> Samples:
    """A piece without its pauses, full scale 1.0."""
    size = SAMPLE_RATE // 50
    frames = (pcm[: len(pcm) // size * size].astype(np.float32) / np.float32(32768)).reshape(-1, size)
    if not len(frames):
        return np.zeros(0, np.float32)
    powers = (frames**2).mean(axis=1)
    loud = frames[powers > max(float(powers.max()) * 10 ** (-GATE_DB / 10), 1e-8)]
    return np.ascontiguousarray(loud.reshape(-1))
