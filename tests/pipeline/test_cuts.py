"""Pins where long speech is cut: the marks, their least lengths, and that who knows more finds the same cut."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pipeline.test_clause import sentence

from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.connectives import CONNECTIVES, connectives
from dragoman.pipeline.cuts import (
    AHEAD,
    CAP,
    COMMA_WORDS,
    MARK_WORDS,
    SENTENCE_WORDS,
    before_number,
    first_cut,
    goes_on,
    longest_breath,
)
from dragoman.pipeline.plain import plain

EN = connectives("en")


def cuts(words: Sequence[Word], language: str = "en") -> list[str]:
    """All clauses that are certain, and then the rest."""
    found, rest = [], list(words)
    while cut := first_cut(rest, connectives(language), closed=False):
        found.append(" ".join(word.text for word in rest[:cut]))
        rest = rest[cut:]
    return [*found, " ".join(word.text for word in rest)]


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("It rains. Take a coat", ["It rains.", "Take a coat"]),
        ("Yes. I agree. So do we", ["Yes. I agree.", "So do we"]),  # one word is no clause
        ("Good morning, everybody is here", ["Good morning, everybody is here"]),  # nor are two before a comma
        ("I met Mr. Smith yesterday evening", ["I met Mr. Smith yesterday evening"]),
        (
            "we have moved all the boxes upstairs because it rains",
            ["we have moved all the boxes upstairs", "because it rains"],
        ),
        ("we have moved the boxes, the lift works", ["we have moved the boxes,", "the lift works"]),
        ("we have moved, the lift works", ["we have moved, the lift works"]),
        ("we have moved boxes because the lift works", ["we have moved boxes because the lift works"]),
        ("we have moved all the boxes upstairs, it rains", ["we have moved all the boxes upstairs,", "it rains"]),
        ("we sell bread and butter and milk now", ["we sell bread and butter and milk now"]),
        (
            "we have moved all the big boxes to the attic and it rains",
            ["we have moved all the big boxes to the attic", "and it rains"],
        ),
    ],
)
def test_where_a_clause_ends(text: str, clauses: list[str]) -> None:
    assert cuts(sentence(text)) == clauses


def test_a_pause_ends_a_clause_but_not_behind_an_article() -> None:
    said = sentence("we have brought up all the boxes")
    then = sentence("from the cellar", start=said[-1].end // 16 + 250)
    assert cuts([*said, *then]) == ["we have brought up all the boxes", "from the cellar"]
    said = sentence("now we have brought up all the")
    then = sentence("boxes from there", start=said[-1].end // 16 + 250)
    assert cuts([*said, *then]) == ["now we have brought up all the boxes from there"]


def test_who_gives_no_mark_is_cut_at_the_cap_at_his_longest_breath() -> None:
    words = sentence(" ".join(f"w{i}" for i in range(15))) + sentence("a b c d e f g h", start=15 * 320 + 150)
    first, *_ = cuts(words)
    assert first.split()[-1] == "w14"
    words = sentence(" ".join(f"w{i}" for i in range(40)))
    first, *_ = cuts(words)
    assert words[len(first.split()) - 1].end - words[0].start >= CAP > words[len(first.split()) - 2].end


def test_a_number_is_not_cut_in_the_middle() -> None:
    said = sentence("we have sold about twenty")
    said += sentence("five of them here today", start=said[-1].end // 16 + 250)
    assert cuts(said) == ["we have sold about twenty five of them here today"]
    said = sentence(" ".join(f"w{i}" for i in range(18)) + " twenty")
    said += sentence("five days ago and more", start=said[-1].end // 16 + 150)
    first, *_ = cuts(said)
    assert first.endswith("twenty five")
    assert longest_breath(said, EN) == 0
    assert before_number(said[:19], EN) == 18
    assert before_number(said[18:20], EN) == 2


def test_the_last_mark_of_a_partial_is_a_guess_and_that_of_a_final_is_none() -> None:
    words = sentence("It rains.")
    assert first_cut(words, EN, closed=False) == 0
    assert first_cut(words, EN, closed=True) == 2


def test_a_pause_that_is_known_ends_a_long_clause_without_the_next_word() -> None:
    long = sentence("we have brought up all the boxes")
    assert first_cut(long, EN, closed=False) == 0
    assert first_cut(long, EN, closed=False, paused=True) == len(long)
    for text in ("we are tired", "now we have brought up all the", "now we have brought up all the."):
        assert first_cut(sentence(text), EN, closed=False, paused=True) == 0
    marked = sentence("we have brought them up,")
    assert first_cut(marked, EN, closed=False, paused=True) == len(marked)


word = st.sampled_from(
    ["so", "and", "twenty", "five", "the", "rain", "because", "falls,", "now.", "Mr.", "yes?", "¿qué", "y", "porque"]
)
words = st.lists(st.tuples(word, st.integers(60, 900), st.sampled_from([0, 15, 130, 260])), max_size=40)


def timed(spoken: list[tuple[str, int, int]]) -> list[Word]:
    at, found = 0, []
    for text, length, gap in spoken:
        found.append(Word(text, at * 16, (at + length) * 16))
        at += length + gap
    return found


@given(words, st.sampled_from(["en", "es", "xx"]), st.integers(0, 40))
def test_who_knows_more_finds_the_same_cut(spoken: list[tuple[str, int, int]], language: str, known: int) -> None:
    said = timed(spoken)
    early = first_cut(said[:known], connectives(language), closed=False)
    if early:
        assert first_cut(said, connectives(language), closed=True) == early
        assert SENTENCE_WORDS <= early <= known - AHEAD


@given(words)
def test_no_cut_leaves_a_fragment(spoken: list[tuple[str, int, int]]) -> None:
    said = timed(spoken)
    cut = first_cut(said, EN, closed=False)
    if cut and not said[cut - 1].text.endswith((".", "?")) and said[cut - 1].end - said[0].start < CAP:
        assert cut >= (COMMA_WORDS if said[cut - 1].text.endswith(",") else MARK_WORDS)


def test_a_sentence_mark_ends_what_an_article_would_not() -> None:
    assert goes_on("the", EN) and goes_on("because", EN) and goes_on("well,", EN)
    assert not goes_on("so.", EN) and not goes_on("rain", EN)


def test_the_lists_hold_plain_words() -> None:
    for lists in CONNECTIVES.values():
        every = lists.strong | lists.weak | lists.dangling
        assert every == {plain(word) for word in every}
        assert not lists.strong & lists.weak
        assert all(plain(word) == word for word in lists.abbreviations)
    assert set(CONNECTIVES) == {"en", "es", "fr", "de", "pt", "it", "ca"}


MARKS = "、。，？"


def parted(text: str, size: int) -> list[Word]:
    """Words of so many characters, a mark with the one before it; 120 ms a character."""
    pieces: list[str] = []
    for char in text:
        if pieces and (char in MARKS or (len(pieces[-1]) < size and pieces[-1][-1] not in MARKS)):
            pieces[-1] += char
        else:
            pieces.append(char)
    words, at = [], 0
    for piece in pieces:
        words.append(Word(piece, at, at := at + len(piece) * ms_to_samples(120)))
    return words


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize(
    ("language", "text", "clauses"),
    [
        ("ja", "そうですね。明日また話します", ["そうですね。", "明日また話します"]),
        ("ja", "はい。賛成です。次に行きます", ["はい。賛成です。", "次に行きます"]),  # one word is no clause
        ("ja", "しかし、荷物は全部二階に運びました", ["しかし、荷物は全部二階に運びました"]),
        (
            "ja",
            "荷物は全部二階に運びました、エレベーターは動きます",
            ["荷物は全部二階に運びました、", "エレベーターは動きます"],
        ),
        ("zh", "我们把箱子都搬上去了，电梯又能用了", ["我们把箱子都搬上去了，", "电梯又能用了"]),
        ("zh", "真的？我不知道", ["真的？我不知道"]),
    ],
)
def test_without_spaces_it_does_not_matter_what_the_recogniser_calls_a_word(
    size: int, language: str, text: str, clauses: list[str]
) -> None:
    assert [clause.replace(" ", "") for clause in cuts(parted(text, size), language)] == clauses


@pytest.mark.parametrize("text", ['go."', "行く。」", "gehen!“", "चलो।", "نعم؟"])
def test_a_sentence_ends_before_a_quotation_mark_and_with_the_marks_of_any_script(text: str) -> None:
    said = sentence(f"please {text} then")
    assert first_cut(said, EN, closed=False) == 2
