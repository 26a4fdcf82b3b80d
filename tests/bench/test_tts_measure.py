"""What the bench of XTTS makes of the sound that it heard."""

from __future__ import annotations

import pytest
from bench.tts.measure import Heard, ratios, row, sustained


def test_playback_runs_dry_when_a_piece_comes_after_the_last_one_has_ended() -> None:
    assert not Heard([(0.1, 0.2), (0.29, 0.5), (0.5, 0.1)]).ran_dry
    assert Heard([(0.1, 0.2), (0.31, 0.5)]).ran_dry
    assert not Heard([(5.0, 0.2), (5.1, 0.5)]).ran_dry, "a late beginning is no underrun"
    assert Heard([(0.0, 0.1), (0.05, 0.1), (0.21, 1.0)]).ran_dry


def test_a_row_sums_up_its_rounds() -> None:
    fast, slow = Heard([(0.1, 2.0)]), Heard([(0.3, 1.0), (2.0, 1.0)])
    made = row("dragoman", "cpu", "float32", 26, [(2.0, [fast, slow]), (4.0, [fast, slow])], 12.0)
    assert (made["streams"], made["tokens"]) == (2, 26)
    assert made["first_audio_ms"] == {"p50": 200.0, "p95": 300.0, "p99": 300.0}
    assert made["audio_seconds_per_second"] == pytest.approx(8 / 6, abs=1e-3)
    assert made["realtime_factor"] == pytest.approx(1.5)
    assert made["cpu_seconds_per_audio_second"] == pytest.approx(1.5)
    assert (made["clauses"], made["underruns"]) == (4, 2)


def test_the_most_streams_without_an_underrun() -> None:
    def a_row(engine: str, tokens: int, streams: int, underruns: int) -> dict[str, object]:
        return {"engine": engine, "tokens": tokens, "streams": streams, "underruns": underruns}

    rows = [a_row("dragoman", 26, n, bad) for n, bad in ((1, 0), (2, 0), (4, 1), (8, 0))]
    assert sustained([*rows, a_row("dragoman", 90, 1, 0), a_row("coqui", 26, 1, 1)]) == [
        {"engine": "dragoman", "tokens": 26, "streams": 2},
        {"engine": "dragoman", "tokens": 90, "streams": 1},
        {"engine": "coqui", "tokens": 26, "streams": 0},
    ]


def test_throughput_is_compared_with_coquis_own_and_with_its_concurrent_best_case() -> None:
    def a_row(engine: str, streams: int, rate: float, cpu: float) -> dict[str, object]:
        both = {"audio_seconds_per_second": rate, "cpu_seconds_per_audio_second": cpu}
        return {"engine": engine, "tokens": 26, "streams": streams, **both}

    ours = [a_row("dragoman", 1, 2.0, 0.5), a_row("dragoman", 16, 24.0, 0.1), a_row("dragoman", 32, 30.0, 0.1)]
    others = [row | {"tokens": 90} for row in ours]  # longer clauses of ours are not compared with shorter ones
    assert ratios([*others, *ours, a_row("coqui", 1, 1.5, 0.6), a_row("coqui", 16, 6.0, 0.55)]) == [
        {"tokens": 26, "streams": 1, "concurrent": 1.33, "one_by_one": 1.33, "by_cpu": 1.2},
        {"tokens": 26, "streams": 16, "concurrent": 4.0, "one_by_one": 16.0, "by_cpu": 5.5},
    ]
    assert ratios(ours) == []
