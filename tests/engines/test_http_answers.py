"""What every provider's answers may say beside their own: when to come back (any text at all), and words for a log."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.http_answers import MAX_MESSAGE, MOST, SAID, one_line, retry_after, unspoken

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("3", 3.0),
        (" 17 ", 17.0),
        (format_datetime(datetime.fromtimestamp(NOW + 5, UTC), usegmt=True), 5.0),
        (format_datetime(datetime.fromtimestamp(NOW - 5, UTC), usegmt=True), 0.0),
        (format_datetime(datetime.fromtimestamp(NOW + 5, UTC)).replace("+0000", "-0000"), 5.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("9" * 400, None),
        ("٣", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.text())
def test_any_retry_after_is_read(value: str) -> None:
    seconds = retry_after(value, NOW)
    assert seconds is None or seconds >= 0


@given(st.text())
def test_words_for_a_log_are_one_line(text: str) -> None:
    line = one_line(text)
    assert line.isprintable() and len(line) <= MAX_MESSAGE


@pytest.mark.parametrize(
    "said",
    [
        "xi-api-key: KEY",
        "{'Authorization': 'DeepL-Auth-Key KEY'}",
        "Authorization: Bearer KEY",
        '{"api-key": "KEY"}',
        "?api_key=KEY&x",
    ],
)
def test_a_key_that_a_proxy_says_back_is_not_passed_on(said: str) -> None:
    key = "0a1b2c3d-4e5f:fx"
    assert key in said.replace("KEY", key)
    assert key not in one_line(f"400 {said.replace('KEY', key)}")


@pytest.mark.parametrize(
    "written",
    [str, json.dumps, html.escape, quote, quote_plus, repr, lambda said: repr(said.encode())],
    ids=["plain", "json", "html", "path", "query", "repr", "bytes"],
)
@given(said=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_what_was_said_is_not_in_an_error_however_a_proxy_says_it_back(
    written: Callable[[str], str], said: str
) -> None:
    page = f"<h1>{written(said)}</h1>"
    assert unspoken(page, ["", said]).count(SAID) >= 1
    assert "Jos\u00e9" not in unspoken(f"400 {written('Vendré con José & Ana')}", ["Vendré con José & Ana"])


def test_where_nothing_was_said_words_stay_as_they_are() -> None:
    assert unspoken("403 Forbidden", ["", "  "]) == "403 Forbidden"


def test_of_a_page_no_more_is_looked_through_than_anybody_is_told() -> None:
    said = "we will sell the house in June"
    page = f"{said.upper()} {said} June " * 20_000
    told = unspoken(page, (said, "June"))
    assert len(page) > 1 << 20 and len(told) <= MOST and "HOUSE" not in told.upper() and "JUNE" not in told.upper()


def test_nothing_is_left_of_what_is_cut_in_two() -> None:
    said = "we will sell the house"
    for cut in range(len(said) + 2):
        told = unspoken(f"{'. ' * MOST}"[: MOST - cut] + f" {said.upper()} and more", (said,))
        assert not any(letter.isupper() for letter in told)
