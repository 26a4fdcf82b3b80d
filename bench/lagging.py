"""How far the interpretation lags behind the speaker, with and without speculation, by clause and by sentence.

    python -m bench.lagging              all rows; writes bench/results/lagging.json and lagging.md

The pipeline is the product's own, the engines are simulated at the latencies of cloud ones (``tests/pipeline/cloud``):
interims every 200 ms of audio, 250 ms behind it, 300 at the 95th percentile; finals 247 (298) ms after they are asked
for; translation 150 (350) ms; first audio 120 (200) ms. Time is virtual, so that every run gives the same figures.
What is said: the sentences of ``config/demo.toml``, each a turn, and the monologues of ``bench/monologues.toml``.

Figures:

* ear-voice span: from the end of a clause's last word to its first translated sample on the wire, per clause.
* own: the part of it that is neither an engine's nor the hangover (``pipeline/latency.py``), with what a clause waits
  until the one before it was spoken.
* lagging: StreamLAAL (Papi et al. 2024, "StreamAtt"), computation-aware: for every sentence of the source the LAAL of
  its words (Papi et al. 2022, "Over-generation cannot be rewarded"), averaged over the sentences. The delay of a
  translated word is when it begins to sound at the booth, from the beginning of its sentence on; the ideal is a
  translation that speaks evenly along with the source. The simulated translation has a word for each of the source's,
  so that the alignment of sentences is exact.
* first sound: from the beginning of the speech to the first translated sample.

Five minutes of a speaker who only draws breath (``tests/pipeline/monologue``) show how the lag goes on: with
translations as long as the speech and 1.25 times as long, with and without catching up by tempo. A hundred speakers
show how far that depends on who speaks: what is promised is that at minute 5 of such a monologue the ear-voice span is
at most 0.5 s more than at minute 1, and that at most 1 % of the clauses were merged away.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import structlog
from tests.pipeline.cloud import cloud_engines, said
from tests.pipeline.fakes import FakeAudio, runs, word_of
from tests.pipeline.hall import Hall, hall
from tests.pipeline.monologue import RATIO, median, talk
from tests.virtual_time import run

from dragoman.media.format import SAMPLE_RATE
from dragoman.pipeline.captions import CaptionKind
from dragoman.pipeline.catchup import FAST, FASTEST
from dragoman.pipeline.latency import STAGES, ClauseTimes
from dragoman.pipeline.options import PipelineOptions
from dragoman.pipeline.plain import plain_text

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
SEEDS = 12
"""Times that every text is said, with other latencies and other mistakes of the recogniser."""

SPEAKERS, FEWER = range(5000, 5100), range(5000, 5040)
"""Seeds of those who talk for five minutes, none that a constant was chosen by; of the fewer all ways are measured."""

LATER, MERGED = 0.5, 0.01
"""Promised: seconds by which the ear-voice span may grow from minute 1 to 5, and part of the clauses merged away."""

SENTENCE_END = (".", "?", "!")

WAYS = {
    "waits": PipelineOptions(speculate=False, by_clause=False, finalize_after_ms=0),
    "sentence": PipelineOptions(speculate=True, by_clause=False),
    "clause, no speculation": PipelineOptions(speculate=False),
    "clause, no early final": PipelineOptions(finalize_after_ms=0),
    "clause": PipelineOptions(),
}
"""``waits``: nothing ahead, a final at the end of the utterance only. ``clause``: the default settings."""


@dataclass
class Score:
    """What was measured of one kind of text, said one way."""

    times: list[ClauseTimes] = field(default_factory=list)
    lagging: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    words: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)

    def row(self) -> dict[str, Any]:
        """As it is published, ms."""
        spans = [times.ear_voice_span or 0.0 for times in self.times]
        stages = [times.stages() for times in self.times]
        made = self.totals["speculations_made"]
        return {
            "clauses": len(self.times),
            "ear_voice_span_ms": _percentiles(spans, 50, 95, 99),
            "own_ms": _percentiles([times.own_share or 0.0 for times in self.times], 50, 95),
            "stages_p50_ms": {stage: _ms(np.percentile([each[stage] for each in stages], 50)) for stage in STAGES},
            "stream_laal_ms": _ms(np.mean(self.lagging)),
            "first_sound_ms": _percentiles(self.first, 50, 95),
            "words": dict(self.words),
            "early_words": self.totals["early_words"],
            "revised_words": self.totals["revised_words"],
            "speculations": made,
            "speculations_confirmed": round(self.totals["speculations_confirmed"] / made, 3) if made else None,
        }


def _ms(seconds: float) -> int:
    return round(float(seconds) * 1000)


def _percentiles(seconds: Sequence[float], *which: int) -> dict[str, int]:
    return {f"p{p}": _ms(np.percentile(seconds, p)) for p in which}


def turns() -> Iterator[tuple[str, str, str]]:
    """(kind, language, text) of all that is said."""
    demo = tomllib.loads((ROOT / "config" / "demo.toml").read_text(encoding="utf-8"))
    languages = {person["name"]: person["language"] for person in demo["people"]}
    for turn in demo["turns"]:
        yield "turns", languages[turn["speaker"]], turn["text"]
    found = tomllib.loads((ROOT / "bench" / "monologues.toml").read_text(encoding="utf-8"))
    for monologue in found["monologues"]:
        yield "monologues", monologue["language"], " ".join(monologue["text"].split())


def sentences(words: Sequence[str]) -> Iterator[range]:
    """The words of each sentence, as indices."""
    begin = 0
    for i, word in enumerate(words):
        if word.endswith(SENTENCE_END) or i == len(words) - 1:
            yield range(begin, i + 1)
            begin = i + 1


def laal(starts: Sequence[float], length: float, delays: Sequence[float | None]) -> float | None:
    """Length-adaptive average lagging of one sentence, seconds.

    Args:
        starts: of the source's words; only their number counts.
        length: of the sentence.
        delays: when each word of the translation sounded, from the beginning of the sentence; None where it never did.
    """
    heard = [delay for delay in delays if delay is not None]
    if not heard:
        return None
    step = length / max(len(heard), len(starts))
    reached = next((i + 1 for i, delay in enumerate(heard) if delay >= length), len(heard))
    return sum(delay - i * step for i, delay in enumerate(heard[:reached])) / reached


async def say(language: str, text: str, seed: int, options: PipelineOptions, score: Score) -> None:
    """Let somebody say this, and add what came of it to ``score``."""
    engines = cloud_engines(Random(f"{text}{seed}").getrandbits(32))
    other = "es" if language == "en" else "en"
    async with hall(engines, options) as place:
        tap = place.join("ann", language)
        place.join("bea", other)
        await place.passes(0.5)
        audio = place.media.legs[tap.channel_id]
        begin, first_frame = audio.end, len(place.media.said[place.booth_id(other)])
        pcm = said(text, Random(seed))
        audio.coming = pcm
        await place.passes(len(pcm) / SAMPLE_RATE + 8)
        score.times += [times for _, _, times, _ in place.measures.spoken]
        score.totals.update(place.conference.totals())
        _measure(place, audio, other, begin, first_frame, text, pcm, score)


def _measure(
    place: Hall, audio: FakeAudio, other: str, begin: int, first_frame: int, text: str, pcm: Any, score: Score
) -> None:
    spoken = np.concatenate(place.media.said[place.booth_id(other)][first_frame:])
    heard = [(plain_text(word_of(value).split(":", 1)[1]), start / SAMPLE_RATE) for value, start, _ in runs(spoken)]
    words = text.split()
    source = [(start / SAMPLE_RATE, stop / SAMPLE_RATE) for _, start, stop in runs(pcm)]
    assert len(source) == len(words)
    matcher = SequenceMatcher(None, [plain_text(word) for word in words], [word for word, _ in heard], autojunk=False)
    delays: list[float | None] = [None] * len(words)
    for block in matcher.get_matching_blocks():
        for i in range(block.size):
            delays[block.a + i] = heard[block.b + i][1]
    score.words["said"] += len(words)
    score.words["heard"] += len(heard)
    score.words["wrong_or_lost"] += delays.count(None)
    score.first.append(heard[0][1] - source[0][0])
    for span in sentences(words):
        start, stop = source[span.start][0], source[span.stop - 1][1]
        of = [None if delays[i] is None else (delays[i] or 0.0) - start for i in span]
        if (lag := laal([source[i][0] for i in span], stop - start, of)) is not None:
            score.lagging.append(lag)


def measure() -> dict[str, dict[str, Any]]:
    """All rows, by way and kind of text."""
    rows: dict[str, dict[str, Any]] = {}
    for way, options in WAYS.items():
        scores = {"turns": Score(), "monologues": Score()}
        for kind, language, text in turns():
            for seed in range(SEEDS if kind == "turns" else SEEDS // 3):
                run(say(language, text, seed, options, scores[kind]), debug=False)
        for kind, score in scores.items():
            rows[f"{kind}: {way}"] = score.row()
            print(f"{kind}: {way}", json.dumps(score.row()), flush=True)
    return rows


def long_talk() -> dict[str, dict[str, Any]]:
    """Rows of five minutes without a pause, by length of the translation and the fastest tempo."""
    rows: dict[str, dict[str, Any]] = {}
    for ratio in (1.0, 1.25):
        for fastest in (1.0, FASTEST):
            told = run(talk(300, PipelineOptions(max_tempo=fastest), ratio), debug=False)
            minutes = range(1, 6)
            rows[f"{ratio:g} times as long, up to {fastest:g}x"] = {
                "ear_voice_span_p50_ms": {f"minute {m}": _ms(median(told.spans, m)) for m in minutes},
                "word_lag_p50_ms": {f"minute {m}": _ms(median(told.lags, m)) for m in minutes},
                "clauses": len(told.spans),
                "merged": told.totals["merged_clauses"],
                "not_spoken": len(told.dropped),
                "saved_s": round(told.totals["tempo_saved_ms"] / 1000, 1),
                "words": len(told.words),
                "words_heard": len(told.heard),
            }
            print(list(rows)[-1], json.dumps(list(rows.values())[-1]), flush=True)
    return rows


def long_table(rows: dict[str, dict[str, Any]]) -> str:
    """As markdown."""
    lines = [
        "",
        "## Five minutes without a pause",
        "",
        "Breaths of 120 to 200 ms, clauses of four to nine words. The lag of a word: from its end to the beginning of "
        "its translation.",
        "",
        "| translation | ear-voice span p50 ms, minute 1 / 3 / 5 | lag of a word p50 ms, minute 1 / 3 / 5 | merged | "
        "not spoken | time saved s |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        spans, lags = (
            " / ".join(str(row[key][f"minute {m}"]) for m in (1, 3, 5))
            for key in ("ear_voice_span_p50_ms", "word_lag_p50_ms")
        )
        rare = f"{row['merged']} of {row['clauses']} | {row['not_spoken']} | {row['saved_s']}"
        lines.append(f"| {name} | {spans} | {lags} | {rare} |")
    return "\n".join(lines) + "\n"


def speaker(asked: tuple[int, bool, float]) -> dict[str, Any]:
    """What is published of one speaker of five minutes: (his seed, whether breaths are speech, fastest tempo)."""
    _quiet()
    seed, breaths, fastest = asked
    told = run(talk(300, PipelineOptions(max_tempo=fastest), seed=seed, breaths=breaths), debug=False)
    assert told.heard == told.words
    busy = np.array(told.tempos[10:300])
    return {
        "seed": seed,
        "ear_voice_span_p50_ms": [_ms(median(told.spans, minute)) for minute in range(1, 6)],
        "later_ms": _ms(told.later),
        "clauses": len(told.of(CaptionKind.CLAUSE)),
        "merged": told.totals["merged_clauses"],
        "not_spoken": len(told.dropped),
        "held": told.later <= LATER and told.merged <= MERGED,
        "tempo_p50": round(float(np.median(busy)), 3),
        "tempo_p95": round(float(np.percentile(busy, 95)), 3),
        "above_fast": round(float((busy > FAST + 0.005).mean()), 3),
    }


def speakers() -> dict[str, list[dict[str, Any]]]:
    """Rows of all speakers, by what is meant by speech and the fastest tempo."""
    rows = {}
    with ProcessPoolExecutor(max_tasks_per_child=20) as pool:  # of some 40 speakers the fakes know the words apart
        for breaths, fastest, seeds in ((True, FASTEST, SPEAKERS), (False, FASTEST, FEWER), (True, FAST, FEWER)):
            name = f"{RATIO:g} times as long as {'words and breaths' if breaths else 'the words'}, up to {fastest:g}x"
            rows[name] = list(pool.map(speaker, [(seed, breaths, fastest) for seed in seeds]))
            print(name, sum(row["held"] for row in rows[name]), "of", len(seeds), flush=True)
    return rows


def speakers_table(rows: dict[str, list[dict[str, Any]]]) -> str:
    """As markdown."""
    lines = [
        "",
        f"## Five minutes of {len(SPEAKERS)} speakers",
        "",
        "Of each speaker the p50 of the ear-voice span in each minute. Promised: at minute 5 at most 500 ms more than "
        "at minute 1, and at most 1 % merged. Breaths are 7 % of a talk: where they count as speech, its translation "
        "takes 1.34 times as long as the words; where only words do, 1.16 times as long as the talk.",
        "",
        "| translation | held by | minute 5 less minute 1, ms: p10 / p50 / p90 / p95 / most | mean of speakers at "
        "minute 1 / 2 / 3 / 4 / 5 | p90 of speakers | most merged of one | tempo p50 / p95 | time above 1.3x |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in rows.items():
        later = np.percentile([row["later_ms"] for row in found], [10, 50, 90, 95, 100])
        minutes = np.array([row["ear_voice_span_p50_ms"] for row in found])
        merged = max(row["merged"] / (row["clauses"] + row["merged"]) for row in found)
        median_tempo, high = (np.mean([row[key] for row in found]) for key in ("tempo_p50", "tempo_p95"))
        lines.append(
            f"| {name} | {sum(row['held'] for row in found)} of {len(found)} | {_slashed(later)} | "
            f"{_slashed(minutes.mean(axis=0))} | {_slashed(np.percentile(minutes, 90, axis=0))} | {merged:.1%} | "
            f"{median_tempo:.2f} / {high:.2f} | {np.mean([row['above_fast'] for row in found]):.0%} |"
        )
    lines += ["", "How many speakers by how much more it is at minute 5, ms:", ""]
    edges = range(-750, 1251, 250)
    names = [f"to {edges[0]}", *(f"to {edge}" for edge in edges[1:]), f"above {edges[-1]}"]
    lines += ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for name, found in rows.items():
        places = np.searchsorted(edges, [row["later_ms"] for row in found])
        counts = np.bincount(places, minlength=len(names))
        lines.append(f"| {name} | " + " | ".join(str(count or "") for count in counts) + " |")
    return "\n".join(lines) + "\n"


def _slashed(values: Any) -> str:
    return " / ".join(str(round(float(value))) for value in values)


def _quiet() -> None:
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=open("/dev/null", "w")))


def table(rows: dict[str, dict[str, Any]]) -> str:
    """As markdown."""
    lines = [
        "# Lagging behind the speaker (simulated cloud engines, virtual time; see bench/lagging.py)",
        "",
        "| | clauses | ear-voice span p50 / p95 ms | own p95 ms | StreamLAAL ms | first sound p50 ms | words "
        "wrong or lost | revised | speculations confirmed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        span, words, hits = row["ear_voice_span_ms"], row["words"], row["speculations_confirmed"]
        lines.append(
            f"| {name} | {row['clauses']} | {span['p50']} / {span['p95']} | {row['own_ms']['p95']} | "
            f"{row['stream_laal_ms']} | {row['first_sound_ms']['p50']} | {words['wrong_or_lost']} of {words['said']} | "
            f"{row['revised_words']} of {row['early_words']} early | "
            + ("- |" if hits is None else f"{100 * hits:.0f} % of {row['speculations']} |")
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and publish."""
    _quiet()
    rows, long, many = measure(), long_talk(), speakers()
    RESULTS.mkdir(exist_ok=True)
    found = {**rows, "five minutes": long, "speakers": many}
    (RESULTS / "lagging.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    text = table(rows) + long_table(long) + speakers_table(many)
    (RESULTS / "lagging.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
