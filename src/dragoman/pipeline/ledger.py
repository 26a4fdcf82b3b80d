"""The ledger of words already committed, keyed by audio time, so that no word is translated twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.plain import plain

JITTER = ms_to_samples(60)
"""How far a word's middle moves between two times that a recogniser says it."""

OTHER_WORDS = JITTER // 2
"""The same, where the words differ: told apart by another stream, as numbers are. Words are 100 ms long and more, so a
new one, told ``JITTER`` early and more, still lies behind the mark."""

SAME_WORD = ms_to_samples(90)
"""How far apart the middles of a word and its repeat may lie, where both are the same word: what was measured of a
recogniser that counts its audio anew on each connection (50 to 80 ms), and a frame."""

RETOLD = ms_to_samples(200)
"""The same of a word that must come again (``expect``): what a recogniser's partials and finals, or two streams, were
seen to differ by. Of a word that need not come again, so much could be another one of the same text."""

RETAKE = ms_to_samples(1000)
"""How far before the end of what is known a replay begins, at most: at the start of the last known word, so that the
next stream hears it whole. Half a word could be taken for another one, and the next one's beginning must not be cut."""

FIGURE_RETAKE = ms_to_samples(5000)
"""The same where the last known word is a figure: a telephone number of ten digits takes 4 s, and is one word."""

RECENT = 4
"""Words before the mark whose texts are kept; more do not fit into what ``JITTER`` leaves in doubt."""


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
        """From where on a new stream must hear: the last known word again, and all behind it.

        ``final``: the last word of which a final told, committed or not.
        """
        last = self.last
        if final is not None and (last is None or final.end > last.end):
            last = final
        if last is None:
            return self.committed_until
        end = max(last.end, self.committed_until)
        retake = FIGURE_RETAKE if _is_figure(last) else RETAKE
        return max(last.start - JITTER, end - retake, 0)

    def expect(self, start: int) -> None:
        """What is known from audio time ``start`` on will be told again: it is replayed, or its final is due."""
        self._expected = start if self._expected is None else min(start, self._expected)

    def settle(self, upto: int) -> None:
        """A final told all that was said up to ``upto``."""
        if upto >= self.committed_until:
            self._expected = None

    def fresh(self, words: Iterable[Word], pending: Sequence[Word] = ()) -> tuple[Word, ...]:
        """The words that are neither committed nor in ``pending`` (known, and to be committed later), in order."""
        until = max([self.committed_until, *(word.end for word in pending)])
        seen = [*self._recent, *pending[-RECENT:]]
        beyond = max((_middle(other) + max(RETOLD, (other.end - other.start) // 2) for other in seen), default=-1)
        kept = []
        last = plain(seen[-1].text) if seen else ""
        follows = False  # whether the word before was said again, so that the next one that is known should come now
        passed = False  # whether the last known word was said again: what comes behind it is new, wherever it is told
        for word in words:
            middle = _middle(word)
            if middle > until + JITTER and middle > beyond:  # nearly every word: so far behind, none has a twin
                kept.append(word)
                follows = False
                continue
            twins = [other for other in seen if _same(word, other, RETOLD if self._due(other) else SAME_WORD)]
            twin = min(twins, key=lambda other: abs(middle - _middle(other)), default=None)
            if twin is None and follows and seen and _same(word, seen[0], 2 * JITTER):
                twin = seen[0]
            follows = twin is not None
            if twin is not None:
                del seen[: seen.index(twin) + 1]
                passed = not seen
            new = passed and twin is None and plain(word.text) != last
            reaches = word.end > until and (middle >= until - OTHER_WORDS or word.end > until + 2 * JITTER)
            behind = middle > until + JITTER and not (twin is not None and self._due(twin))
            if behind or new or (twin is None and reaches):
                kept.append(word)
            else:
                self.repeats += 1
        return tuple(kept)

    def _due(self, known: Word) -> bool:
        """Whether this word will be told again."""
        return self._expected is not None and _middle(known) >= self._expected

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


def _same(word: Word, other: Word, least: int = SAME_WORD) -> bool:
    """Whether both may be the same utterance of the same word; a partial lacks the final's capitals and commas."""
    near = max(least, min(word.end - word.start, other.end - other.start) // 2)
    return abs(_middle(word) - _middle(other)) <= near and plain(word.text) == plain(other.text)
