"""Whether a clause looks complete before its final says so: what is worth translating ahead. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.clause import Clause
from dragoman.pipeline.connectives import connectives
from dragoman.pipeline.cuts import goes_on
from dragoman.pipeline.plain import plain_text

COVERED = ms_to_samples(60)
"""How far behind the last speech that the VAD heard a partial may end and still hold all of it: two windows of it."""

LAST_WORD = ms_to_samples(150)
"""How much longer than a recogniser's last word the VAD may hear it: final fricatives, and windows of 32 ms."""

SILENCE = ms_to_samples(100)
"""Silence that is no stop consonant."""

REPEATS = 2
"""Partials in a row with the same clause after which it may be complete although the VAD still hears something."""

SETTLED = ms_to_samples(250)
"""Audio behind the last word that a partial must cover without a further word, where the VAD hears no silence."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A clause that is likely to be committed; ``complete``: so likely that it is worth translating now."""

    clause: Clause
    complete: bool


@dataclass(frozen=True, slots=True)
class Ears:
    """What is known of the audio at one moment, as audio time."""

    upto: int
    """What the last hypothesis covers."""
    heard_until: int
    """Where the VAD last heard speech."""
    end: int
    """The leg's audio so far."""


class Completeness:
    """Judges one leg's foreseen clauses, hypothesis by hypothesis."""

    def __init__(self, language: str) -> None:
        self._connectives = connectives(language)
        self._last = ""
        self._repeats = 0

    def judge(self, clauses: Sequence[Clause], ears: Ears) -> tuple[Foreseen, ...]:
        """Which of these are complete; all but the last are followed by known words, so they are."""
        if not clauses:
            self._last = ""
            return ()
        *before, last = clauses
        text = plain_text(last.text)
        self._repeats = self._repeats + 1 if text == self._last else 1
        self._last = text
        return (*(Foreseen(clause, True) for clause in before), Foreseen(last, bool(text) and self._ends(last, ears)))

    def _ends(self, clause: Clause, ears: Ears) -> bool:
        if goes_on(clause.text.split()[-1], self._connectives):
            return False
        if ears.heard_until:  # there is a VAD
            covered = ears.upto >= ears.heard_until - COVERED or clause.end >= ears.heard_until - LAST_WORD
            if covered and ears.end - ears.heard_until >= SILENCE:
                return True
        return self._repeats >= REPEATS and ears.upto - clause.end >= SETTLED


def looks_unfinished(words: Sequence[Word], language: str) -> bool:
    """Whether a speaker who pauses behind these words will go on: they end on a connective, an article or a comma."""
    return bool(words) and goes_on(words[-1].text, connectives(language))
