"""What became of the words that were said: told once, told too often, lost where that was marked, or lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

HEARD = 0.15
"""How much of a word may be missing for it to be heard all the same."""


class Spoken(Protocol):
    """A word that was said; samples."""

    @property
    def text(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


class Verdict(NamedTuple):
    """Counts of words. Only the second is no failure: it was told that these would be missing."""

    lost: int
    """Missing, of audio that some recogniser was given."""
    given_up: int
    """Missing, of audio that was marked as lost."""
    doubled: int
    """Told more often than said, or not said at all."""

    @property
    def good(self) -> bool:
        return not self.lost and not self.doubled


def judge(said: Sequence[Spoken], told: Sequence[str], gaps: Sequence[tuple[int, int]]) -> Verdict:
    """The kindest verdict: of two words that are the same, the one in a gap is missing."""
    marked = [any(_missing(word, gap) > HEARD for gap in gaps) for word in said]
    row = [Verdict(0, 0, j) for j in range(len(told) + 1)]
    for word, excused in zip(said, marked, strict=True):
        above = row
        row = [_without(above[0], excused)]
        for j, text in enumerate(told):
            last = row[-1]
            found = [_without(above[j + 1], excused), last._replace(doubled=last.doubled + 1)]
            if text == word.text:
                found.append(above[j])
            row.append(min(found, key=_cost))
    return row[-1]


def _without(verdict: Verdict, excused: bool) -> Verdict:
    if excused:
        return verdict._replace(given_up=verdict.given_up + 1)
    return verdict._replace(lost=verdict.lost + 1)


def _cost(verdict: Verdict) -> tuple[int, int]:
    return verdict.lost + verdict.doubled, verdict.given_up


def _missing(word: Spoken, gap: tuple[int, int]) -> float:
    return (min(word.end, gap[1]) - max(word.start, gap[0])) / (word.end - word.start)
