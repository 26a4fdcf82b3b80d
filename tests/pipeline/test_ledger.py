from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.ledger import (
    FIGURE_RETAKE,
    JITTER,
    OTHER_WORDS,
    RETAKE,
    SAME_WORD,
    WordLedger,
)

MS = ms_to_samples(1)


def elsewhere(word: Word, random: Random) -> Word:
    """The same word, said again by the recogniser with other times."""
    by = (-JITTER, -JITTER // 2, 0, JITTER // 2, JITTER)
    return Word(word.text, word.start + random.choice(by), word.end + random.choice(by))


@st.composite
def speech(draw: st.DrawFn) -> list[Word]:
    """Words down to 70 ms, one after the other, no two with the same text."""
    at, words = draw(st.integers(100, 5000)) * MS, []
    for i, (length, gap) in enumerate(
        draw(st.lists(st.tuples(st.sampled_from((70, 90, 400)), st.sampled_from((0, 10, 300))), max_size=12))
    ):
        words.append(Word(f"w{i}", at, at + length * MS))
        at += (length + gap) * MS
    return words


@settings(deadline=None)
@given(speech(), st.integers(0, 2**32))
def test_words_said_again_elsewhere_by_60_ms_are_neither_lost_nor_doubled(words: list[Word], seed: int) -> None:
    random = Random(seed)
    ledger = WordLedger()
    known = 0
    while known < len(words):
        behind = random.randint(known + 1, len(words))
        fresh = ledger.fresh([elsewhere(word, random) for word in words[random.randint(0, known) : behind]])
        assert [word.text for word in fresh] == [word.text for word in words[known:behind]]
        ledger.commit(words[known:behind])
        known = behind
    assert ledger.fresh([elsewhere(word, random) for word in words]) == ()


@settings(deadline=None)
@given(speech())
def test_exactly_the_same_again_is_a_repeat_and_counted(words: list[Word]) -> None:
    ledger = WordLedger()
    ledger.commit(ledger.fresh(words))
    assert ledger.fresh(words) == ()
    assert ledger.repeats == len(words)


def test_what_is_pending_counts_as_known() -> None:
    ledger = WordLedger()
    words = [Word("one", 0, 3000), Word("two", 3000, 6000), Word("three", 6000, 9000)]
    assert ledger.fresh(words, words[:2]) == (words[2],)
    assert ledger.committed_until == 0


def test_the_same_short_word_said_twice_counts_twice() -> None:
    ledger = WordLedger()
    first, second = Word("no", 0, 100 * MS), Word("no", 100 * MS, 200 * MS)
    ledger.commit([first])
    assert ledger.fresh([first, second]) == (second,)


def test_a_final_brings_capitals_and_commas_to_the_words_of_its_partial() -> None:
    ledger = WordLedger()
    ledger.commit([Word("the", 0, 80 * MS)])
    assert ledger.fresh([Word("The,", 40 * MS, 120 * MS)]) == ()


def test_the_mark_never_goes_back() -> None:
    ledger = WordLedger()
    ledger.commit([Word("late", 0, 9000)])
    ledger.commit([Word("early", 0, 3000)])
    ledger.commit([])
    assert ledger.committed_until == 9000


def test_the_same_word_told_75_ms_later_by_another_stream_is_a_repeat() -> None:
    ledger = WordLedger()
    ledger.commit([Word("yes", 1000 * MS, 1130 * MS)])
    assert ledger.fresh([Word("yes", 1070 * MS, 1210 * MS)]) == ()


def test_a_part_of_what_was_told_as_one_word_is_a_repeat() -> None:
    ledger = WordLedger()
    ledger.commit([Word("205", 8960 * MS, 9450 * MS)])
    assert ledger.fresh([Word("two", 8980 * MS, 9320 * MS), Word("five", 9320 * MS, 9470 * MS)]) == ()


def test_a_number_that_reaches_far_behind_what_is_known_is_not_lost() -> None:
    ledger = WordLedger()
    ledger.commit([Word("twenty", 9030 * MS, 9530 * MS)])
    assert ledger.fresh([Word("25", 9060 * MS, 9870 * MS)]) == (Word("25", 9060 * MS, 9870 * MS),)


@st.composite
def sayings(draw: st.DrawFn) -> list[Word]:
    """Words in any order, of any length, many with the same text."""
    times = st.tuples(st.sampled_from("abc"), st.integers(0, 3000), st.integers(20, 900))
    return [Word(text, at * MS, (at + length) * MS) for text, at, length in draw(st.lists(times, max_size=8))]


def by_the_rule(word: Word, seen: list[Word], until: int, follows: bool) -> tuple[bool, Word | None]:
    """Whether a word is new, and which known one it repeats: the whole rule, which asks after every known word."""

    def apart(other: Word) -> float:
        return abs((word.start + word.end) // 2 - (other.start + other.end) // 2)

    def same(other: Word, least: int) -> bool:
        near = max(least, min(word.end - word.start, other.end - other.start) // 2)
        return apart(other) <= near and word.text == other.text

    twin = min((other for other in seen if same(other, SAME_WORD)), key=apart, default=None)
    if twin is None and follows and seen and same(seen[0], 2 * JITTER):
        twin = seen[0]
    middle = (word.start + word.end) // 2
    reaches = word.end > until and (middle >= until - OTHER_WORDS or word.end > until + 2 * JITTER)
    return middle > until + JITTER or (twin is None and reaches), twin


@settings(deadline=None)
@given(sayings(), sayings(), sayings())
def test_words_far_behind_the_mark_are_judged_as_the_whole_rule_would(
    committed: list[Word], pending: list[Word], words: list[Word]
) -> None:
    ledger = WordLedger()
    ledger.commit(committed)
    seen, follows, expected, passed = [*committed[-4:], *pending[-4:]], False, [], False
    last = seen[-1].text if seen else ""
    until = max([ledger.committed_until, *(word.end for word in pending)])
    for word in words:
        new, twin = by_the_rule(word, seen, until, follows)
        follows = twin is not None
        if twin is not None:
            del seen[: seen.index(twin) + 1]
            passed = not seen
        if new or (passed and twin is None and word.text != last):
            expected.append(word)
    assert ledger.fresh(words, pending) == tuple(expected)
    assert ledger.repeats == len(words) - len(expected)


def heard(ledger: WordLedger, pending: list[Word], *words: Word) -> tuple[list[str], int]:
    """What is new of a hypothesis, and how many of the pending words it outgrew."""
    fresh = ledger.fresh(words, pending)
    return [word.text for word in fresh], ledger.outgrown(words, fresh, pending)


ALPHA, TWENTY = Word("alpha", 0, 300 * MS), Word("20", 320 * MS, 620 * MS)


def test_a_number_told_in_part_is_outgrown_by_the_whole_one() -> None:
    whole = Word("25,", 340 * MS, 980 * MS)
    assert heard(WordLedger(), [ALPHA, TWENTY], whole) == (["25,"], 1)
    assert heard(WordLedger(), [ALPHA, TWENTY], Word("alpha", 10 * MS, 310 * MS), whole) == (["25,"], 1)


def test_digits_told_in_several_words_are_outgrown_by_the_row() -> None:
    parts = [Word("415", 0, 900 * MS), Word("555", 950 * MS, 1900 * MS)]
    assert heard(WordLedger(), parts, Word("415-555-1212", 20 * MS, 3900 * MS)) == (["415-555-1212"], 2)


def test_a_word_behind_a_pending_one_outgrows_nothing() -> None:
    beside = Word("bravo", 640 * MS, 980 * MS)
    assert heard(WordLedger(), [ALPHA, TWENTY], beside) == (["bravo"], 0)
    assert heard(WordLedger(), [ALPHA, TWENTY], Word("20", 340 * MS, 600 * MS), beside) == (["bravo"], 0)
    assert heard(WordLedger(), [ALPHA, TWENTY], Word("bravo", 560 * MS, 980 * MS)) == (["bravo"], 0)


def test_a_number_of_which_a_part_was_committed_comes_whole() -> None:
    ledger = WordLedger()
    ledger.commit([ALPHA, TWENTY])
    assert heard(ledger, [], Word("25", 340 * MS, 980 * MS)) == (["25"], 0)


def test_a_replay_begins_where_the_last_figure_begins() -> None:
    ledger = WordLedger()
    number, word = Word("4155551", 0, 3000 * MS), Word("o'clock", 3000 * MS, 6000 * MS)
    assert ledger.known_until(number) == 0
    assert ledger.known_until(word) == word.end - RETAKE
    assert ledger.known_until(Word("4", 0, 9000 * MS)) == 9000 * MS - FIGURE_RETAKE


def test_what_must_come_again_is_known_by_more() -> None:
    ledger = WordLedger()
    again = Word("20", TWENTY.start + 170 * MS, TWENTY.end + 170 * MS)
    ledger.commit([ALPHA, TWENTY])
    assert ledger.fresh([again]) == (again,)
    ledger.expect(TWENTY.start)
    assert ledger.fresh([again]) == ()
    ledger.settle(ALPHA.end)  # a final that tells of less
    assert ledger.fresh([again]) == ()
    ledger.settle(TWENTY.end)
    assert ledger.fresh([again]) == (again,)


def test_what_comes_behind_the_last_known_word_is_new_wherever_it_is_told() -> None:
    ledger = WordLedger()
    ledger.commit([ALPHA, TWENTY])
    early = Word("bravo", 480 * MS, 600 * MS)
    assert ledger.fresh([early]) == ()
    assert ledger.fresh([Word("20", 300 * MS, 480 * MS), early]) == (early,)
