"""From recordings, packets and captions to the bench's result. Everything is decoded by tests.tonewords."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Any

from bench.latency import wire
from bench.latency.call import HANGOVER_MS, Held
from bench.latency.figures import (
    LATE_S,
    PARTS,
    Interpretation,
    Sound,
    Span,
    Tally,
    Told,
    first_sounds,
    follow,
    lags,
    means,
    measure,
    percentiles,
    tempos,
)
from bench.latency.script import LANGUAGE_OF, WORD_S, Script
from tests.tonewords.code import Source, ToneWord
from tests.tonewords.decode import HeardWord, decode

from dragoman.pipeline.captions import Caption, CaptionKind

PAUSE_S = 0.3
"""Silence after which a speaker's next word begins a new utterance: how long listeners wait for its first sound."""

LEAST_PACKETS = 50
"""A flow of less than a second is not a call's."""

LONG_WORDS = 30
"""Words said without a pause of PAUSE_S from which it is a monologue."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that was measured."""

    result: dict[str, Any]
    """What is published."""
    spans: list[Span]
    turns: list[Span]
    """Of these, the ones that are not of a monologue."""


def analyse(script: Script, held: Held) -> Analysis:
    """Decode everything, and count.

    Raises:
        RuntimeError: the recordings do not hold what the phones were given to say, or a booth has no packets.
    """
    ways, checks = _ways(script, held)
    told = list(told_by(held.captions, held.stages))
    found = summarise(script, ways, told, held.captions)
    return replace(found, result={**found.result, **checks, "tick": held.stats.get("tick")})


def summarise(
    script: Script,
    ways: Mapping[tuple[str, str], Interpretation],
    told: Sequence[Told],
    captions: Sequence[Caption],
) -> Analysis:
    """What came of a meeting, whoever held it.

    Args:
        script: who said what.
        ways: by (voice, target), how it was interpreted.
        told: the clauses that the daemon spoke.
        captions: all that it told its readers.
    """
    measured = [measure(each, ways[each.voice, each.target], HANGOVER_MS / 1000) for each in told]
    spans = [span for span in measured if span is not None]
    words, wired = Tally(), Tally()
    for way in ways.values():
        words.add(way.said, way.ear)
        wired.add(way.said, way.wire)
    words.late = sum(len(span.words) for span in spans if span.ms > LATE_S * 1000)
    stretches = {voice: _stretches(_said_of(ways, voice)) for voice in LANGUAGE_OF}
    long = {voice: [s for s in found if len(s) >= LONG_WORDS] for voice, found in stretches.items()}
    in_long = [span for span in spans if any(span.words[0] in stretch for stretch in long[span.voice])]
    in_turns = [span for span in spans if span not in in_long]
    milliseconds = [span.ms for span in spans]
    result = {
        "ear_voice_span_ms": percentiles(milliseconds, 50, 95, 99),
        "own_ms": percentiles([span.parts_ms["ours"] for span in spans], 50, 95),
        "first_sound_ms": percentiles(
            [
                ms
                for (voice, _), way in ways.items()
                for ms in first_sounds(way, (stretch[0] for stretch in stretches[voice]))
            ],
            50,
            95,
        ),
        "words": {name: getattr(words, name) for name in Tally.__slots__},
        "words_on_the_wire": {name: getattr(wired, name) for name in Tally.__slots__ if name != "late"},
        "clauses": len({span.clause for span in spans}),
        "translations": len(spans),
        "translations_not_found": len(measured) - len(spans),
        "dropped": sum(caption.kind is CaptionKind.DROPPED for caption in captions),
        "words_per_clause": round(fmean(len(span.words) for span in spans), 1) if spans else None,
        "at_the_ear_ms": percentiles([span.ear_ms for span in spans if span.ear_ms is not None], 50, 95, 99),
        "parts_mean_ms": means(spans),
        "parts_ms": {part: percentiles([span.parts_ms[part] for span in spans], 50, 95) for part in PARTS},
        "slowest_parts_mean_ms": means(_slowest(spans)),
        "own_with_queue_ms": percentiles([s.parts_ms["ours"] + s.parts_ms["queue"] for s in spans], 50, 95),
        "stages_ms": _stages(spans),
        "translation_length": round(script.translation_length, 3),
        "tempo": tempos(ways.values()),
        "word_lag_ms": percentiles([ms for way in ways.values() for ms in lags(way)], 50, 95),
        "turns": {
            "ear_voice_span_ms": percentiles([span.ms for span in in_turns], 50, 95, 99),
            "parts_mean_ms": means(in_turns),
            "without_queue_ms": percentiles([span.ms - span.parts_ms["queue"] for span in in_turns], 50, 95, 99),
        },
        "monologues": {
            "count": sum(map(len, long.values())),
            "ear_voice_span_ms": percentiles([span.ms for span in in_long], 50, 95),
            "parts_mean_ms": means(in_long),
            "word_lag_ms": percentiles(
                [ms for (voice, _), way in ways.items() for s in long[voice] for ms in lags(way, s)], 50, 95
            ),
        },
        "daemon_says_ms": percentiles(
            [c.ear_voice_span_ms for c in captions if c.ear_voice_span_ms is not None], 50, 95, 99
        ),
    }
    return Analysis(result, spans, in_turns)


Placed = list[tuple[HeardWord, wire.Track]]
"""Words, and in what they were found."""


def _ways(script: Script, held: Held) -> tuple[dict[tuple[str, str], Interpretation], dict[str, Any]]:
    """By (voice, target), how it was interpreted; and what the instruments say of each other."""
    flows = [flow for flow in wire.read(held.capture) if len(flow.packets) >= LEAST_PACKETS]
    tracks = [flow.track() for flow in flows]
    with ProcessPoolExecutor() as pool:
        on_wire = list(pool.map(decode, [track.pcm for track in tracks]))
        spoke = dict(zip(held.spoke, pool.map(decode, [t.pcm for t in held.spoke.values()]), strict=True))
        heard = dict(zip(held.heard, pool.map(decode, [t.pcm for t in held.heard.values()]), strict=True))
    booths, taps, phones = _sort(held.media_port, flows, tracks, on_wire)
    ways: dict[tuple[str, str], Interpretation] = {}
    to_packet: list[float] = []
    lost = 0
    for voice in LANGUAGE_OF:
        words = [word for word in spoke[voice] if word.source == Source(voice, False)]
        if [word.text for word in words] != script.words(voice):
            raise RuntimeError(f"{voice}'s phone recorded {len(words)} words, not those it was given to say")
        if voice not in taps:
            raise RuntimeError(f"no packets of {voice}'s tap were captured")
        clock = held.spoke[voice].clock
        said = [Sound(word.text, clock.unix(word.start_s), clock.unix(word.end_s)) for word in words]
        tapped = _ends(said, taps[voice])
        lost += len(said) - len(tapped)
        usual = median(end - said[index].end for index, end in tapped.items())
        to_packet += [(end - said[index].end) * 1000 for index, end in _ends(said, phones.get(voice, ())).items()]
        for listener, target in LANGUAGE_OF.items():
            if listener == voice:
                continue
            booth, at = Source(voice, True), held.heard[listener].clock
            ways[voice, target] = Interpretation(
                said,
                [tapped.get(index, word.end + usual) for index, word in enumerate(said)],
                _sent((word, track) for word, track in booths.get(target, ()) if word.source == booth),
                [
                    Sound(word.text, at.unix(word.start_s), at.unix(word.end_s))
                    for word in heard[listener]
                    if word.source == booth
                ],
            )
    checks = {
        "recording_to_packet_ms": percentiles(to_packet, 5, 50, 95),
        "clock_drift_ms": round(held.clock_drift_ms, 3),
        "words_lost_before_the_daemon": lost,
    }
    return ways, checks


def _sort(
    media_port: int, flows: Sequence[wire.Flow], tracks: Sequence[wire.Track], found: Iterable[list[HeardWord]]
) -> tuple[dict[str, Placed], dict[str, Placed], dict[str, Placed]]:
    """Booths by language, taps by voice, what phones send by voice."""
    booths: dict[str, Placed] = {}
    taps: dict[str, Placed] = {}
    phones: dict[str, Placed] = {}
    # A booth's channel sends too: what is said in its language, mixed by the conference. That is no tap.
    at_booths = {flow.target for flow in flows if flow.source == media_port}
    for flow, track, words in zip(flows, tracks, found, strict=True):
        if flow.source in at_booths and flow.target == media_port:
            continue
        of_booths = [word for word in words if word.source.booth]
        persons = {word.source.voice for word in words if not word.source.booth}
        if flow.source == media_port and of_booths:
            booths[_language(of_booths)] = [(word, track) for word in of_booths]
        elif len(persons) == 1 and not of_booths:
            kind = taps if flow.target == media_port else phones
            kind[persons.pop()] = [(word, track) for word in words]
    return booths, taps, phones


def _sent(found: Iterable[tuple[HeardWord, wire.Track]]) -> list[Sound]:
    """Words with the times of the packets that they begin and end in."""
    return [Sound(word.text, track.sent(word.start_s), track.sent(word.end_s)) for word, track in found]


def _ends(said: Sequence[Sound], found: Iterable[tuple[HeardWord, wire.Track]]) -> dict[int, float]:
    """When the packet with the end of each word (by its index in ``said``) was sent; without those that were lost."""
    sent = _sent(found)
    ends: dict[int, float] = {}
    for index, word in zip(follow(said, sent, haste=2 * WORD_S), sent, strict=True):
        if index is not None:
            ends.setdefault(index, word.end)
    return ends


def told_by(captions: Iterable[Caption], stages: Mapping[tuple[str, str], Mapping[str, float]]) -> Iterable[Told]:
    """What the daemon told of clauses that it spoke; ``stages``: seconds per stage by (clause, target)."""
    for caption in captions:
        if caption.kind is CaptionKind.SPOKEN:
            yield Told(
                caption.clause,
                ToneWord.parse(caption.source_text.split()[0]).voice,
                caption.language,
                caption.source_text,
                caption.end_unix,
                stages.get((caption.clause, caption.language), {}),
            )


def _language(words: Sequence[HeardWord]) -> str:
    languages = [ToneWord.parse(word.text).language for word in words if word.text]
    return max(set(languages), key=languages.count)


def _said_of(ways: Mapping[tuple[str, str], Interpretation], voice: str) -> Sequence[Sound]:
    return next(way.said for (other, _), way in ways.items() if other == voice)


def _stretches(said: Sequence[Sound]) -> list[range]:
    """Words between pauses, as indices."""
    begins = [0, *(i for i in range(1, len(said)) if said[i].start - said[i - 1].end > PAUSE_S)]
    return [range(begin, end) for begin, end in zip(begins, [*begins[1:], len(said)], strict=True) if begin < end]


def _slowest(spans: Sequence[Span]) -> list[Span]:
    """The slowest twentieth."""
    return sorted(spans, key=lambda span: span.ms)[-max(len(spans) // 20, 1) :] if spans else []


def _stages(spans: Sequence[Span]) -> dict[str, dict[str, float | None]]:
    names = list(dict.fromkeys(name for span in spans for name in span.stages_ms))
    return {name: percentiles([s.stages_ms[name] for s in spans if name in s.stages_ms], 50, 95) for name in names}
