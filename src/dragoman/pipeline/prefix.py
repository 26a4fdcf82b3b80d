"""How far a recogniser's partials agree, and what became of words that were committed on the strength of it. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from difflib import SequenceMatcher

from dragoman.engines.base import Word
from dragoman.pipeline.ledger import JITTER
from dragoman.pipeline.plain import plain

STABLE_AFTER = 3
"""Hypotheses in a row that must agree on a word before it is as good as final, where the engine does not say
(pocketsphinx revises its last two words often)."""

KEPT = 200
"""Words committed ahead of their final that are remembered, a minute of speech: finals come far more often."""


class StablePrefix:
    """LocalAgreement-n (Liu et al. 2020, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation").

    A word is stable when it and all before it were the same in n hypotheses in a row, whatever their capitals and
    commas.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._words: tuple[Word, ...] = ()
        self._agreed: list[tuple[str, int]] = []

    def hear(self, words: Sequence[Word]) -> None:
        """The next partial, without what is committed."""
        agreed: list[tuple[str, int]] = []
        count = self._n
        for i, word in enumerate(words):
            text = plain(word.text)
            before = self._agreed[i] if i < len(self._agreed) else ("", 0)
            count = min(count, before[1] + 1 if before[0] == text else 1)
            agreed.append((text, count))
        self._words, self._agreed = tuple(words), agreed

    @property
    def stable(self) -> int:
        """Words of the last partial, from its first, that n partials agree on."""
        return sum(1 for _, count in self._agreed if count >= self._n)

    @property
    def words(self) -> tuple[Word, ...]:
        """The stable words, as the last partial told them."""
        return self._words[: self.stable]

    def take(self, count: int) -> None:
        """The first ``count`` words were committed."""
        self._words = self._words[count:]
        del self._agreed[:count]

    def clear(self) -> None:
        """A final came, or another stream: what follows is other speech."""
        self._words = ()
        self._agreed.clear()


class EarlyWords:
    """Words that were committed, and so perhaps spoken, before their final; counts those that it revises."""

    def __init__(self) -> None:
        self._waiting: deque[Word] = deque(maxlen=KEPT)
        self.committed = 0
        """Words committed ahead of their final."""
        self.revised = 0
        """Of those, words that are not in their final."""

    def commit(self, words: Sequence[Word]) -> None:
        """These words of a partial were committed."""
        self._waiting.extend(words)
        self.committed += len(words)

    def judge(self, final: Sequence[Word], upto: int) -> None:
        """A final of the audio up to ``upto``: whatever was committed of it should be in it."""
        said = []
        while self._waiting and _middle(self._waiting[0]) <= upto:
            said.append(self._waiting.popleft())
        if not said:
            return
        first, last = said[0].start - JITTER, said[-1].end + JITTER
        meant = [plain(word.text) for word in final if first <= _middle(word) <= last]
        matcher = SequenceMatcher(None, [plain(word.text) for word in said], meant, autojunk=False)
        self.revised += len(said) - sum(block.size for block in matcher.get_matching_blocks())


def _middle(word: Word) -> int:
    return (word.start + word.end) // 2
