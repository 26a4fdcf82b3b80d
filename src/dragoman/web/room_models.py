"""Rooms as they are set up over REST, legs as they are acted on, transcripts and the audit log as they are shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from dragoman.admin.model import Entry, Line, Usage
from dragoman.admin.rooms import Room
from dragoman.pin import PATTERN
from dragoman.web.state import LanguageCode, LegInfo, Model, RoomInfo, RoomName

GLOSSARY_CHARS = 40_000
"""Of a room's glossary: a thousand terms, and less than a body may have (server.BODY_LIMIT)."""

MOST_HOURS = 24 * 3650
"""Of keeping transcripts: ten years."""


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Those that end a line or turn the direction of writing around, too; not the joiners with which Persian is written.

What a log escapes (observe.log) is less: a text there may have lines and tabs, as tracebacks do, and half a surrogate
pair does no harm to a stream that escapes what it cannot encode; a database takes none.
"""


def _printable(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("should have no control characters")
    return value


def _in_utc(value: datetime) -> datetime:
    """All times that are shown are UTC; the host's own zone is nobody's business, and has no year 0."""
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


Time = Annotated[datetime, AfterValidator(_in_utc)]

RoomNumber = Annotated[
    str, Field(pattern=r"^[0-9]{1,12}$", description="A room's number, as it is dialled", examples=["1000"])
]
Pin = Annotated[str, Field(pattern=PATTERN, description="Digits to be keyed; it is never shown again")]
RoomTitle = Annotated[str, Field(max_length=100), AfterValidator(_printable)]
Languages = Annotated[
    list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]],
    Field(max_length=9, description="ISO 639-1; those that callers may choose, all of the site's if empty"),
]
GlossaryText = Annotated[
    str, Field(description=f"Terms as in a glossary file (docs/glossary.md): TSV, {GLOSSARY_CHARS} characters at most")
]
MostLegs = Annotated[int, Field(ge=1, le=10_000, description="People at once; the next one is refused")]
MostCost = Annotated[
    float,
    Field(ge=0, le=1e9, allow_inf_nan=False, description="What engines may cost in a day (UTC), by admission's prices"),
]
KeepHours = Annotated[
    float, Field(ge=0, le=MOST_HOURS, allow_inf_nan=False, description="How long transcripts are kept; 0: not at all")
]


class Given(BaseModel):
    """Base of bodies that are taken: no unknown fields, and no 0 for false."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def noted(self) -> dict[str, str]:
        """What of it the audit log has: which settings are made, not what they are made to be, for one is the PIN."""
        return {"sets": ",".join(sorted(self.model_fields_set - {"room"}))}


class RoomGiven(Given):
    """A room to set up."""

    room: RoomNumber
    name: RoomTitle = ""
    pin: Pin | None = Field(default=None, description="None: the site's PIN, if it has one")
    languages: Languages = []
    glossary: GlossaryText = ""
    most_legs: MostLegs | None = None
    most_cost: MostCost | None = None
    keep_hours: KeepHours = 0.0


class RoomChange(Given):
    """What to change of a room: what is absent stays; null takes a PIN or a cap away."""

    name: RoomTitle = ""
    pin: Pin | None = None
    languages: Languages = []
    glossary: GlossaryText = ""
    most_legs: MostLegs | None = None
    most_cost: MostCost | None = None
    keep_hours: KeepHours = 0.0


class UsageInfo(Model):
    """What engines did for a room today (UTC)."""

    asr_seconds: float = Field(description="Speech that was recognized")
    mt_chars: int = Field(description="Characters translated")
    tts_chars: int = Field(description="Characters spoken")
    cost: float = Field(description="By admission's prices")
    spent: bool = Field(description="Whether it has used up most_cost: nothing more is interpreted today")


class RoomSetup(Model):
    """How a room was set up. The PIN itself is not shown."""

    name: str
    pin: bool = Field(description="Whether it has a PIN of its own")
    languages: list[LanguageCode]
    glossary: str
    most_legs: int | None
    most_cost: float | None
    keep_hours: float
    created: datetime
    changed: datetime
    enforced: bool = Field(description="Whether Asterisk knows it by now; if not, it is told as soon as it is there")
    today: UsageInfo


class RoomState(RoomInfo):
    """A room: who is in it now, and how it was set up, if it was."""

    setup: RoomSetup | None = None


class RoomStates(Model):
    """The rooms somebody is in, and those that were set up."""

    rooms: list[RoomState]


class LegPath(BaseModel):
    """Which person in which room."""

    room: RoomName
    leg: Annotated[
        str,
        Field(
            pattern=r"^[0-9A-Za-z_.;:@-]{1,100}$", description="A leg's id, or its channel, which it keeps for the call"
        ),
    ]


class HungUp(Model):
    """Who was hung up."""

    legs: list[str] = Field(description="Their channels, those left out whose call was over before")


class LegChange(Given):
    """What to do with a person; what is absent stays."""

    muted: bool | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None

    def noted(self) -> dict[str, str]:
        """What was done to him."""
        return {name: str(value).lower() for name, value in self.model_dump(exclude_none=True).items()}


class Legs(Model):
    """The people in a room."""

    legs: list[LegInfo]


class TicketInfo(Model):
    """Stands for a room's PIN, as the query parameter ``ticket``."""

    ticket: str
    expires: datetime


class TranscriptQuery(BaseModel):
    """Which part of a transcript, in which form."""

    room: RoomName
    lang: LanguageCode
    format: Literal["json", "txt", "srt", "vtt"] = "json"
    since: Time | None = Field(default=None, description="What began then or later; UTC where it names no zone")
    until: Time | None = Field(default=None, description="What began before; UTC where it names no zone")
    ticket: str | None = Field(default=None, max_length=200, description="For the room's PIN, where no header")


class LineInfo(Model):
    """What somebody said."""

    speaker: str
    source_language: str
    text: str = Field(description="Empty where something is missing")
    start: datetime
    end: datetime
    note: str = Field(description="What is missing, or was done to it")


class Transcript(Model):
    """What was said in a room, in one language, as far as it is kept."""

    room: RoomName
    language: LanguageCode
    lines: list[LineInfo]


class DeletedLines(Model):
    """What was deleted."""

    lines: int


class AuditQuery(BaseModel):
    """Which part of the audit log."""

    after: Annotated[int, Field(ge=0, le=2**31 - 1, description="Number of the last entry had")] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    profile: Annotated[str, Field(max_length=32, description="Of one voice profile")] = ""


class AuditEntry(Model):
    """Who did what, when, with which voice profile, for which room."""

    id: int
    at: datetime
    actor: str
    action: str
    profile: str
    room: str
    detail: str


class AuditLog(Model):
    """Entries, the oldest first."""

    entries: list[AuditEntry]


class DrainInfo(Model):
    """Whether the daemon is on its way out."""

    draining: bool
    legs: int = Field(ge=0, description="People still in rooms; it ends when there is nobody")


def room_from(given: RoomGiven, now: float) -> Room:
    """A room as it is kept."""
    return Room(
        room=given.room,
        name=given.name,
        pin=None if given.pin is None else SecretStr(given.pin),
        languages=tuple(given.languages),
        glossary=given.glossary,
        most_legs=given.most_legs,
        most_cost=given.most_cost,
        keep_hours=given.keep_hours,
        created=now,
        changed=now,
    )


def setup_info(room: Room, usage: Usage, cost: float, enforced: bool) -> RoomSetup:
    """As shown."""
    return RoomSetup(
        name=room.name,
        pin=room.pin is not None,
        languages=list(room.languages),
        glossary=room.glossary,
        most_legs=room.most_legs,
        most_cost=room.most_cost,
        keep_hours=room.keep_hours,
        created=moment(room.created),
        changed=moment(room.changed),
        enforced=enforced,
        today=UsageInfo(
            asr_seconds=round(usage.asr_seconds, 1),
            mt_chars=usage.mt_chars,
            tts_chars=usage.tts_chars,
            cost=round(cost, 4),
            spent=room.most_cost is not None and cost >= room.most_cost,
        ),
    )


def line_info(line: Line) -> LineInfo:
    """As shown."""
    return LineInfo(
        speaker=line.speaker,
        source_language=line.source_language,
        text=line.text,
        start=moment(line.start),
        end=moment(line.end),
        note=line.note,
    )


def audit_entry(entry: Entry) -> AuditEntry:
    """As shown."""
    return AuditEntry(
        id=entry.id,
        at=moment(entry.at),
        actor=entry.actor,
        action=entry.action,
        profile=entry.profile,
        room=entry.room,
        detail=entry.detail,
    )


def moment(unix: float) -> datetime:
    """A time of day, UTC."""
    return datetime.fromtimestamp(unix, UTC)
