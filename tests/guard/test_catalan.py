"""Catalan number words: with and without hyphens, masculine and feminine, and where a number ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from dragoman.guard.catalan import find_numbers


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("vint-i-cinc", ["25"]),
        ("vint i cinc", ["25"]),
        ("trenta-dues cadires", ["32"]),
        ("trenta dos", ["32"]),
        ("dos-cents", ["200"]),
        ("dues-centes cinquanta", ["250"]),
        ("tres cents vint-i-un", ["321"]),
        ("mil nou-cents noranta-nou", ["1999"]),
        ("dos mil vint-i-sis", ["2026"]),
        ("cent mil", ["100000"]),
        ("dos milions tres-cents mil", ["2300000"]),
        ("mil milions", ["1000000000"]),
        ("set nou dos", ["7", "9", "2"]),
        ("cinc i sis", ["5", "6"]),
        ("vint i trenta", ["20", "30"]),
        ("tres coma cinc", ["3,5"]),
        ("tres coma", ["3"]),
        ("el tercer pis", ["3"]),
        ("disset, dèsset i desset".replace(",", " ,"), ["17", "17", "17"]),
        ("la mitja hora", []),
    ],
)
def test_words(words: str, numbers: list[str]) -> None:
    assert [found.text for found in find_numbers(words.split())] == numbers


@given(st.integers(0, 999_999_999))
def test_what_another_library_writes(number: int) -> None:
    words = num2words(number, lang="ca").split()
    (found,) = find_numbers(words)
    assert (found.text, found.start, found.end) == (str(number), 0, len(words))


PIECES = "un dos vint vint-i-cinc trenta i cents tres-cents mil milions coma tercer deu casa".split()


@given(st.lists(st.sampled_from(PIECES)))
def test_numbers_are_in_order_and_apart(words: list[str]) -> None:
    at = 0
    for found in find_numbers(words):
        assert at <= found.start < found.end <= len(words)
        at = found.end
