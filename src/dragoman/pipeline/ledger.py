"""The ledger of words already committed, keyed by audio time, so that no word is translated twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dragoman.engines.base import Word


class WordLedger:
    """Remembers up to which audio time a leg's words are committed.

    Recognisers say the same word more than once: a final arrives twice, a stream is restarted and its audio replayed, a
    prefix was committed before its final came. Word times move by some 10 ms between such repeats, so a word counts as
    committed when its middle lies before the mark; comparing ends or texts would double or lose words at the seam.
    """

    def __init__(self) -> None:
        self.committed_until = 0
        """Audio time (samples) of the end of the last committed word."""
        self.repeats = 0
        """Words dropped because they had been committed."""

    def fresh(self, words: Iterable[Word]) -> tuple[Word, ...]:
        """The words that are not committed yet, in order."""
        kept = []
        for word in words:
            if (word.start + word.end) // 2 < self.committed_until:
                self.repeats += 1
            else:
                kept.append(word)
        return tuple(kept)

    def commit(self, words: Sequence[Word]) -> None:
        """Mark these words as committed; the mark never goes back."""
        if words:
            self.committed_until = max(self.committed_until, max(word.end for word in words))
