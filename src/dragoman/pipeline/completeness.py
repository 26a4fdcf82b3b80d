"""Whether a clause looks complete before its final says so: what is worth translating ahead. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.clause import NEVER, Clause
from dragoman.pipeline.connectives import connectives
from dragoman.pipeline.cuts import LAST_WORD, goes_on, long_enough
from dragoman.pipeline.ledger import JITTER
from dragoman.pipeline.plain import plain, plain_text

COVERED = ms_to_samples(150)
"""Silence that a partial must cover before it holds all that the VAD heard, where its last word ends earlier: so late a
recogniser may tell a word that is over."""

SILENCE = ms_to_samples(100)
"""Silence that is no stop consonant."""

REPEATS = 2
"""Partials in a row with the same clause after which it may be complete although the VAD still hears something."""

SETTLED = ms_to_samples(700)
"""Audio behind the last word that a partial must cover without a further word, where the VAD hears no silence: longer
than a word, for recognisers that tell words only when they are over would else seem to have heard the last one."""


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
    pause: int = NEVER
    """Where the VAD heard the last speech before the speaker's last pause."""


class Completeness:
    """Judges one leg's foreseen clauses, hypothesis by hypothesis."""

    def __init__(self, language: str, *, by_clause: bool = False) -> None:
        """``by_clause``: a pause at a comma may end a clause."""
        self._by_clause = by_clause
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
        words = clause.text.split()
        paused = -JITTER <= ears.pause - clause.end <= LAST_WORD
        if goes_on(words[-1], self._connectives):
            ends = self._by_clause and paused and long_enough(words, clause.end - clause.start)
            return ends and not self._connectives.unfinished(plain(words[-1]))
        if paused:
            return True
        if ears.heard_until:  # there is a VAD
            covered = ears.upto >= ears.heard_until + COVERED or clause.end >= ears.heard_until - LAST_WORD
            if covered and ears.end - ears.heard_until >= SILENCE:
                return True
        return self._repeats >= REPEATS and ears.upto - clause.end >= SETTLED


def looks_unfinished(words: Sequence[Word], language: str) -> bool:
    """Whether a speaker who pauses behind these words says more of the clause: they end on a connective or an article.

    A comma behind enough words may end one.
    """
    if not words:
        return False
    last, known = words[-1], connectives(language)
    if not goes_on(last.text, known):
        return False
    return known.unfinished(plain(last.text)) or not long_enough(
        [word.text for word in words], last.end - words[0].start
    )
