"""The ledger of words already committed, keyed by audio time, so that no word is translated twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.plain import plain
from dragoman.pipeline.retold import Tolerance, known_of

JITTER = ms_to_samples(60)
"""How far a word's middle moves between two times that a recogniser says it."""

OTHER_WORDS = JITTER // 2
"""The same, where the words differ: told apart by another stream, as numbers are. Words are 100 ms long and more, so a
new one, told ``JITTER`` early and more, still lies behind the mark."""

SAME_WORD = ms_to_samples(90)
"""How far apart the middles of a word and its repeat may lie, where both are the same word: what was measured of a
recogniser that counts its audio anew on each connection (50 to 80 ms), and a frame."""

TOLD = Tolerance(same=SAME_WORD, slope=ms_to_samples(75))
"""Of words that need not come again: more could be another one of the same text."""

RETOLD = Tolerance(same=ms_to_samples(400), slope=ms_to_samples(200))
"""Of words that must come again (``expect``): two streams, each off by up to 200 ms. Seen were 20 to 100."""

NEAR = ms_to_samples(100)
FAR = ms_to_samples(700)
"""How far behind the end of what is known a word must begin to be new without being looked at."""

REACH = ms_to_samples(3000)
"""How far before it a word must end to be known without being looked at."""

RETAKE = ms_to_samples(2000)
"""How far before the end of what is known a replay begins, at most. It begins in a pause, where no word is cut, or with
a word or two that are known, and never between two that are the same: who hears half of one cannot count them."""

FIGURE_RETAKE = ms_to_samples(5000)
"""The same where the last known word is a figure: a telephone number of ten digits takes 4 s, and is one word."""

RECENT = 16
"""Words before the mark that are kept: more than are spoken in what a replay begins before it."""


class WordLedger:
    """Remembers up to which audio time a leg's words are committed.

    Recognisers say the same word more than once: a final arrives twice, a stream is restarted and its audio replayed, a
    prefix was committed before its final came. Word times move by up to ``JITTER`` between such repeats, more than half
    a short word. So the time decides where it is clear; near the mark, a word is a repeat when a word of the same text
    was committed there, or when most of it lies before the mark. One that reaches far behind it is kept whatever lies
    before: a number told in one piece may hold a word that was committed, and better twice than never.

    Figures are joined by the recogniser: "20" was told when the stream died, and the next one, which hears it again,
    tells "25". So a replay begins where the last figure begins, and the new word takes the place of all that it holds
    and that is not committed (``outgrown``). Where a part of it was committed, the whole number follows as a
    correction: its rest alone ("5") would be another number.
    """

    def __init__(self) -> None:
        self.committed_until = 0
        """Audio time (samples) of the end of the last committed word."""
        self.repeats = 0
        """Words dropped because they had been committed."""
        self._recent: tuple[Word, ...] = ()
        self._expected: int | None = None  # audio time from where on all that is known will be told again

    @property
    def last(self) -> Word | None:
        """The last committed word, as far as it is remembered."""
        return self._recent[-1] if self._recent else None

    def known_until(self, final: Word | None) -> int:
        """Up to where words are known; ``final``: the last word of which a final told, committed or not."""
        return max(self.committed_until, final.end if final is not None else 0)

    def replay_from(self, heard: Sequence[Word], pauses: Iterable[int]) -> int:
        """From where on a new stream must hear: some of what is known again, to know it by, and all behind it.

        Args:
            heard: the last words of which finals told, committed or not.
            pauses: audio times in gaps of the speech, as our own voice detector hears it.
        """
        known = sorted({*self._recent, *heard}, key=lambda word: (word.end, word.start))
        if not known:
            return self.committed_until
        last = known[-1]
        end = max(last.end, self.committed_until)
        if _is_figure(last):
            return max(last.start - JITTER, end - FIGURE_RETAKE, 0)
        latest = last.start - SAME_WORD
        if gap := max((at for at in pauses if end - RETAKE <= at <= latest), default=0):
            return gap
        within = [word for word in known[-RECENT:] if word.start >= end - RETAKE]
        for before, word in reversed(list(pairwise(within[:-1]))):
            if plain(before.text) != plain(word.text) and before.end <= word.start + JITTER:
                return max(word.start - JITTER, 0)
        first = within[0].start if within else end - RETAKE
        return max(first - JITTER, end - RETAKE, 0)

    def expect(self, start: int) -> None:
        """What is known from audio time ``start`` on will be told again: it is replayed, or its final is due."""
        self._expected = start if self._expected is None else min(start, self._expected)

    def settle(self, upto: int) -> None:
        """A final told all that was said up to ``upto``."""
        if upto >= self.committed_until:
            self._expected = None
        elif self._expected is not None:
            self._expected = max(self._expected, upto)

    def fresh(
        self, words: Iterable[Word], pending: Sequence[Word] = (), upto: int | None = None
    ) -> tuple[Word, ...]:
        """The words that are neither committed nor in ``pending`` (known, and to be committed later), in order.

        ``upto``: audio time that the hypothesis covers; else its last word's end.
        """
        told = tuple(words)
        known = (*self._recent, *pending)[-RECENT:]
        if not known or not told:
            return told
        until = known[-1].end
        near = FAR if self._expected is not None else NEAR
        if told[0].start > until + near:  # nearly every hypothesis
            return told
        first = next((i for i, word in enumerate(told) if word.end > until - REACH), len(told))
        last = next((i for i, word in enumerate(told) if word.start > until + near), len(told))
        count = first
        if first < last:
            tolerance = RETOLD if self._expected is not None else TOLD
            since = self._expected if not first or self._expected is None else max(self._expected, until - REACH)
            reached = told[-1].end if upto is None else max(upto, told[-1].end)
            count += known_of(known, told[first:last], tolerance, since=since, upto=reached)
        self.repeats += count
        return told[count:]

    def outgrown(self, words: Sequence[Word], fresh: Sequence[Word], pending: Sequence[Word]) -> int:
        """How many of the last ``pending`` words are parts of a word that was now told: "20" of "25".

        Args:
            words: the hypothesis, which may tell the pending words again.
            fresh: those of it that ``fresh`` kept.
            pending: what is known and not committed.
        """
        if not fresh or not pending or fresh[0].start >= pending[-1].end:
            return 0
        whole = fresh[0]
        before = next((word for word in reversed(words) if word.end <= whole.start), None)
        heard = whole.start if before is None else before.end
        first = len(pending)
        while first and _middle(pending[first - 1]) > max(heard, whole.start):
            first -= 1
        if first == len(pending) or pending[-1].end >= whole.end:
            return 0
        return len(pending) - first if abs(pending[first].start - whole.start) <= SAME_WORD else 0

    def commit(self, words: Sequence[Word]) -> None:
        """Mark these words as committed; the mark never goes back."""
        if words:
            self.committed_until = max(self.committed_until, max(word.end for word in words))
            self._recent = (*self._recent, *words)[-RECENT:]


def _middle(word: Word) -> int:
    return (word.start + word.end) // 2


def _is_figure(word: Word) -> bool:
    return any(char.isdigit() for char in word.text)
