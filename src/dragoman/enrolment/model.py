"""What flows through an enrolment, its states, and the rule by which clips make a profile. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from dragoman.errors import IllegalTransition
from dragoman.media.format import Pcm
from dragoman.voices.fault import FaultKind

CLIPS_NEEDED = 3
"""Good clips that a profile needs: with two, one cannot tell which of them is another person."""

CLIPS_TAKEN = 20
"""Clips of one enrolment, at most: XTTS looks at 30 s of reference (gpt_cond_len), a clip has 3 s or more."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip that could be read."""

    name: str
    samples: Pcm
    """Mono int16 at ``rate``."""
    rate: int
    """Hz."""
    seconds: float
    """Length as it was sent."""
    clipped: float
    """Share of its samples that lie in runs at full scale, before it was mixed and resampled."""


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What was found in one clip."""

    name: str
    """As the sender called it."""
    faults: tuple[FaultKind, ...] = ()
    """Empty: the clip is used."""
    advice: str = ""
    """What is wrong and what would be right, in words; empty where nothing is wrong."""
    seconds: float | None = None
    """Length as it was sent; None if it could not be read."""
    speech_s: float | None = None
    snr_db: float | None = None

    @property
    def good(self) -> bool:
        """Whether it is used."""
        return not self.faults


class State(StrEnum):
    """Where an enrolment is."""

    QUEUED = "queued"
    """It waits for those before it."""
    DECODING = "decoding"
    EXAMINING = "examining"
    MAKING = "making"
    """The profile is computed from the good clips."""
    STORING = "storing"
    DONE = "done"
    REFUSED = "refused"
    """Too few clips are good; the reports say why."""
    FAILED = "failed"
    """It broke on our side."""
    CANCELLED = "cancelled"


ENDED = frozenset({State.DONE, State.REFUSED, State.FAILED, State.CANCELLED})

_NEXT: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.QUEUED: frozenset({State.DECODING, State.FAILED, State.CANCELLED}),
        State.DECODING: frozenset({State.EXAMINING, State.FAILED, State.CANCELLED}),
        State.EXAMINING: frozenset({State.MAKING, State.REFUSED, State.FAILED, State.CANCELLED}),
        State.MAKING: frozenset({State.STORING, State.REFUSED, State.FAILED, State.CANCELLED}),
        # What is being written is written whole; who cancels then has it deleted after.
        State.STORING: frozenset({State.DONE, State.FAILED, State.CANCELLED}),
        **{state: frozenset() for state in ENDED},
    }
)


@dataclass(frozen=True, slots=True)
class Consent:
    """Who agreed to what; kept with the profile, beside the hash of the audio."""

    who: str
    text: str
    at: float
    """Unix time, s."""
    audio_sha256: str | None = None
    """Hash of the recording in which he said so; None: it was written."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """How the voice speaks where nothing else is asked."""

    speed: float = 1.0
    """Times the usual speed."""
    pitch: float = 0.0
    """Semitones up."""
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class SentClip:
    """A clip on disk, not read yet; ``name`` is the sender's word for it, never a path."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants enrolled."""

    name: str
    language: str
    """ISO 639-1, of what is said in the clips."""
    consent: Consent
    clips: tuple[SentClip, ...]
    defaults: Defaults = Defaults()
    callers: tuple[str, ...] = ()
    """Caller ids that get this voice."""
    consent_clip: str = ""
    """Name of the clip in which he says that he agrees; empty: none."""
    consent_audio: Clip | None = None
    """That clip, once it was read."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An enrolment at one moment. ``id`` is that of the profile that it makes."""

    id: str
    name: str
    state: State = State.QUEUED
    ahead: int = 0
    """Enrolments before it, while it is queued."""
    clips: tuple[ClipReport, ...] = ()
    detail: str = ""
    """Why it was refused or failed."""
    warnings: tuple[str, ...] = field(default=())
    """What the profile lacks, such as an identity without an encoder."""

    @property
    def ended(self) -> bool:
        """Whether nothing comes after."""
        return self.state in ENDED

    def to(self, state: State, detail: str = "") -> Enrolment:
        """The enrolment in its next state.

        Raises:
            IllegalTransition: the table has no such step.
        """
        if state not in _NEXT[self.state]:
            raise IllegalTransition("enrolment", self.state, state)
        return replace(self, state=state, ahead=0, detail=detail)


def refusal(reports: Sequence[ClipReport]) -> str:
    """Why these clips make no profile; empty if they do."""
    good = sum(report.good for report in reports)
    if good >= CLIPS_NEEDED:
        return ""
    wrong = "; ".join(f"{report.name}: {report.advice}" for report in reports if not report.good)
    return f"{good} of {len(reports)} clips can be used, {CLIPS_NEEDED} are needed. {wrong}".rstrip()
