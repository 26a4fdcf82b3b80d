"""Where long speech is cut into clauses that can be translated alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.connectives import Connectives
from dragoman.pipeline.digits import is_number
from dragoman.pipeline.ledger import JITTER
from dragoman.pipeline.plain import plain
from dragoman.writing import WORD, worth

MAX_CLAUSE = ms_to_samples(10_000)
"""Longest clause, in samples: who speaks on without a pause is cut here, at his longest breath, or nobody hears him."""

MIN_CUT_PAUSE = ms_to_samples(120)
"""Samples between two words that count as a breath; shorter gaps are stop consonants."""

SENTENCE_WORDS = 2
"""Words that a sentence must have to be a clause of its own while more follows: "Yes. I agree." is one."""

COMMA_LENGTH = ms_to_samples(1300)
COMMA_WORDS = 4
"""Least clause before a comma: shorter ones ("However,") say nothing alone. Not more, because the clause behind a long
one waits until that was spoken: of clauses of much the same length none does."""

MARK_LENGTH = ms_to_samples(2000)
MARK_WORDS = 5
"""Least clause before a pause or a strong connective, which may stand in the middle of a thought."""

WEAK_LENGTH = ms_to_samples(3000)
WEAK_WORDS = 8
"""Least clause before a weak connective: behind so much, an "and" joins clauses rather than words."""

AHEAD = 1
"""Words that must be known behind a cut inside a sentence, so that no single word is left over."""

CAP = ms_to_samples(6000)
"""Clause that is cut without any mark: 15 words, two lines of a caption; longer ones cost more delay than they give
meaning (human interpreters lag 2-5 s)."""

PAUSE = ms_to_samples(200)
"""Silence between two words that marks a clause; a breath is 200 ms and more."""

LAST_WORD = ms_to_samples(150)
"""How much longer than a recogniser's last word the VAD may hear it: final fricatives, and windows of 32 ms."""

_SENTENCE_END = tuple(".?!…。｡．？！؟۔।॥။។៕")
_CLAUSE_END = tuple(",;:，、､；：–—،؛၊")
_CLOSING = "\"'»“”‘’)」』）》〉】"
"""What may stand behind a mark of a sentence or a clause."""


def ends_sentence(word: Word, language: Connectives) -> bool:
    """Whether this word carries a sentence mark that is no abbreviation's."""
    return _ends_with(word.text, _SENTENCE_END) and plain(word.text) not in language.abbreviations


def goes_on(text: str, language: Connectives) -> bool:
    """Whether a speaker whose last word is ``text`` has more to say: a comma, or no mark behind a connective."""
    return _ends_with(text, _CLAUSE_END) or (not _ends_with(text, _SENTENCE_END) and language.unfinished(plain(text)))


def pauses_behind(word: Word, pause: int) -> bool:
    """Whether the pause before which the VAD heard its last speech at audio time ``pause`` is the one behind this."""
    return -JITTER <= pause - word.end <= LAST_WORD


def long_enough(texts: Sequence[str], length: int) -> bool:
    """Whether a clause within a sentence may end behind these words, of so many samples, if it ends there."""
    if _ends_with(texts[-1], _CLAUSE_END):
        return length >= COMMA_LENGTH and _holds(texts, COMMA_WORDS)
    return length >= MARK_LENGTH and _holds(texts, MARK_WORDS)


def first_cut(words: Sequence[Word], language: Connectives, *, closed: bool, paused: bool = False) -> int:
    """How many words make the first clause; 0 while none is certain.

    Depends on the words up to the cut and on ``AHEAD`` behind it only: whoever knows more of the sentence finds the
    same cut, so that what is foreseen from a partial is what its final commits.

    Args:
        words: what is known, in order.
        language: its connectives.
        closed: whether a sentence mark at the very end counts: one behind which nothing is known is a guess.
        paused: whether the speaker is known to have paused behind them, so that no word needs to follow a long clause.
    """
    for i in range(1, len(words) + 1):
        last = words[i - 1]
        if ends_sentence(last, language) and _holds(_texts(words[:i]), SENTENCE_WORDS):
            if i < len(words) or closed:
                return i
            return i if paused and _breaks_off(words, language) else 0
        if len(words) - i < AHEAD:
            if paused and _breaks_off(words, language):
                return i
            continue
        length = last.end - words[0].start
        if length >= CAP:
            if cut := longest_breath(words[:i], language):
                return cut
            if length >= MAX_CLAUSE or not within_number(last, words[i], language):
                return i
            continue
        if _marks(words[:i], words[i], language):
            return i
    return 0


def _breaks_off(words: Sequence[Word], language: Connectives) -> bool:
    """Whether a pause behind these words of a sentence ends a clause; a mark there may be due to the pause alone."""
    last = words[-1]
    return long_enough(_texts(words), last.end - words[0].start) and not language.unfinished(plain(last.text))


def _marks(words: Sequence[Word], following: Word, language: Connectives) -> bool:
    """Whether a clause may end between these words of a sentence and the one that follows."""
    last = words[-1]
    length = last.end - words[0].start
    if length < COMMA_LENGTH or not long_enough(_texts(words), length):
        return False
    if _ends_with(last.text, _CLAUSE_END):
        return True
    if goes_on(last.text, language) or within_number(last, following, language):
        return False
    opener = plain(following.text)
    if following.start - last.end >= PAUSE or opener in language.strong:
        return True
    return opener in language.weak and length >= WEAK_LENGTH and _holds(_texts(words), WEAK_WORDS)


def within_number(last: Word, following: Word, language: Connectives) -> bool:
    """Whether a cut between these words may be one in the middle of a number: "twenty five" would be two."""
    return is_number(last.text, language.code) and is_number(following.text, language.code)


def longest_breath(words: Sequence[Word], language: Connectives) -> int:
    """How many words stand before the longest pause in their second half; 0 where nobody drew breath.

    A breath within a number is none: the recogniser may yet make one word of it.
    """
    best, cut = MIN_CUT_PAUSE - 1, 0
    for i in range(max(1, len(words) // 2), len(words)):
        pause = words[i].start - words[i - 1].end
        if pause > best and not within_number(words[i - 1], words[i], language):
            best, cut = pause, i
    return cut


def before_number(words: Sequence[Word], language: Connectives) -> int:
    """How many words stand before the number that these words end with, which may go on; all where that is too few."""
    count = len(words)
    while count and is_number(words[count - 1].text, language.code):
        count -= 1
    return count if count > len(words) // 2 else len(words)


def _ends_with(text: str, marks: tuple[str, ...]) -> bool:
    return text.rstrip(_CLOSING).endswith(marks)


def _texts(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(word.text for word in words)


def _holds(texts: Sequence[str], words: int) -> bool:
    """Whether they come to so many words, however the recogniser parts them."""
    return sum(map(worth, texts)) >= words * WORD
