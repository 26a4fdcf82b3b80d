"""What enrolment needs of the voices and of the store, as protocols, so that it can be run and tested without them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from dragoman.enrolment.model import Clip, ClipReport, Consent, Defaults, Order
from dragoman.media.format import Pcm


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A stored profile, as the interface lists it."""

    id: str
    name: str
    language: str
    version: int
    created: float
    """Unix time, s."""
    clips: int
    callers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProfileDetail:
    """A stored profile, as the interface shows it: no vectors, no audio."""

    head: ProfileView
    consent: Consent
    defaults: Defaults
    identity: bool
    """Whether it has an identity embedding: callers can be compared with it."""
    clone: bool
    """Whether it has what the cloning engine needs to speak in this voice."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much a clip sounds like a profile's owner."""

    similarity: float
    """Cosine of the identity embeddings."""
    threshold: float
    """From here on it counts as the same person."""

    @property
    def same(self) -> bool:
        """Whether it counts as the same person."""
        return self.similarity >= self.threshold


@dataclass(frozen=True, slots=True)
class Changes:
    """What to change of a profile; None: leave it."""

    name: str | None = None
    defaults: Defaults | None = None
    callers: tuple[str, ...] | None = None


class Voices(Protocol):
    """Profiles: made, kept, compared, spoken.

    ``examine``, ``make`` and ``likeness`` compute: they are called in a thread of the desk's, one at a time. The others
    are called on the loop and wait only for the store. A profile itself is the voices' own matter here: an object that
    ``make`` or ``fetch`` gave.
    """

    def examine(self, clips: Sequence[Clip]) -> Sequence[ClipReport]:
        """A report for every clip, in their order, with all faults but UNREADABLE."""

    def make(self, profile_id: str, order: Order, clips: Sequence[Clip]) -> tuple[object, tuple[str, ...]]:
        """Compute a profile from good clips; what ``put`` takes, and warnings of what it lacks.

        Raises:
            ClipRejected: they are too few after all: some are the same recording.
        """

    def likeness(self, profile: object, clip: Clip) -> Likeness:
        """Compare a clip with the owner of a profile that was fetched.

        Raises:
            VoiceUnavailable: no identity encoder is there, or the profile has no identity of its kind.
            ClipRejected: nobody speaks in the clip, or hardly.
        """

    async def put(self, profile: object, callers: Sequence[str]) -> None:
        """Store what ``make`` made, and give these callers its voice."""

    async def fetch(self, profile_id: str) -> object | None:
        """One profile, to compare with."""

    async def get(self, profile_id: str) -> ProfileDetail | None:
        """One profile, to show."""

    async def list(self, offset: int, limit: int) -> Sequence[ProfileView]:
        """Profiles in a steady order."""

    async def change(self, profile_id: str, changes: Changes) -> ProfileDetail | None:
        """Change a profile, as a new version of it; None: there is none."""

    async def delete(self, profile_id: str) -> Sequence[str] | None:
        """Remove it everywhere; what was removed, in words. None: there is none."""

    async def callers(self) -> Sequence[tuple[str, str]]:
        """(caller id, profile id) of every mapping."""

    async def assign(self, caller: str, profile_id: str) -> bool:
        """Give a caller id a profile, in place of the one it had; False: there is no such profile."""

    async def unassign(self, caller: str) -> bool:
        """Take a caller id's profile away; False: it had none."""

    async def export(self, profile_id: str) -> bytes | None:
        """A profile as one file; None: there is none."""

    async def take(self, data: bytes) -> ProfileDetail:
        """Store an exported profile, under its own id.

        Raises:
            ProfileInvalid: this is no exported profile.
            ProfileConflict: one with its id is there already.
        """

    def speak(self, profile_id: str, text: str, language: str) -> AsyncIterator[Pcm]:
        """``text`` in this voice, at 16 kHz, as it comes; closing the iterator cancels.

        Raises:
            EngineError: no synthesizer speaks this language, or it failed.
        """
