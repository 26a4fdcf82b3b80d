"""The ledger of words already known, keyed by audio time, so that no word is translated twice. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise, takewhile

from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.digits import is_number
from dragoman.pipeline.plain import plain
from dragoman.pipeline.retold import Tolerance, align, grown_from, left_of, same_first

JITTER = ms_to_samples(60)
"""How far a word's middle moves between two times that one stream says it."""

TOLD = Tolerance(same=ms_to_samples(90), slope=ms_to_samples(300))
"""Of words that need not come again: more could be another one of the same text. 50 to 80 ms were measured, and a
frame."""

RETOLD = Tolerance(same=ms_to_samples(400), slope=ms_to_samples(200))
"""Of words that must come again: two streams, each off by up to 200 ms. Seen were 20 to 100."""

NEAR = ms_to_samples(100)
FAR = ms_to_samples(700)
"""How far behind the end of what is known a word must begin to be new without being looked at: the second where words
must come again."""

REACH = ms_to_samples(1000)
DOUBTFUL = 5
"""Where nothing must come again: how far before it a word must end to be known without being looked at, and how many
words lie there at most (100 ms and more each) that one told at the wrong time could be."""

RETAKE = ms_to_samples(2000)
"""How far before the end of what is known a replay begins, at most. It begins in a pause, where no word is cut, or with
a word or two that are known, and never between two that are the same: who hears half of one cannot count them."""

FIGURE_RETAKE = ms_to_samples(5000)
"""The same where the last known words are a number: a telephone number of ten digits takes 4 s."""

HURRIED_RETAKE = ms_to_samples(1000)
"""The same where streams die before they get any further, of a last word that is said twice or more."""

AHEAD = ms_to_samples(200)
"""How far before such a word: it may have been told so much too late. More hears the one before it too."""

BEFORE = ms_to_samples(1000)
"""How far before a replay a known word may begin and still be heard in it, in part, and with another stream's times."""

LATE = ms_to_samples(500)
"""How far a final must reach behind a known word to tell it, if anything will."""

LOOKED_AT = 24
"""Words that are due which are looked at, the last ones: more than a replay holds. Of who never pauses a minute's words
may be committed before their final, and to align all of them would take a quarter of a second."""

MOST_DUE = 400
"""Words that are due, at most: two minutes of speech. A recogniser that tells no final for so long tells none."""

RECENT = 16
"""Committed words that are kept: more than are spoken in ``RETAKE``."""


class WordLedger:
    """Remembers which of a leg's words are known: committed, or final and to be committed (``hold``).

    Recognisers say the same word more than once: a final arrives twice, a stream is restarted and its audio replayed, a
    prefix was committed before its final came. What is told again is aligned with what is known (``retold``). Words
    that must come again, in this order and before anything new, are ``due``: those that a replay holds, until a final
    told them; and those that were committed of a range whose final is due. They are known again by their texts first.
    Where nothing is due, a word is a repeat only where one of the same text was told at the same time, or when most of
    it lies before the end of what is known; and one that reaches far behind that is kept whatever lies before: better
    twice than never.

    Figures are joined by the recogniser: "20" was told when the stream died, and the next one, which hears it again,
    tells "25". So a replay begins before the last figure, and the new word takes the place of all that it holds
    and that is not committed (``outgrown``). Where a part of it was committed, the whole number follows as a
    correction: its rest alone ("5") would be another number.
    """

    def __init__(self, language: str = "") -> None:
        """``language``: of the words, by which numbers are known however they are written."""
        self._language = language
        self.committed_until = 0
        """Audio time (samples) of the end of the last committed word."""
        self.repeats = 0
        """Words dropped because they were known."""
        self._recent: tuple[Word, ...] = ()
        self._held: tuple[Word, ...] = ()
        self._due: tuple[Word, ...] = ()
        self._since = 0  # audio time from which on what is due is told again, whole
        self._here: tuple[Word, ...] = ()  # the last words that the stream in use told in finals, known or not

    def known_until(self, heard: Sequence[Word]) -> int:
        """Up to where words are known; ``heard``: the last words of which finals told, committed or not."""
        return max([self.committed_until, *(word.end for word in heard)])

    def replay_from(self, heard: Sequence[Word], pauses: Iterable[int], *, hurried: bool = False) -> int:
        """From where on a new stream must hear: some of what is known again, to know it by, and all behind it.

        Args:
            heard: the last words of which finals told, committed or not.
            pauses: audio times in gaps of the speech, as our own voice detector hears it.
            hurried: streams die before they get any further: hear the last known word again, with those before it
                that are the same, and no more.
        """
        known = sorted({*self._recent, *self._held, *heard}, key=_ending)
        if not known:
            return self.committed_until
        end = max(known[-1].end, self.committed_until)
        first = len(known) - 1
        if hurried:
            twin = plain(known[first].text)
            while first and plain(known[first - 1].text) == twin and known[first - 1].start >= end - HURRIED_RETAKE:
                first -= 1
            return max(known[first].start - AHEAD, end - FIGURE_RETAKE, 0)
        while first and self._is_number(known[first]) and self._is_number(known[first - 1]):
            first -= 1
        number = self._is_number(known[first])
        within = [word for word in known[: first + 1] if word.start >= known[first].start - RETAKE]
        least = end - FIGURE_RETAKE if number else end - RETAKE
        latest = known[first].start - TOLD.same
        earliest = max(least, known[first].start - RETAKE, 0)
        if gap := max((at for at in pauses if earliest <= at <= latest), default=0):
            return gap
        for before, word in reversed(list(pairwise(within if number else within[:-1]))):
            if plain(before.text) != plain(word.text) and before.end <= word.start + JITTER:
                return max(word.start - AHEAD, least, 0)
        return max(within[0].start - AHEAD, least, 0)

    def expect(self, start: int) -> None:
        """Another stream hears, from audio time ``start`` on: what is known of that will be told again."""
        self._since = start
        self._here = ()
        self._due = tuple(word for word in (*self._recent, *self._held) if word.start >= start - BEFORE)

    def retell(self, words: Sequence[Word]) -> None:
        """These words, known from now on, are of a range whose final is due: it will tell them again."""
        if words and not self._due:
            self._since = 0
        self._due = (*self._due, *words)[-MOST_DUE:]

    def hold(self, words: Sequence[Word]) -> None:
        """These words are known, in order, and to be committed later."""
        self._held = tuple(words)

    def hear(self, words: Sequence[Word], upto: int, *, is_final: bool) -> tuple[tuple[Word, ...], int]:
        """What of a hypothesis is neither committed nor held, in order; and how many of the last held words it outgrew.

        Args:
            words: the hypothesis, which may tell known words again.
            upto: audio time that it covers.
            is_final: what is due of it does not come again behind it.
        """
        moved = RETOLD.slope if self._due else TOLD.same
        again = bool(self._due)
        count = self._count(words, upto, is_final)
        self.repeats += count
        fresh = tuple(words[count:])
        if is_final:
            told = {*self._here, *(words if again else fresh)}
            self._here = tuple(sorted(told, key=_ending))[-DOUBTFUL:]
        return fresh, self._outgrown(words, fresh, moved)

    def commit(self, words: Sequence[Word]) -> None:
        """Mark these words as committed; the mark never goes back."""
        if words:
            self.committed_until = max(self.committed_until, max(word.end for word in words))
            self._recent = (*self._recent, *words)[-RECENT:]

    def _is_number(self, word: Word) -> bool:
        return is_number(word.text, self._language)

    def _count(self, words: Sequence[Word], upto: int, is_final: bool) -> int:
        """How many of these words, from the first, are known."""
        if not self._due:
            return self._count_settled(words)
        same = same_first(self._due, words, JITTER)
        since = 0 if same else self._since
        if (behind := len(self._due) - LOOKED_AT) > same:
            same = sum(1 for _ in takewhile(lambda word: word.end <= self._due[behind].start, words))
            known = self._due[behind:]
        else:
            known = self._due[same:]
        told = words[same:]
        near = next((i for i, word in enumerate(told) if word.start > self._due[-1].end + FAR), len(told))
        count, passed = same, len(self._due) - len(known)
        if known and near:
            found = align(known, told[:near], RETOLD, since=since, upto=upto, language=self._language)
            count, passed = same + found.told, passed + found.known
        if is_final:
            passed = len(self._due) if count < len(words) else passed
            rest = self._left(words, passed) if words and count == len(words) else self._due[passed:]
            self._due = tuple(word for word in rest if word.end > upto - LATE)
            self._since = upto
        return count

    def _left(self, words: Sequence[Word], passed: int) -> tuple[Word, ...]:
        """What is due behind a final all of whose words are known, the rest of a number that it told in part too."""
        for at in range(max(passed - 1, 0), min(passed + 1, len(self._due))):
            if left := left_of(self._due[at], words, self._language):
                return (left, *self._due[at + 1 :])
        return self._due[passed:]

    def _count_settled(self, words: Sequence[Word]) -> int:
        """The same where nothing must come again."""
        known = self._here or (*self._recent, *self._held)[-DOUBTFUL:]
        if not known:
            return 0
        until = known[-1].end
        first = next((i for i, word in enumerate(words) if word.end > until - REACH), len(words))
        near = next((i for i, word in enumerate(words) if word.start > until + NEAR), len(words))
        if first >= near:
            return first
        return first + align(known, words[first:near], TOLD, since=None, upto=0, language=self._language).told

    def _outgrown(self, words: Sequence[Word], fresh: Sequence[Word], moved: int) -> int:
        """How many of the last held words are parts of a word that was now told: "20" of "25"."""
        held = self._held
        if not fresh or not held or fresh[0].start >= held[-1].end:
            return 0
        whole = fresh[0]
        before = next((word for word in reversed(words) if word.end <= whole.start), None)
        heard = whole.start if before is None else before.end
        first = len(held)
        while first and _middle(held[first - 1]) > max(heard, whole.start - moved):
            first -= 1
        if first == len(held) or held[-1].end >= whole.end or not grown_from(whole, held[first], self._language):
            return 0
        return len(held) - first if abs(held[first].start - whole.start) <= moved else 0


def _ending(word: Word) -> tuple[int, int]:
    return word.end, word.start


def _middle(word: Word) -> int:
    return (word.start + word.end) // 2
