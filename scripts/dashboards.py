"""Writes the Grafana dashboards of config/grafana/dashboards from the tables below: ``python scripts/dashboards.py``.

A panel is a line here; its JSON is made by Grafana's own builders (grafana-foundation-sdk, of ``dragoman[dev]``). In
queries ``@`` stands for the daemons chosen above the dashboard.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models

OUT = Path(__file__).resolve().parent.parent / "config" / "grafana" / "dashboards"
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${source}")


NOTHING = "none"
"""What a graph shows without any series, in place of Grafana's "No data": a counter of faults has no series before the
first one, and that reads as if the figures were missing. Whether they are is told by the single figures of *Calls now*,
which keep their "No data"."""


@dataclass(frozen=True)
class Panel:
    """One panel: lines over time, lines stacked, or one figure."""

    title: str
    what: str
    """What one should know when reading it; the panel's description."""
    unit: str
    queries: Sequence[tuple[str, str]]
    """(PromQL, legend)."""
    kind: Literal["lines", "stack", "figure"] = "lines"
    width: int = 8
    """Of 24 columns."""
    warn: float | None = None
    bad: float | None = None
    """From where it is yellow and red; ``bad`` below ``warn``: small is bad."""


@dataclass(frozen=True)
class Board:
    """One dashboard: rows of panels."""

    uid: str
    title: str
    what: str
    rows: Sequence[tuple[str, Sequence[Panel]]]
    prices: bool = False


def quantiles(name: str, by: str = "", where: str = "@", of: Sequence[float] = (0.5, 0.95)) -> list[tuple[str, str]]:
    """Quantiles of a histogram, by some labels."""
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(",") if label)
    labels = f"{by}, le" if by else "le"
    return [
        (
            f"histogram_quantile({q}, sum by ({labels}) (rate({name}_bucket{{{where}}}[$__rate_interval])))",
            f"p{q * 100:g} {legend}".strip(),
        )
        for q in of
    ]


def rate(name: str, by: str = "", where: str = "@", per: str = "", named: str = "") -> tuple[str, str]:
    """A counter's rate, by some labels, per second or (``per`` "* 60") another time; ``named``: before its legend."""
    labels = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(",") if label)
    legend = f"{named} {labels}".strip() or name.removeprefix("dragoman_").removesuffix("_total")
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (rate({name}{{{where}}}[$__rate_interval])){per}", legend


PAIR = '@, source=~"$from", target=~"$into"'

BOARDS = (
    Board(
        "dragoman-calls",
        "Dragoman: calls now",
        "Is anybody interpreted, and well? Then: what happened in the last hours.",
        (
            (
                "Now",
                (
                    Panel(
                        "Ready",
                        "1 while calls can be interpreted. 0: curl /health/ready says which part and why.",
                        "bool_yes_no",
                        [("min(dragoman_ready{@})", "ready")],
                        "figure",
                        3,
                        1,
                        0.5,
                    ),
                    Panel(
                        "Asterisk",
                        "1 while its events come in.",
                        "bool_yes_no",
                        [("min(dragoman_ari_connected{@})", "connected")],
                        "figure",
                        3,
                        1,
                        0.5,
                    ),
                    Panel(
                        "Draining",
                        "1 while no new room may begin: it is not ready then, on purpose.",
                        "bool_yes_no",
                        [("max(dragoman_draining{@})", "draining")],
                        "figure",
                        2,
                    ),
                    Panel(
                        "Rooms", "Rooms somebody is in.", "short", [("sum(dragoman_rooms{@})", "rooms")], "figure", 2
                    ),
                    Panel(
                        "People",
                        "In rooms, interpreted or not.",
                        "short",
                        [("sum(dragoman_legs{@})", "people")],
                        "figure",
                        2,
                    ),
                    Panel(
                        "Ear-voice span, 95 of 100",
                        "From the end of a clause to its first translated sound. 0.9 s is good.",
                        "s",
                        [("max(dragoman:ear_voice_span_seconds:p95_5m{@})", "p95")],
                        "figure",
                        4,
                        0.9,
                        2,
                    ),
                    Panel(
                        "Clauses a minute",
                        "Spoken at booths.",
                        "short",
                        [rate("dragoman_clauses_spoken_total", per=" * 60")],
                        "figure",
                        3,
                    ),
                    Panel(
                        "Not spoken",
                        "Of 100 clauses, in 10 minutes; without those of whom all listeners left.",
                        "percentunit",
                        [("max(dragoman:clauses_dropped:ratio_10m{@})", "dropped")],
                        "figure",
                        3,
                        0.005,
                        0.01,
                    ),
                    Panel(
                        "Test call",
                        "The last dragoman probe: 1 it was interpreted.",
                        "bool_yes_no",
                        [("min(dragoman_probe_success)", "probe")],
                        "figure",
                        2,
                        1,
                        0.5,
                    ),
                ),
            ),
            (
                "Rooms",
                (
                    Panel(
                        "Rooms, people, booths",
                        "A booth speaks one language of a room.",
                        "short",
                        [
                            ("sum(dragoman_rooms{@})", "rooms"),
                            ("sum(dragoman_legs{@})", "people"),
                            ("sum(dragoman_booths{@})", "booths"),
                            ("sum(dragoman_caption_readers{@})", "readers of captions"),
                        ],
                    ),
                    Panel(
                        "Clauses a minute",
                        "Committed: in the speaker's language. Translated and spoken: once per language that is listened to.",
                        "short",
                        [
                            rate(f"dragoman_clauses_{what}_total", per=" * 60")
                            for what in ("committed", "translated", "spoken")
                        ],
                    ),
                    Panel(
                        "Clauses not spoken, a minute",
                        "By reason. nobody-listens is no fault.",
                        "short",
                        [rate("dragoman_clauses_dropped_total", "reason", per=" * 60")],
                        "stack",
                    ),
                ),
            ),
            (
                "Asterisk",
                (
                    Panel(
                        "Events and reconnects",
                        "Of the ARI event stream.",
                        "short",
                        [
                            rate("dragoman_ari_events_total", per=" * 60"),
                            rate("dragoman_ari_reconnects_total", per=" * 60"),
                            rate("dragoman_ari_dropped_events_total", per=" * 60"),
                            rate("dragoman_ari_malformed_events_total", per=" * 60"),
                        ],
                    ),
                    Panel(
                        "Until a caller is tapped",
                        "From entering the conference to his tap carrying audio.",
                        "s",
                        quantiles("dragoman_attach_seconds"),
                    ),
                    Panel(
                        "Taps, booths, failures a minute",
                        "Failed actions are tried again for ever.",
                        "short",
                        [
                            rate(f"dragoman_attach_{what}_total", per=" * 60")
                            for what in ("taps", "booths", "failures", "swept", "rejoined")
                        ]
                        + [rate("dragoman_heartbeat_failures_total", per=" * 60")],
                    ),
                ),
            ),
        ),
    ),
    Board(
        "dragoman-latency",
        "Dragoman: where the time goes",
        "A slow call? The thick band below is where it waits. One clause, part by part: /api/rooms/{room}/trace.svg.",
        (
            (
                "What listeners wait",
                (
                    Panel(
                        "Ear-voice span",
                        "From the acoustic end of a clause to its first translated sample on the booth's wire. Dots are single clauses: their trace_id is the collector's and the log's.",
                        "s",
                        quantiles("dragoman_ear_voice_span_seconds", "source, target", PAIR),
                        width=12,
                        warn=0.9,
                        bad=2,
                    ),
                    Panel(
                        "Where it goes, on the average",
                        "Seconds per clause in each stage; the bands add up to the mean ear-voice span. input: until its end was certain. playback: it waited for its turn.",
                        "s",
                        [
                            (
                                f"sum by (stage) (rate(dragoman_stage_seconds_sum{{{PAIR}}}[$__rate_interval])) / on () group_left () sum(rate(dragoman_ear_voice_span_seconds_count{{{PAIR}}}[$__rate_interval]))",
                                "{{stage}}",
                            )
                        ],
                        "stack",
                        12,
                    ),
                ),
            ),
            (
                "By stage and engine",
                (
                    Panel(
                        "Slowest 5 of 100, by stage and engine",
                        "dragoman: time that no engine had, waits in queues among it.",
                        "s",
                        quantiles("dragoman_stage_seconds", "stage, engine", PAIR, (0.95,)),
                        width=12,
                    ),
                    Panel(
                        "Our own share",
                        "All but engines, Asterisk and the end-of-speech hangover. 40 ms at p95 is good.",
                        "s",
                        quantiles("dragoman_own_share_seconds"),
                        width=12,
                        warn=0.04,
                        bad=0.2,
                    ),
                    Panel(
                        "Recognisers",
                        "From the end of speech being certain to its words.",
                        "s",
                        quantiles("dragoman_stage_seconds", "engine", f'{PAIR}, stage="asr", engine!="dragoman"'),
                    ),
                    Panel(
                        "Translators",
                        "One clause.",
                        "s",
                        quantiles("dragoman_stage_seconds", "engine", f'{PAIR}, stage="mt", engine!="dragoman"'),
                    ),
                    Panel(
                        "Synthesizers",
                        "Until the first sound.",
                        "s",
                        quantiles("dragoman_stage_seconds", "engine", f'{PAIR}, stage="tts", engine!="dragoman"'),
                    ),
                ),
            ),
            (
                "By engines used",
                (
                    Panel(
                        "Ear-voice span by engines, 95 of 100",
                        "Whether a fallback made it slow.",
                        "s",
                        quantiles("dragoman_ear_voice_span_seconds", "asr, mt, tts", PAIR, (0.95,)),
                        width=12,
                    ),
                    Panel(
                        "How fast booths speak",
                        "1 is as synthesized; up to 1.15, and 1.3 when a booth is more than 3 s behind.",
                        "short",
                        [
                            ("max by (target) (dragoman_tempo_ratio{@})", "{{target}}"),
                            rate("dragoman_tempo_saved_seconds_total", per=" * 60", named="seconds saved a minute"),
                        ],
                        width=12,
                    ),
                    Panel(
                        "Held back, a minute",
                        "Times a stage was behind, and what is beside it held back.",
                        "short",
                        [rate("dragoman_backpressure_total", "stage", per=" * 60")],
                        width=12,
                    ),
                    Panel(
                        "How far booths are behind",
                        "Speech that waits to be spoken, by language.",
                        "s",
                        [("sum by (target, waits) (dragoman_lag_seconds{@})", "{{target}} {{waits}}")],
                        width=12,
                        warn=3,
                        bad=5,
                    ),
                ),
            ),
        ),
    ),
    Board(
        "dragoman-quality",
        "Dragoman: quality",
        "What people miss, or hear wrongly.",
        (
            (
                "What is missing",
                (
                    Panel(
                        "Not spoken",
                        "Share of clauses, in 10 minutes.",
                        "percentunit",
                        [("dragoman:clauses_dropped:ratio_10m{@}", "{{instance}}")],
                        warn=0.005,
                        bad=0.01,
                    ),
                    Panel(
                        "Merged, a minute",
                        "Into the clause before, not to be late; marked in the captions.",
                        "short",
                        [rate("dragoman_clauses_merged_total", per=" * 60")],
                    ),
                    Panel(
                        "Speech that no recogniser got",
                        "Seconds lost per minute.",
                        "s",
                        [
                            rate("dragoman_recognizer_dropped_seconds_total", per=" * 60"),
                            rate("dragoman_recognizer_restarts_total", per=" * 60"),
                        ],
                    ),
                    Panel(
                        "Holes in what booths say",
                        "Ticks of 20 ms in which a clause sounded and its synthesizer was late, a minute.",
                        "short",
                        [rate("dragoman_booth_underruns_total", per=" * 60")],
                    ),
                    Panel(
                        "Degradation",
                        "Speakers, once per language of listeners, by what these get; and how often that changed.",
                        "short",
                        [
                            ("sum by (rung) (dragoman_ladder_speakers{@})", "{{rung}}"),
                            rate("dragoman_ladder_changes_total", "to", per=" * 60", named="a minute, to"),
                        ],
                    ),
                    Panel(
                        "Mended, a minute",
                        "Faults that recovery dealt with, by kind and what it did.",
                        "short",
                        [rate("dragoman_recoveries_total", "kind, action", per=" * 60")],
                        "stack",
                    ),
                ),
            ),
            (
                "What is said",
                (
                    Panel(
                        "Begun before it was certain",
                        "Share of the clauses translated ahead that were spoken as they were.",
                        "percentunit",
                        [
                            (
                                "sum(rate(dragoman_speculations_confirmed_total{@}[$__rate_interval])) / (sum(rate(dragoman_speculations_made_total{@}[$__rate_interval])) > 0)",
                                "confirmed",
                            ),
                            (
                                "sum(rate(dragoman_speculations_dropped_total{@}[$__rate_interval])) / (sum(rate(dragoman_speculations_made_total{@}[$__rate_interval])) > 0)",
                                "revised",
                            ),
                        ],
                    ),
                    Panel(
                        "Words revised after they were used",
                        "Of the words used before the recogniser called them final. 1 % is the limit.",
                        "percentunit",
                        [
                            (
                                "sum(rate(dragoman_revised_words_total{@}[$__rate_interval])) / (sum(rate(dragoman_early_words_total{@}[$__rate_interval])) > 0)",
                                "revised",
                            )
                        ],
                        warn=0.005,
                        bad=0.01,
                    ),
                    Panel(
                        "Figures and names in translations",
                        "What the guard found and did, clauses a minute.",
                        "short",
                        [rate("dragoman_guard_total", "outcome", per=" * 60")],
                        "stack",
                    ),
                    Panel(
                        "Clones: likeness to their owners",
                        "Cosine by the identity encoder; below 0.25 it is another person.",
                        "short",
                        quantiles("dragoman_voice_likeness", of=(0.1, 0.5)),
                    ),
                    Panel(
                        "Voices, a minute",
                        "Profiles found or not, clauses cloned or neutral.",
                        "short",
                        [rate("dragoman_voices_total", "what", per=" * 60")],
                    ),
                    Panel(
                        "Echo suppressed",
                        "Frames of 20 ms per second, of all phones on loudspeaker.",
                        "short",
                        [
                            rate("dragoman_echo_suppressed_frames_total"),
                            rate("dragoman_echo_legs_total", per=" * 60", named="legs a minute"),
                        ],
                    ),
                    Panel(
                        "Echo recognised and left out, a minute",
                        "Utterances and words that the guard let pass: what the phone had been played.",
                        "short",
                        [
                            rate("dragoman_echoes_total", per=" * 60", named="utterances"),
                            rate("dragoman_echoed_words_total", per=" * 60", named="words"),
                        ],
                    ),
                ),
            ),
            (
                "The sound that comes in",
                (
                    Panel(
                        "Phones: packets lost, 90 of 100",
                        "Between phones and Asterisk. from_phone hurts recognition.",
                        "percentunit",
                        quantiles("dragoman_phone_loss_ratio", "direction", of=(0.5, 0.9)),
                        warn=0.01,
                        bad=0.03,
                    ),
                    Panel(
                        "Phones: jitter and round trip, 90 of 100",
                        "Of the phones' RTP.",
                        "s",
                        [
                            *(
                                (query, f"jitter {legend}")
                                for query, legend in quantiles("dragoman_phone_jitter_seconds", "direction", of=(0.9,))
                            ),
                            *(
                                (query, f"round trip {legend}")
                                for query, legend in quantiles("dragoman_phone_round_trip_seconds", of=(0.9,))
                            ),
                        ],
                    ),
                    Panel(
                        "Taps: packets lost, late, made up",
                        "Between Asterisk and us, a second. Should be none.",
                        "short",
                        [
                            rate(f"dragoman_rtp_{what}_total")
                            for what in ("lost", "late", "reordered", "duplicate", "resyncs")
                        ]
                        + [rate("dragoman_media_concealed_frames_total")],
                    ),
                ),
            ),
        ),
    ),
    Board(
        "dragoman-capacity",
        "Dragoman: capacity",
        "How much more fits on this machine.",
        (
            (
                "The process",
                (
                    Panel(
                        "CPU",
                        "Cores of the daemon's own process; recognisers in worker processes are not in it.",
                        "short",
                        [rate("process_cpu_seconds_total", "instance")],
                    ),
                    Panel("Memory", "Resident.", "bytes", [("process_resident_memory_bytes{@}", "{{instance}}")]),
                    Panel(
                        "Tasks",
                        "Of the event loop; flat while calls are.",
                        "short",
                        [("dragoman_tasks{@}", "{{instance}}")],
                    ),
                    Panel(
                        "Open files",
                        "Of those allowed.",
                        "percentunit",
                        [("process_open_fds{@} / process_max_fds{@}", "{{instance}}")],
                        warn=0.5,
                        bad=0.8,
                    ),
                ),
            ),
            (
                "The 20 ms clock",
                (
                    Panel(
                        "How late ticks begin",
                        "Above 10 ms sound has holes.",
                        "s",
                        quantiles("dragoman_media_tick_lateness_seconds", of=(0.5, 0.99, 0.999)),
                        warn=0.002,
                        bad=0.01,
                    ),
                    Panel(
                        "Late ticks, skipped slots",
                        "A second, of 50. A skipped slot was not sent.",
                        "short",
                        [
                            rate("dragoman_media_late_ticks_total"),
                            rate("dragoman_media_skipped_slots_total"),
                            rate("dragoman_vad_skipped_windows_total"),
                        ],
                    ),
                    Panel(
                        "Packets a second",
                        "50 per caller in, 50 per booth out.",
                        "pps",
                        [
                            rate("dragoman_rtp_packets_in_total"),
                            rate("dragoman_rtp_packets_out_total"),
                            rate("dragoman_rtp_unknown_source_total"),
                            rate("dragoman_rtp_send_errors_total"),
                        ],
                    ),
                ),
            ),
            (
                "Queues",
                (
                    Panel(
                        "What waits",
                        "By queue. mt and tts: clauses; playback: clauses that wait for their turn at a booth.",
                        "short",
                        [("sum by (queue) (dragoman_queue_depth{@})", "{{queue}}")],
                    ),
                    Panel(
                        "What full queues dropped, a minute",
                        "By their stated rule.",
                        "short",
                        [rate("dragoman_queue_drops_total", "queue", per=" * 60")],
                    ),
                    Panel(
                        "Recogniser streams",
                        "Open now; only who speaks and is listened to has one.",
                        "short",
                        [("sum(dragoman_recognizer_streams{@})", "streams"), ("sum(dragoman_legs{@})", "people")],
                    ),
                ),
            ),
            (
                "The GPU",
                (
                    Panel(
                        "Memory",
                        "allocated: what tensors hold; reserved: what torch keeps; free and total: of the device, over all processes.",
                        "bytes",
                        [("max by (instance, device, kind) (dragoman_gpu_memory_bytes{@})", "{{device}} {{kind}}")],
                    ),
                    Panel(
                        "Clauses spoken at once",
                        "Mean size of a batch.",
                        "short",
                        [
                            (
                                'sum by (engine) (rate(dragoman_engine_events_total{@, event="batched"}[$__rate_interval])) / (sum by (engine) (rate(dragoman_engine_events_total{@, event="steps"}[$__rate_interval])) > 0)',
                                "{{engine}}",
                            )
                        ],
                    ),
                    Panel(
                        "Steps a second",
                        "Tokens of 46 ms of speech; 22 a second per voice is real time.",
                        "short",
                        [rate("dragoman_engine_events_total", "engine", '@, event="steps"')],
                    ),
                ),
            ),
        ),
    ),
    Board(
        "dragoman-providers",
        "Dragoman: providers and cost",
        "Who does the work, who fails, and what it costs. Prices above are yours to fill in.",
        (
            (
                "Do they work?",
                (
                    Panel(
                        "State",
                        "0 it works, 1 it is being probed, 2 it is not asked.",
                        "short",
                        [("max by (stage, engine) (dragoman_engine_state{@})", "{{stage}} {{engine}}")],
                        warn=1,
                        bad=2,
                    ),
                    Panel(
                        "Errors a minute",
                        "By kind; each was tried again or done by another.",
                        "short",
                        [rate("dragoman_engine_errors_total", "stage, engine, kind", per=" * 60")],
                        "stack",
                    ),
                    Panel(
                        "Done by a fallback, a minute",
                        "Requests that another engine than the first served.",
                        "short",
                        [rate("dragoman_engine_fallbacks_total", "stage, from, to", per=" * 60")],
                        "stack",
                    ),
                    Panel(
                        "Given up and probed, an hour",
                        "Times an engine was not asked any more, and requests to see whether it is back.",
                        "short",
                        [
                            rate("dragoman_engine_opened_total", "engine", per=" * 3600 > 0", named="given up"),
                            rate("dragoman_engine_probes_total", "engine", per=" * 3600 > 0", named="probed"),
                        ],
                    ),
                    Panel(
                        "Translations known already",
                        "Share of requests that cost neither time nor money.",
                        "percentunit",
                        [("dragoman:translation_cache:hit_ratio_1h{@}", "{{engine}}")],
                    ),
                    Panel(
                        "Databases",
                        "1 while it answers; without it what is in memory serves, and changes are refused.",
                        "short",
                        [("min by (store) (dragoman_store_up{@})", "{{store}}")],
                    ),
                    Panel(
                        "What engines count themselves, a minute",
                        "Such as requests, hedges, billed_characters.",
                        "short",
                        [rate("dragoman_engine_events_total", "engine, event", per=" * 60 > 0")],
                    ),
                ),
            ),
            (
                "What they are given",
                (
                    Panel(
                        "Speech, hours a day",
                        "Given to recognisers, counted at the request.",
                        "h",
                        [("sum by (engine) (dragoman:provider_audio_hours:24h{@})", "{{engine}}")],
                    ),
                    Panel(
                        "Characters a day",
                        "Given to translators and synthesizers, counted at the request; what a cache knew is not in it, what a provider's client sent twice to be quicker is in billed_characters.",
                        "short",
                        [("sum by (stage, engine) (dragoman:provider_characters:24h{@})", "{{stage}} {{engine}}")],
                    ),
                    Panel(
                        "Cost of the last 24 hours",
                        "By the prices above, of the engines that charge: those named above.",
                        "short",
                        [
                            (
                                'sum by (engine) (dragoman:provider_audio_hours:24h{@, engine=~"$charging"}) * $asr_hour',
                                "{{engine}}",
                            ),
                            (
                                'sum by (engine) (dragoman:provider_characters:24h{@, stage="mt", engine=~"$charging"}) / 1000000 * $mt_million',
                                "{{engine}}",
                            ),
                            (
                                'sum by (engine) (dragoman:provider_characters:24h{@, stage="tts", engine=~"$charging"}) / 1000000 * $tts_million',
                                "{{engine}}",
                            ),
                        ],
                        "stack",
                    ),
                ),
            ),
            (
                "Beside the calls",
                (
                    Panel(
                        "Spans to the trace collector",
                        "A second.",
                        "short",
                        [rate("dragoman_trace_spans_total", "outcome")],
                    ),
                    Panel(
                        "Glossaries read, an hour",
                        "Versions of files.",
                        "short",
                        [rate("dragoman_glossary_reads_total", "outcome", per=" * 3600")],
                    ),
                    Panel(
                        "Test calls",
                        "Ear-voice span that dragoman probe measured at the phone.",
                        "s",
                        [
                            ("dragoman_probe_ear_voice_span_seconds", "{{room}} {{source}} {{target}}"),
                            ("dragoman_probe_answer_seconds", "answered, {{room}}"),
                        ],
                    ),
                ),
            ),
        ),
        prices=True,
    ),
)


PRICES = {
    "charging": ("Engines that charge", "deepgram|deepl|elevenlabs"),
    "asr_hour": ("Speech, per hour", "0"),
    "mt_million": ("Translation, per million characters", "0"),
    "tts_million": ("Voice, per million characters", "0"),
}
"""What an operator fills in above the costs: label and default of each variable."""


def thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    """Green, and yellow and red from the figures of the panel."""
    steps = [models.Threshold(color="green", value=None)]
    if panel.warn is not None and panel.bad is not None:
        if panel.bad < panel.warn:
            steps = [models.Threshold(color="red", value=None), models.Threshold(color="green", value=panel.warn)]
        else:
            steps += [
                models.Threshold(color="yellow", value=panel.warn),
                models.Threshold(color="red", value=panel.bad),
            ]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def built(panel: Panel) -> Any:
    """Grafana's builder of a panel."""
    if panel.kind == "figure":
        made: Any = stat.Panel().color_mode(kinds.BigValueColorMode.VALUE).graph_mode(kinds.BigValueGraphMode.AREA)
        made = made.height(4)
    else:
        made = timeseries.Panel().fill_opacity(8).line_width(1).show_points(kinds.VisibilityMode.NEVER).min(0).height(8)
        made = made.legend(
            common.VizLegendOptions()
            .display_mode(kinds.LegendDisplayMode.LIST)
            .placement(kinds.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        made = made.tooltip(
            common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING)
        )
        if panel.kind == "stack":
            made = made.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL)).fill_opacity(60)
        if panel.warn is not None:
            made = made.thresholds_style(
                common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED)
            )
    made = made.title(panel.title).description(panel.what).unit(panel.unit).span(panel.width)
    if panel.kind != "stat":
        made = made.no_value(NOTHING)
    made = made.datasource(SOURCE).thresholds(thresholds(panel))
    for number, (query, legend) in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.replace("@", 'instance=~"$instance"')).legend_format(legend)
        target = target.ref_id(chr(ord("A") + number)).datasource(SOURCE)
        made = made.with_target(target.exemplar("_bucket" in query and panel.kind == "lines"))
    return made


def variable(name: str, label: str, of: str) -> dashboard.QueryVariable:
    """A choice of the values that a label has."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .query(of)
        .datasource(SOURCE)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def board(given: Board) -> str:
    """The JSON of a dashboard."""
    made = (
        dashboard.Dashboard(given.title)
        .uid(given.uid)
        .description(given.what)
        .tags(["dragoman"])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("Dragoman")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["dragoman"])
            .keep_time(True)
            .include_vars(True)
        )
        .with_variable(dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus"))
        .with_variable(variable("instance", "Daemon", "label_values(dragoman_ready, instance)"))
    )
    if any("$from" in query for _, panels in given.rows for panel in panels for query, _ in panel.queries):
        for name, label, of in (("from", "From", "source"), ("into", "Into", "target")):
            made = made.with_variable(
                variable(name, label, f"label_values(dragoman_ear_voice_span_seconds_count, {of})")
            )
    if given.prices:
        for name, (label, value) in PRICES.items():
            made = made.with_variable(dashboard.TextBoxVariable(name).label(label).default_value(value))
    for title, panels in given.rows:
        made = made.with_row(dashboard.Row(title))
        for panel in panels:
            made = made.with_panel(built(panel))
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


def main() -> None:
    """Write all of them; with a folder as argument, there."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    out.mkdir(parents=True, exist_ok=True)
    for each in BOARDS:
        (out / f"{each.uid.removeprefix('dragoman-')}.json").write_text(board(each), encoding="utf-8")


if __name__ == "__main__":
    main()
