"""What a voice profile is: who somebody sounds like, how each of his clips is spoken, and that he agreed to it.

Plain data. Vectors are float32, finite and read-only; which model made them stands beside them, since vectors of two
models cannot be compared whatever their dimension.
"""

from __future__ import annotations

import math
import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.errors import ProfileInvalid

Vector = npt.NDArray[np.float32]
"""Shape (dimension,)."""

Matrix = npt.NDArray[np.float32]
"""Shape (rows, dimension)."""

SPEED_RANGE: Final = (0.85, 1.2)
"""XTTS stretches its latents by ``1 / speed``; beyond these a voice sounds drunk or clipped."""

PITCH_RANGE: Final = (-6.0, 6.0)
"""Semitones: half an octave is another person."""

GAIN_RANGE: Final = (-12.0, 12.0)
"""dB."""

MAX_NAME: Final = 100
"""Characters of a name: it is shown in lists and said aloud."""

MAX_CONSENT: Final = 4000
"""Characters of the text somebody agreed to: a page."""

LINES: Final = "\n\t"
"""What a text of several lines may have as well."""

_JOINERS: Final = "\u200c\u200d"
"""ZERO WIDTH NON-JOINER and JOINER: Unicode Core Specification 23.2, "Cursive Connection and Ligatures"."""

_AROUND: Final = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
"""Signs of Arabic, Syriac and Kaithi that are written around the figures behind them: of category Cf, and seen.
Unicode's PropList, Prepended_Concatenation_Mark."""

_UNSEEN: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of characters that no name has."""

TIMES: Final = (0.0, 1e11)
"""Seconds since 1970: up to the year 5138, all of which calendars can tell."""

MAX_CLIPS: Final = 50
"""Clips of a profile. XTTS itself uses 30 s of reference; beyond some minutes of it nothing gets better."""

MAX_DIMENSION: Final = 4096
"""Numbers in an embedding. The largest in use are 512 (XTTS's speaker embedding) and 256."""

MAX_LATENTS: Final = 1 << 20
"""Numbers in a clip's latents: 32 times what XTTS v2 makes (32 x 1024), so a file cannot make us allocate at will."""

_ID = re.compile(r"v_[A-Za-z0-9_-]{22}", re.ASCII)
_CLIP_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


def new_id() -> str:
    """A fresh profile id: 128 random bits, so that knowing one tells nothing of the next."""
    return f"v_{secrets.token_urlsafe(16)}"


def is_id(text: str) -> bool:
    """Whether it has the form of a profile id."""
    return _ID.fullmatch(text) is not None


def vector(values: npt.ArrayLike, what: str) -> Vector:
    """``values`` as a read-only vector of its own; raises ProfileInvalid when they are none."""
    return _array(values, what, 1, MAX_DIMENSION)


def _array(values: npt.ArrayLike, what: str, dimensions: int, most: int) -> npt.NDArray[np.float32]:
    try:
        made = np.array(values, np.float32)
    except (TypeError, ValueError):
        raise ProfileInvalid(f"{what} is no array of numbers") from None
    if made.ndim != dimensions or not 0 < made.size <= most:
        raise ProfileInvalid(f"{what} has the shape {made.shape}")
    if not np.isfinite(made).all():
        raise ProfileInvalid(f"{what} has numbers that are not finite")
    made.flags.writeable = False
    return made


def _within(value: float, limits: tuple[float, float], what: str) -> None:
    if not limits[0] <= value <= limits[1]:  # also false for NaN
        raise ProfileInvalid(f"{what} is {value:g}; it goes from {limits[0]:g} to {limits[1]:g}")


def printed(text: str, *, also: str = "") -> bool:
    """Whether there is nothing in a text that cannot be seen and changes how others are shown; ``also``: but for these.

    Control characters, ends of lines, halves of characters, marks of the direction of writing. What joins letters of
    Persian and Hindi, and emoji, is part of how a name is written.
    """
    return all(
        char in _JOINERS or char in _AROUND or char in also or unicodedata.category(char) not in _UNSEEN
        for char in text
    )


def unmarked(text: str) -> str:
    """A text that is not kept, such as one to be spoken, without the marks that ``printed`` does not take.

    Text that is copied has them around its words: of the direction of writing, soft hyphens, byte order marks.
    """
    return "".join(char for char in text if unicodedata.category(char) != "Cf" or printed(char))


def _printable(text: str, most: int, what: str, also: str = "") -> None:
    if not text.strip() or len(text) > most:
        raise ProfileInvalid(f"{what} has {len(text)} characters; 1 to {most} are meant")
    if not printed(text, also=also):
        raise ProfileInvalid(f"{what} has control characters, or halves of characters")


@dataclass(frozen=True, slots=True)
class Consent:
    """That somebody agreed to have his voice cloned."""

    given_by: str
    """His name, or the number he called from."""
    at: float
    """Seconds since 1970, UTC."""
    text: str
    """What he agreed to, word by word."""
    audio_sha256: str | None = None
    """Hash of the recording in which he said so, where there is one; the recording is a clip or kept elsewhere."""

    def __post_init__(self) -> None:
        _printable(self.given_by, MAX_NAME, "consent.given_by")
        _printable(self.text, MAX_CONSENT, "consent.text", LINES)
        _within(self.at, TIMES, "consent.at")
        if self.audio_sha256 is not None and not _CLIP_ID.fullmatch(self.audio_sha256):
            raise ProfileInvalid("consent.audio_sha256 is no SHA-256 in hexadecimal")


@dataclass(frozen=True, slots=True)
class Defaults:
    """How the voice is played when nothing is known of the live clause."""

    speed: float = 1.0
    pitch: float = 0.0
    """Semitones."""
    gain_db: float = 0.0

    def __post_init__(self) -> None:
        _within(self.speed, SPEED_RANGE, "speed")
        _within(self.pitch, PITCH_RANGE, "pitch")
        _within(self.gain_db, GAIN_RANGE, "gain_db")


@dataclass(frozen=True, slots=True)
class Prosody:
    """How something is spoken, in figures."""

    log_f0: float
    """Median pitch, octaves above 1 Hz (log2 of Hz)."""
    f0_spread: float
    """From the 15th to the 85th percentile of the pitch, semitones."""
    rate: float
    """Syllables a second."""
    level_db: float
    """RMS of what sounds, dB, full scale 0."""

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.log_f0, self.f0_spread, self.rate, self.level_db))):
            raise ProfileInvalid("a prosody has numbers that are not finite")


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """What a style encoder says of a stretch of speech."""

    vector: Vector
    prosody: Prosody | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Latents:
    """XTTS's conditioning computed from one clip."""

    gpt: Matrix
    """Shape (positions, width): (32, 1024) for XTTS v2."""
    speaker: Vector
    """Shape (512,), of unit norm: of XTTS's own speaker encoder, which is not ECAPA."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "gpt", _array(self.gpt, "the GPT latents", 2, MAX_LATENTS))
        object.__setattr__(self, "speaker", vector(self.speaker, "the speaker embedding"))


@dataclass(frozen=True, slots=True)
class Models:
    """Names of the models that made a profile's vectors, version included; None: there are no such vectors."""

    identity: str | None = None
    style: str | None = None
    latents: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One recording of the person."""

    id: str
    """SHA-256 of its PCM at 24 kHz, hexadecimal: the same recording twice is one clip."""
    seconds: float
    snr_db: float
    weight: float = 1.0
    """Its share in the profile, 0 to 1; 0: kept as a recording, but it does not count (not the same person)."""
    identity: Vector | None = None
    style: Vector | None = None
    prosody: Prosody | None = None
    latents: Latents | None = None

    def __post_init__(self) -> None:
        if not _CLIP_ID.fullmatch(self.id):
            raise ProfileInvalid("a clip's id is no SHA-256 in hexadecimal")
        _within(self.seconds, (0.0, 3600.0), "a clip's length in seconds")
        _within(self.snr_db, (-60.0, 120.0), "a clip's signal to noise ratio")
        _within(self.weight, (0.0, 1.0), "a clip's weight")
        for name in ("identity", "style"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, vector(value, f"a clip's {name}"))


@dataclass(frozen=True, slots=True, eq=False)
class VoiceProfile:
    """A person's voice. Two of them are told apart by ``(id, version)``; every change is a new version."""

    id: str
    name: str
    consent: Consent
    clips: tuple[Clip, ...]
    language: str = ""
    """What he speaks in the clips, ISO 639-1; empty: not known."""
    defaults: Defaults = Defaults()
    models: Models = Models()
    identity: Vector | None = None
    """Robust centroid of the clips' identities, unit norm."""
    style: Vector | None = None
    """Weighted mean of the clips' styles."""
    version: int = 1
    created: float = 0.0
    """Seconds since 1970, UTC."""
    changed: float = 0.0
    notes: tuple[str, ...] = field(default=())
    """What whoever made it should know: clips left out, parts it lacks."""

    def __post_init__(self) -> None:
        if not is_id(self.id):
            raise ProfileInvalid("a profile's id is v_ and 22 letters, digits, - or _")
        _printable(self.name, MAX_NAME, "the name")
        if not re.fullmatch(r"([a-z]{2})?", self.language, re.ASCII):
            raise ProfileInvalid(f"{self.language[:20]!r} is no ISO 639-1 language")
        if not 0 < len(self.clips) <= MAX_CLIPS:
            raise ProfileInvalid(f"{len(self.clips)} clips; a profile has 1 to {MAX_CLIPS}")
        if len({clip.id for clip in self.clips}) != len(self.clips):
            raise ProfileInvalid("two clips are the same recording")
        _within(self.created, TIMES, "created")
        _within(self.changed, TIMES, "changed")
        if not 0 < self.version < 1 << 31:
            raise ProfileInvalid(f"version {self.version}")
        for name in ("identity", "style"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, vector(value, f"the profile's {name}"))
        self._check_shapes()

    def _check_shapes(self) -> None:
        """All vectors of one kind have one shape, and the model that made them is named."""
        for kind in ("identity", "style"):
            shapes = {
                v.shape for v in (getattr(self, kind), *(getattr(clip, kind) for clip in self.clips)) if v is not None
            }
            self._one_shape(kind, shapes)
        latents = [clip.latents for clip in self.clips if clip.latents is not None]
        self._one_shape("latents", {(each.gpt.shape, each.speaker.shape) for each in latents})

    def _one_shape(
        self, kind: str, shapes: set[tuple[int, ...]] | set[tuple[tuple[int, ...], tuple[int, ...]]]
    ) -> None:
        if len(shapes) > 1:
            raise ProfileInvalid(f"its {kind} have different shapes: {sorted(shapes)}")
        if shapes and not getattr(self.models, kind):
            raise ProfileInvalid(f"it has {kind} but does not say of which model")

    @property
    def seconds(self) -> float:
        """Length of the clips that count."""
        return sum(clip.seconds for clip in self.clips if clip.weight > 0)

    def spoken_by(self, latents_model: str) -> bool:
        """Whether a synthesizer with this model can speak in this voice."""
        return self.models.latents == latents_model and any(
            clip.latents is not None and clip.weight > 0 for clip in self.clips
        )
