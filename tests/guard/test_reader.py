"""Figures are read as values: number words as another library writes them, digits, and texts made to confuse."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from num2words import num2words

from dragoman.guard.compare import compare
from dragoman.guard.figures import ORDINAL, PERCENT, Amount, Date, Digits, Time, Value
from dragoman.guard.form import written
from dragoman.guard.languages import TABLES
from dragoman.guard.locale import writing
from dragoman.guard.numerals import parse_number
from dragoman.guard.reader import read
from dragoman.languages import LANGUAGES

LANGUAGE = st.sampled_from(sorted(LANGUAGES))


def values(text: str, language: str) -> list[Value]:
    """What is surely a figure."""
    return [figure.value for figure in read(text, language) if not figure.weak]


@given(st.sampled_from(sorted(TABLES)), st.integers(2, 999_999_999))
@example("ca", 21_000)
@example("ca", 200_345_121)
@example("es", 21_021_021)
@example("fr", 97_080)
@example("de", 21_101_101)
@example("it", 28_021_003)
@example("pt", 16_017_019)
def test_number_words_are_read_as_they_are_written(language: str, number: int) -> None:
    words = num2words(number, lang=language).replace(",", "")
    words = words.replace("einstausend", "eintausend").replace("dicotto", "diciotto")  # its two slips
    found = [figure.value for figure in read(words, language) if isinstance(figure.value, Amount)]
    assert Amount(Decimal(number)) in found, words


@given(st.integers(3, 10))
@pytest.mark.parametrize("language", ["en", "es", "fr", "de"])
def test_ordinals_are_read_as_they_are_written(language: str, number: int) -> None:
    words = "the " + num2words(number, lang=language, to="ordinal")
    found = [figure.value.value for figure in read(words, language) if isinstance(figure.value, Amount)]
    assert Decimal(number) in found, words


@pytest.mark.parametrize(
    ("text", "language", "value", "foreign"),
    [
        ("1,234", "en", "1234", False),
        ("1,234", "es", "1.234", False),
        ("1.234", "es", "1234", False),
        ("1.234", "en", "1.234", False),
        ("1,234.5", "en", "1234.5", False),
        ("1,234.5", "es", "1234.5", True),
        ("1.234,5", "es", "1234.5", False),
        ("1.234,5", "en", "1234.5", True),
        ("1 234,5", "fr", "1234.5", False),
        ("1.234.567", "es", "1234567", False),
        ("1.234.567", "en", "1234567", True),
        ("0.125", "es", "0.125", False),
        ("3.5", "es", "3.5", False),
        ("3,5", "en", "3.5", False),
        ("1'234'567", "de", "1234567", False),
    ],
)
def test_separators(text: str, language: str, value: str, foreign: bool) -> None:
    assert parse_number(text, writing(language)) == (Decimal(value), foreign)


@pytest.mark.parametrize("text", ["3.11.2", "1,2,3", "1.2,3.4", "192.168.10.1"])
def test_what_is_no_number_is_digits_in_a_row(text: str) -> None:
    assert parse_number(text, writing("en")) is None
    (value,) = values(text, "en")
    assert isinstance(value, Digits)


@pytest.mark.parametrize(
    ("text", "language", "wanted"),
    [
        ("٣٤٥", "en", Amount(Decimal(345))),
        ("３４５", "ja", Amount(Decimal(345))),
        ("३४५", "en", Amount(Decimal(345))),
        ("10\u00a0%", "es", Amount(Decimal(10), PERCENT)),
        ("4\u202f250,50\u00a0€", "fr", Amount(Decimal("4250.50"), "EUR")),
        ("$5 million", "en", Amount(Decimal(5_000_000), "USD")),
        ("5k", "en", Amount(Decimal(5000))),
        ("five euros and twenty cents", "en", Amount(Decimal("5.2"), "EUR")),
        ("17h30", "fr", Time(17, 30, True)),
        ("5:30 p.m.", "en", Time(17, 30, True)),
        ("12 am", "en", Time(0, 0, True)),
        ("las doce de la noche", "es", Time(0, 0, True)),
        ("2026-03-05", "de", Date(3, 5, 2026)),
        ("5.3.2026", "de", Date(3, 5, 2026)),
        ("25/12/2026", "en", Date(12, 25, 2026)),
        ("29 de febrero", "es", Date(2, 29)),
        ("30 de febrero", "es", Amount(Decimal(30))),
        ("February 29, 2025", "en", Date(2, 29)),
        ("31.4.2026", "de", Digits("3142026", "31.4.2026")),
        ("0000-01-01", "en", Digits("00000101", "0000-01-01")),
        ("March 2026", "en", Date(3, None, 2026)),
        ("oh oh seven", "en", Digits("007")),
        ("cero cero uno", "es", Digits("001")),
        ("3rd", "en", Amount(Decimal(3), ORDINAL)),
        ("3.º", "es", Amount(Decimal(3), ORDINAL)),
        ("2e", "fr", Amount(Decimal(2), ORDINAL)),
    ],
)
def test_kinds(text: str, language: str, wanted: Value) -> None:
    assert wanted in [figure.value for figure in read(text, language)]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("one of them", "en"),
        ("Wait a second", "en"),
        ("a third of it", "en"),
        ("fifty-fifty", "en"),
        ("a nine-to-five job", "en"),
        ("una casa y un perro", "es"),
        ("mil gracias", "es"),
        ("cuatro gatos", "es"),
        ("en quince días", "es"),
        ("un chat", "fr"),
        ("mille mercis", "fr"),
        ("ein Haus", "de"),
        ("tausend Dank", "de"),
        ("in vierzehn Tagen", "de"),
        ("na quinta-feira", "pt"),
        ("uma casa", "pt"),
        ("mille grazie", "it"),
        ("tu sei pronto", "it"),
        ("quattro passi", "it"),
        ("mil gràcies", "ca"),
        ("tinc set", "ca"),
        ("You may come", "en"),
    ],
)
def test_what_only_looks_like_a_figure(text: str, language: str) -> None:
    assert values(text, language) == []


DATES = st.builds(
    Date, st.integers(1, 12), st.integers(1, 28), st.one_of(st.none(), st.integers(1900, 2100))
) | st.builds(Date, st.integers(1, 12), st.none(), st.integers(1900, 2100))
TIMES = st.builds(Time, st.integers(13, 23), st.integers(0, 59), st.just(True))
AMOUNTS = st.builds(
    Amount,
    st.decimals(0, 10**9, places=2) | st.integers(2, 10**9).map(Decimal),
    st.sampled_from([None, PERCENT, "EUR", "USD", "GBP"]),
)


@given(AMOUNTS | DATES | TIMES, LANGUAGE, LANGUAGE)
def test_a_value_written_in_two_languages_is_the_same(value: Value, one: str, other: str) -> None:
    a, b = read(written(value, one), one), read(written(value, other), other)
    strong = [figure for figure in a if not figure.weak]
    strict = one in TABLES and other in TABLES
    assert not compare(strong, b, strict_dates=strict).missing, (written(value, one), written(value, other))


@given(AMOUNTS | DATES | TIMES, LANGUAGE)
def test_what_is_written_is_read_as_what_it_was(value: Value, language: str) -> None:
    text = written(value, language)
    if isinstance(value, Amount) and value.value <= 1:
        return
    assert value in [figure.value for figure in read(text, language)], text


@given(st.text(), LANGUAGE)
@example("Đ 1 000 000 000 000", "es")
@example("1" * 5000, "en")
@example("1" * 16 + " billion and a half, $" + "9" * 15 + " trillion", "en")
@example("half past 25 and 99 to 61", "en")
@example("€ € 5 € 5", "en")
@example("99/99/9999 0/0/0000 00:61", "es")
@example("five million million million", "en")
def test_any_text_can_be_read(text: str, language: str) -> None:
    for figure in read(text, language):
        assert 0 <= figure.start < figure.end <= len(text)


@given(
    st.lists(st.sampled_from("half a past to five # @ T 17:30 % € euros million March , . and the 2026 third".split()))
)
def test_any_order_of_what_figures_are_made_of_can_be_read(words: list[str]) -> None:
    text = " ".join(words)
    last = 0
    for figure in read(text, "en"):
        if not figure.weak:
            assert last <= figure.start < figure.end <= len(text)
            last = figure.end
