"""How far successive partials agree: what of an utterance is as good as final. Pure."""

from __future__ import annotations

from dragoman.engines.base import Hypothesis, Word

AGREEING = 3
"""Partials in a row that must tell a word (LocalAgreement-n, Liu et al. 2020; as in the segmenter)."""


class Agreement:
    """Of one stream's partials since its last final."""

    def __init__(self) -> None:
        self._words: tuple[Word, ...] = ()
        self._counts: list[int] = []

    @property
    def words(self) -> tuple[Word, ...]:
        """The words on which the last partials agree, from the first on."""
        stable = next((i for i, count in enumerate(self._counts) if count < AGREEING), len(self._counts))
        return self._words[:stable]

    def clear(self) -> None:
        """Another stream, or an utterance of which nothing is known yet."""
        self._words, self._counts = (), []

    def feed(self, hypothesis: Hypothesis) -> None:
        """Take the next hypothesis; behind a final begins the count anew."""
        if hypothesis.is_final:
            self.clear()
            return
        counts: list[int] = []
        for i, word in enumerate(hypothesis.words):
            same = i < len(self._words) and self._words[i].text == word.text
            counts.append(self._counts[i] + 1 if same else 1)
        self._words, self._counts = hypothesis.words, counts
