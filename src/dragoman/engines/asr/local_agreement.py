"""LocalAgreement-2: which words of a recogniser that hears the same audio again and again may be relied on. Pure.

Liu, Spanakis and Niehues 2020 ("Low-latency sequence-to-sequence speech recognition and translation by partial
hypothesis selection"); used with Whisper by Machacek, Dabre and Bojar 2023 ("Turning Whisper into real-time
transcription system"): a word is confirmed when two hypotheses in a row, of a growing window, agree on it and on all
before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples

SLACK = ms_to_samples(100)
"""How far behind the confirmed end a word's middle may lie and be new: times that come from attention are about that
exact (Machacek et al. use the same 0.1 s)."""

SHIFT = ms_to_samples(300)
"""How far a confirmed word may have moved in the next hypothesis and still be the same one; who says a word twice takes
longer than that."""

OVERLAP = 5
"""Confirmed words that are looked for at the head of the next hypothesis (as Machacek et al.)."""


class LocalAgreement:
    """One utterance's words; every hypothesis covers the window from some point before ``confirmed_until`` on.

    Agreement means the same text, its capitals and punctuation included: Whisper ends what it hears with a full stop,
    which is gone from the next hypothesis if the sentence goes on.
    """

    def __init__(self) -> None:
        self.confirmed_until = 0
        """Audio time of the end of the last confirmed word; 0: none."""
        self.tentative: tuple[Word, ...] = ()
        """Words of the last hypothesis behind the confirmed ones."""
        self._recent: tuple[Word, ...] = ()

    def insert(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """Take the next hypothesis; returns the words that it confirms, in order, each once."""
        fresh = self._fresh(words)
        agreed = 0
        for before, now in zip(self.tentative, fresh, strict=False):
            if before.text != now.text:
                break
            agreed += 1
        self.tentative = fresh[agreed:]
        return self._confirm(fresh[:agreed])

    def finish(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The last hypothesis of the utterance: all that was not confirmed before is now."""
        self.tentative = ()
        return self._confirm(self._fresh(words))

    def force(self, hold: int) -> tuple[Word, ...]:
        """Confirm the tentative words but the last ``hold``, agreed upon or not: the window is full."""
        taken = self.tentative[: max(0, len(self.tentative) - hold)]
        self.tentative = self.tentative[len(taken) :]
        return self._confirm(taken)

    def _fresh(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The words behind the confirmed ones, though both times and window moved; their times do not go back."""
        if not self._recent:
            return tuple(words)
        behind = [word for word in words if _middle(word) > self.confirmed_until - SLACK]
        behind = behind[self._repeated(behind) :]
        return tuple(
            word
            if word.start >= self.confirmed_until
            else Word(word.text, self.confirmed_until, max(word.end, self.confirmed_until), word.confidence)
            for word in behind
        )

    def _repeated(self, words: Sequence[Word]) -> int:
        """How many words at the head are confirmed ones, heard again."""
        best, repeated = SHIFT + 1, 0
        for count in range(1, min(OVERLAP, len(words), len(self._recent)) + 1):
            pairs = list(zip(self._recent[-count:], words[:count], strict=True))
            moved = max(abs(_middle(old) - _middle(new)) for old, new in pairs)
            if moved < best and all(old.text.casefold() == new.text.casefold() for old, new in pairs):
                best, repeated = moved, count  # of a word said many times, those that moved least
        return repeated

    def _confirm(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        if words:
            self.confirmed_until = max(self.confirmed_until, words[-1].end)
            self._recent = (*self._recent, *words)[-OVERLAP:]
        return words


def _middle(word: Word) -> int:
    return (word.start + word.end) // 2
