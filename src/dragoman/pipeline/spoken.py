"""Words as they are spoken, and when; the words of a text laid out over the time that it takes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from dragoman.pipeline.plain import plain

DIGIT, COMMA, STOP = 7, 4, 8
"""What a digit, a comma and a full stop take when they are spoken, in letters: with these espeak-ng's own
marks of words were nearest (``echoed.NEAR_LAID_OUT``)."""

STOPS = (".", "?", "!", "…", "。", "？", "！")
COMMAS = (",", ";", ":", "，", "、", "；", "：")


class Spoken(NamedTuple):
    """A word, plain, and when: monotonic seconds."""

    text: str
    start: float
    end: float

    @property
    def middle(self) -> float:
        """Where its times are surest."""
        return (self.start + self.end) / 2


@dataclass(frozen=True, slots=True)
class Stretch:
    """Speech without a long pause that a leg was played; ``words`` in the order of their times."""

    words: tuple[Spoken, ...]
    start: float
    end: float


def lay_out(text: str, start: float, end: float) -> Stretch:
    """The words of a text that is spoken between two times, each as long as it is written, marks as pauses."""
    units = [unit for word in text.split() for unit in units_of(word)]
    lengths = [1 + sum(DIGIT if letter.isdigit() else 1 for letter in plain(unit)) for unit in units]
    pauses = [STOP if unit.endswith(STOPS) else COMMA if unit.endswith(COMMAS) else 0 for unit in units]
    pauses[-1:] = [0] if pauses else []  # it ends with its last sound
    each = (end - start) / max(sum(lengths) + sum(pauses), 1)
    words, at = [], start
    for unit, length, pause in zip(units, lengths, pauses, strict=True):
        if bare := plain(unit):
            words.append(Spoken(bare, at, at + each * length))
        at += each * (length + pause)
    return Stretch(tuple(words), start, end)


def units_of(word: str) -> list[str]:
    """What is compared of a written word: itself, or, of scripts that do not part words, its characters."""
    if not any("\u3040" <= letter <= "\u9fff" for letter in word):  # kana and Han (Unicode, blocks)
        return [word]
    return list(word)
