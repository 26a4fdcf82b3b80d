"""Somebody talks for minutes without a pause but to draw breath; what comes of it at the booth, for tests and benches.

The engines have the latencies of cloud ones; time is virtual.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from tests.pipeline.cloud import cloud_engines, monologue
from tests.pipeline.fakes import runs, word_of
from tests.pipeline.hall import hall

from dragoman.media.format import SAMPLE_RATE
from dragoman.pipeline.captions import Caption, CaptionKind
from dragoman.pipeline.options import PipelineOptions

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


async def talk(seconds: float, options: PipelineOptions, ratio: float = RATIO) -> Told:
    """Somebody talks for so long; all that he said is spoken out. ``ratio``: as RATIO."""
    words, pcm = monologue(seconds)
    engines = cloud_engines(3)
    engines.mouth.word = round(ratio * len(pcm) / len(words))
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
