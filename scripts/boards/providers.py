"""The dashboard "providers and cost"."""

from __future__ import annotations

from boards.panel import HOUR, MINUTE, Board, Panel, Query, minutely, numbers, parts, rate, seconds


def cost(given: str, where: str, price: str) -> Query:
    """What a day's work costs at the price above, of the engines that charge."""
    return f'sum by (engine) (dragoman:provider_{given}:24h{{@{where}, engine=~"$charging"}}){price}', "{{engine}}"


WORK = (
    Panel(
        "State",
        "0 it works, 1 it is being probed, 2 it is not asked.",
        "short",
        [("max by (stage, engine) (dragoman_engine_state{@})", "{{stage}} {{engine}}")],
        warn=1,
        bad=2,
    ),
    minutely(
        "Errors",
        "By kind; each was tried again or done by another.",
        "dragoman_engine_errors_total",
        "stage, engine, kind",
    ),
    minutely(
        "Done by a fallback",
        "Requests that another engine than the first served.",
        "dragoman_engine_fallbacks_total",
        "stage, from, to",
    ),
    numbers(
        "Given up and probed, an hour",
        "Times an engine was not asked any more, and requests to see whether it is back.",
        [
            rate("dragoman_engine_opened_total", "engine", per=f"{HOUR} > 0", named="given up"),
            rate("dragoman_engine_probes_total", "engine", per=f"{HOUR} > 0", named="probed"),
        ],
    ),
    parts(
        "Translations known already",
        "Share of requests that cost neither time nor money.",
        [("dragoman:translation_cache:hit_ratio_1h{@}", "{{engine}}")],
    ),
    numbers(
        "Databases",
        "1 while it answers; without it what is in memory serves, and changes are refused.",
        [("min by (store) (dragoman_store_up{@})", "{{store}}")],
    ),
    numbers(
        "What engines count themselves, a minute",
        "Such as requests, hedges, billed_characters.",
        [rate("dragoman_engine_events_total", "engine, event", per=f"{MINUTE} > 0")],
    ),
)

GIVEN = (
    Panel(
        "Speech, hours a day",
        "Given to recognisers, counted at the request.",
        "h",
        [("sum by (engine) (dragoman:provider_audio_hours:24h{@})", "{{engine}}")],
    ),
    numbers(
        "Characters a day",
        "Given to translators and synthesizers, counted at the request; what a cache knew is not in it, what a "
        "provider's client sent twice to be quicker is in billed_characters.",
        [("sum by (stage, engine) (dragoman:provider_characters:24h{@})", "{{stage}} {{engine}}")],
    ),
    numbers(
        "Cost of the last 24 hours",
        "By the prices above, of the engines that charge: those named above.",
        [
            cost("audio_hours", "", " * $asr_hour"),
            cost("characters", ', stage="mt"', " / 1000000 * $mt_million"),
            cost("characters", ', stage="tts"', " / 1000000 * $tts_million"),
        ],
        "stack",
    ),
)

BESIDE = (
    numbers("Spans to the trace collector", "A second.", [rate("dragoman_trace_spans_total", "outcome")]),
    numbers(
        "Glossaries read, an hour",
        "Versions of files.",
        [rate("dragoman_glossary_reads_total", "outcome", per=HOUR)],
    ),
    seconds(
        "Test calls",
        "Ear-voice span that dragoman probe measured at the phone.",
        [
            ("dragoman_probe_ear_voice_span_seconds", "{{room}} {{source}} {{target}}"),
            ("dragoman_probe_answer_seconds", "answered, {{room}}"),
        ],
    ),
)

PROVIDERS = Board(
    "dragoman-providers",
    "Dragoman: providers and cost",
    "Who does the work, who fails, and what it costs. Prices above are yours to fill in.",
    (("Do they work?", WORK), ("What they are given", GIVEN), ("Beside the calls", BESIDE)),
    prices=True,
)
