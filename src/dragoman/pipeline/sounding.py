"""What the people of each language of a room hear, in words: their booth's clauses, and each other. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dragoman.engines.base import Hypothesis, Word
from dragoman.media.format import SAMPLE_RATE
from dragoman.pipeline.echoed import LONGEST, EchoEar, Source
from dragoman.pipeline.lag import CHARACTER
from dragoman.pipeline.pending import Pending
from dragoman.pipeline.plain import plain
from dragoman.pipeline.ports import LegAudio
from dragoman.pipeline.spoken import Spoken, Stretch, lay_out, units_of

CLAUSES = 64
"""Clauses kept per booth, the oldest go: two minutes; a recogniser gets 19 s at most again (feed.REPLAY)."""

UTTERANCES = 16
"""Finals kept of each leg, the oldest go: the echo of one is recognised with it or just behind it."""

Place = tuple[str, str]
"""Room and language: who shares a conference, and a booth."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a leg said, on its timeline."""

    words: tuple[Word, ...]
    origin: float
    """Monotonic time of its audio time 0, seconds."""

    def stretch(self) -> Stretch:
        """With monotonic times."""
        spoken = tuple(each for _, each in timed(self.words, self.origin))
        return Stretch(spoken, spoken[0].start if spoken else 0.0, spoken[-1].end if spoken else 0.0)


class Voice:
    """What one leg said lately."""

    def __init__(self) -> None:
        self._finals: deque[Said] = deque(maxlen=UTTERANCES)
        self._partial = Said((), 0.0)

    def hear(self, hypothesis: Hypothesis, origin: float) -> None:
        """The leg's next hypothesis, without what is no word of its own."""
        said = Said(hypothesis.words, origin)
        self._partial = Said((), 0.0) if hypothesis.is_final else said
        if hypothesis.is_final and said.words:
            self._finals.append(said)

    def stretches(self, since: float) -> Iterator[Stretch]:
        """What was said behind this time."""
        for said in (*self._finals, self._partial):
            if said.words and said.origin + said.words[-1].end / SAMPLE_RATE > since:
                yield said.stretch()


@dataclass(slots=True)
class Clause:
    """A clause that sounds at a booth, or has."""

    pending: Pending
    stretch: Stretch | None = None
    """Its words, once it has ended; till then they move."""

    def words(self, character: float) -> Stretch:
        """See ``end_of``; laid out anew only while it sounds."""
        if self.stretch is not None:
            return self.stretch
        begin = self.pending.times.sent or 0.0
        text = "" if self.pending.translation is None else self.pending.translation.text
        stretch = lay_out(text, begin, max(end_of(self.pending, character), begin))
        if self.pending.times.played is not None:
            self.stretch = stretch
        return stretch

    def pace(self, before: float) -> float:
        """Seconds that a character of it took; ``before`` where that is not known."""
        if self.stretch is None or self.pending.translation is None or not self.pending.translation.text:
            return before
        took = self.stretch.end - self.stretch.start
        return took / len(self.pending.translation.text) if took > 0 else before


class Sounding:
    """What sounds at every place; what is not needed any more goes by itself, or with ``close``."""

    def __init__(self) -> None:
        self._booths: dict[Place, deque[Clause]] = {}
        self._voices: dict[Place, dict[str, Voice]] = {}

    def spoken(self, place: Place, pending: Pending) -> None:
        """A clause begins to sound at a booth."""
        self._booths.setdefault(place, deque(maxlen=CLAUSES)).append(Clause(pending))

    def voice(self, place: Place, leg: str) -> Voice:
        """What this leg says; made when first asked for."""
        return self._voices.setdefault(place, {}).setdefault(leg, Voice())

    def leaves(self, place: Place, leg: str) -> None:
        """The leg is gone; idempotent."""
        voices = self._voices.get(place, {})
        voices.pop(leg, None)
        if not voices:
            self._voices.pop(place, None)

    def close(self, room: str) -> None:
        """The room is empty."""
        for place in [place for place in self._booths if place[0] == room]:
            del self._booths[place]

    def _clauses(self, place: Place, since: float) -> Iterator[Stretch]:
        character = CHARACTER / SAMPLE_RATE
        for clause in self._booths.get(place, ()):
            stretch = clause.words(character)
            character = clause.pace(character)
            if stretch.end > since:
                yield stretch

    def played(self, place: Place, leg: str, source: Source, since: float) -> list[Stretch]:
        """What this leg was played by ``source`` behind a time."""
        if source is Source.BOOTH:
            return list(self._clauses(place, since))
        others = [voice for name, voice in self._voices.get(place, {}).items() if name != leg]
        return [stretch for voice in others for stretch in voice.stretches(since)]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Words that were taken for an echo."""

    words: int
    start: float
    end: float
    """Monotonic seconds of the first one's start and the last one's end."""
    delay: float | None = None
    """Seconds behind what was played; None: it was not told by its words, but by its sound."""
    source: Source | None = None

    @property
    def known_by(self) -> dict[str, str | int]:
        """For the log."""
        if self.source is None or self.delay is None:
            return {"source": "sound"}
        return {"source": self.source.value, "delay_ms": round(self.delay * 1000)}


class OwnWords:
    """Takes from one leg's hypotheses the words that it only was played; see ``echoed``."""

    def __init__(self, sounding: Sounding, place: Place, leg: str) -> None:
        self._sounding = sounding
        self._place = place
        self._leg = leg
        self._ear = EchoEar()
        self._told = 0  # audio time up to which echoes were counted
        self.echoes = 0
        """Utterances in which there was an echo."""
        self.echoed_words = 0

    def take(self, hypothesis: Hypothesis, audio: LegAudio, now: float) -> tuple[Hypothesis, Dropped | None]:
        """The hypothesis without echoes, and what of a final is left out for the first time."""
        origin = audio.time_of(0)
        echoed: dict[int, tuple[float | None, Source | None]] = {}
        heard = timed(hypothesis.words, origin)
        since = (heard[0][1].start if heard else now) - 2 * LONGEST
        words = [each for _, each in heard]
        heard_of: list[tuple[Source, list[Stretch]]] = []
        for source in self._ear.sources(len(heard), now, loudspeaker=audio.loudspeaker, final=hypothesis.is_final):
            played = self._sounding.played(self._place, self._leg, source, since)
            if not played:
                continue
            heard_of.append((source, played))
            echo = self._ear.judge(
                words,
                played,
                source,
                now,
                loudspeaker=audio.loudspeaker,
                delay=audio.echo_delay if source is Source.BOOTH else None,
                final=hypothesis.is_final,
            )
            if echo is not None:
                echoed.update((heard[i][0], (echo.delay, source)) for i in echo.words)
        # By their sound only those that are no echo by what they say: a reply may come just behind one.
        left = [(index, word) for index, word in heard if index not in echoed]
        if left and audio.loudspeaker:
            first, last = hypothesis.words[left[0][0]], hypothesis.words[left[-1][0]]
            if self._ear.follows(audio.echo_likeness(first.start, last.end), [word for _, word in left], heard_of):
                echoed.update((index, (None, None)) for index, _ in left)
        own = hypothesis
        if echoed:
            kept = [word for index, word in enumerate(hypothesis.words) if index not in echoed]
            own = replace(hypothesis, words=tuple(kept))
        self._sounding.voice(self._place, self._leg).hear(own, origin)
        return own, self._count(hypothesis, echoed, origin) if hypothesis.is_final else None

    def _count(
        self, hypothesis: Hypothesis, echoed: dict[int, tuple[float | None, Source | None]], origin: float
    ) -> Dropped | None:
        fresh = [index for index in sorted(echoed) if hypothesis.words[index].end > self._told]
        if not fresh:
            return None
        words = [hypothesis.words[index] for index in fresh]
        self._told = words[-1].end
        self.echoes += 1
        self.echoed_words += len(words)
        start, end = (origin + sample / SAMPLE_RATE for sample in (words[0].start, words[-1].end))
        return Dropped(len(words), start, end, *echoed[fresh[0]])


def timed(words: Sequence[Word], origin: float) -> list[tuple[int, Spoken]]:
    """What is compared of these words, each with its word's place; ``origin``: monotonic time of audio time 0."""
    found = []
    for index, word in enumerate(words):
        units = units_of(word.text)
        start, length = origin + word.start / SAMPLE_RATE, (word.end - word.start) / SAMPLE_RATE / len(units)
        for number, unit in enumerate(units):
            if bare := plain(unit):
                found.append((index, Spoken(bare, start + number * length, start + (number + 1) * length)))
    return found


def end_of(pending: Pending, character: float) -> float:
    """Monotonic time of a clause's last sound at its booth; of one that still sounds it is foreseen.

    ``character``: seconds that one takes, as far as is known.
    """
    times, load = pending.times, pending.load
    if times.played is not None:
        return times.played - pending.hush
    known = load.given / SAMPLE_RATE
    length = 0 if pending.translation is None else len(pending.translation.text)
    return (times.sent or 0.0) + (known if load.whole else max(known, length * character))
