"""The dashboard "where the time goes"."""

from __future__ import annotations

from boards.panel import (
    MINUTE,
    PAIR,
    Board,
    Panel,
    Query,
    engines_of,
    minutely,
    numbers,
    quantiles,
    rate,
    seconds,
)


def per_clause(stages: str, counted_by: str) -> Query:
    """Mean seconds of each of these stages, per clause that passed them all; ``counted_by``: one all of them pass once.

    A clause that is only read is translated and never spoken, so the two halves of the way have not the same number.
    """
    spent = f'sum by (stage) (rate(dragoman_stage_seconds_sum{{{PAIR}, stage=~"{stages}"}}[$__rate_interval]))'
    clauses = f'sum(rate(dragoman_stage_seconds_count{{{PAIR}, stage="{counted_by}"}}[$__rate_interval]))'
    return f"{spent} / on () group_left () ({clauses} > 0)", "{{stage}}"


ALL = "stage, engine, source, target"
"""Labels of a stage's time."""

PARTS = ("sum", "count")


def slowest(most: int) -> list[Query]:
    """The slowest so many of all stages, engines and pairs of languages."""
    return [
        (f"topk({most}, {expression})", legend) for expression, legend in quantiles("dragoman_stage_seconds", ALL, PAIR)
    ]


def slower(most: int) -> Query:
    """Of them, those whose mean is most above that of a day."""

    def mean(over: str) -> str:
        spent, clauses = (f"sum by ({ALL}) (rate(dragoman_stage_seconds_{of}{{{PAIR}}}[{over}]))" for of in PARTS)
        return f"{spent} / ({clauses} > 0)"

    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in ALL.split(","))
    return f"topk({most}, {mean('$__rate_interval')} - {mean('1d')}) > 0.02", legend


WAIT = (
    seconds(
        "Ear-voice span",
        "From the acoustic end of a clause to its first translated sample on the booth's wire. Dots are single clauses: "
        "their trace_id is the collector's, the log's and /api/rooms/{room}/trace's.",
        quantiles("dragoman_ear_voice_span_seconds", "source, target", PAIR),
        width=12,
        warn=0.9,
        bad=2,
    ),
    Panel(
        "Where it goes, on the average",
        "Seconds per clause in each stage; the bands add up to the mean ear-voice span. input: until it was certain that "
        "the speech had ended (traces call it hangover). asr: until its words were certain. playback: it waited "
        "for its turn at the booth, where the speaker's clause before, or two others, still sounded.",
        "s",
        [per_clause("input|asr|segment|mt", "segment"), per_clause("tts|playback", "playback")],
        "stack",
        12,
    ),
)

ENGINES = (
    seconds(
        "The slowest, by languages",
        "Of all stages, engines and pairs of languages the six in which the median clause takes longest (p50), and one of "
        "twenty (p95). An engine that is slow for one language alone stands here by its name, while the panels below mix it "
        "with the others. input: until the end of speech was certain, which no engine does: how people pause, noise on "
        "their line, media.hangover_ms.",
        slowest(6),
        width=12,
    ),
    seconds(
        "Slower than usual, by languages",
        "How much longer the mean clause takes than in the last 24 hours, where that is more than 20 ms: who became slow "
        "stands alone here, though others always take longer. Empty: all is as it was, or the daemon is new.",
        [slower(6)],
        width=12,
        nothing="nothing is slower than in the last 24 hours (of a new daemon: than since its start)",
    ),
    seconds(
        "Slowest 5 of 100, by stage and engine",
        "An engine that was asked and failed has its own time here, the one that helped has the rest. dragoman: time "
        "that no engine had, such as waits in queues.",
        quantiles("dragoman_stage_seconds", "stage, engine", PAIR, (0.95,)),
        width=12,
    ),
    minutely(
        "Asked in vain",
        "What failed or was too late, by engine; each cost the clause time before it was tried again or done by another.",
        "dragoman_engine_errors_total",
        "stage, engine, kind",
        width=12,
    ),
    engines_of("asr", "Recognisers", "From the end of speech being certain to its words."),
    engines_of("mt", "Translators", "One clause."),
    engines_of("tts", "Synthesizers", "Until the first sound."),
)

OURS = (
    seconds(
        "Our own share",
        "All but engines, Asterisk and the end-of-speech hangover. 40 ms at p95 is good. Behind an engine that is slow a "
        "clause waits for the one before it, and that wait is here: look at the engines first.",
        quantiles("dragoman_own_share_seconds"),
        warn=0.04,
        bad=0.2,
        width=6,
    ),
    seconds(
        "How late ticks begin",
        "The machine: where this is above 10 ms, its cores are taken, and everything else here is late with it.",
        quantiles("dragoman_media_tick_lateness_seconds", of=(0.5, 0.99)),
        warn=0.002,
        bad=0.01,
        width=6,
    ),
    Panel(
        "Waiting for a core",
        "Of all time, the share in which our thread could have worked and the machine had no core for it. Above 10 % every "
        "stage is late, engines that work here and what comes from clouds too.",
        "percentunit",
        [rate("dragoman_core_wait_seconds_total", "instance")],
        warn=0.05,
        bad=0.1,
        width=6,
    ),
    seconds(
        "Ear-voice span by engines, 95 of 100",
        "Whether a fallback made it slow.",
        quantiles("dragoman_ear_voice_span_seconds", "asr, mt, tts", PAIR, (0.95,)),
        width=6,
    ),
)

BEHIND = (
    seconds(
        "How far booths are behind",
        "Speech that waits to be spoken, by language and where it waits.",
        [("sum by (target, waits) (dragoman_lag_seconds{@})", "{{target}} {{waits}}")],
        warn=3,
        bad=5,
    ),
    numbers(
        "How fast booths speak",
        "1 is as synthesized; up to 1.3 for the next clause not to wait, to 1.4 while 2.5 s are left on average.",
        [
            ("max by (target) (dragoman_tempo_ratio{@})", "{{target}}"),
            rate("dragoman_tempo_saved_seconds_total", per=MINUTE, named="seconds saved a minute"),
        ],
    ),
    minutely(
        "Held back",
        "Times a stage was behind, and what is beside it held back.",
        "dragoman_backpressure_total",
        "stage",
    ),
)

LATENCY = Board(
    "dragoman-latency",
    "Dragoman: where the time goes",
    "A slow call? The thick band below is where it waits. One clause, part by part: /api/rooms/{room}/trace.svg.",
    (
        ("What listeners wait", WAIT),
        ("By stage and engine", ENGINES),
        ("Ours, and the machine's", OURS),
        ("When a booth is behind its speaker", BEHIND),
    ),
)
