"""Whose voice each speaker in a room has just now: his profile, how he speaks, and whether it is really he.

The event loop's thread tells who enters, speaks and leaves; the synthesizer's thread asks ``conditioning``, which waits
for nothing. Whatever goes wrong with a profile, the answer is None, the neutral voice, and the call goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

import numpy as np
import structlog

from dragoman.errors import ProfileInvalid, StoreUnavailable, VoiceError
from dragoman.media.format import SAMPLE_RATE
from dragoman.voices.conditioning import Conditioning, condition, cosine
from dragoman.voices.embedders import Encoders, Samples
from dragoman.voices.guard import IdentityGuard, Judgement
from dragoman.voices.profile import Style, VoiceProfile

log = structlog.get_logger(__name__)

STYLE_SMOOTHING: Final = 0.6
"""Share of the newest piece in the live style: a clause sounds as it is spoken, one odd word does not."""


class VoiceEventKind(StrEnum):
    """What happened to a speaker's voice."""

    ASSIGNED = "assigned"
    STRANGER = "stranger"
    """The caller does not sound like the owner of the profile: the neutral voice from now on."""
    OWNER = "owner"
    """He does again."""
    BROKEN = "broken"
    """His profile cannot be used: the neutral voice; the text says why."""
    GONE = "gone"
    """His profile was deleted."""


@dataclass(frozen=True, slots=True)
class VoiceEvent:
    """Something that the operator should know."""

    kind: VoiceEventKind
    speaker: str
    profile: str
    text: str = ""


class Profiles(Protocol):
    """What is asked of the store."""

    async def get(self, key: str) -> VoiceProfile | None:
        """See VoiceStore."""

    async def profile_of(self, caller: str) -> str | None:
        """See VoiceStore."""


@dataclass(frozen=True, slots=True, eq=False)
class _Speaker:
    """One who has a profile; replaced as a whole, so that another thread sees all of it or nothing."""

    key: str
    profile: VoiceProfile | None
    guard: IdentityGuard | None = None
    style: Style | None = None
    stale: bool = False
    """The profile was changed, or could not be had: ask the store again."""
    lent: bool = False
    """The profile is of this call alone, and in no store."""
    told: bool = False
    """It was told that the store does not answer for him."""


class LiveVoices:
    """The voices of those who are in rooms now."""

    def __init__(
        self, profiles: Profiles, encoders: Encoders, on_event: Callable[[VoiceEvent], None] = lambda event: None
    ) -> None:
        """``on_event`` is called in the loop's thread."""
        self._profiles = profiles
        self.encoders = encoders
        self._on_event = on_event
        self._speakers: dict[str, _Speaker] = {}
        self._unasked: dict[str, str] = {}  # speakers whose profile could not be asked for, and their numbers
        self._callers: dict[str, str] = {}
        """Numbers of those present whom no dialplan gave a profile: they have what their number is mapped to."""
        self._remapped = False
        self._answers = True
        """Whether the store answered when it was last asked."""
        self._counts = {"assigned": 0, "stranger": 0, "owner": 0, "broken": 0, "gone": 0, "cloned": 0, "neutral": 0}
        self.latents_model: str | None = None if encoders.latents is None else encoders.latents.name
        """Name of the synthesizer's model; profiles with latents of another one cannot be spoken. None: any."""

    def counts(self) -> Mapping[str, int]:
        """They only grow: events by kind, and clauses asked for by whether they were cloned or neutral."""
        return dict(self._counts)

    @property
    def speakers(self) -> Mapping[str, str]:
        """Profile of each speaker who has one."""
        return {name: speaker.key for name, speaker in self._speakers.items()}

    @property
    def versions(self) -> dict[str, int]:
        """Ids and versions of the stored profiles that somebody has here just now."""
        had = (s.profile for s in self._speakers.values() if not s.lent)
        return {profile.id: profile.version for profile in had if profile is not None}

    def cloned(self, speaker: str) -> bool:
        """Whether a clause of his would be spoken in his own voice just now."""
        known = self._speakers.get(speaker)
        return known is not None and known.profile is not None and not (known.guard and known.guard.verdict.neutral)

    async def enter(self, speaker: str, caller: str = "", profile: str = "") -> bool:
        """Somebody entered: find his profile by the id the dialplan gave, else by his number.

        True when he has one that is usable. Never raises for what is wrong with it.
        """
        if caller and not profile:
            self._callers[speaker] = caller
        try:
            key = profile or (await self._profiles.profile_of(caller) if caller else None)
        except ProfileInvalid:
            return False  # a hidden number, or none
        except StoreUnavailable as error:
            self._answers = False
            if speaker not in self._unasked:
                self._tell(VoiceEventKind.BROKEN, speaker, "", str(error))
            self._unasked[speaker] = caller
            return False
        except VoiceError as error:
            self._tell(VoiceEventKind.BROKEN, speaker, "", str(error))
            return False
        self._unasked.pop(speaker, None)
        if not key:
            return False
        self._speakers[speaker] = _Speaker(key, None, stale=True)
        return await self._load(speaker)

    def leave(self, speaker: str) -> None:
        """He is gone, and with him all that was learnt of him in the call. Idempotent."""
        self._callers.pop(speaker, None)
        self._speakers.pop(speaker, None)
        self._unasked.pop(speaker, None)

    def takes(self, profile: VoiceProfile) -> bool:
        """Whether the synthesizer can speak in it: it was made for its model."""
        return self.latents_model is None or profile.spoken_by(self.latents_model)

    def lend(self, speaker: str, profile: VoiceProfile) -> None:
        """Speak for him in this voice until he leaves, or is lent another one; the store is not asked for it."""
        before = self._speakers.get(speaker)
        style = before.style if before is not None else None
        guard = self._guard(_Speaker(profile.id, profile), profile)
        self._speakers[speaker] = _Speaker(profile.id, profile, guard, style, lent=True)
        if before is None or before.key != profile.id:
            self._tell(VoiceEventKind.ASSIGNED, speaker, profile.id, "lent")

    def take_back(self, speaker: str) -> None:
        """Of what was lent to him, nothing stays; what his number has, he has again. Idempotent."""
        known = self._speakers.get(speaker)
        if known is not None and known.lent:
            del self._speakers[speaker]
            self._remapped = True

    def changed(self, key: str, gone: bool) -> None:
        """A profile was changed or deleted: a deleted one speaks no further clause."""
        for name, speaker in list(self._speakers.items()):
            if speaker.key == key:
                if gone:
                    del self._speakers[name]
                    self._tell(VoiceEventKind.GONE, name, key, "the profile was deleted")
                elif not speaker.lent:
                    self._speakers[name] = replace(speaker, stale=True)

    def remapped(self) -> None:
        """Some number has another profile than before, or none any more."""
        self._remapped = True

    async def refresh(self) -> None:
        """Read again what was changed, or could not be had, and ask for those who came while that was impossible.

        A store that does not answer is asked once a time: each question may take it seconds to fail.
        """
        self._answers = True
        for name, caller in list(self._unasked.items()):
            if self._answers:
                await self.enter(name, caller)
        if self._remapped and self._answers:
            self._remapped = False
            for name, caller in list(self._callers.items()):
                if self._answers:
                    await self._map(name, caller)
        for name, speaker in list(self._speakers.items()):
            if speaker.stale and self._answers:
                await self._load(name)

    async def hear(self, speaker: str, samples: Samples, seconds: float, *, judge: bool = True) -> Judgement | None:
        """A piece of speech, at 16 kHz with its pauses taken out, of one who has a profile.

        Keeps his live style, and judges whether it is he; None where that cannot be judged, or is not to be.
        """
        known = self._speakers.get(speaker)
        if known is None or known.profile is None:
            return None
        profile, guard = known.profile, known.guard if judge else None
        identity = self.encoders.identity if guard is not None else None

        def embed() -> tuple[object, Style | None]:
            who = None if identity is None else identity.embed(samples)
            return who, None if self.encoders.style is None else self.encoders.style.embed(samples)

        try:
            who, style = await asyncio.to_thread(embed)
        except ProfileInvalid:  # too little of it
            return None
        now = self._speakers.get(speaker)
        if now is None or now.key != profile.id:
            return None  # he left meanwhile
        if style is not None:
            self._speakers[speaker] = replace(now, style=_smoothed(now.style, style))
        if guard is None or now.guard is not guard:
            return None
        judgement = guard.heard(np.asarray(who), seconds)
        if judgement.changed:
            kind = VoiceEventKind.STRANGER if judgement.verdict.neutral else VoiceEventKind.OWNER
            self._tell(kind, speaker, profile.id, f"likeness {judgement.likeness:.2f}")
        return judgement

    def conditioning(self, speaker: str, style: Style | None = None) -> Conditioning | None:
        """What to speak the next clause of ``speaker`` with; None: the neutral voice. See ``voice``."""
        found = self.voice(speaker, style)
        return None if found is None else found[1]

    def voice(self, speaker: str, style: Style | None = None) -> tuple[str, Conditioning] | None:
        """The voice to speak the next clause of ``speaker`` in, and a name of it; None: the neutral one.

        From any thread, at once. ``style``: of this very clause, where it is known; else that of what he last said.
        """
        known = self._speakers.get(speaker)
        made = None
        if known is not None and known.profile is not None and not (known.guard and known.guard.verdict.neutral):
            made = condition(known.profile, style or known.style)
        self._counts["neutral" if made is None else "cloned"] += 1
        if made is None or known is None or known.profile is None:
            return None
        return f"{known.key}.{known.profile.version}", made

    async def likeness(self, speaker: str, samples: Samples) -> float | None:
        """Cosine of what was spoken for ``speaker`` (16 kHz) with the owner of his profile; None: cannot be told."""
        known, identity = self._speakers.get(speaker), self.encoders.identity
        if known is None or known.profile is None or known.profile.identity is None or identity is None:
            return None
        if known.profile.models.identity != identity.name or len(samples) < SAMPLE_RATE:
            return None
        return cosine(await asyncio.to_thread(identity.embed, samples), known.profile.identity)

    async def _map(self, name: str, caller: str) -> None:
        """Give one who is present what his number has now."""
        try:
            key = await self._profiles.profile_of(caller)
        except ProfileInvalid:
            return
        except VoiceError as error:
            self._remapped = True  # all of them once more
            self._answers = not isinstance(error, StoreUnavailable)
            return
        known = self._speakers.get(name)
        if name not in self._callers or (known is not None and known.lent):
            return  # he left meanwhile, or speaks in what he was lent
        if key is None:
            if known is not None:
                del self._speakers[name]
                self._tell(VoiceEventKind.GONE, name, known.key, "his number has none any more")
        elif known is None or known.key != key:
            self._speakers[name] = _Speaker(key, None, stale=True)

    async def _load(self, name: str) -> bool:
        speaker = self._speakers.get(name)
        if speaker is None:
            return False  # his profile was deleted while another's was read
        if speaker.lent:
            return True
        try:
            profile = await self._profiles.get(speaker.key)
        except StoreUnavailable as error:
            self._answers = False
            if speaker.profile is None and not speaker.told:  # else he keeps what he has, until the store answers
                if self._speakers.get(name) is speaker:
                    self._speakers[name] = replace(speaker, told=True)
                self._tell(VoiceEventKind.BROKEN, name, speaker.key, str(error))
            return speaker.profile is not None
        except VoiceError as error:
            if self._speakers.get(name) is not speaker:
                return False
            return self._broken(name, speaker.key, str(error))
        if self._speakers.get(name) is not speaker:
            return False  # he left, or the profile changed again
        if profile is None:
            return self._broken(name, speaker.key, "there is no such profile")
        if not self.takes(profile):
            return self._broken(
                name, speaker.key, "it was not made for this synthesizer's model: enrol its owner again"
            )
        self._speakers[name] = _Speaker(speaker.key, profile, self._guard(speaker, profile), speaker.style)
        if speaker.profile is None:
            self._tell(VoiceEventKind.ASSIGNED, name, profile.id)
        return True

    def _guard(self, speaker: _Speaker, profile: VoiceProfile) -> IdentityGuard | None:
        """What was judged so far holds on when the profile is changed."""
        identity = self.encoders.identity
        if speaker.guard is not None:
            return speaker.guard
        if identity is None or profile.identity is None or profile.models.identity != identity.name:
            log.info("nobody guards this voice: no identity, or of another encoder", profile=profile.id)
            return None
        return IdentityGuard(profile.identity, identity.threshold)

    def _broken(self, speaker: str, key: str, text: str) -> bool:
        self._speakers.pop(speaker, None)
        self._tell(VoiceEventKind.BROKEN, speaker, key, text)
        return False

    def _tell(self, kind: VoiceEventKind, speaker: str, key: str, text: str = "") -> None:
        self._counts[kind.value] += 1
        level = log.info if kind in (VoiceEventKind.ASSIGNED, VoiceEventKind.OWNER) else log.warning
        level(f"voice {kind.value}", speaker=speaker, profile=key, reason=text)
        self._on_event(VoiceEvent(kind, speaker, key, text))


def _smoothed(before: Style | None, now: Style) -> Style:
    """Of vectors; figures (rate, level) are of the newest piece alone: that is what is spoken next."""
    if before is None or before.vector.shape != now.vector.shape:
        return now
    return Style(before.vector + np.float32(STYLE_SMOOTHING) * (now.vector - before.vector), now.prosody)
