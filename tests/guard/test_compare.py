"""Which figures answer for which: each once, by what it says, never against its unit, its part of day or its year."""

from __future__ import annotations

import pytest

from dragoman.guard.compare import compare
from dragoman.guard.reader import read


def missing(source: str, target: str, language: str = "en") -> list[str]:
    """Both texts in one language, so that only the comparison is tested."""
    strong = [figure for figure in read(source, language) if not figure.weak]
    return [source[figure.start : figure.end] for figure in compare(strong, read(target, language)).missing]


def spare(source: str, target: str) -> list[str]:
    return [target[figure.start : figure.end] for figure in compare(read(source, "en"), read(target, "en")).spare]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("at 5", "at 5 pm"),
        ("at 5 pm", "at 17:00"),
        ("at 5:30", "at half past five"),
        ("at five thirty", "at 5:30 pm"),
        ("$5", "5"),
        ("5%", "5"),
        ("20 cents", "20 cents"),
        ("0.20 euros", "20"),
        ("seven nine two", "7, 9, 2"),
        ("7, 9 and 2", "seven nine two"),
        ("+34 612 345 678", "+34 61 234 56 78"),
        ("0034 612", "34 612"),
        ("nineteen ninety nine", "1999"),
        ("1999", "ninety nine"),
        ("March 5", "5 March 2026"),
        ("3/5/2026", "5/3/2026"),
        ("the fifth", "5"),
    ],
)
def test_the_same(source: str, target: str) -> None:
    assert missing(source, target) == []


@pytest.mark.parametrize(
    ("source", "target", "lacks"),
    [
        ("5 men and 5 women", "5 people", ["5"]),
        ("5 and 6", "6", ["5"]),
        ("$5", "€5", ["$5"]),
        ("5%", "$5", ["5%"]),
        ("5 pm", "5 am", ["5 pm"]),
        ("half past six", "ten past six", ["half past six"]),
        ("ten minutes to six", "ten past six", ["ten minutes to six"]),
        ("half past six", "six", ["half past six"]),
        ("March 5", "May 5", ["March 5"]),
        ("March 5", "5", ["March 5"]),
        ("March 5, 2026", "March 5, 2025", ["March 5, 2026"]),
        ("+34 612 345 678", "+34 612 345 679", ["+34 612 345 678"]),
        ("seven nine two", "seven nine", ["seven nine two"]),
        ("12", "120", ["12"]),
        ("1.5", "15", ["1.5"]),
    ],
)
def test_not_the_same(source: str, target: str, lacks: list[str]) -> None:
    assert missing(source, target) == lacks


def test_a_sure_match_is_made_before_a_loose_one() -> None:
    assert missing("5 and 5 pm", "5 pm and 5") == []
    assert missing("5 pm and 5", "5 and 5 pm") == []


def test_what_answers_for_none_is_spare() -> None:
    assert spare("5 people", "6 people") == ["6"]
    assert spare("5 people", "5 people and 6 more") == ["6"]
    assert spare("one of them", "1 of them") == []


def test_another_languages_separators_do_not_count() -> None:
    assert missing("4,250.50", "4.250,50") == ["4,250.50"]
    assert spare("4,250.50", "4.250,50") == ["4.250,50"]
