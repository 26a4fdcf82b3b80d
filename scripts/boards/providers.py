"""The dashboard "providers and cost"."""

from __future__ import annotations

from boards.panel import Board, Panel, rate

PROVIDERS = Board(
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
)
