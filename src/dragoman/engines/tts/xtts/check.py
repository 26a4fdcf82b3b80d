"""Whether XTTS says what it should, judged while it speaks: it sometimes repeats, falls silent, or does not end. Pure.

Nothing of a piece is played before its first tokens and its first sound have passed; from then on a fault ends it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

TOKEN_S = 1024 / 22050
"""Seconds of sound of one audio token: 1024 samples at the 22.05 kHz of its mel frames."""

MAX_PERIOD = 8
"""Tokens (0.37 s) of the longest pattern whose repetition is looked for: two syllables."""

LOOP = 22
"""Tokens (1 s) for which one pattern must repeat to be a fault. Nobody holds a sound for so long in a conversation, and
the repetition penalty makes it rarer still."""

OPENING_LOOP = 9
"""The same before anything of the piece was heard, tokens (0.4 s): another attempt costs nothing but time then."""

ALIKE = 3
"""Times that a pattern must be there in full before it counts, however long it is."""

CHARACTERS_A_SECOND = (4.0, 30.0)
"""Slowest and fastest speech, in characters of the text as it is read. Conversation has 12 to 17 in languages with an
alphabet; twice that, and a third, no person does."""

IDEOGRAMS_A_SECOND = (1.2, 12.0)
"""The same for Chinese and Japanese, where a character is a syllable or more: conversation has 4 to 6."""

IDEOGRAPHIC = frozenset({"zh", "ja", "ko"})

SLACK_S = 1.6
"""Seconds beyond what the rate allows that a piece may take: its pauses, and the drawn-out word of a short answer."""

MIN_S = 0.12
"""Seconds that any word takes at least."""

SILENT_S = 1.2
"""Seconds of silence within a piece. A sentence's own pause is 0.3 to 0.7 s."""

SILENT_RMS = 10 ** (-50 / 20)
"""Of full scale: below it is silence. XTTS speaks at about -20 dBFS, its pauses are below -60."""

LOUD_RMS = 10 ** (-3 / 20)
"""Of full scale: louder for a frame of 20 ms is no voice, but noise at the limits."""

FRAME = 480
"""Samples of 20 ms at 24 kHz."""

_Floats = npt.NDArray[np.float32]


class Fault(StrEnum):
    """What is wrong with a piece."""

    REPETITION = "repetition"
    SILENCE = "silence"
    NOISE = "noise"
    """Far too loud, or no numbers."""
    TOO_SHORT = "too short"
    TOO_LONG = "too long"


@dataclass(frozen=True, slots=True)
class Expected:
    """How long a text may take to say, seconds."""

    shortest: float
    longest: float

    @classmethod
    def of(cls, text: str, language: str) -> Expected:
        """By its letters and digits."""
        slowest, fastest = IDEOGRAMS_A_SECOND if language in IDEOGRAPHIC else CHARACTERS_A_SECOND
        characters = sum(char.isalnum() or char == " " for char in text)
        return cls(max(MIN_S, characters / fastest), characters / slowest + SLACK_S)

    def within(self, tokens: int) -> Expected:
        """No longer than there is room for."""
        return Expected(self.shortest, min(self.longest, (tokens - 2) * TOKEN_S))

    @property
    def most_tokens(self) -> int:
        """Audio tokens after which it is too long."""
        return int(self.longest / TOKEN_S) + 1


@dataclass(slots=True)
class SelfCheck:
    """One piece's check; each method gives the fault that it finds, or None."""

    expected: Expected
    _count: int = 0
    _recent: deque[int] = field(default_factory=lambda: deque(maxlen=max(LOOP, MAX_PERIOD * ALIKE)))
    _rest: _Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    _quiet: int = 0
    """Silent frames in a row."""
    _looping: int = 0
    """Tokens at the end that are one pattern, again and again."""

    def token(self, token: int, heard: bool = True) -> Fault | None:
        """One more audio token; ``heard``: something of the piece is being played."""
        self._count += 1
        self._recent.append(token)
        if self.overdue:
            return Fault.TOO_LONG
        self._looping = _looping(self._recent, LOOP if heard else OPENING_LOOP)
        return Fault.REPETITION if self._looping else None

    def audio(self, samples: _Floats) -> Fault | None:
        """More sound (24 kHz, full scale is 1); what does not fill a frame waits for the next call."""
        if not np.isfinite(samples).all():
            return Fault.NOISE
        waiting = np.concatenate([self._rest, samples])
        whole = len(waiting) // FRAME * FRAME
        self._rest = waiting[whole:]
        for level in np.sqrt(np.mean(np.square(waiting[:whole].reshape(-1, FRAME), dtype=np.float64), axis=1)):
            if level > LOUD_RMS:
                return Fault.NOISE
            self._quiet = self._quiet + 1 if level < SILENT_RMS else 0
            if self._quiet * FRAME > SILENT_S * 24_000:
                return Fault.SILENCE
        return None

    @property
    def good(self) -> int:
        """Tokens that say what they should, as far as is known."""
        return self._count - self._looping

    @property
    def overdue(self) -> bool:
        """Whether it has more tokens than it may have."""
        return self._count > self.expected.most_tokens

    def end(self) -> Fault | None:
        """It says that it is done."""
        return Fault.TOO_SHORT if self._count * TOKEN_S < self.expected.shortest else None


def silent(samples: _Floats) -> bool:
    """Whether there is no sound in it at all."""
    return not len(samples) or float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) < SILENT_RMS


def _looping(recent: deque[int], least: int) -> int:
    """How many of the last tokens a pattern of at most MAX_PERIOD fills, at least ALIKE times and ``least`` of them."""
    tokens = list(recent)
    for period in range(1, MAX_PERIOD + 1):
        wanted = max(least, period * ALIKE)
        if len(tokens) >= wanted:
            tail = tokens[-wanted:]
            if tail[period:] == tail[:-period]:
                return wanted
    return 0
