"""The interpreter of the simulation: recogniser, second line against echoes, booths; and whose words were translated.

It does with an utterance what the pipeline does: ``sounding.OwnWords`` takes away what the leg only was played, what is
left is a clause, and 700 ms later the other languages' booths say about as many words. The verdict is not the guard's:
a word was somebody's where a person at that phone spoke while it was said. Of what nobody there said, an utterance with
a word that was played to that phone lately is a loop; else the recogniser invented its words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from bench.echo.recognise import Recogniser
from bench.echo.speech import TRANSLATED, booth

from dragoman.engines.base import Hypothesis, Translation, Word
from dragoman.media.echo.guard import EchoGuard
from dragoman.media.echo.remains import UNLIKE
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm, ms_to_samples
from dragoman.media.ring import RingBank
from dragoman.pipeline.clause import Clause
from dragoman.pipeline.echoed import NEAR_LAID_OUT, alike
from dragoman.pipeline.latency import ClauseTimes
from dragoman.pipeline.pending import Pending
from dragoman.pipeline.plain import plain
from dragoman.pipeline.sounding import OwnWords, Sounding
from dragoman.pipeline.spoken import Stretch, lay_out

ROOM: Final = "1000"

INTERPRETER_MS: Final = 700

AROUND: Final = ms_to_samples(200)
"""Samples before and behind an utterance that the recogniser hears as well: the VAD finds its edges late."""

LATELY: Final = 1.0
"""Seconds within which what was played comes back: 640 ms of echo (``search.LONGEST``), through one phone or two."""

CHOICE: Final = 3
"""Sentences of the length wanted of which one is taken."""


@dataclass(slots=True)
class Tale:
    """What was translated."""

    words: int = 0
    """Recognised and translated."""
    again: int = 0
    """Of those, words that nobody said: echo, or made of noise."""
    rounds: int = 0
    """Utterances translated of which nobody said a word, but one was played to that leg: the conference translating
    itself."""
    invented: int = 0
    """Utterances translated of which nobody said a word and none was played: made of an echo's remains, or of noise."""
    dropped: int = 0
    """Words that were left out as an echo."""
    own_dropped: int = 0
    """Of those, words that a person was saying: not what the recogniser heard of the echo beside him."""


@dataclass(slots=True)
class _Booth:
    """Says clips one after the other and notes when."""

    language: str
    clips: list[Pcm]
    _left: deque[tuple[Pending, Pcm]]
    _at: int = 0

    @property
    def busy(self) -> bool:
        return bool(self._left)

    def say(self, texts: list[int]) -> None:
        """These of its sentences, one clause each."""
        for number in texts:
            text, clip = TRANSLATED[self.language][number], self.clips[number]
            pending = Pending(Clause("booth", 0, self.language, text, 0, 0), ClauseTimes(0, 0, 0, 0))
            pending.translation = Translation(text, "bench")
            pending.load.given, pending.load.whole = len(clip), True
            self._left.append((pending, clip))

    def frame(self, now: float, begins: Callable[[Pending], None]) -> Pcm:
        """The next 20 ms, sent ``now``."""
        out = np.zeros(FRAME_SAMPLES, np.int16)
        if self._left:
            pending, clip = self._left[0]
            if not self._at:
                pending.times.sent = now
                begins(pending)
            part = clip[self._at : self._at + FRAME_SAMPLES]
            out[: len(part)] = part
            self._at += FRAME_SAMPLES
            if self._at >= len(clip):
                pending.times.played = now + len(part) / SAMPLE_RATE
                self._left.popleft()
                self._at = 0
        return out


class Ear:
    """A leg's audio, as far as the second line asks for it (``ports.LegAudio``)."""

    def __init__(self, guard: EchoGuard | None, row: int) -> None:
        self._guard = guard
        self._row = row
        self.kept: list[Pcm] = []
        self.began: int | None = None
        """Audio time at which the VAD heard speech begin, while it lasts."""

    def hear(self, ring: RingBank, row: int) -> None:
        """What was decided on since the last tick."""
        at = len(self.kept) * FRAME_SAMPLES
        while ring.end[row] >= at + FRAME_SAMPLES:
            self.kept.append(ring.read(row, at, at + FRAME_SAMPLES))
            at += FRAME_SAMPLES

    @property
    def loudspeaker(self) -> bool:
        """Whether the guard found the leg to be on one."""
        return self._guard is not None and bool(self._guard.loudspeakers[self._row])

    @property
    def echo_delay(self) -> float | None:
        """Seconds by which the guard found its booth to come back."""
        delay = float("nan") if self._guard is None else float(self._guard.delays[self._row])
        return None if np.isnan(delay) else delay

    def echo_likeness(self, start: int, stop: int) -> float:
        """How much of what came between two audio times was nothing but its echo."""
        return UNLIKE if self._guard is None else self._guard.remains.likeness(self._row, start, stop)

    def time_of(self, sample: int) -> float:
        """Seconds since the call began."""
        return sample / SAMPLE_RATE

    def read(self, start: int, stop: int) -> Pcm:
        """All of it is kept."""
        first = start // FRAME_SAMPLES
        whole = np.concatenate(self.kept[first : -(-stop // FRAME_SAMPLES)] or [np.zeros(0, np.int16)])
        return np.asarray(whole[start - first * FRAME_SAMPLES :][: stop - start], np.int16)


class Interpreter:
    """Of one call.

    Args:
        languages: of each leg.
        recogniser: shared by all.
        second_line: whether words that a leg was only played are left out.
        guard: of the media plane, if there is one.
    """

    def __init__(
        self,
        languages: list[str],
        recogniser: Recogniser,
        second_line: bool,
        guard: EchoGuard | None,
    ) -> None:
        self._languages = languages
        self._recogniser = recogniser
        self._sounding = Sounding()
        self.booths = {language: _Booth(language, booth(language), deque()) for language in sorted(set(languages))}
        self.ears = [Ear(guard, row) for row in range(len(languages))]
        self._own = [
            OwnWords(self._sounding, (ROOM, language), f"leg{row}") if second_line else None
            for row, language in enumerate(languages)
        ]
        self._due: deque[tuple[int, str, list[int]]] = deque()
        self._played: list[tuple[int, str, Stretch]] = []  # who said it (a booth: -1), its language, when
        self.tale = Tale()
        self.taken: list[list[tuple[int, int]]] = [[] for _ in languages]
        """By leg, audio times (from, to) of words that were left out."""
        self.his: list[list[tuple[int, int]]] = [[] for _ in languages]
        """Of those, words that the person there was saying."""

    def play(self, tick: int, language: str) -> Pcm:
        """What a booth says in this tick."""
        speaker = self.booths[language]
        while self._due and self._due[0][0] <= tick:
            _, target, texts = self._due.popleft()
            self.booths[target].say(texts)

        def begins(pending: Pending) -> None:
            self._sounding.spoken((ROOM, language), pending)
            self._say(-1, language, pending.clause.text, tick, pending.load.given)

        return speaker.frame(tick * FRAME_SAMPLES / SAMPLE_RATE, begins)

    def said(self, row: int, text: str, tick: int, samples: int) -> None:
        """A person begins to say this, so long."""
        self._say(row, self._languages[row], text, tick, samples)

    def _say(self, who: int, language: str, text: str, tick: int, samples: int) -> None:
        start = tick * FRAME_SAMPLES / SAMPLE_RATE
        self._played.append((who, language, lay_out(text, start, start + samples / SAMPLE_RATE)))

    def _was_played(self, row: int, word: Word) -> bool:
        """Whether a leg heard the like of this word lately, from its booth or from another leg of its language."""
        language = self._languages[row]
        heard = [stretch for who, other, stretch in self._played if who != row and other == language]
        return _among(word, heard, LATELY)

    def _was_said(self, row: int, word: Word) -> bool:
        """Whether the person there was saying the like of this word."""
        return _among(word, [stretch for who, _, stretch in self._played if who == row], 0.0)

    def hear(
        self, row: int, start: int, stop: int, tick: int, somebody: Callable[[int, int], bool], rng: np.random.Generator
    ) -> None:
        """An utterance of a leg ended; ``somebody``: whether a person spoke there between two audio times."""
        now = tick * FRAME_SAMPLES / SAMPLE_RATE
        for other, ear in enumerate(self.ears):
            if other != row and ear.began is not None and self._languages[other] == self._languages[row]:
                self._take(other, ear.began, len(ear.kept) * FRAME_SAMPLES, now, final=False)
        said, kept = self._take(row, start, stop, now, final=True)
        tale = self.tale
        gone = [word for word in said if word not in kept]
        his = [word for word in gone if somebody(word.start, word.end) and self._was_said(row, word)]
        self.taken[row] += [(word.start, word.end) for word in gone]
        self.his[row] += [(word.start, word.end) for word in his]
        own = [word for word in kept if somebody(word.start, word.end)]
        tale.words += len(kept)
        tale.again += len(kept) - len(own)
        if kept and not own:
            played = any(self._was_played(row, word) for word in kept)
            tale.rounds += played
            tale.invented += not played
        tale.dropped += len(gone)
        tale.own_dropped += len(his)
        if kept:
            self.on_clause(row, said, kept, own)
            for language in self.booths:
                if language != self._languages[row]:
                    self._due.append((tick + INTERPRETER_MS // 20, language, _sentences(language, len(kept), rng)))

    def on_clause(self, row: int, said: tuple[Word, ...], kept: tuple[Word, ...], own: list[Word]) -> None:
        """For who wants to look closer."""

    def _take(
        self, row: int, start: int, stop: int, now: float, *, final: bool
    ) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
        """Words that were recognised, and of those the leg's own."""
        ear, own = self.ears[row], self._own[row]
        begin = max(start - AROUND, 0)
        said = self._recogniser.words(ear.read(begin, stop + AROUND), begin)
        if own is None:
            return said, said
        heard = Hypothesis(said, is_final=final, end_of_utterance=final, upto=stop)
        return said, own.take(heard, ear, now)[0].words  # type: ignore[arg-type]  # the part of LegAudio it asks for


def _among(word: Word, stretches: list[Stretch], late: float) -> bool:
    """Whether a word is like one of these, up to so many seconds behind it."""
    middle, text = (word.start + word.end) / 2 / SAMPLE_RATE, plain(word.text)
    return any(
        -NEAR_LAID_OUT <= middle - each.middle <= late + NEAR_LAID_OUT and alike(text, each.text)
        for stretch in stretches
        for each in stretch.words
    )


def _sentences(language: str, words: int, rng: np.random.Generator) -> list[int]:
    """Some of a booth's sentences that have about so many words."""
    lengths = np.array([len(text.split()) for text in TRANSLATED[language]])
    chosen: list[int] = []
    while words > 0:
        likely = np.argsort(np.abs(lengths - words), kind="stable")[:CHOICE]
        chosen.append(int(rng.choice(likely)))
        words -= int(lengths[chosen[-1]])
    return chosen
