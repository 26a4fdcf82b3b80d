"""Pins that the lag of a monologue does not grow, and that where it must, what is merged or dropped is told.

Translations take 1.25 times as long as the speech; the engines have the latencies of cloud ones; time is virtual.
"""

from __future__ import annotations

from collections import Counter

from tests.pipeline.monologue import median, talk
from tests.virtual_time import virtual_time

from dragoman.pipeline.captions import CaptionKind
from dragoman.pipeline.catchup import FAST
from dragoman.pipeline.options import PipelineOptions
from dragoman.pipeline.reports import NOTES

pytestmark = virtual_time


async def test_at_minute_five_the_lag_is_that_of_minute_one() -> None:
    told = await talk(300, PipelineOptions())
    assert told.heard == told.words
    assert median(told.spans, 5) <= median(told.spans, 1) + 0.5
    assert median(told.lags, 5) <= median(told.lags, 1) + 0.5
    clauses = told.of(CaptionKind.CLAUSE)
    merged = [caption for caption in clauses if caption.note]
    assert len(merged) <= 0.01 * len(clauses)
    assert sum((caption.note or "").count("ann") for caption in merged) == told.totals["merged_clauses"]
    assert told.dropped == []
    assert 1.2 < max(told.tempos) <= FAST
    assert told.totals["tempo_saved_ms"] > 0.15 * 300_000  # without which it would be as much behind
    assert told.totals["booth_underruns"] == 0


async def test_without_tempo_clauses_are_merged_and_dropped_and_every_one_is_accounted_for() -> None:
    told = await talk(150, PipelineOptions(max_tempo=1.0))
    assert set(told.tempos) == {1.0} and told.totals["tempo_saved_ms"] == 0
    clauses, dropped = told.of(CaptionKind.CLAUSE), told.of(CaptionKind.DROPPED)
    assert told.totals["merged_clauses"] > 0 and told.dropped.count("behind") == len(dropped) > 0
    assert {caption.note for caption in dropped if not caption.note or "merged" not in caption.note} <= set(
        NOTES.values()
    )
    by_id = {caption.clause: caption for caption in clauses}
    assert len(by_id) == len(clauses)
    marked = [
        name for caption in clauses if caption.note for name in caption.note.removeprefix("merged with ").split(", ")
    ]
    assert len(marked) == told.totals["merged_clauses"]
    assert not set(marked) & set(by_id)  # a clause is told of once: by itself, or with the one it was merged into
    spoken = Counter(caption.clause for caption in told.of(CaptionKind.SPOKEN))
    unspoken = Counter(caption.clause for caption in dropped)
    assert spoken + unspoken == Counter(list(by_id))
    assert [word for caption in clauses for word in caption.source_text.split()] == told.words
    kept = [word for caption in clauses if caption.clause in spoken for word in caption.source_text.split()]
    assert told.heard == kept
    assert max(lag for _, lag in told.lags) < 40.0
