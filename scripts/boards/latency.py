"""The dashboard "where the time goes"."""

from __future__ import annotations

from boards.panel import PAIR, Board, Panel, quantiles, rate

LATENCY = Board(
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
)
