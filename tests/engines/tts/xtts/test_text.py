"""Cutting texts for XTTS: no word lost, added or moved; what is left of a text that was broken off."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.tts.xtts.text import SHORT, pieces, spaced_digits

WORDS = st.lists(st.text("abcñéй你ー1", min_size=1, max_size=30), min_size=1, max_size=60)
SEPARATORS = st.sampled_from([" ", ", ", ". ", "! ", "; ", "。", "、", " - ", "  "])


@st.composite
def texts(draw: st.DrawFn) -> str:
    return "".join(word + draw(SEPARATORS) for word in draw(WORDS))


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


@given(texts(), st.integers(20, 200))
def test_nothing_is_lost_added_or_moved_and_all_pieces_fit(text: str, limit: int) -> None:
    found = pieces(text, limit)
    assert letters("".join(found)) == letters(text)
    assert all(len(piece) <= limit + 4 for piece in found)  # the padding of a short one
    assert all(letters(piece) or "".join(found) for piece in found)


@given(st.text(max_size=300), st.integers(10, 100))
def test_any_text_is_cut(text: str, limit: int) -> None:
    assert letters("".join(pieces(text, limit))) == letters(text)


@given(texts(), st.integers(60, 200))
def test_short_pieces_are_alone_only_where_no_neighbour_has_room(text: str, limit: int) -> None:
    found = pieces(text, limit)
    for before, after in pairwise(found):
        if min(len(letters(before)), len(letters(after))) < SHORT:
            assert len(before) + 1 + len(after) > limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One sentence. And another one, which is longer.", ["One sentence. And another one, which is longer."]),
        (
            "This is the first sentence of them. This is the second one, with a comma in it; and more.",
            ["This is the first sentence of them.", "This is the second one, with a comma in it;", "and more..."],
        ),
        ("word " * 15, ["word word word word word word word word word word", "word word word word word"]),
        ("x" * 70, ["x" * 50, "x" * 20]),
        ("No.", ["No..."]),
        ("no", ["no..."]),
        ("Really?", ["Really? ..."]),
        ("Yes. It will be ready by Monday.", ["Yes. It will be ready by Monday."]),
        ("...", []),
        ("", []),
    ],
)
def test_cuts(text: str, expected: list[str]) -> None:
    assert pieces(text, 50) == expected


def test_long_numbers_are_read_digit_by_digit() -> None:
    assert (
        spaced_digits("account 1234567890123456, 1500 euros") == "account 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6, 1500 euros"
    )
