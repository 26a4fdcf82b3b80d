"""From words and their times to figures. Pure.

Times are seconds since the epoch. What was said is known from the speaker's own recording, what was spoken from the
packets of the booth, what was heard from the listener's recording; the daemon is only asked which words it took for a
clause, and how it divides the time among its stages.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np
from tests.tonewords.code import GAP_MS, WORD_MS, ToneWord

LATE_S = 2.0
"""A word is late when the clause that it is in began to sound so long after it had been said."""

MEMORY_S = 40.0
"""How far back a word that is heard may have been said: its number comes again some 35 s of speech later."""

HASTE_S = 0.25
"""By how much a word's sound may seem to begin before the original ended: the edges are found to some ms only, and a
recogniser may tell a word before its very end."""

PARTS = ("asterisk", "hangover", "engine", "queue", "ours")
"""Into what an ear-voice span is divided; they add up to it."""

TRAIL_S = GAP_MS / 1000 + 0.02
"""Behind a clause's last word: the gap that its sound ends with, and what fills its last 20 ms frame."""

WAY = ("mt_wait", "mt", "tts_wait", "tts", "playback")
"""The daemon's stages behind a clause's commit, in order."""

WAITS = ("mt_wait", "tts_wait", "playback")
"""Of these, the ones in which it may wait for the clause before it."""

ENGINES = ("asr", "mt", "tts")
"""Of the daemon's stages, those in which an engine is waited for."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A word and when it sounds; ``text`` None: damaged beyond recognition."""

    text: str | None
    start: float
    end: float

    @property
    def number(self) -> int | None:
        """The word's number, which it has in every language."""
        return None if self.text is None else ToneWord.parse(self.text).number


def follow(said: Sequence[Sound], heard: Sequence[Sound], haste: float = HASTE_S) -> list[int | None]:
    """Which word of ``said`` (index) each word of ``heard`` is; None: one that was not said, or damaged.

    It is the latest of that number of which the end had been said by then, or by ``haste`` s later.
    """
    places: dict[int | None, list[int]] = {}
    for index, word in enumerate(said):
        places.setdefault(word.number, []).append(index)
    found: list[int | None] = []
    for word in heard:
        among = places.get(word.number, []) if word.text is not None else []
        at = bisect_right([said[i].end for i in among], word.start + haste) - 1
        fits = at >= 0 and word.start - said[among[at]].end < MEMORY_S
        found.append(among[at] if fits else None)
    return found


@dataclass(slots=True)
class Tally:
    """What became of the words, over all listeners."""

    spoken: int = 0
    """Translated words that should have been heard."""
    heard: int = 0
    lost: int = 0
    doubled: int = 0
    revised: int = 0
    """Heard, and never said: spoken on a guess that was revised."""
    damaged: int = 0
    """Heard, but not which (they count as lost too)."""
    out_of_order: int = 0
    late: int = 0

    def add(self, said: Sequence[Sound], heard: Sequence[Sound]) -> None:
        """One speaker at one listener."""
        found = follow(said, heard)
        seen: set[int] = set()
        last = -1
        for word, index in zip(heard, found, strict=True):
            if word.text is None:
                self.damaged += 1
            elif index is None:
                self.revised += 1
            elif index in seen:
                self.doubled += 1
            else:
                seen.add(index)
                self.out_of_order += index < last
                last = max(last, index)
        self.spoken += len(said)
        self.heard += len(seen)
        self.lost += len(said) - len(seen)


@dataclass(frozen=True, slots=True)
class Told:
    """What the daemon told of one clause in one target language."""

    clause: str
    voice: str
    target: str
    source_text: str
    """What was translated: more than the clause where others were merged into it."""
    end: float
    """Its estimate of the clause's acoustic end."""
    stages_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Span:
    """One clause at one booth."""

    clause: str
    voice: str
    target: str
    words: tuple[int, ...]
    """Indices of the words said."""
    said: float
    """Acoustic end of its last word in the speaker's recording."""
    sent: float
    """First translated sample on the booth's wire."""
    heard: float | None
    """The same at the listener's ear."""
    parts_ms: Mapping[str, float]
    stages_ms: Mapping[str, float]
    """As the daemon divides it."""

    @property
    def ms(self) -> float:
        """The ear-voice span."""
        return (self.sent - self.said) * 1000

    @property
    def ear_ms(self) -> float | None:
        """The ear-voice span at the ear."""
        return None if self.heard is None else (self.heard - self.said) * 1000


@dataclass(frozen=True, slots=True)
class Interpretation:
    """One speaker, and what came of his words in one language: on the booth's wire, at the listener's ear."""

    said: Sequence[Sound]
    tapped: Sequence[float]
    """When the end of each word of ``said`` was sent to the daemon."""
    wire: Sequence[Sound]
    ear: Sequence[Sound]
    _first: dict[str, dict[int, int]] = field(default_factory=dict, init=False, repr=False)

    def first(self, where: str, index: int) -> int | None:
        """Place in ``wire`` or ``ear`` at which the word said at ``index`` was first heard."""
        if where not in self._first:
            places: dict[int, int] = {}
            for place, found in enumerate(follow(self.said, getattr(self, where))):
                if found is not None:
                    places.setdefault(found, place)
            self._first[where] = places
        return self._first[where].get(index)


def words_of(told: Told, said: Sequence[Sound]) -> tuple[int, ...]:
    """Which words a clause holds (indices), by its text and about its end; what was misheard is not among them."""
    found: list[int] = []
    before = len(said)
    for text in reversed(told.source_text.split()):
        try:
            number = ToneWord.parse(text).number
        except ValueError:
            continue
        near = [
            index
            for index in range(before)
            if said[index].number == number and abs(said[index].end - told.end) < MEMORY_S / 2
        ]
        if near:
            before = min(near, key=lambda index: abs(said[index].end - told.end)) if not found else near[-1]
            found.append(before)
    return tuple(reversed(found))


def measure(told: Told, way: Interpretation, hangover_s: float) -> Span | None:
    """A clause's span and its parts; None: none of it was said, or heard on the wire.

    Args:
        told: what the daemon says of it.
        way: its speaker, and its target language.
        hangover_s: the silence by which an utterance is known to have ended, as it is set.
    """
    words = words_of(told, way.said)
    places = [place for index in words if (place := way.first("wire", index)) is not None]
    if not places:
        return None
    place = min(places)
    ears = [ear for index in words if (ear := way.first("ear", index)) is not None]
    said, sent = way.said[words[-1]].end, way.wire[place].start
    stages = dict(told.stages_s)
    queue = _waited(stages, sent, way.wire[place - 1].end + TRAIL_S) if place > 0 else 0.0
    asterisk = way.tapped[words[-1]] - said
    engine = sum(max(stages.get(stage, 0.0), 0.0) for stage in ENGINES)
    silent = told.end + stages.get("hangover", 0.0) - way.tapped[words[-1]]
    hangover = min(max(silent, 0.0), hangover_s)
    parts = {"asterisk": asterisk, "hangover": hangover, "engine": engine, "queue": queue}
    parts["ours"] = sent - said - sum(parts.values())
    return Span(
        told.clause,
        told.voice,
        told.target,
        words,
        said,
        sent,
        way.ear[min(ears)].start if ears else None,
        {part: parts[part] * 1000 for part in PARTS},
        {stage: seconds * 1000 for stage, seconds in stages.items()},
    )


def _waited(stages: Mapping[str, float], sent: float, busy_until: float) -> float:
    """Seconds for which a clause waited for the one before it: what of its waits lay before that had been spoken."""
    waited, at = 0.0, sent
    for stage in reversed(WAY):
        begin = at - stages.get(stage, 0.0)
        if stage in WAITS:
            waited += max(min(at, busy_until) - begin, 0.0)
        at = begin
    return waited


def first_sounds(way: Interpretation, begins: Iterable[int]) -> list[float]:
    """Milliseconds from the beginning of a turn (index of its first word) to its first translated sound on the wire."""
    found = []
    for begin in begins:
        place = way.first("wire", begin)
        if place is not None:
            found.append((way.wire[place].start - way.said[begin].start) * 1000)
    return found


def lags(way: Interpretation, among: range | None = None) -> list[float]:
    """Milliseconds from each word's end to its translation's beginning on the wire: what listeners lag behind."""
    found = []
    for index in among if among is not None else range(len(way.said)):
        place = way.first("wire", index)
        if place is not None:
            found.append((way.wire[place].start - way.said[index].end) * 1000)
    return found


def tempos(ways: Iterable[Interpretation]) -> dict[str, float | None]:
    """How many times as fast as they were made words sounded at the ear, by their lengths: ``{"p50": 1.0, ...}``.

    By the recording's samples: on the wire a length is told by packets, 20 ms coarse, which makes 1.4 of 1.3.
    """
    found = [
        WORD_MS / 1000 / (word.end - word.start)
        for way in ways
        for word in way.ear
        if word.text is not None and word.end > word.start
    ]
    return {f"p{point}": round(float(np.percentile(found, point)), 2) if found else None for point in (50, 95, 99)}


def percentiles(values: Sequence[float], *points: int) -> dict[str, float | None]:
    """By name, in tenths of a millisecond: ``{"p50": 612.4}``; None where there are no values."""
    if not values:
        return {f"p{point}": None for point in points}
    return {f"p{point}": round(float(np.percentile(values, point)), 1) for point in points}


def means(spans: Sequence[Span]) -> dict[str, float]:
    """The parts of an average span, ms; they add up to the mean ear-voice span."""
    return {part: round(fmean(span.parts_ms[part] for span in spans), 1) for part in PARTS} if spans else {}
