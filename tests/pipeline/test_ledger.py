"""Pins which words the ledger knows again, what a replay begins with, and that each word comes once."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.replayed import Habits, hear, plain_figures, plain_splits, talk
from tests.pipeline.verdict import judge

from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline import retold
from dragoman.pipeline.clause import ClauseSegmenter
from dragoman.pipeline.ledger import (
    AHEAD,
    FIGURE_RETAKE,
    HURRIED_RETAKE,
    JITTER,
    LOOKED_AT,
    MOST_DUE,
    RETAKE,
    WordLedger,
)

MS = ms_to_samples(1)

HABITS = {
    "exact": Habits(),
    "each word told elsewhere by up to 60 ms": Habits(noise=60, flutter=10),
    "clocks that differ by up to 120 ms": Habits(offset=60, noise=20),
    "clocks that drift": Habits(drift=0.01, noise=20),
    "words that beginnings cut, told as others": Habits(cut=0.5, noise=30),
    "wrong partials": Habits(wrong=0.5, noise=30),
    "streams that live for a second or two": Habits(offset=40, noise=40, life=(0.6, 2.5)),
    "partials that tell one word as two, and two as one": Habits(split=0.4, wrong=0.3, noise=30),
}
"""Those under which at most one talk of 400 lost or doubled a word: short ones said twice, told in one place."""

DEADLY = Habits(life=(0.3, 1.0), noise=30)
"""Streams die of all they hear, so that much of it is given up."""


def told(ledger: WordLedger, *words: Word, final: bool = False) -> tuple[Word, ...]:
    """What is new of a hypothesis."""
    fresh, _ = ledger.hear(words, words[-1].end if words else 0, is_final=final)
    return fresh


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
        again = random.randint(0, known)
        ledger.expect(words[again].start)
        fresh = told(ledger, *(elsewhere(word, random) for word in words[again:behind]), final=True)
        assert [word.text for word in fresh] == [word.text for word in words[known:behind]]
        ledger.commit(words[known:behind])
        known = behind
    ledger.expect(0)
    assert told(ledger, *(elsewhere(word, random) for word in words)) == ()


@settings(deadline=None)
@given(speech())
def test_exactly_the_same_again_is_a_repeat_and_counted(words: list[Word]) -> None:
    ledger = WordLedger()
    ledger.commit(told(ledger, *words))
    assert told(ledger, *words) == ()
    assert ledger.repeats == len(words)


def test_what_is_pending_counts_as_known() -> None:
    ledger = WordLedger()
    words = [Word("one", 0, 3000), Word("two", 3000, 6000), Word("three", 6000, 9000)]
    ledger.hold(words[:2])
    assert told(ledger, *words) == (words[2],)
    assert ledger.committed_until == 0


def test_the_same_short_word_said_twice_counts_twice() -> None:
    ledger = WordLedger()
    first, second = Word("no", 0, 100 * MS), Word("no", 100 * MS, 200 * MS)
    ledger.commit([first])
    assert told(ledger, first, second) == (second,)


def test_a_final_brings_capitals_and_commas_to_the_words_of_its_partial() -> None:
    ledger = WordLedger()
    ledger.commit([Word("the", 0, 80 * MS)])
    assert told(ledger, Word("The,", 40 * MS, 120 * MS)) == ()


def test_the_mark_never_goes_back() -> None:
    ledger = WordLedger()
    ledger.commit([Word("late", 0, 9000)])
    ledger.commit([Word("early", 0, 3000)])
    ledger.commit([])
    assert ledger.committed_until == 9000


def test_the_same_word_told_75_ms_later_by_another_stream_is_a_repeat() -> None:
    ledger = WordLedger()
    ledger.commit([Word("yes", 1000 * MS, 1130 * MS)])
    assert told(ledger, Word("yes", 1070 * MS, 1210 * MS)) == ()


def test_a_part_of_what_was_told_as_one_word_is_a_repeat() -> None:
    ledger = WordLedger("en")
    ledger.commit([Word("205", 8960 * MS, 9450 * MS)])
    ledger.expect(8900 * MS)
    parts = (
        Word("two", 8980 * MS, 9100 * MS),
        Word("hundred", 9100 * MS, 9300 * MS),
        Word("five", 9320 * MS, 9470 * MS),
    )
    assert told(ledger, *parts) == ()
    behind = Word("people", 9500 * MS, 9800 * MS)
    assert told(ledger, *parts, behind) == (behind,)


def test_a_number_that_reaches_far_behind_what_is_known_is_not_lost() -> None:
    ledger = WordLedger()
    ledger.commit([Word("twenty", 9030 * MS, 9530 * MS)])
    assert told(ledger, Word("25", 9060 * MS, 9870 * MS)) == (Word("25", 9060 * MS, 9870 * MS),)


def heard(ledger: WordLedger, pending: Sequence[Word], *words: Word) -> tuple[list[str], int]:
    """What is new of a hypothesis of another stream, and how many of the held words it outgrew."""
    ledger.hold(pending)
    ledger.expect(0)
    fresh, outgrown = ledger.hear(words, words[-1].end, is_final=False)
    return [word.text for word in fresh], outgrown


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


def test_a_replay_begins_before_all_of_a_number() -> None:
    ledger = WordLedger("en")
    row = [Word(text, at * MS, (at + 400) * MS) for text, at in (("four", 1000), ("one", 1400), ("five", 1800))]
    assert ledger.replay_from([ALPHA, *row], ()) == row[0].start - AHEAD
    assert ledger.replay_from([Word("4", 0, 9000 * MS)], ()) == 9000 * MS - FIGURE_RETAKE


def test_a_replay_begins_in_the_last_pause_before_the_last_word() -> None:
    ledger = WordLedger()
    words = [ALPHA, Word("bravo", 900 * MS, 1300 * MS), Word("charlie", 1320 * MS, 1700 * MS)]
    ledger.commit(words[:2])
    assert ledger.replay_from(words[2:], (600 * MS, 1310 * MS, 1900 * MS)) == 600 * MS
    assert ledger.replay_from(words[2:], (1000 * MS,)) == 1000 * MS
    assert ledger.known_until(words[2:]) == words[2].end


def test_a_replay_never_begins_between_two_words_that_are_the_same() -> None:
    ledger = WordLedger()
    words = [ALPHA, *(Word("no", at * MS, (at + 280) * MS) for at in (300, 600, 900, 1200))]
    ledger.commit(words)
    assert ledger.replay_from((), ()) == words[1].start - AHEAD
    late = Word("no", 60_000 * MS, 60_500 * MS)
    assert ledger.replay_from([late], ()) == late.start - AHEAD
    for_ever = [Word("no", at * MS, (at + 280) * MS) for at in range(0, 30_000, 300)]
    assert ledger.replay_from(for_ever, ()) >= for_ever[-1].end - RETAKE - AHEAD


def test_a_hurried_replay_hears_the_last_word_and_those_that_are_the_same() -> None:
    ledger = WordLedger()
    words = [ALPHA, *(Word("no", at * MS, (at + 280) * MS) for at in (300, 600))]
    assert ledger.replay_from(words, (250 * MS,), hurried=True) == words[1].start - AHEAD
    assert ledger.replay_from(words[:2], (250 * MS,), hurried=True) == words[1].start - AHEAD
    words.append(Word("20", 1000 * MS, 1200 * MS))
    assert ledger.replay_from(words, (), hurried=True) == words[-1].start - AHEAD
    for_ever = [Word("no", at * MS, (at + 280) * MS) for at in range(0, 30_000, 300)]
    assert ledger.replay_from(for_ever, (), hurried=True) >= for_ever[-1].end - HURRIED_RETAKE - AHEAD


def test_what_must_come_again_is_known_by_more() -> None:
    ledger = WordLedger()
    again = Word("20", TWENTY.start + 170 * MS, TWENTY.end + 170 * MS)
    ledger.commit([ALPHA, TWENTY])
    assert told(ledger, again) == (again,)
    ledger.expect(ALPHA.start)
    assert told(ledger, again) == ()
    assert told(ledger, ALPHA, final=True) == ()  # a final that tells of less
    assert told(ledger, again) == ()
    assert told(ledger, TWENTY, final=True) == ()
    assert told(ledger, again) == (again,)


def test_what_was_committed_of_a_range_comes_again_in_its_final() -> None:
    ledger = WordLedger()
    first, second = Word("no", 0, 200 * MS), Word("no", 200 * MS, 400 * MS)
    ledger.retell([first])
    ledger.commit([first])
    assert told(ledger, Word("no", 150 * MS, 350 * MS)) == ()
    assert told(ledger, first, second, final=True) == (second,)
    assert told(ledger, Word("no", 300 * MS, 500 * MS)) == (Word("no", 300 * MS, 500 * MS),)


def test_what_a_stream_told_is_compared_with_what_it_tells_next() -> None:
    ledger = WordLedger()
    ledger.hold([Word("two", 17_645 * MS, 17_977 * MS)])  # another stream was late
    ledger.expect(17_495 * MS)
    assert told(ledger, Word("two", 17_537 * MS, 17_932 * MS), final=True) == ()
    second = Word("two", 17_670 * MS, 18_057 * MS)
    assert told(ledger, second) == (second,)
    assert told(ledger, Word("two", 17_537 * MS, 17_932 * MS), final=True) == ()  # the final, twice


def test_a_word_that_a_final_should_have_told_need_not_come_again_behind_it() -> None:
    ledger = WordLedger()
    first, second = Word("people", 3065 * MS, 3401 * MS), Word("people", 3477 * MS, 3603 * MS)
    ledger.hold([first, second])
    ledger.expect(3263 * MS)
    assert ledger.hear((), 3514 * MS, is_final=True) == ((), 0)  # the first one was cut, and not heard
    third = Word("people", 3731 * MS, 4030 * MS)
    assert told(ledger, Word("people", 3413 * MS, 3710 * MS), third) == (third,)


def test_of_a_minute_that_has_no_final_the_end_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []

    def counted(known: Sequence[Word], told: Sequence[Word], *rest: Any, **named: Any) -> retold.Alignment:
        looked_at.append(len(known) * len(told))
        return retold.align(known, told, *rest, **named)

    monkeypatch.setattr("dragoman.pipeline.ledger.align", counted)
    ledger = WordLedger()
    words = [Word("no", at * 300 * MS, (at * 300 + 280) * MS) for at in range(2 * MOST_DUE)]
    for at in range(0, len(words) - 10, 10):
        ledger.retell(words[at : at + 10])
        ledger.commit(words[at : at + 10])
    revised = (Word("oh", words[0].start, words[0].end), *words[1:])
    assert told(ledger, *revised, final=True) == tuple(words[-10:])
    assert max(looked_at) <= LOOKED_AT * (LOOKED_AT + 10)


def test_what_comes_behind_the_last_known_word_is_new_wherever_it_is_told() -> None:
    ledger = WordLedger()
    ledger.commit([ALPHA, TWENTY])
    ledger.expect(ALPHA.start)
    early = Word("bravo", 480 * MS, 600 * MS)
    assert told(ledger, Word("20", 300 * MS, 480 * MS), early) == (early,)


@settings(deadline=None, max_examples=60, derandomize=True)  # the same talks each time: see HABITS
@given(st.integers(0, 2**32), st.sampled_from(sorted(HABITS)), st.booleans())
def test_each_word_once_whatever_the_streams_make_of_it(seed: int, habits: str, by_clause: bool) -> None:
    random = Random(seed)
    words = talk(random, HABITS[habits])
    segmenter = ClauseSegmenter("leg", "en", agreement=2, by_clause=by_clause)
    committed = plain_splits(plain_figures(hear(random, HABITS[habits], words, segmenter)))
    assert committed == [word.text for word in words]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32), st.booleans())
def test_a_word_that_is_lost_lies_in_a_gap_that_was_marked(seed: int, by_clause: bool) -> None:
    random = Random(seed)
    words = talk(random, DEADLY)
    segmenter = ClauseSegmenter("leg", "en", agreement=2, by_clause=by_clause)
    gaps: list[tuple[int, int]] = []
    verdict = judge(words, hear(random, DEADLY, words, segmenter, gaps), gaps)
    assert verdict.good
    assert verdict.given_up
