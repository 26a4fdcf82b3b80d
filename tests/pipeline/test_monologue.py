"""Pins that the lag of a monologue does not grow, and that where it must, what is merged or dropped is told.

Translations take 1.25 times as long as the speech; the engines have the latencies of cloud ones; time is virtual.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from tests.pipeline.cloud import cloud_engines, monologue
from tests.pipeline.fakes import runs, word_of
from tests.pipeline.hall import hall
from tests.virtual_time import virtual_time

from dragoman.media.format import SAMPLE_RATE
from dragoman.pipeline.captions import Caption, CaptionKind
from dragoman.pipeline.catchup import FAST
from dragoman.pipeline.options import PipelineOptions
from dragoman.pipeline.reports import NOTES

pytestmark = virtual_time

RATIO = 1.25
"""Length of a translation by that of the speech."""


@dataclass
class Told:
    """What came of a monologue."""

    words: list[str]
    heard: list[str]
    """Words on the wire, in order."""
    lags: list[tuple[float, float]]
    """Of each word: when it had been said, and how much later its translation began."""
    spans: list[tuple[float, float]]
    """Of each clause: when it had been said, and its ear-voice span."""
    captions: list[Caption]
    totals: dict[str, int]
    dropped: list[str]
    tempos: list[float] = field(default_factory=list)

    def of(self, kind: CaptionKind) -> list[Caption]:
        return [caption for caption in self.captions if caption.kind is kind]


async def talk(seconds: float, options: PipelineOptions) -> Told:
    """Somebody talks for so long; all that he said is spoken out."""
    words, pcm = monologue(seconds)
    engines = cloud_engines(3)
    engines.mouth.word = round(RATIO * len(pcm) / len(words))
    tempos = []
    async with hall(engines, options) as place:
        tap = place.join("ann", "en")
        place.join("bea", "es")
        reader = place.read("es")
        await place.passes(0.5)
        audio, booth = place.media.legs[tap.channel_id], place.booth_id("es")
        begin, first = audio.time_of(audio.end), len(place.media.said[booth])
        audio.coming = pcm
        for _ in range(round(len(pcm) / SAMPLE_RATE) + 60):
            await place.passes(1)
            tempos += [lag.tempo for lag in place.conference.lags()]
        assert all(lag.seconds == 0 and lag.tempo == 1.0 for lag in place.conference.lags())
        sound = np.concatenate(place.media.said[booth][first:])
        starts = {word_of(value).split(":", 1)[1]: start / SAMPLE_RATE for value, start, _ in reversed(runs(sound))}
        ends = {word_of(value): stop / SAMPLE_RATE for value, _, stop in runs(pcm)}
        return Told(
            words,
            [word.split(":", 1)[1] for word in place.heard("es")],
            [(ends[word], starts[word] - ends[word]) for word in words if word in starts],
            [(each[2].said - begin, each[2].ear_voice_span or 0.0) for each in place.measures.spoken],
            reader.captions,
            place.conference.totals(),
            place.measures.dropped,
            tempos,
        )


def median(values: list[tuple[float, float]], minute: int) -> float:
    """In that minute, counted from 1."""
    return float(np.median([value for at, value in values if minute - 1 <= at / 60 < minute]))


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
