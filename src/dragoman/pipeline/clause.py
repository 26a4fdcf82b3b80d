"""From hypotheses to clauses: what is committed, when, and that it is committed once. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dragoman.engines.base import Hypothesis, Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.ledger import WordLedger

MAX_CLAUSE = ms_to_samples(10_000)
"""Longest clause, in samples: who speaks on without a pause is cut here, at his longest breath, or nobody hears him."""

MIN_CUT_PAUSE = ms_to_samples(120)
"""Samples between two words that count as a breath; shorter gaps are stop consonants."""

STABLE_AFTER = 3
"""Hypotheses in a row that must agree on a word before it may be committed ahead of its final (LocalAgreement-n, Liu et
al. 2020, with n = 3: pocketsphinx revises its last two words often)."""

_SENTENCE_END = (".", "?", "!", "…", "。", "？", "！")


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

    @property
    def id(self) -> str:
        """Unique while the daemon lives."""
        return f"{self.leg}/{self.number}"


def merge(first: Clause, second: Clause) -> Clause:
    """Two neighbours of one leg as one clause, under the first one's id."""
    return replace(
        first,
        text=f"{first.text} {second.text}",
        end=second.end,
        merged=(*first.merged, second.id, *second.merged),
    )


class ClauseSegmenter:
    """One leg's words to clauses.

    A final that ends the utterance commits all that is pending. A final inside an utterance commits whole sentences and
    keeps the rest. A speaker who does not pause is cut at ``MAX_CLAUSE`` from the words that stayed the same over
    ``STABLE_AFTER`` hypotheses, at his longest breath or, where he draws none, behind all of them; the ledger then
    drops them from the final.
    """

    def __init__(self, leg: str, language: str, numbers: Iterator[int] | None = None) -> None:
        """``numbers`` number the clauses: a leg whose tap was repaired must not begin at 1 again."""
        self._leg = leg
        self._language = language
        self._numbers = itertools.count(1) if numbers is None else numbers
        self._pending: list[Word] = []
        self._tentative: tuple[Word, ...] = ()
        self._agreed: list[tuple[str, int]] = []
        self.ledger = WordLedger()

    @property
    def partial(self) -> str:
        """What was said since the last clause, as far as it is known."""
        return " ".join(word.text for word in (*self._pending, *self._tentative))

    def feed(self, hypothesis: Hypothesis) -> list[Clause]:
        """Take the next hypothesis; returns the clauses it commits, in order."""
        words = self.ledger.fresh(hypothesis.words, self._pending)
        if not hypothesis.is_final:
            self._tentative = words
            return self._cut_stable(words)
        self._tentative = ()
        self._agreed = []
        self._pending.extend(words)
        if hypothesis.end_of_utterance:
            return self._commit(len(self._pending))
        return self._commit(self._last_sentence_end())

    def flush(self) -> list[Clause]:
        """The speaker is gone: commit all that is known, tentative words too; nobody will refine them."""
        self._pending.extend(self._tentative)
        self._tentative = ()
        self._agreed = []
        return self._commit(len(self._pending))

    def _last_sentence_end(self) -> int:
        ends = [i + 1 for i, word in enumerate(self._pending) if word.text.endswith(_SENTENCE_END)]
        return ends[-1] if ends else 0

    def _cut_stable(self, words: tuple[Word, ...]) -> list[Clause]:
        agreed: list[tuple[str, int]] = []
        for i, word in enumerate(words):
            count = self._agreed[i][1] + 1 if i < len(self._agreed) and self._agreed[i][0] == word.text else 1
            if i and agreed[i - 1][1] < count:
                count = agreed[i - 1][1]  # a prefix is stable only as far as all before it is
            agreed.append((word.text, count))
        self._agreed = agreed
        everything = (*self._pending, *words)
        if not everything or everything[-1].end - everything[0].start < MAX_CLAUSE:
            return []
        stable = sum(1 for _, count in agreed if count >= STABLE_AFTER)
        known = (*self._pending, *words[:stable])
        cut = _longest_breath(known)
        if cut == 0:
            if not known or known[-1].end - known[0].start < MAX_CLAUSE // 2:
                return []  # a few words would make no sense alone; more become stable soon
            cut = len(known)
        taken = max(0, cut - len(self._pending))
        self._pending.extend(words[:taken])
        self._tentative = words[taken:]
        self._agreed = self._agreed[taken:]
        return self._commit(cut)

    def _commit(self, count: int) -> list[Clause]:
        """Commit the first ``count`` pending words, as one clause or, where too long, as several."""
        words, self._pending = self._pending[:count], self._pending[count:]
        clauses = []
        while words:
            cut = len(words)
            while words[cut - 1].end - words[0].start > MAX_CLAUSE:
                cut = _longest_breath(words[:cut]) or cut // 2 or 1
                if cut == 1:
                    break
            clauses.append(self._clause(words[:cut]))
            words = words[cut:]
        return clauses

    def _clause(self, words: list[Word]) -> Clause:
        self.ledger.commit(words)
        text = " ".join(word.text for word in words)
        return Clause(self._leg, next(self._numbers), self._language, text, words[0].start, words[-1].end)


def _longest_breath(words: tuple[Word, ...] | list[Word]) -> int:
    """How many words stand before the longest pause in their second half; 0 where nobody drew breath."""
    best, cut = MIN_CUT_PAUSE - 1, 0
    for i in range(max(1, len(words) // 2), len(words)):
        pause = words[i].start - words[i - 1].end
        if pause > best:
            best, cut = pause, i
    return cut
