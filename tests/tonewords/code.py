"""The tone-word code: words that a program can hear exactly, said by voices that it can tell apart.

A word is written ``es017b``: language, number, and the voice of the person whose word it is. That text goes through
recogniser, translator and captions like any other word; a translation keeps number and voice and changes the language.
It is sounded as a marker tone and six data tones, without a break, in a band of its own per *family*: a voice has one
family for what the person himself says and another for what a booth says in his name. So a recording tells, of speech
that overlaps, who said what, and a translation from the original under it.

The data tones are a code over eight tones in which two words differ in at least three places: one tone that was lost
is made up for, a wrong one is noticed. Neighbouring tones are two steps apart at least, so that no glide (speech,
music, a siren) looks like a word.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LANGUAGES = ("en", "es", "ca", "fr")
VOICES = ("a", "b", "c")
NUMBERS = 128
"""Words per language."""

SYMBOL_MS = 45
"""One tone: 20 ms of it may get lost in a packet and the rest still tells the frequency."""
DATA_SYMBOLS = 6
SYMBOLS = 1 + DATA_SYMBOLS
WORD_MS = SYMBOLS * SYMBOL_MS
GAP_MS = 45
"""Silence between words: far below the 100 ms that a voice activity detector may take for an end."""

TONES = 9
"""Of a family: the marker (0) and the data tones (1 to 8)."""
TONE_STEP_HZ = 36.0
FAMILY_STEP_HZ = 428.0
BOOTH_STEP_HZ = 110.0
"""Between persons (ducked under translations) and booths: the loud spill into the bands beside them."""
LOWEST_HZ = 420.0
"""Six families take 420 to 2958 Hz: inside of what G.711 carries through any resampler (300 to 3400 Hz)."""
FAMILIES = 2 * len(VOICES)
MIN_DISTANCE = 3
MIN_STEP = 2


class Source(NamedTuple):
    """Who sounds: a person himself, or the booth that speaks for him."""

    voice: str
    booth: bool

    @property
    def family(self) -> int:
        """Index of the band, 0 to FAMILIES - 1: the persons' first, then the booths'."""
        return VOICES.index(self.voice) + len(VOICES) * self.booth

    @classmethod
    def of_family(cls, family: int) -> Source:
        return cls(VOICES[family % len(VOICES)], family >= len(VOICES))

    def __str__(self) -> str:
        return f"{self.voice}'s booth" if self.booth else f"{self.voice} himself"


@dataclass(frozen=True, slots=True)
class ToneWord:
    """One word of the vocabulary; ``str()`` is its text."""

    language: str
    number: int
    voice: str

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES or self.voice not in VOICES or not 0 <= self.number < NUMBERS:
            raise ValueError(f"no tone word: {self}")

    def __str__(self) -> str:
        return f"{self.language}{self.number:03}{self.voice}"

    @classmethod
    def parse(cls, text: str) -> ToneWord:
        """The word written ``text`` (case and punctuation around it do not matter).

        Raises:
            ValueError: it is none.
        """
        if not (match := re.fullmatch(r"\W*([a-z]{2})(\d{3})([a-z])\W*", text.lower())):
            raise ValueError(f"no tone word: {text!r} (they are written like es017b)")
        return cls(match[1], int(match[2]), match[3])

    def translated(self, language: str) -> ToneWord:
        """The same word in another language."""
        return ToneWord(language, self.number, self.voice)

    @property
    def index(self) -> int:
        """Row of ``codebook()``."""
        return LANGUAGES.index(self.language) * NUMBERS + self.number

    @classmethod
    def of_index(cls, index: int, voice: str) -> ToneWord:
        return cls(LANGUAGES[index // NUMBERS], index % NUMBERS, voice)


def words(voice: str, language: str, count: int, first: int = 0) -> list[str]:
    """``count`` words in a row, in text, beginning with number ``first`` (numbers wrap around)."""
    return [str(ToneWord(language, (first + i) % NUMBERS, voice)) for i in range(count)]


def translate(text: str, target: str) -> str:
    """What ToneTranslator makes of ``text``: word by word, in the same order."""
    return " ".join(str(ToneWord.parse(word).translated(target)) for word in text.split())


COMMAS = range(96, 112)
STOPS = range(112, NUMBERS)
"""Numbers of words behind which, where punctuation is wanted, a comma or a full stop stands."""


def punctuated(text: str) -> str:
    """The word with the mark that belongs behind it, as a recogniser that punctuates writes it."""
    number = ToneWord.parse(text).number
    return f"{text}{'.' if number in STOPS else ',' if number in COMMAS else ''}"


@cache
def codebook() -> npt.NDArray[np.int8]:
    """Tones of every word, shape (LANGUAGES x NUMBERS, SYMBOLS); column 0 is the marker.

    Lexicographic greedy code: each word is the first one far enough from all before it.
    """
    data = range(1, TONES)
    allowed = np.array(
        [
            tones
            for tones in itertools.product((0,), *[data] * DATA_SYMBOLS)
            if all(abs(a - b) >= MIN_STEP for a, b in itertools.pairwise(tones))
        ],
        np.int8,
    )
    chosen = np.empty((len(LANGUAGES) * NUMBERS, SYMBOLS), np.int8)
    for row in range(len(chosen)):
        chosen[row] = allowed[0]
        allowed = allowed[(allowed != allowed[0]).sum(axis=1) >= MIN_DISTANCE]
    return chosen


def tone_hz(family: int) -> npt.NDArray[np.float64]:
    """Frequencies of a family's tones, Hz, shape (TONES,)."""
    base = LOWEST_HZ + FAMILY_STEP_HZ * family + BOOTH_STEP_HZ * (family >= len(VOICES))
    return base + TONE_STEP_HZ * np.arange(TONES)
