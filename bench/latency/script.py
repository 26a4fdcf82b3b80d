"""Who says what when: tone-word speech as people talk in a meeting, from a seed. Pure.

Three people, a language each. Turns of one to three sentences, with the pauses of speech between them; now and then
somebody begins before the other has ended; and monologues without any pause that is longer than a breath.

The pauses are those of spontaneous speech: within a sentence gaps below 200 ms, between the sentences of a turn about
half a second to a second, between turns 0.2 s median and up to two seconds (Heldner and Edlund 2010, Stivers et al.
2009, Campione and Veronis 2002). The turns here are further apart than people's, so that a translation is mostly heard
out before the next one speaks, as in a meeting with interpreters.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from tests.tonewords.code import COMMAS, GAP_MS, STOPS, WORD_MS, ToneWord
from tests.tonewords.encode import encode, silence

from dragoman.media.format import SAMPLE_RATE, Pcm

LANGUAGE_OF = {"a": "en", "b": "es", "c": "fr"}
"""The language each voice speaks, and its listener hears."""

WORD_S = (WORD_MS + GAP_MS) / 1000

LEAD_S = 10.0
"""Seconds from a phone's call to the first word: the others dial, taps and booths come up."""

SENTENCE_WORDS = (4, 9)
SENTENCES = (1, 1, 2, 2, 3)
"""How many sentences a turn may have."""

BREATH_S = (0.12, 0.20)
"""Within a sentence, at a comma."""
FULL_STOP_S = (0.5, 0.9)
"""Between the sentences of a turn."""
TURN_S = (0.8, 1.6)
"""Between turns."""
OVERLAP_S = (0.8, 1.6)
"""By how much a turn may begin before the one before it ended."""
OVERLAPS = 0.2
"""Share of turns that do."""

MONOLOGUE_WORDS = 75
"""About 30 s."""
MONOLOGUE_AFTER = 40
"""Clauses from one monologue to the next."""
STOPPED = 0.6
"""Share of a monologue's breaths that end a sentence; the others stand at a comma."""

KINDS = {"": range(COMMAS.start), ",": COMMAS, ".": STOPS}
"""Numbers of the words behind which such a mark stands: a recogniser that punctuates tells it."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said in one go; seconds are from the call's beginning."""

    voice: str
    words: tuple[str, ...]
    start_s: float
    breaths: Mapping[int, float]
    """Seconds of silence after so many words."""

    @property
    def end_s(self) -> float:
        """Behind the last word's sound."""
        return self.start_s + len(self.words) * WORD_S - GAP_MS / 1000 + sum(self.breaths.values())


@dataclass(frozen=True, slots=True)
class Script:
    """The whole meeting."""

    sentences: tuple[Sentence, ...]
    """In the order of their beginning."""

    @property
    def seconds(self) -> float:
        """Until the last word's end."""
        return max(sentence.end_s for sentence in self.sentences)

    def of(self, voice: str) -> tuple[Sentence, ...]:
        """What one person says."""
        return tuple(sentence for sentence in self.sentences if sentence.voice == voice)

    @property
    def translation_length(self) -> float:
        """How long its translations are by what is said: a tone word for a tone word, without the breaths between."""
        said = sum(sentence.end_s - sentence.start_s for sentence in self.sentences)
        return sum(len(sentence.words) for sentence in self.sentences) * WORD_S / said

    def words(self, voice: str) -> list[str]:
        """All words of one person, in order."""
        return [word for sentence in self.of(voice) for word in sentence.words]

    def microphone(self, voice: str) -> Pcm:
        """What one person's phone is given to say, from the call's beginning."""
        parts: list[Pcm] = []
        length = 0
        for sentence in self.of(voice):
            begin = round(sentence.start_s * SAMPLE_RATE)
            parts.append(np.zeros(begin - length, np.int16))
            length = begin
            for number, word in enumerate(sentence.words, 1):
                sound = encode(word)
                if number in sentence.breaths:
                    sound = np.concatenate([sound, silence(sentence.breaths[number])])
                parts.append(sound)
                length += len(sound)
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)


class _Writer:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.sentences: list[Sentence] = []
        self.at = LEAD_S
        """Where the last turn ends."""
        self.free = dict.fromkeys(LANGUAGE_OF, 0.0)
        """When each voice has ended."""
        self.clauses = 0
        self._numbers = {
            (voice, kind): itertools.cycle(self._turned(numbers))
            for voice in LANGUAGE_OF
            for kind, numbers in KINDS.items()
        }

    def _turned(self, numbers: range) -> list[int]:
        first = self.random.randrange(len(numbers))
        return [*numbers[first:], *numbers[:first]]

    def take(self, voice: str, count: int, marks: Mapping[int, str]) -> tuple[str, ...]:
        """The voice's next words: numbers of each kind in a row, so that one that is lost, doubled or wrong is seen."""
        numbers = [next(self._numbers[voice, marks.get(place, "")]) for place in range(1, count + 1)]
        return tuple(str(ToneWord(LANGUAGE_OF[voice], number, voice)) for number in numbers)

    def say(
        self, voice: str, count: int, start: float, breaths: Mapping[int, float], marks: Mapping[int, str]
    ) -> float:
        """Words in a row, with silence and marks after so many of them; returns their end."""
        sentence = Sentence(voice, self.take(voice, count, marks), start, breaths)
        self.sentences.append(sentence)
        self.free[voice] = sentence.end_s
        return sentence.end_s

    def turn(self, voice: str, start: float) -> None:
        """One to three sentences."""
        end = start - self.between(FULL_STOP_S)
        for _ in range(self.random.choice(SENTENCES)):
            count = self.random.randint(*SENTENCE_WORDS)
            comma = {count // 2: self.between(BREATH_S)} if count > 6 else {}
            begin = end + self.between(FULL_STOP_S) if end > start else start
            end = self.say(voice, count, begin, comma, {**dict.fromkeys(comma, ","), count: "."})
            self.clauses += 1
        self.at = max(self.at, end)

    def monologue(self, voice: str, start: float) -> None:
        """Half a minute in one breath, as far as a voice detector can tell."""
        breaths: dict[int, float] = {}
        marks: dict[int, str] = {}
        said = 0
        while said < MONOLOGUE_WORDS:
            said += self.random.randint(*SENTENCE_WORDS)
            breaths[said] = self.between(BREATH_S)
            marks[said] = "." if self.random.random() < STOPPED else ","
            self.clauses += 1
        del breaths[said]
        marks[said] = "."
        self.at = max(self.at, self.say(voice, said, start, breaths, marks))

    def between(self, bounds: tuple[float, float]) -> float:
        return self.random.uniform(*bounds)


def write(clauses: int, seed: int) -> Script:
    """A meeting of about so many clauses (a sentence, or a stretch from comma to comma of a monologue)."""
    writer = _Writer(seed)
    voices: Sequence[str] = tuple(LANGUAGE_OF)
    last = writer.random.choice(voices)
    monologues = 0
    while writer.clauses < clauses:
        voice = writer.random.choice([other for other in voices if other != last])
        overlaps = bool(writer.sentences) and writer.random.random() < OVERLAPS
        start = writer.at - writer.between(OVERLAP_S) if overlaps else writer.at + writer.between(TURN_S)
        start = max(start, LEAD_S, writer.free[voice] + TURN_S[0])
        if writer.clauses >= MONOLOGUE_AFTER * (monologues + 0.5):
            monologues += 1
            writer.monologue(voice, start)
        else:
            writer.turn(voice, start)
        last = voice
    return Script(tuple(sorted(writer.sentences, key=lambda sentence: sentence.start_s)))
