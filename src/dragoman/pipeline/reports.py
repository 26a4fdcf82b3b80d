"""What legs and chains say of their clauses: to the captions, to the metrics, to the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from dragoman.errors import EngineBusy, EngineDenied, EngineError, EngineSilent
from dragoman.media.format import SAMPLE_RATE
from dragoman.pipeline.captions import Caption, CaptionHub, CaptionKind, GapCause
from dragoman.pipeline.clause import Clause
from dragoman.pipeline.degradation import CAPTIONS_ONLY
from dragoman.pipeline.journey import Journey, Outcome, Traces, Untraced, trace_id_of
from dragoman.pipeline.latency import ClauseTimes
from dragoman.pipeline.pending import BEHIND, CUT_OFF, Pending
from dragoman.pipeline.sounding import Dropped
from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.recovery.telling import Tell, nobody
from dragoman.telephony.model import Leg

log = structlog.get_logger(__name__)

NOTES = {
    BEHIND: "not spoken: the interpretation was too far behind",
    CAPTIONS_ONLY: "not spoken: there are captions only just now",
    CUT_OFF: "not spoken, or not whole: the interpretation ended before it",
}
"""What readers are told of a reason."""

PRESSURE_ACTIONS = {"asr": "input pauses", "mt": "asked again", "tts": "speech slows"}
"""What is done where a stage is behind."""


class Measures(Protocol):
    """Where figures go (observe.metrics)."""

    def clause_committed(self) -> None:
        """A clause was committed."""

    def clause_translated(self, journey: Journey) -> None:
        """A clause was translated into one language."""

    def clause_spoken(self, journey: Journey) -> None:
        """A clause's first translated sound was sent."""

    def clause_dropped(self, reason: str) -> None:
        """A clause will not be heard in some language."""

    def engine_failed(self, stage: str, error: EngineError) -> None:
        """An engine failed, and no other helped."""

    def engine_gave_way(self, stage: str, error: EngineError) -> None:
        """An engine failed, which cost nothing that was said."""

    def leg_crashed(self) -> None:
        """A leg, or what speaks it in one language, ended by a bug of ours."""

    def pressed(self, stage: str) -> None:
        """A stage fell behind its limit, and what is beside it is held back."""


class Reporter:
    """The LegReports of every leg; ``for_leg`` gives the ChainReports of one."""

    def __init__(
        self,
        captions: CaptionHub,
        measures: Measures,
        clock: Callable[[], float],
        unix_offset: float,
        traces: Traces | None = None,
    ) -> None:
        """``unix_offset``: seconds to add to the monotonic clock for the time of day."""
        self._captions = captions
        self.measures = measures
        self._clock = clock
        self._unix_offset = unix_offset
        self.traces: Traces = traces or Untraced()
        self.salt = repr(unix_offset)
        """Tells this run's trace ids from those of every other."""
        self.clauses: Counter[str] = Counter()
        """committed, translated, spoken, dropped."""
        self.on_engine_change: Callable[[str, str, str], None] = lambda stage, before, after: None
        """Called with the stage and the names of two engines when the second took over."""
        self.on_usage: Callable[[str, str, float], None] = lambda room, stage, amount: None
        """Called with what engines did for a room: s of speech (asr), characters to translate (mt), to speak (tts)."""
        self.tell: Tell = nobody
        """Told what is done when engines fail."""
        self.on_missing: Callable[[Leg, EngineError], None] = lambda leg, error: None
        """Called when this leg can have no recogniser for now."""
        self.on_recognised: Callable[[Leg, float], None] = lambda leg, at: None
        """Called when a clause is committed, with when it was recognised (s, monotonic)."""
        self.on_spoken: Callable[[str, str, Pending], None] = lambda room, language, pending: None
        """Called when a clause begins to sound at the booth of a room and language."""

    def for_leg(self, leg: Leg) -> LegChainReports:
        """What one of this leg's chains reports to."""
        return LegChainReports(self, leg)

    def partial(self, leg: Leg, text: str) -> None:
        """LegReports."""
        if leg.language in self._captions.languages(leg.room):
            now = self._clock() + self._unix_offset
            self._captions.publish(
                Caption(CaptionKind.PARTIAL, leg.room, leg.language, "", leg.name, leg.language, text, text, now, now)
            )

    def committed(self, leg: Leg, clause: Clause, times: ClauseTimes) -> None:
        """LegReports."""
        self.clauses["committed"] += 1
        self.measures.clause_committed()
        self.on_usage(leg.room, "asr", (clause.end - clause.start) / SAMPLE_RATE)
        self.on_recognised(leg, times.recognised)
        self.publish(CaptionKind.CLAUSE, leg, leg.language, clause, times, clause.text)

    def engine_gave_way(self, stage: str, error: EngineError) -> None:
        """A translator failed, which cost no clause."""
        self.measures.engine_gave_way(stage, error)
        self.tell(Kind.MT_FAILED, Action.FALLBACK, Status.RECOVERING, f"{stage}:{error.engine}", detail=str(error))

    def recogniser_failed(self, leg: Leg, error: EngineError, behind_s: float) -> None:
        """LegReports."""
        self.measures.engine_failed("asr", error)
        kind = Kind.ASR_SILENT if isinstance(error, EngineSilent) else Kind.ASR_LOST
        about = f"asr:{error.engine}"
        why = str(error)
        self.tell(kind, Action.NEW_STREAM, Status.RECOVERING, about, session=leg.id, lag_s=behind_s, detail=why)

    def recogniser_changed(self, leg: Leg, before: str, after: str) -> None:
        """LegReports."""
        self.on_engine_change("asr", before, after)
        why = f"{after} hears this leg from now on"
        self.tell(Kind.ASR_LOST, Action.FALLBACK, Status.OK, f"asr:{before}", session=leg.id, detail=why)

    def recogniser_missing(self, leg: Leg, error: EngineError) -> None:
        """LegReports: tell all readers of the room that they miss what this speaker says."""
        why = "the service does not answer; it is tried again"
        if isinstance(error, EngineDenied):
            why = "the service refuses us"
        elif isinstance(error, EngineBusy):
            why = "no stream is free; it is tried again"
        now = self._clock()
        note = f"what {leg.name} says is not interpreted just now: {why}"
        self._gap(leg.room, now, now, note, GapCause.NO_RECOGNISER, speaker=leg.name)
        about = f"asr:{error.engine}"
        self.tell(Kind.ASR_MISSING, Action.GAP, Status.FAILED, about, session=leg.id, detail=str(error))
        self.on_missing(leg, error)

    def pressed(self, leg: Leg, stage: str, seconds: float) -> None:
        """LegReports."""
        self.measures.pressed(stage)
        behind, action = round(seconds * 1000), PRESSURE_ACTIONS[stage]
        log.warning("stage behind", room=leg.room, leg=leg.id, stage=stage, behind_ms=behind, action=action)

    def chain_crashed(self, leg: Leg) -> None:
        """LegReports."""
        self.measures.leg_crashed()
        why = "what translates him ended; it begins again at his next clause"
        self.tell(Kind.BUG, Action.RESTART, Status.RECOVERING, "pipeline", session=leg.id, detail=why)

    def leg_crashed(self, leg: Leg) -> None:
        """A leg ended by a bug of ours."""
        self.measures.leg_crashed()
        why = "what interprets him ended; his original is heard"
        self.tell(Kind.BUG, Action.FALLBACK, Status.FAILED, "pipeline", session=leg.id, detail=why)

    def not_recognised(self, leg: Leg, start: float, end: float) -> None:
        """LegReports."""
        note = f"{end - start:.1f} s of what {leg.name} said were not recognised"
        self._gap(leg.room, start, end, note, GapCause.NOT_RECOGNISED, speaker=leg.name)
        lag = self._clock() - start
        self.tell(Kind.ASR_LOST, Action.GAP, Status.DEGRADED, "asr", session=leg.id, lag_s=lag, detail=note)

    def unheard(self, leg: Leg, since: float) -> None:
        """Nobody heard him since then: his tap was lost."""
        note = f"{leg.name} was not heard for {self._clock() - since:.1f} s"
        self._gap(leg.room, since, self._clock(), note, GapCause.NOT_HEARD, speaker=leg.name)

    def echoed(self, leg: Leg, echo: Dropped) -> None:
        """LegReports: readers are told where something was left out; what it was, they have mostly read before."""
        what = "words that sound like what" if echo.source is None else "of the words that"
        note = f"an echo is left out: {echo.words} {what} {leg.name}'s phone was played"
        self._gap(leg.room, echo.start, echo.end, note, GapCause.ECHO, speaker=leg.name)
        log.warning("echo left out", room=leg.room, leg=leg.id, words=echo.words, **echo.known_by)

    def gap(self, room: str, since: float, unspoken_s: float, languages: Iterable[str] = ()) -> None:
        """The connection to Asterisk was down since monotonic time ``since``; ``languages``: spoken in the room."""
        self._away(room, since, unspoken_s, GapCause.ASTERISK_AWAY, languages)

    def away(self, room: str, since: float, unspoken_s: float, languages: Iterable[str]) -> None:
        """We came to a room where people were talking already; nobody interpreted since monotonic time ``since``."""
        note = self._away(room, since, unspoken_s, GapCause.DAEMON_AWAY, languages)
        lag = self._clock() - since
        self.tell(Kind.DAEMON_AWAY, Action.GAP, Status.OK, "daemon", session=room, lag_s=lag, detail=note)

    def _away(self, room: str, since: float, unspoken_s: float, cause: GapCause, languages: Iterable[str]) -> str:
        """What was said up to ``unspoken_s`` before had not been spoken. Returns what is told."""
        note = f"interpretation was away for {self._clock() - since:.1f} s"
        if unspoken_s:
            note += f"; of what was said up to {unspoken_s:.0f} s before, some may be missing"
        self._gap(room, since - unspoken_s, self._clock(), note, cause, languages)
        return note

    def hole(self, room: str, language: str, since: float, until: float, note: str, cause: GapCause) -> None:
        """What was being said has a hole between two times."""
        self._gap(room, since, until, note, cause, only=language)

    def rests(self, room: str) -> None:
        """Tell the room's readers that nothing more is interpreted: it has used up what it may spend."""
        now = self._clock()
        note = "nothing more is interpreted: the room has used up what it may spend today"
        self._gap(room, now, now, note, GapCause.USED_UP)

    def _gap(
        self,
        room: str,
        since: float,
        until: float,
        note: str,
        cause: GapCause,
        languages: Iterable[str] = (),
        *,
        speaker: str = "",
        only: str = "",
    ) -> None:
        """Tell those who read now, and keep it for later readers of these languages; or of ``only`` one."""
        for language in {only} if only else self._captions.audience(room) | frozenset(languages):
            self._captions.publish(
                Caption(
                    CaptionKind.GAP,
                    room,
                    language,
                    clause="",
                    speaker=speaker,
                    source_language="",
                    source_text="",
                    text="",
                    start_unix=since + self._unix_offset,
                    end_unix=until + self._unix_offset,
                    note=note,
                    cause=cause,
                )
            )

    def publish(
        self,
        kind: CaptionKind,
        leg: Leg,
        language: str,
        clause: Clause,
        times: ClauseTimes,
        text: str,
        *,
        engine: str | None = None,
        note: str | None = None,
    ) -> None:
        """One event of one clause to the readers of ``language``."""
        length = (clause.end - clause.start) / SAMPLE_RATE
        span = times.ear_voice_span
        self._captions.publish(
            Caption(
                kind,
                leg.room,
                language,
                clause=clause.id,
                speaker=leg.name,
                source_language=leg.language,
                source_text=clause.text,
                text=text,
                start_unix=times.said - length + self._unix_offset,
                end_unix=times.said + self._unix_offset,
                ear_voice_span_ms=None if span is None else span * 1000,
                engine=engine,
                note=note,
            )
        )


class LegChainReports:
    """The ChainReports of one leg; writes the one line that the log has of each clause and language."""

    def __init__(self, reporter: Reporter, leg: Leg) -> None:
        self._reporter = reporter
        self._leg = leg

    def translated(self, target: str, pending: Pending) -> None:
        """ChainReports."""
        journey = self._journey(target, pending)
        self._reporter.clauses["translated"] += 1
        self._reporter.measures.clause_translated(journey)
        self._reporter.traces.begun(journey)
        self._reporter.on_usage(self._leg.room, "mt", len(pending.clause.text))
        self._publish(CaptionKind.CLAUSE, target, pending)

    def spoken(self, target: str, pending: Pending) -> None:
        """ChainReports."""
        journey = self._journey(target, pending)
        self._reporter.on_spoken(self._leg.room, target, pending)
        self._reporter.clauses["spoken"] += 1
        self._reporter.measures.clause_spoken(journey)
        if pending.translation is not None:
            self._reporter.on_usage(self._leg.room, "tts", len(pending.translation.text))
        if pending.times.played is None and not pending.dropped:  # else its end is known already
            self._reporter.traces.begun(journey)
        self._publish(CaptionKind.SPOKEN, target, pending)

    def played(self, target: str, pending: Pending) -> None:
        """ChainReports."""
        if pending.times.sent is not None and not pending.dropped:
            self._ended(self._journey(target, pending), Outcome.SPOKEN)

    def read(self, target: str, pending: Pending) -> None:
        """ChainReports."""
        self._ended(self._journey(target, pending), Outcome.READ)

    def dropped(self, target: str, pending: Pending, reason: str, error: EngineError | None) -> None:
        """ChainReports."""
        self._reporter.clauses["dropped"] += 1
        self._reporter.measures.clause_dropped(reason)
        if error is not None:
            self._reporter.measures.engine_failed(reason, error)
            self._tell(reason, Action.GAP, Status.FAILED, error)
        why = str(error) if error else NOTES.get(reason, reason)
        self._publish(CaptionKind.DROPPED, target, pending, note=why)
        self._ended(self._journey(target, pending), Outcome.DROPPED, why)

    def engine_failed(self, stage: str, error: EngineError) -> None:
        """ChainReports."""
        self._reporter.measures.engine_gave_way(stage, error)
        self._tell(stage, Action.RETRY, Status.RECOVERING, error)

    def _tell(self, stage: str, action: Action, status: Status, error: EngineError) -> None:
        kind = Kind.MT_FAILED if stage == "mt" else Kind.TTS_SILENT
        component = f"{stage}:{error.engine}"
        self._reporter.tell(kind, action, status, component, session=self._leg.id, detail=str(error))

    def pressed(self, target: str, stage: str, seconds: float) -> None:
        """ChainReports."""
        self._reporter.pressed(self._leg, stage, seconds)

    def _ended(self, journey: Journey, outcome: Outcome, why: str = "") -> None:
        self._reporter.traces.ended(journey, outcome, why)
        # Room and leg by name: the tick, which tells of what was played, runs in no leg's context.
        say = log.warning if outcome is Outcome.DROPPED else log.info
        span = journey.times.ear_voice_span
        say(
            "clause",
            outcome=outcome.value,
            **({"why": why} if why else {}),
            room=journey.room,
            leg=journey.leg,
            clause=journey.clause,
            source=journey.source,
            target=journey.target,
            engines=dict(journey.engines),
            ear_voice_span_ms=None if span is None else round(span * 1000),
            stages_ms={stage: round(seconds * 1000) for stage, seconds in journey.times.stages().items()},
            trace=journey.trace_id,
        )

    def _journey(self, target: str, pending: Pending) -> Journey:
        clause, times = pending.clause, pending.times
        translator = None if pending.translation is None else pending.translation.engine
        names = {"asr": clause.heard_by, "mt": translator, "tts": pending.voice}
        return Journey(
            trace_id=trace_id_of(clause.id, target, self._reporter.salt),
            clause=clause.id,
            room=self._leg.room,
            leg=self._leg.id,
            source=self._leg.language,
            target=target,
            begun=times.said - (clause.end - clause.start) / SAMPLE_RATE,
            times=times,
            engines={stage: name for stage, name in names.items() if name is not None},
            merged=clause.merged,
        )

    def _publish(self, kind: CaptionKind, target: str, pending: Pending, note: str | None = None) -> None:
        translation = pending.translation
        merged = ", ".join(pending.clause.merged)
        notes = [note, translation and translation.note, merged and f"merged with {merged}"]
        self._reporter.publish(
            kind,
            self._leg,
            target,
            pending.clause,
            pending.times,
            translation.text if translation else "",
            engine=translation.engine if translation else None,
            note="; ".join(each for each in notes if each) or None,
        )
