"""Voices without models: what enrolment needs of them (enrolment.ports), in memory, with faults to order.

Identity is the pitch of a clip, found by autocorrelation, so that another voice is told from the owner's by its sound.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dragoman.enrolment.model import Clip, ClipReport, Consent, Defaults, Order
from dragoman.enrolment.ports import Changes, Likeness, ProfileDetail, ProfileView
from dragoman.errors import EngineRejected, ProfileConflict, ProfileInvalid, StoreUnavailable, VoiceUnavailable
from dragoman.media.format import Pcm
from dragoman.voices.fault import FaultKind


def pitch_of(clip: Clip) -> float:
    """Hz."""
    wave = clip.samples[: clip.rate].astype(np.float64)
    wave -= wave.mean()
    least, most = clip.rate // 400, clip.rate // 60
    found = np.correlate(wave, wave, "full")[len(wave) - 1 :]
    return clip.rate / (least + int(np.argmax(found[least:most])))


@dataclass
class Made:
    detail: ProfileDetail
    pitch: float


@dataclass
class FakeVoices:
    identity: bool = True
    stored: dict[str, Made] = field(default_factory=dict)
    mapped: dict[str, str] = field(default_factory=dict)
    spoken: list[tuple[str, str, str]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    in_make: Callable[[], None] = lambda: None
    in_put: Callable[[], object] = lambda: None
    away: bool = False
    """The database does not answer."""
    closed: int = 0

    def examine(self, clips: Sequence[Clip]) -> Sequence[ClipReport]:
        self.threads.add(threading.current_thread().name)
        pitches = [pitch_of(clip) for clip in clips if np.abs(clip.samples).max() > 300]
        usual = float(np.median(pitches)) if pitches else 0.0
        return [self._report(clip, usual) for clip in clips]

    def _report(self, clip: Clip, usual: float) -> ClipReport:
        def bad(fault: FaultKind, advice: str) -> ClipReport:
            return ClipReport(clip.name, (fault,), advice, clip.seconds)

        if clip.seconds < 2:
            return bad(FaultKind.TOO_SHORT, "too short: 2 s or more")
        if np.abs(clip.samples).max() < 300:
            return bad(FaultKind.SILENT, "silent")
        if clip.clipped > 0.01:
            return bad(FaultKind.CLIPPED, "clipped: farther from the microphone")
        if abs(pitch_of(clip) / usual - 1) > 0.2:
            return bad(FaultKind.ANOTHER_SPEAKER, "not the person of the others")
        return ClipReport(clip.name, (), "", clip.seconds, clip.seconds, 30.0)

    def make(self, profile_id: str, order: Order, clips: Sequence[Clip]) -> tuple[object, tuple[str, ...]]:
        self.threads.add(threading.current_thread().name)
        self.in_make()
        head = ProfileView(profile_id, order.name, order.language, 1, time.time(), len(clips), ())
        detail = ProfileDetail(head, order.consent, order.defaults, self.identity, False)
        return Made(detail, pitch_of(clips[0])), ("no cloning engine is here",)

    def likeness(self, profile: object, clip: Clip) -> Likeness:
        self.threads.add(threading.current_thread().name)
        assert isinstance(profile, Made)
        if not self.identity:
            raise VoiceUnavailable("no identity encoder is here: set voices.ecapa")
        return Likeness(1 - abs(pitch_of(clip) / profile.pitch - 1), 0.8)

    async def put(self, profile: object, callers: Sequence[str]) -> None:
        assert isinstance(profile, Made)
        waiting = self.in_put()
        if waiting is not None:
            await waiting  # type: ignore[misc]
        self._answer()
        self.stored[profile.detail.head.id] = profile
        self.mapped.update((caller, profile.detail.head.id) for caller in callers)

    async def fetch(self, profile_id: str) -> object | None:
        return self.stored.get(profile_id)

    async def get(self, profile_id: str) -> ProfileDetail | None:
        made = self.stored.get(profile_id)
        if made is None:
            return None
        callers = tuple(caller for caller, owner in self.mapped.items() if owner == profile_id)
        return replace(made.detail, head=replace(made.detail.head, callers=callers))

    async def list(self, offset: int, limit: int) -> Sequence[ProfileView]:
        found = [await self.get(profile_id) for profile_id in sorted(self.stored)[offset : offset + limit]]
        return [detail.head for detail in found if detail]

    async def change(self, profile_id: str, changes: Changes) -> ProfileDetail | None:
        made = self.stored.get(profile_id)
        if made is None:
            return None
        head = replace(
            made.detail.head, name=changes.name or made.detail.head.name, version=made.detail.head.version + 1
        )
        made.detail = replace(made.detail, head=head, defaults=changes.defaults or made.detail.defaults)
        if changes.callers is not None:
            self.mapped = {caller: owner for caller, owner in self.mapped.items() if owner != profile_id}
            self.mapped.update((caller, profile_id) for caller in changes.callers)
        return await self.get(profile_id)

    def _answer(self) -> None:
        if self.away:
            raise StoreUnavailable("the database does not answer")

    async def delete(self, profile_id: str) -> Sequence[str] | None:
        self._answer()
        if self.stored.pop(profile_id, None) is None:
            return None
        self.mapped = {caller: owner for caller, owner in self.mapped.items() if owner != profile_id}
        return ["the profile", "its clips"]

    async def callers(self) -> Sequence[tuple[str, str]]:
        return sorted(self.mapped.items())

    async def assign(self, caller: str, profile_id: str) -> bool:
        self._answer()
        if profile_id not in self.stored:
            return False
        self.mapped[caller] = profile_id
        return True

    async def unassign(self, caller: str) -> bool:
        return self.mapped.pop(caller, None) is not None

    async def export(self, profile_id: str) -> bytes | None:
        made = self.stored.get(profile_id)
        return None if made is None else b"PK\x03\x04" + f"{profile_id} {made.detail.head.name}".encode()

    async def take(self, data: bytes) -> ProfileDetail:
        try:
            profile_id, name = data[4:].decode().split(" ", 1)
        except ValueError:
            raise ProfileInvalid("it is no exported profile") from None
        if not profile_id.startswith("v_") or len(profile_id) != 24:
            raise ProfileInvalid("it is no exported profile")
        if profile_id in self.stored:
            raise ProfileConflict(f"{profile_id} is here already")
        head = ProfileView(profile_id, name, "en", 1, 0.0, 3, ())
        self.stored[profile_id] = Made(ProfileDetail(head, Consent("a", "b", 0.0), Defaults(), False, False), 0.0)
        return self.stored[profile_id].detail

    async def speak(self, profile_id: str, text: str, language: str) -> AsyncIterator[Pcm]:
        if language == "ca":
            raise EngineRejected("toy", "no Catalan")
        if text == "...":
            return
        self.spoken.append((profile_id, text, language))
        try:
            for _ in range(10):
                yield np.full(1600, 1000, np.int16)
        finally:
            self.closed += 1
