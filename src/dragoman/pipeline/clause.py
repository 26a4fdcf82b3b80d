"""From hypotheses to clauses: what is committed, when, and that it is committed once. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dragoman.engines.base import Hypothesis, Word
from dragoman.media.format import SAMPLE_RATE
from dragoman.pipeline.connectives import connectives
from dragoman.pipeline.cuts import (
    MAX_CLAUSE,
    before_number,
    ends_sentence,
    first_cut,
    longest_breath,
    pauses_behind,
)
from dragoman.pipeline.ledger import WordLedger
from dragoman.pipeline.plain import plain
from dragoman.pipeline.prefix import STABLE_AFTER, EarlyWords, StablePrefix
from dragoman.writing import joined, joined_clauses

NEVER = -SAMPLE_RATE
"""Audio time of a pause that there was not."""


@dataclass(frozen=True, slots=True)
class Clause:
    """What is translated at once. ``start``, ``end``: audio time of first word's start, last word's acoustic end."""

    leg: str
    number: int
    language: str
    text: str
    start: int
    end: int
    merged: tuple[str, ...] = ()
    """Ids of later clauses that were merged into this one because a queue was full."""
    heard_by: str | None = None
    """The recogniser that heard it: a leg may change it in mid-call."""

    @property
    def id(self) -> str:
        """Unique while the daemon lives."""
        return f"{self.leg}/{self.number}"


def merge(first: Clause, second: Clause) -> Clause:
    """Two neighbours of one leg as one clause, under the first one's id."""
    return replace(
        first,
        text=joined_clauses((first.text, second.text)),
        end=second.end,
        merged=(*first.merged, second.id, *second.merged),
    )


class ClauseSegmenter:
    """One leg's words to clauses.

    A final that ends the utterance commits all that is pending; a final inside an utterance commits whole sentences and
    keeps the rest: what is behind its last sentence mark, and, where no partial had a mark there too, what is before
    it. The ledger drops from a final what was committed before it.

    With ``by_clause`` (long speech that does not wait for a full stop) a clause is committed as soon as it is certain:
    its words are final, or stayed the same over ``agreement`` partials, and ``cuts`` finds where it ends. Without it, a
    speaker who does not pause is cut at ``MAX_CLAUSE`` from the stable words, at his longest breath or, where he draws
    none, behind all of them.
    """

    def __init__(
        self,
        leg: str,
        language: str,
        numbers: Iterator[int] | None = None,
        *,
        agreement: int = STABLE_AFTER,
        by_clause: bool = False,
    ) -> None:
        """``numbers`` number the clauses: a leg whose tap was repaired must not begin at 1 again."""
        self._leg = leg
        self._language = language
        self._connectives = connectives(language)
        self._numbers = itertools.count(1) if numbers is None else numbers
        self._by_clause = by_clause
        self._pending: list[Word] = []
        self._tentative: tuple[Word, ...] = ()
        self._outgrown = 0  # of the pending words, how many of the last ones are parts of a tentative one
        self._prefix = StablePrefix(agreement)
        self._pause = NEVER
        self.ledger = WordLedger(language)
        self.early = EarlyWords()

    @property
    def partial(self) -> str:
        """What was said since the last clause, as far as it is known."""
        return joined(word.text for word in (*self._standing, *self._tentative))

    @property
    def since(self) -> int | None:
        """Audio time of the first word that is known and of no clause yet; None: all are."""
        return self._pending[0].start if self._pending else None

    @property
    def _standing(self) -> list[Word]:
        return self._pending[: len(self._pending) - self._outgrown]

    def feed(self, hypothesis: Hypothesis, pause: int = NEVER) -> list[Clause]:
        """Take the next hypothesis; returns the clauses it commits, in order.

        ``pause``: audio time behind the last speech before the speaker's last pause, as far as the VAD heard one.
        """
        self._pause = pause
        words, self._outgrown = self.ledger.hear(hypothesis.words, hypothesis.upto, is_final=hypothesis.is_final)
        if not hypothesis.is_final:
            self._tentative = words
            self._prefix.hear(words)
            return self._commit_stable()
        before, self._tentative = self._tentative, ()
        self._prefix.clear()
        self.early.judge(hypothesis.words, hypothesis.upto)
        self._take(words)
        if hypothesis.end_of_utterance:
            return self._commit(len(self._pending))
        return self._commit_sentences(closed=self._agree(before, self._pending))

    def flush(self) -> list[Clause]:
        """The speaker is gone: commit all that is known, tentative words too; nobody will refine them."""
        self._take(self._tentative)
        self._tentative = ()
        self._prefix.clear()
        return self._commit(len(self._pending))

    def foreseen(self) -> list[Clause]:
        """The clauses that would be committed if the speaker stopped here and nothing were revised; number 0."""
        words = [*self._standing, *self._tentative]
        return [self._clause(part, 0) for part in self._parts(words)]

    def _take(self, words: Sequence[Word]) -> None:
        """These words are known; those that they outgrew are not."""
        self._pending[len(self._pending) - self._outgrown :] = words
        self._outgrown = 0
        self.ledger.hold(self._pending)

    def _paused_behind(self, words: Sequence[Word]) -> bool:
        return bool(words) and pauses_behind(words[-1], self._pause)

    def _agree(self, partial: Sequence[Word], final: Sequence[Word]) -> bool:
        """Whether both say that a sentence ends here: one mark alone may be due to an end in mid-sentence."""
        if not partial or not final or plain(partial[-1].text) != plain(final[-1].text):
            return False
        return all(ends_sentence(words[-1], self._connectives) for words in (partial, final))

    def _commit_sentences(self, *, closed: bool) -> list[Clause]:
        """Of pending words, which are final; with ``closed`` a sentence mark on the last one counts too."""
        if self._by_clause:
            clauses = []
            while cut := first_cut(
                self._pending, self._connectives, closed=closed, paused=self._paused_behind(self._pending)
            ):
                clauses += self._commit(cut)
            return clauses
        known = len(self._pending) - (not closed)
        ends = [i + 1 for i, word in enumerate(self._pending[:known]) if ends_sentence(word, self._connectives)]
        return self._commit(ends[-1] if ends else 0)

    def _commit_stable(self) -> list[Clause]:
        """Of pending and stable words."""
        clauses = []
        while cut := self._stable_cut():
            taken = max(0, cut - len(self._standing))
            self.early.commit(self._tentative[:taken])
            if taken:
                self.ledger.retell(self._tentative[:taken])
                self._take(self._tentative[:taken])
            self._tentative = self._tentative[taken:]
            self._prefix.take(taken)
            clauses += self._commit(cut)
        return clauses

    def _stable_cut(self) -> int:
        standing = self._standing
        known = (*standing, *self._tentative[: self._prefix.stable])
        everything = (*standing, *self._tentative)
        if self._by_clause:  # that more is coming is certain before it is certain what
            cut = first_cut(everything, self._connectives, closed=False)
            return cut if cut <= len(known) else 0
        if not everything or everything[-1].end - everything[0].start < MAX_CLAUSE:
            return 0
        if cut := longest_breath(known, self._connectives):
            return cut
        if not known or known[-1].end - known[0].start < MAX_CLAUSE // 2:
            return 0  # a few words would make no sense alone; more become stable soon
        return before_number(known, self._connectives)

    def _commit(self, count: int) -> list[Clause]:
        """Commit the first ``count`` pending words, as one clause or, where too long, as several."""
        words, self._pending = self._pending[:count], self._pending[count:]
        self.ledger.commit(words)
        self.ledger.hold(self._pending)
        return [self._clause(part, next(self._numbers)) for part in self._parts(words)]

    def _parts(self, words: list[Word]) -> Iterator[list[Word]]:
        """The clauses of words behind which the speaker stopped."""
        while words:
            cut = (first_cut(words, self._connectives, closed=True) if self._by_clause else 0) or len(words)
            while words[cut - 1].end - words[0].start > MAX_CLAUSE:
                cut = longest_breath(words[:cut], self._connectives) or cut // 2 or 1
                if cut == 1:
                    break
            yield words[:cut]
            words = words[cut:]

    def _clause(self, words: Sequence[Word], number: int) -> Clause:
        text = joined(word.text for word in words)
        return Clause(self._leg, number, self._language, text, words[0].start, words[-1].end)
