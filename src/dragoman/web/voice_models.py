"""Voice profiles as the REST interface shows and takes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from dragoman.config.types import no_bool
from dragoman.enrolment.model import CLIPS_NEEDED, CLIPS_TAKEN, Defaults, Enrolment, State
from dragoman.enrolment.ports import ProfileDetail, ProfileView
from dragoman.errors import ProfileInvalid
from dragoman.voices.assign import normalize_caller
from dragoman.voices.fault import FaultKind
from dragoman.voices.profile import (
    GAIN_RANGE,
    LINES,
    MAX_CONSENT,
    MAX_NAME,
    PITCH_RANGE,
    SPEED_RANGE,
    printed,
    unmarked,
)
from dragoman.web.state import LanguageCode, Model

CALLER_PATTERN = r"^[0-9A-Za-z+*_.@-]{1,64}$"
"""A caller id: a number, or the user part of a SIP address."""

PREVIEW_CHARS = 300
"""Of a preview's text: three clauses, half a minute of speech."""

PRINTED = r"\S"


def _caller(value: str) -> str:
    try:
        return normalize_caller(value)
    except ProfileInvalid as error:
        raise ValueError(str(error)) from None


def _line(value: str) -> str:
    if not printed(value):
        raise ValueError("should have no control characters and be one line")
    return value


def _lines(value: str) -> str:
    if not printed(value, also=LINES):
        raise ValueError("should have no control characters")
    return value


def _spoken(value: str) -> str:
    """Marks that cannot be seen are not spoken either; text that is copied is full of them."""
    text = unmarked(value)
    if not text.strip():
        raise ValueError("should not be blank")
    return _lines(text)


ProfileId = Annotated[str, Field(pattern=r"^v_[0-9A-Za-z_-]{22}$", examples=["v_5f0c9a4be1d24ce3a6b7c8"])]
CallerId = Annotated[
    str,
    Field(pattern=CALLER_PATTERN, description="A number or SIP user", examples=["+34600111222"]),
    AfterValidator(_caller),
]
Text = Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=PRINTED), AfterValidator(_line)]
Speed = Annotated[
    float,
    BeforeValidator(no_bool),
    Field(ge=SPEED_RANGE[0], le=SPEED_RANGE[1], allow_inf_nan=False, description="Times the usual speed"),
]
Pitch = Annotated[
    float,
    BeforeValidator(no_bool),
    Field(ge=PITCH_RANGE[0], le=PITCH_RANGE[1], allow_inf_nan=False, description="Semitones up"),
]
Gain = Annotated[
    float, BeforeValidator(no_bool), Field(ge=GAIN_RANGE[0], le=GAIN_RANGE[1], allow_inf_nan=False, description="dB")
]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$", examples=["es"])]
Statement = Annotated[str, Field(min_length=1, max_length=MAX_CONSENT, pattern=PRINTED), AfterValidator(_lines)]
Callers = Annotated[list[CallerId], Field(max_length=16)]


class Given(BaseModel):
    """Base of what is taken: no unknown fields."""

    model_config = ConfigDict(extra="forbid")


class ProfilePath(Given):
    """Which profile."""

    id: ProfileId


class CallerPath(Given):
    """Which caller."""

    caller: CallerId


class Page(Given):
    """Which part of a list."""

    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class ConsentGiven(Given):
    """Consent, as fields of a form."""

    consent_who: Text = Field(description="Who agreed")
    consent_text: Statement = Field(description="What was agreed to, word for word")


class ProfileFields(ConsentGiven):
    """The fields of a form beside its files."""

    name: Text
    language: Language = Field(description="ISO 639-1, of what is said in the clips")
    speed: Speed = 1.0
    pitch: Pitch = 0.0
    gain_db: Gain = 0.0
    caller: Callers = Field(default=[], description="Caller ids that get this voice")


class ProfileForm(ProfileFields):
    """A form that enrols a person."""

    clip: list[bytes] = Field(
        min_length=CLIPS_NEEDED,
        max_length=CLIPS_TAKEN,
        description="WAV, FLAC, Ogg or MP3, any rate, 3 s or more of one person's speech",
    )


class ClipForm(Given):
    """A form with one clip."""

    clip: bytes


class ImportForm(Given):
    """A form with an exported profile."""

    profile: bytes


class DefaultsInfo(Model):
    """How the voice speaks where nothing else is asked."""

    speed: Speed = 1.0
    pitch: Pitch = 0.0
    gain_db: Gain = 0.0


class DefaultsGiven(Given):
    """What to change of them; what is null or absent stays."""

    speed: Speed | None = None
    pitch: Pitch | None = None
    gain_db: Gain | None = None

    def over(self, defaults: Defaults) -> Defaults:
        """These where they are given, else those."""
        return Defaults(
            defaults.speed if self.speed is None else self.speed,
            defaults.pitch if self.pitch is None else self.pitch,
            defaults.gain_db if self.gain_db is None else self.gain_db,
        )


class ProfileChange(Given):
    """What to change; what is null or absent stays."""

    name: Text | None = None
    defaults: DefaultsGiven | None = None
    callers: Callers | None = Field(default=None, description="All caller ids that get this voice")


class ConsentInfo(Model):
    """Who agreed to what, and when."""

    who: str
    text: str
    at: datetime


class ProfileHead(Model):
    """A voice profile, in a list."""

    id: ProfileId
    name: str
    language: str = Field(description="Of what its owner said in the clips")
    version: int = Field(ge=1)
    created: datetime
    clips: int = Field(ge=0, description="That it was made from")
    callers: list[str]


class ProfileInfo(ProfileHead):
    """A voice profile."""

    consent: ConsentInfo
    defaults: DefaultsInfo
    identity: bool = Field(description="Whether callers can be compared with it")
    clone: bool = Field(description="Whether it can be spoken in; else its owner gets the neutral voice")


class Profiles(Model):
    """Voice profiles."""

    profiles: list[ProfileHead]


class ClipInfo(Model):
    """What was found in a clip."""

    name: str
    good: bool
    faults: list[FaultKind]
    advice: str = Field(description="What is wrong and what would be right")
    seconds: float | None
    speech_s: float | None
    snr_db: float | None


class EnrolmentInfo(Model):
    """How an enrolment is getting on."""

    id: ProfileId
    name: str
    state: State
    ahead: int = Field(ge=0, description="Enrolments before it, while it is queued")
    clips: list[ClipInfo]
    detail: str = Field(description="Why it was refused or failed")
    warnings: list[str] = Field(description="What the profile lacks")


class Deleted(Model):
    """What was deleted."""

    id: ProfileId
    deleted: list[str] = Field(description="In words, part by part; nothing of the profile is left anywhere")


class LikenessInfo(Model):
    """How much a clip sounds like a profile's owner."""

    similarity: float = Field(description="Cosine of the identity embeddings")
    threshold: float = Field(description="From here on it counts as the same person")
    same: bool


class PreviewGiven(Given):
    """What to say."""

    text: Annotated[str, Field(min_length=1, max_length=PREVIEW_CHARS, pattern=PRINTED), AfterValidator(_spoken)]
    language: LanguageCode


class CallerInfo(Model):
    """A caller id and the profile that it gets."""

    caller: str
    profile: ProfileId


class CallerMap(Model):
    """Every mapping."""

    callers: list[CallerInfo]


class CallerGiven(Given):
    """Which profile a caller gets."""

    profile: ProfileId


class CodeGiven(Given):
    """Who is invited to enrol by phone."""

    name: Text
    language: LanguageCode
    callers: Callers = Field(default=[], description="Caller ids that get the voice, beside the one he calls from")


class CodeInfo(Model):
    """An enrolment code."""

    code: str = Field(description="Tell it to nobody but the person invited")
    name: str
    language: str
    expires: datetime


def profile_head(view: ProfileView) -> ProfileHead:
    """As listed."""
    return ProfileHead(
        id=view.id,
        name=view.name,
        language=view.language,
        version=view.version,
        created=_time(view.created),
        clips=view.clips,
        callers=list(view.callers),
    )


def profile_info(detail: ProfileDetail) -> ProfileInfo:
    """As shown."""
    consent, defaults = detail.consent, detail.defaults
    return ProfileInfo(
        **profile_head(detail.head).model_dump(),
        consent=ConsentInfo(who=consent.who, text=consent.text, at=_time(consent.at)),
        defaults=DefaultsInfo(speed=defaults.speed, pitch=defaults.pitch, gain_db=defaults.gain_db),
        identity=detail.identity,
        clone=detail.clone,
    )


def enrolment_info(enrolment: Enrolment) -> EnrolmentInfo:
    """As shown."""
    return EnrolmentInfo(
        id=enrolment.id,
        name=enrolment.name,
        state=enrolment.state,
        ahead=enrolment.ahead,
        clips=[
            ClipInfo(
                name=clip.name,
                good=clip.good,
                faults=list(clip.faults),
                advice=clip.advice,
                seconds=_rounded(clip.seconds),
                speech_s=_rounded(clip.speech_s),
                snr_db=_rounded(clip.snr_db),
            )
            for clip in enrolment.clips
        ],
        detail=enrolment.detail,
        warnings=list(enrolment.warnings),
    )


def _time(unix: float) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
