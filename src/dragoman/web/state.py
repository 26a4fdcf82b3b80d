"""What the REST interface shows of the conference: models, and the protocol through which it asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from dragoman.engines.circuits import Change, EngineState
from dragoman.observe.engines import EnginesView
from dragoman.observe.media import MediaStatsView
from dragoman.observe.metrics import Metrics
from dragoman.observe.quantiles import quantile, totals

ROOM_PATTERN = r"^[0-9A-Za-z_-]{1,32}$"
"""What a room may be called: what the dialplan lets callers dial, and names a site gives."""

RoomName = Annotated[str, Field(pattern=ROOM_PATTERN, description="A room's number or name", examples=["1000"])]
LanguageCode = Annotated[str, Field(description="ISO 639-1", examples=["es"])]


class Model(BaseModel):
    """Base of what is sent: never changed after it was made."""

    model_config = ConfigDict(frozen=True)


class LagInfo(Model):
    """How far the interpretation of one speaker into one language is behind."""

    language: LanguageCode
    lag_ms: int = Field(ge=0, description="Audio of his clauses that is not spoken yet")
    waits_ms: dict[str, int] = Field(description="The same by where it waits: mt, tts, playback")
    tempo: float = Field(description="How many times as fast as by its synthesizer it is spoken", examples=[1.15])


class LegInfo(Model):
    """A person in a room."""

    id: str = Field(description="Of this stay in the room: another one when he comes back, or changes his language")
    channel: str = Field(default="", description="Asterisk's channel: the same for the whole call")
    name: str
    language: LanguageCode
    muted: bool
    held: bool
    speaking: bool
    interpretation: list[LagInfo] = Field(default=[], description="One per language into which he is interpreted now")
    loudspeaker: bool = Field(default=False, description="Its phone sends back what it hears; the echo is silenced")
    echoed_words: int = Field(
        default=0, ge=0, description="Recognised words that its phone was played and sent back; they are left out"
    )


class BoothInfo(Model):
    """What speaks one language of a room."""

    language: LanguageCode
    speaking: bool
    waiting: int = Field(ge=0, description="Clauses that wait to be spoken")


class InterpretationInfo(Model):
    """What the listeners of one language get of one speaker."""

    speaker: str = Field(description="Id of the leg")
    language: LanguageCode
    rung: Literal["cloned", "stock", "captions", "original"] = Field(
        description="cloned: in the speaker's own voice. stock: in another voice. captions: to read. original: himself"
    )
    since: datetime


class RoomInfo(Model):
    """A room somebody is in."""

    room: RoomName
    languages: list[LanguageCode]
    legs: list[LegInfo]
    booths: list[BoothInfo]
    interpretations: list[InterpretationInfo] = Field(
        default=[], description="By speaker and language: how much of the interpretation there is (docs/recovery.md)"
    )


class StageStats(Model):
    """Time clauses spent in a stage, within the width of the histogram's buckets."""

    stage: str
    engine: str
    count: int
    p50_ms: float | None
    p95_ms: float | None


class SpanStats(Model):
    """Ear-voice span: acoustic end of a clause to its first translated sample on the booth's wire."""

    source: LanguageCode
    target: LanguageCode
    count: int
    p50_ms: float | None
    p95_ms: float | None


class TickStats(Model):
    """The 20 ms media clock: how late its ticks began."""

    ticks: int
    late: int
    skipped_slots: int
    p50_ms: float | None
    p99_ms: float | None
    p999_ms: float | None


class PacketStats(Model):
    """RTP since the daemon started."""

    received: int
    sent: int
    lost: int
    reordered: int
    late: int
    duplicate: int
    unknown_source: int
    malformed: int
    concealed_frames: int
    send_errors: int


class ClauseStats(Model):
    """Clauses since the daemon started."""

    committed: int
    translated: int
    spoken: int
    dropped: dict[str, int] = Field(description="By reason")


class EnginesInUse(Model):
    """Names of the engines, in the order in which they are asked."""

    recognizers: list[str]
    translators: list[str]
    synthesizers: list[str]


class EngineStats(Model):
    """One engine: whether it is asked, and what it counted."""

    stage: str
    engine: str
    state: Literal["closed", "open", "probing"] = Field(
        description="Of its circuit. closed: it is asked. open: it fails and is not asked. probing: it is being tried"
    )
    reason: str = Field(description="Why it is not asked; empty while it is")
    since: datetime = Field(description="When the state last changed")
    opened: int = Field(ge=0, description="Times it was given up for a while")
    probes: int = Field(ge=0, description="Requests sent to see whether it is back")
    counts: dict[str, int] = Field(description="What the engine counts itself, such as characters or cache_hits")


class EngineChange(Model):
    """One engine in another's place."""

    stage: str
    from_engine: str = Field(description="The engine that was in use")
    to_engine: str = Field(description="The one that took over")
    count: int = Field(ge=0)


class Stats(Model):
    """The daemon in figures."""

    uptime_s: float
    engines: EnginesInUse
    engine_states: list[EngineStats] = Field(description="By stage, in the order in which they are named")
    engine_changes: list[EngineChange] = Field(description="Times an engine took over, when one failed or came back")
    engine_fallbacks: list[EngineChange] = Field(description="Requests served by another engine than the first")
    stages: list[StageStats]
    ear_voice_spans: list[SpanStats]
    tick: TickStats
    packets: PacketStats
    clauses: ClauseStats
    queue_drops: dict[str, int] = Field(description="What full queues dropped, by queue")


class ConferenceView(Protocol):
    """What the web reads of the conference."""

    def rooms(self) -> Sequence[RoomInfo]:
        """The rooms somebody is in, now."""

    def stats(self) -> Stats:
        """The figures, now; ``collect_stats`` makes them."""


def collect_stats(
    metrics: Metrics,
    media: MediaStatsView,
    *,
    uptime_s: float,
    recognizers: Iterable[str],
    translators: Iterable[str],
    synthesizers: Iterable[str],
    circuits: EnginesView | None = None,
) -> Stats:
    """Stats from the metrics, the media plane's counters, the names of the engines in use and their circuits."""
    bounds, counts = list(media.lateness_bounds), [int(count) for count in media.lateness_counts]

    def lateness(q: float) -> float | None:
        return _ms(quantile(q, bounds, counts))

    return Stats(
        uptime_s=round(uptime_s, 3),
        engines=EnginesInUse(
            recognizers=list(recognizers), translators=list(translators), synthesizers=list(synthesizers)
        ),
        engine_states=[] if circuits is None else [_engine(state) for state in circuits.states()],
        engine_changes=[] if circuits is None else _changes(circuits.changes),
        engine_fallbacks=[] if circuits is None else _changes(circuits.fallbacks),
        stages=[
            StageStats(stage=stage, engine=engine, count=found.count, p50_ms=_ms(found.p50), p95_ms=_ms(found.p95))
            for (stage, engine), found in metrics.stages().items()
        ],
        ear_voice_spans=[
            SpanStats(source=source, target=target, count=found.count, p50_ms=_ms(found.p50), p95_ms=_ms(found.p95))
            for (source, target), found in metrics.ear_voice_spans().items()
        ],
        tick=TickStats(
            ticks=media.ticks,
            late=media.late_ticks,
            skipped_slots=media.skipped_slots,
            p50_ms=lateness(0.5),
            p99_ms=lateness(0.99),
            p999_ms=lateness(0.999),
        ),
        packets=PacketStats(
            received=media.packets_in,
            sent=media.packets_out,
            lost=media.lost,
            reordered=media.reordered,
            late=media.late,
            duplicate=media.duplicate,
            unknown_source=media.unknown_source,
            malformed=media.malformed,
            concealed_frames=media.concealed,
            send_errors=media.send_errors,
        ),
        clauses=ClauseStats(
            committed=totals(metrics.clauses_committed)[""],
            translated=totals(metrics.clauses_translated)[""],
            spoken=totals(metrics.clauses_spoken)[""],
            dropped={reason: count for reason, count in totals(metrics.clauses_dropped).items() if count},
        ),
        queue_drops=totals(metrics.queue_drops),
    )


def _engine(state: EngineState) -> EngineStats:
    return EngineStats(
        stage=state.stage,
        engine=state.engine,
        state=state.circuit.value,
        reason=state.reason,
        since=datetime.fromtimestamp(state.since, UTC),
        opened=state.opened,
        probes=state.probes,
        counts=dict(state.counts),
    )


def _changes(counts: Mapping[Change, int]) -> list[EngineChange]:
    return [
        EngineChange(stage=stage, from_engine=before, to_engine=after, count=count)
        for (stage, before, after), count in counts.items()
    ]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
