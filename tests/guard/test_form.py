"""Figures as each language writes them; every synthesizer and screen knows the signs used."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.guard.figures import ORDINAL, PERCENT, Amount, Date, Digits, Time, Value, exists
from dragoman.guard.form import written
from dragoman.languages import LANGUAGES

EURO = Amount(Decimal("4250.5"), "EUR")
DAY = Date(3, 5, 2026)


@pytest.mark.parametrize(
    ("value", "language", "text"),
    [
        (EURO, "en", "€4,250.50"),
        (EURO, "es", "4.250,50\u00a0€"),
        (EURO, "fr", "4\u00a0250,50\u00a0€"),
        (EURO, "pt", "€\u00a04.250,50"),
        (Amount(Decimal(4250), "USD"), "en", "$4,250"),
        (Amount(Decimal(4250), "EUR"), "de", "4.250\u00a0€"),
        (Amount(Decimal("12.5"), PERCENT), "en", "12.5%"),
        (Amount(Decimal("12.5"), PERCENT), "de", "12,5\u00a0%"),
        (Amount(Decimal("12.5"), PERCENT), "tr", "%12,5"),
        (Amount(Decimal(1234567)), "ca", "1.234.567"),
        (Amount(Decimal("1234.5")), "it", "1.234,5"),
        (Amount(Decimal(21), ORDINAL), "en", "21st"),
        (Amount(Decimal(112), ORDINAL), "en", "112th"),
        (Amount(Decimal(3), ORDINAL), "es", "3.º"),
        (Amount(Decimal(1), ORDINAL), "fr", "1er"),
        (Amount(Decimal(5), ORDINAL), "ca", "5è"),
        (Amount(Decimal(5), ORDINAL), "ja", "5"),
        (DAY, "en", "March 5, 2026"),
        (DAY, "es", "5 de marzo de 2026"),
        (DAY, "fr", "5 mars 2026"),
        (DAY, "de", "5. März 2026"),
        (DAY, "ca", "5 de març del 2026"),
        (DAY, "ja", "2026年3月5日"),
        (Date(3, 1, 2026), "fr", "1er mars 2026"),
        (Date(3, 1), "fr", "1er mars"),
        (Date(2, 29), "es", "29 de febrero"),
        (Date(3, None, 2026), "pt", "março de 2026"),
        (Time(17, 0, True), "en", "5:00 PM"),
        (Time(0, 5, True), "en", "12:05 AM"),
        (Time(4, 30, False), "en", "4:30"),
        (Time(17, 0, True), "es", "17:00"),
        (Digits("792"), "es", "792"),
        (Digits("34612345678", "+34 612 345 678"), "en", "+34 612 345 678"),
    ],
)
def test_forms(value: Value, language: str, text: str) -> None:
    assert written(value, language) == text


def test_a_year_has_no_separators() -> None:
    assert written(Amount(Decimal(1999)), "en", grouped=False) == "1999"


def test_a_language_nobody_knows_is_written_as_english() -> None:
    assert written(EURO, "xx") == "€4,250.50"


@given(
    st.builds(Date, st.integers(1, 12), st.integers(1, 31) | st.none(), st.integers(1, 9999) | st.none()).filter(
        lambda date: exists(date.month, date.day, date.year)
    ),
    st.sampled_from(sorted(LANGUAGES)),
)
def test_every_day_has_a_form(date: Date, language: str) -> None:
    assert any(char.isalnum() for char in written(date, language))
