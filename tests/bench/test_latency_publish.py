"""The pages of bench/latency: made of any measurement, of none at all too, and honest about the targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench.latency.call import logged_stages
from bench.latency.figures import PARTS, Span
from bench.latency.publish import publish, table, verdict

from bench import machine


def span(ms: float, **parts: float) -> Span:
    return Span("c/1", "a", "es", (1, 2), 100.0, 100.0 + ms / 1000, None, {**dict.fromkeys(PARTS, 0.0), **parts}, {})


def result(p50: float | None, p95: float | None, own: float | None) -> dict[str, Any]:
    quantiles = {"p50": p50, "p95": p95, "p99": p95}
    words = dict.fromkeys(("spoken", "heard", "lost", "doubled", "out_of_order", "late", "revised", "damaged"), 7)
    parts = {part: 10.0 for part in PARTS}
    return {
        "ear_voice_span_ms": quantiles,
        "own_ms": {"p50": own, "p95": own},
        **{
            name: quantiles
            for name in (
                "first_sound_ms",
                "at_the_ear_ms",
                "word_lag_ms",
                "own_with_queue_ms",
                "daemon_says_ms",
            )
        },
        "translation_length": 0.92,
        "tempo": {"p50": 1.0, "p95": 1.15, "p99": None},
        "recording_to_packet_ms": {"p5": 1.0, "p50": 2.0, "p95": None},
        "turns": {"ear_voice_span_ms": quantiles, "without_queue_ms": quantiles, "parts_mean_ms": parts},
        "monologues": {"ear_voice_span_ms": quantiles, "word_lag_ms": quantiles, "parts_mean_ms": {}},
        "parts_ms": dict.fromkeys(PARTS, quantiles),
        "parts_mean_ms": parts,
        "slowest_parts_mean_ms": parts,
        "stages_ms": {"mt": quantiles},
        "words": words,
        "words_on_the_wire": words,
        "words_lost_before_the_daemon": 0,
        "clauses": 3,
        "translations": 6,
        "dropped": 0,
        "words_per_clause": 4.5,
        "clock_drift_ms": 0.01,
        "tick": None,
        "engines": {"MT": "a fake"},
        "simulation": "Nothing is real.",
        "seconds": 60.0,
        "seed": 1,
        "machine": machine.describe(),
    }


@pytest.mark.parametrize("figures", [(650.0, 880.0, 30.0), (None, None, None)])
def test_all_pages_are_written(tmp_path: Path, figures: tuple[float | None, ...]) -> None:
    spans = [] if figures[0] is None else [span(600, engine=500, ours=100), span(1500, queue=900, engine=600)]
    publish(tmp_path, result(*figures), spans, spans[:1])
    assert (tmp_path / "latency.json").stat().st_size > 500
    assert (tmp_path / "latency.png").stat().st_size > 10_000
    page = (tmp_path / "latency.md").read_text("utf-8")
    assert "Nothing is real." in page
    assert f"| ear-voice span | {'-' if figures[0] is None else '650'} |" in page


def test_a_target_is_kept_only_by_a_measurement_that_keeps_it() -> None:
    assert [good for *_, good in verdict(result(700.0, 900.1, 40.0))] == [True, False, True]
    assert [good for *_, good in verdict(result(None, None, None))] == [False, False, False]


def test_stages_are_read_from_the_daemons_log() -> None:
    log = (
        '{"event": "clause", "outcome": "spoken", "clause": "c/1", "target": "es", '
        '"stages_ms": {"mt": 150, "tts": 120}}\n'
        "Traceback (most recent call last):\n"
        '{"event": "something else"}\n[]\n'
    )
    assert logged_stages(log) == {("c/1", "es"): {"mt": 0.15, "tts": 0.12}}


def test_the_page_says_how_long_translations_are_and_how_fast_they_were_spoken() -> None:
    page = table(result(600.0, 800.0, 20.0))
    assert "0.92 times as long as the speech" in page
    assert "1.00x at the median of words, 1.15x at p95, - at p99" in page
