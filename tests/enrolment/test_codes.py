"""Enrolment codes: good once, for a while, and not to be guessed."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.enrolment.codes import CODES, DIGITS, LIFE_S, WINDOW_S, WRONG_TRIES, CodeBook
from dragoman.errors import EnrolmentBusy


def book() -> CodeBook:
    numbers = count(1)
    return CodeBook(lambda: f"{next(numbers):0{DIGITS}d}")


def test_a_code_is_good_once() -> None:
    codes = book()
    code = codes.make("Ann", "en", ("7",), 0.0)
    assert codes.redeem(code.digits, 1.0) == code
    assert codes.redeem(code.digits, 1.0) is None
    codes.restore(code, 2.0)
    assert codes.redeem(code.digits, 3.0) == code


def test_a_code_expires_also_while_it_is_used() -> None:
    codes = book()
    code, other = codes.make("Ann", "en", (), 0.0), codes.make("Bea", "en", (), 10.0)
    assert codes.redeem(code.digits, LIFE_S) is None
    assert codes.redeem(other.digits, LIFE_S) == other
    codes.restore(other, LIFE_S + 10)
    assert codes.redeem(other.digits, LIFE_S + 10) is None


def test_guessing_shuts_everybody_out_for_a_while() -> None:
    codes = book()
    code = codes.make("Ann", "en", (), 0.0)
    for _ in range(WRONG_TRIES):
        assert codes.redeem("99999999", 1.0) is None
    assert codes.redeem(code.digits, 2.0) is None
    assert codes.redeem(code.digits, 1.0 + WINDOW_S) == code


def test_there_are_so_many_and_no_more() -> None:
    codes = book()
    for _ in range(CODES):
        codes.make("Ann", "en", (), 0.0)
    with pytest.raises(EnrolmentBusy) as refused:
        codes.make("Ann", "en", (), 10.0)
    assert refused.value.retry_after == LIFE_S - 10
    codes.make("Ann", "en", (), LIFE_S)


@given(st.text())
def test_whatever_is_entered_is_a_wrong_code(entered: str) -> None:
    codes = CodeBook(lambda: "12345678")
    codes.make("Ann", "en", (), 0.0)
    assert (codes.redeem(entered, 1.0) is None) == (entered != "12345678")


def test_codes_are_drawn_at_random_and_have_their_digits() -> None:
    codes = CodeBook()
    drawn = {codes.make("Ann", "en", (), 0.0).digits for _ in range(100)}
    assert len(drawn) == 100 and all(len(digits) == DIGITS and digits.isdigit() for digits in drawn)


def test_codes_outlive_the_daemon_and_those_used_or_expired_do_not() -> None:
    codes, told = book(), []
    codes.on_change = lambda: told.append(codes.dump())
    used, kept = codes.make("Ann", "en", (), 0.0), codes.make("Bob", "es", ("7", "8"), 10.0)
    codes.redeem(used.digits, 11.0)
    assert len(told) == 3
    again = book()
    again.load(told[-1], 12.0)
    assert again.redeem(used.digits, 12.0) is None
    assert again.redeem(kept.digits, 12.0) == kept
    late = book()
    late.load(told[-1], LIFE_S + 11.0)
    assert late.redeem(kept.digits, LIFE_S + 11.0) is None


@pytest.mark.parametrize("data", [b"", b"{", b"null", b"[1]", b'[{"digits": "1"}]', b'[{"callers": 5}]', b"\xff"])
def test_what_is_no_dump_is_left_alone(data: bytes) -> None:
    codes = book()
    codes.load(data, 0.0)
    assert codes.dump() == b"[]"
