"""The one table of all that recovers: a row per kind of failure, its figures taken from the code that acts by them.

``docs/recovery.md`` is made of it (``python -m dragoman.recovery``); a test holds that file to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dragoman import sql
from dragoman.admin import journal, recorder
from dragoman.engines import availability, circuits
from dragoman.engines.asr import deepgram_settings
from dragoman.engines.mt import cache_redis
from dragoman.engines.mt import chain as translators
from dragoman.media import rescue
from dragoman.pipeline import delivery, feed, finals, mending, preference, probe, recognition
from dragoman.recovery import asr, backoff, gpu, ladder, mt, tts
from dragoman.recovery.kinds import Action, Kind
from dragoman.telephony import absence, attach, attacher
from dragoman.voices import voicing
from dragoman.voices.store import store


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of failure."""

    kind: Kind
    component: str
    trigger: str
    action: str
    limits: str
    """Delays, counts and how long it goes on, with the figures of the code."""
    noticed: str
    """What listeners notice."""
    actions: tuple[Action, ...]
    """Labels of ``dragoman_recoveries_total`` that this kind has; empty where another metric counts it."""
    metric: str = ""
    """What counts it as well."""
    policy: str = ""
    """The object that decides."""


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _list(seconds: Sequence[float]) -> str:
    return ", ".join(f"{each * 1000:.0f}" for each in seconds)


BACKOFF = (
    f"{_list(backoff.FIRST_S)} ms, then twice as long each time up to {backoff.CEILING_S:g} s, of which chance takes "
    f"off up to {backoff.JITTER:.0%}; for ever. What held {backoff.STABLE_S:g} s begins at the first delay again"
)

TABLE: tuple[Row, ...] = (
    Row(
        Kind.ASR_SILENT,
        "recogniser",
        f"no hypothesis of {asr.SILENT_MS} ms of speech, or of {asr.MISSED} times the engine's own cadence where that "
        f"is longer (`EngineInfo.stall_ms`; Deepgram, with an interim a second: "
        f"{asr.silent_after_ms(deepgram_settings.CADENCE_MS)} ms). One that tells nothing of words it does not know "
        "(pocketsphinx, faster-whisper) promises no hypothesis: of it only what `asr-lost` says is asked",
        "a new stream gets again all speech that has no final; the ledger keeps any word from being translated twice",
        f"of {asr.STALLS} streams in a row, then not again before one said something; looked at every "
        f"{_ms(recognition.WATCH)}",
        "that clause comes later by the time lost",
        (Action.NEW_STREAM,),
        "`dragoman_recognizer_restarts_total`",
        "recovery.asr.SilenceWatch",
    ),
    Row(
        Kind.ASR_LOST,
        "recogniser",
        f"a stream ends or breaks, takes no audio for {recognition.PUSH_DEADLINE:g} s, gives no final "
        f"{finals.FINAL_DEADLINE:g} s after it was asked, or is not open within {probe.OPEN_DEADLINE:g} s",
        "a new stream gets again what has no final; from the second loss in a row the next recogniser of the list, and "
        "back when a probe has the preferred one open. What is too old, or kills every stream, is marked as a gap",
        f"after {_list(preference.RESTART_DELAYS)} ms, the last for ever; the next engine after "
        f"{preference.SECOND_LOSS} losses; up to {feed.REPLAY / 16_000:.0f} s of speech are replayed",
        "that clause comes later; a gap in the captions where speech was given up",
        (Action.NEW_STREAM, Action.FALLBACK, Action.GAP),
        "`dragoman_recognizer_restarts_total`, `dragoman_recognizer_dropped_seconds_total`",
        "pipeline.preference.Preference, pipeline.feed.FeedPlan",
    ),
    Row(
        Kind.ASR_MISSING,
        "recogniser",
        f"no recogniser can be had for {preference.MISSING_AFTER:g} s, or each refuses us",
        "readers are told by a gap, listeners get the original at full level, those who come later too; it is tried "
        "for ever, and the first clause that is recognised then brings the interpretation back",
        f"a retry-after is heeded up to {preference.LONGEST_RETRY_AFTER:g} s; lost again within {ladder.RELAPSE_S:g} s "
        f"of that, it takes {ladder.RISES} clauses",
        "a prompt, and the speaker himself instead of the translation",
        (Action.GAP,),
        "`dragoman_ladder_changes_total`",
        "pipeline.preference.Preference, recovery.ladder.Ladder",
    ),
    Row(
        Kind.MT_FAILED,
        "translator",
        f"an error (5xx, broken connection), or no answer within {_ms(translators.DEADLINE)}",
        "the clause is sent again, then to the next translator of the list; where none can, it is dropped and marked",
        f"{_ms(mt.REQUEUE_S)} after it was sent at the soonest; {mt.STRIKES} strikes, of which a late answer is "
        f"{mt.LATE_STRIKES}; the last translator is asked further, each time after twice the pause; "
        f"{translators.BUDGET:g} s for all tries together",
        "that clause comes later, or only the captions say that it is missing",
        (Action.RETRY, Action.FALLBACK, Action.GAP),
        "`dragoman_engine_errors_total`, `dragoman_engine_fallbacks_total`",
        "recovery.mt.Strikes",
    ),
    Row(
        Kind.TTS_SILENT,
        "synthesizer",
        f"no audio for {_ms(delivery.TTS_DEADLINE)}, or an error before the first sound",
        "silence is played meanwhile; the same voice is asked once more, then the next one of the list; one that broke "
        "off in the middle is gone on from there by another voice",
        f"each voice {tts.TRIES} times at the most, before the clause's first sound, {_ms(tts.AGAIN_S)} after it was "
        f"asked at the soonest; the last voice further, each time after twice the pause, for {tts.LAST_S:g} s",
        "that clause comes later, or in another voice",
        (Action.RETRY, Action.GAP),
        "`dragoman_engine_errors_total`, `dragoman_engine_fallbacks_total`",
        "recovery.tts.Turns",
    ),
    Row(
        Kind.ENGINE_DOWN,
        "any engine",
        f"{availability.FAILURES} failures in a row, one while on parole, or a refusal (key, payment, quota)",
        "it is not asked while another engine can do its work; probes find out when it is back",
        f"it rests {availability.FIRST_REST:g} s, twice as long after each probe that fails, up to "
        f"{availability.LONGEST_REST:g} s ({availability.DENIED_REST:g} s where it refuses us); a probe may take "
        f"{circuits.PROBE_DEADLINE:g} s; on parole for {availability.PAROLE} answers; for ever",
        "nothing, where the list has another engine",
        (Action.REST, Action.FALLBACK, Action.RETURN),
        "`dragoman_engine_state`, `dragoman_engine_opened_total`",
        "engines.availability.Availability",
    ),
    Row(
        Kind.GPU_FAILED,
        "XTTS",
        "its model raises while it computes: out of memory, an error of CUDA, anything else",
        f"out of memory: half as many clauses at once, twice as many again after {gpu.CALM_S:g} s without a failure; "
        "an error of CUDA, or what that does not cure: the model "
        "is loaded "
        'anew, on the CPU where `device = "auto"` allows it; clauses meanwhile go to the next voice. The daemon stays. '
        'With `device = "cuda"` it is given up where CUDA stays lost, which only a restart of the daemon mends',
        f"{gpu.FAILURES} failures in {gpu.WINDOW_S:g} s load it anew; after {gpu.RESTARTS} times in "
        f"{gpu.RESTARTS_S:g} s, "
        "or at the first error of CUDA, it moves; a load that fails is repeated by the common back-off; where it may "
        f"not move, it is given up after {gpu.RESTARTS} loads that did not cure an error of CUDA, or {gpu.LOADS} that "
        "failed by one",
        "another voice until the model is back",
        (Action.RETRY, Action.SHED, Action.RESTART, Action.MOVE, Action.GIVE_UP),
        '`dragoman_engine_events_total{engine="xtts",event="mended"}`, `{event="given_up"}`',
        "recovery.gpu.ModelPolicy",
    ),
    Row(
        Kind.WORKER_DIED,
        "worker processes (pocketsphinx, faster-whisper, espeak-ng, clips)",
        "the process ends, or hangs until its deadline",
        "its stream or clause fails as above; a spare takes over, and a new spare is started",
        "as for the engine that it belongs to",
        "as for the engine that it belongs to",
        (),
        "`dragoman_engine_errors_total`",
        "engines.worker.WorkerProcess, engines.asr.spares.Spares",
    ),
    Row(
        Kind.PROFILE_BROKEN,
        "voice profiles",
        "a profile cannot be read, is of another model, was deleted, or the caller does not sound like its owner",
        "the neutral voice speaks, and the call goes on; the profile is asked for again when it changes",
        "none",
        "another voice, told by a prompt if the speaker's own was heard before",
        (Action.NEUTRAL, Action.RETURN),
        "`dragoman_voices_total`",
        "voices.source.LiveVoices",
    ),
    Row(
        Kind.STORE_LOST,
        "databases of the voice profiles and of the administration (PostgreSQL, SQLite)",
        f"it does not answer within {sql.TIMEOUT_S:g} s",
        "profiles, callers, rooms, PINs and tokens in memory serve calls on. Refused with 503, and kept nowhere, is "
        "what is asked over REST and reads or changes what is stored, or uses a voice and so stands in the audit log "
        "before it is done: "
        "enrolling and its codes; listing, changing, deleting, comparing, previewing, exporting and importing "
        "profiles; caller ids; setting up rooms; transcripts; the audit log. What is done to live calls is done all "
        "the same, and its entry in the audit log waits: muting, moving and hanging up a leg or a whole room, "
        "draining. A consent or a delete that is only promised would be worse than one that is asked for again. Where "
        "the database went while it kept a change, the answer says that it may have been kept. Enrolment by phone says "
        "that it is not available. Transcripts, usage, what calls add to the audit log, voices that callers asked "
        "by `*7` to keep (and were told so) and the deletion of what an enrolment left wait, and are written when "
        "it answers",
        f"asked again every {store.REFRESH_S:g} s, at the start of the daemon every {voicing.RETRY_S:g} s; for ever. "
        f"What is done to live calls waits {journal.PROMPT_S:g} s for its entry at the most; up to {journal.DEPTH:,} "
        f"entries and {recorder.DEPTH:,} lines of transcripts wait, then the oldest are dropped and counted "
        '(`dragoman_queue_drops_total{queue="audit"}`, `"transcripts"`); the daemon\'s log has every entry',
        "nothing; who comes meanwhile and was not in memory has the neutral voice until it answers",
        (Action.CACHE, Action.RETURN),
        "`dragoman_voices_total`, `dragoman_store_up`, `dragoman_queue_depth`",
        "voices.store.cache.ProfileCache",
    ),
    Row(
        Kind.CACHE_LOST,
        "Redis (translations)",
        f"no answer within {_ms(cache_redis.TIMEOUT_S)}, {availability.FAILURES} times in a row",
        "it is left alone for a while; the daemon's own cache serves, and what was translated meanwhile is "
        "stored when it answers",
        f"up to {cache_redis.WRITES} translations wait to be stored; rests and probes as any engine's",
        "nothing",
        (Action.CACHE, Action.LATER),
        '`dragoman_engine_events_total{event="redis_errors"}`',
        "engines.availability.Availability",
    ),
    Row(
        Kind.SOCKET_LOST,
        "media socket",
        f"the kernel takes no packet of any booth for {rescue.DEAD_S:g} s (the network went away, the socket broke)",
        "the socket is opened anew on the same address and port; streams keep their numbers",
        BACKOFF,
        "silence until packets go again; readers a gap in what is being spoken (`stood-still`), and, where the socket "
        "cannot be opened at once, one over what is said until it is (`not-heard`); the calls themselves are "
        "Asterisk's",
        (Action.REOPEN, Action.RETURN),
        "`dragoman_rtp_send_errors_total`",
        "media.rescue.SocketWatch",
    ),
    Row(
        Kind.ATTACHMENT_LOST,
        "taps and booths (ExternalMedia, snoop)",
        f"a channel of ours is gone, or could not be made within {attacher.CREATE_S:g} s",
        "reconciliation drops what is left of it and makes it anew; meanwhile a tap's caller counts as a "
        "listener, and a gap tells for how long he was not heard",
        f"at once when it is lost; when it cannot be made: {BACKOFF}. {attach.AT_ONCE} at once at the most. "
        f"After {mending.LONGEST_S:g} s a listener counts as gone",
        "that language, or that speaker's interpretation, is missing for the moment",
        (Action.REATTACH,),
        "`dragoman_attach_failures_total`",
        "telephony.attach.plan, recovery.backoff.Backoff",
    ),
    Row(
        Kind.ARI_LOST,
        "connection to Asterisk",
        "the events' websocket ends, or cannot be opened",
        "connected anew; what Asterisk has is compared with what should be there, and the difference repaired; readers "
        "are told by a gap. Taps and booths that are up go on meanwhile; of a room that did not survive, the gap "
        "reaches back to what had not been spoken",
        BACKOFF,
        "who comes meanwhile is interpreted from the reconnect on",
        (Action.RECONNECT, Action.RETURN),
        "`dragoman_ari_reconnects_total`, `dragoman_ari_connected`",
        "recovery.backoff.Backoff",
    ),
    Row(
        Kind.DAEMON_AWAY,
        "the daemon",
        "it was killed, or stopped while people talked",
        "the next one finds the rooms, sweeps what the other left, attaches, and marks the time between as a "
        "gap in the "
        "captions of each room",
        f"the heartbeat in Asterisk tells since when, to {attacher.HEARTBEAT_S:g} s, and how far back before that "
        "something was said that had not been spoken; after "
        f"{absence.FORGOTTEN_S / 3600:g} h nobody is told",
        "calls stay up, each hears his own language natively; a gap in the captions",
        (Action.GAP,),
        "",
        "telephony.attacher.Attacher",
    ),
    Row(
        Kind.BUG,
        "a leg, or what speaks it in one language",
        "an error of ours that nobody expected",
        "what translates into one language begins again at the next clause, and what it had not spoken is marked; "
        "a leg that ended stays in its room and is "
        "relayed; nobody else is touched",
        "none",
        "one speaker in one language is missing for a clause, or his original is heard",
        (Action.RESTART, Action.FALLBACK),
        "`dragoman_leg_crashes_total`",
        "pipeline.leg.SpeakingLeg, pipeline.conference.Conference",
    ),
    Row(
        Kind.DEGRADED,
        "one speaker in one language",
        f"{ladder.FALLS} clauses in a row come less far than before (in the own voice, in another, as captions, not at "
        f"all), or a voice is more than {ladder.LATE_S:g} s late",
        "down to what they do reach: cloned voice, stock voice, captions only, original at full level; up again when "
        f"{ladder.RISES} clauses in a row come farther",
        f"after a fall {ladder.PAUSE_S:g} s before a higher rung is tried, twice as long after each trial that "
        f"fails or "
        f"fall within {ladder.RELAPSE_S:g} s of a rise, up to {ladder.LONGEST_PAUSE_S:g} s; for ever",
        "a short prompt in their language at each change",
        (Action.DOWN, Action.UP),
        "`dragoman_ladder_changes_total`, `dragoman_ladder_speakers`",
        "recovery.ladder.Ladder",
    ),
)
