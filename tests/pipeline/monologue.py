"""Somebody talks for minutes without a pause but to draw breath; what comes of it at the booth, for tests and benches.

The engines have the latencies of cloud ones; time is virtual.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from tests.pipeline.cloud import cloud_engines, monologue
from tests.pipeline.fakes import runs, word_of
from tests.pipeline.hall import hall

from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples
from dragoman.pipeline.captions import Caption, CaptionKind
from dragoman.pipeline.options import PipelineOptions

RATIO = 1.25
"""Length of a translation by that of the speech."""

BREATH = ms_to_samples(100)
"""Samples of silence between two words that are a breath."""


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
    """At each second."""

    @property
    def later(self) -> float:
        """Seconds by which the ear-voice span at minute 5 is more than at minute 1."""
        return median(self.spans, 5) - median(self.spans, 1)

    @property
    def merged(self) -> float:
        """Part of the clauses that was merged away."""
        merged = self.totals["merged_clauses"]
        return merged / (len(self.of(CaptionKind.CLAUSE)) + merged)

    def of(self, kind: CaptionKind) -> list[Caption]:
        return [caption for caption in self.captions if caption.kind is kind]


async def talk(
    seconds: float, options: PipelineOptions, ratio: float = RATIO, seed: int = 1, *, breaths: bool = True
) -> Told:
    """Somebody talks for so long; all that he said is spoken out.

    Args:
        seconds: of his talk.
        options: of the pipeline.
        ratio: as RATIO.
        seed: of what he says, and of what the engines take for it.
        breaths: whether what he takes to draw breath is speech, too, of which the translation is so many times as long.
    """
    words, pcm = monologue(seconds, seed)
    engines = cloud_engines(seed + 2)
    speech = len(pcm) if breaths else len(pcm) - silence(pcm)
    engines.mouth.word = round(ratio * speech / len(words))
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
            tempos += [lag.tempo for lag in place.conference.lags() if lag.target == "es"]
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


def silence(pcm: Pcm) -> int:
    """Samples of it that are breaths."""
    found = runs(pcm)
    gaps = [start - before for (_, start, _), (_, _, before) in zip(found[1:], found, strict=False)]
    return sum(gap for gap in gaps if gap >= BREATH)


def median(values: list[tuple[float, float]], minute: int) -> float:
    """In that minute, counted from 1."""
    return float(np.median([value for at, value in values if minute - 1 <= at / 60 < minute]))
