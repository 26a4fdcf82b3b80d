"""PINs and tickets: the right one of this room opens, guessing has an end, and a new PIN ends old tickets."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from dragoman.web.pins import ROOM_GUESSES, TICKET_S, Pins

PINS = {"1000": SecretStr("4711"), "2000": SecretStr("1234")}


def pins() -> Pins:
    return Pins(PINS.get, 5)


def test_the_pin_of_this_room() -> None:
    assert pins().right("1000", "4711", "a", 0.0)
    for room, given_pin in (("1000", "4712"), ("1000", "1234"), ("1000", ""), ("3000", ""), ("3000", "4711")):
        assert not pins().right(room, given_pin, "a", 0.0)


def test_too_many_wrong_ones_keep_the_right_one_out_for_a_while() -> None:
    book = pins()
    for _ in range(5):
        assert book.wait("1000", "a", 100.0) == 0 and not book.right("1000", "0", "a", 100.0)
    assert 0 < book.wait("1000", "a", 100.0) <= 12
    assert book.wait("1000", "b", 100.0) == 0
    assert book.wait("1000", "a", 160.0) == 0


def test_a_room_is_not_guessed_at_from_everywhere() -> None:
    book = pins()
    for guess in range(ROOM_GUESSES):
        assert book.wait("1000", f"host {guess}", 100.0) == 0
        book.right("1000", "0", f"host {guess}", 100.0)
    assert book.wait("1000", "another", 100.0) > 0 and book.wait("2000", "another", 100.0) == 0


def test_the_right_one_costs_nothing() -> None:
    book = pins()
    for _ in range(100):
        assert book.right("1000", "4711", "a", 100.0) and book.wait("1000", "a", 100.0) == 0


def test_a_ticket_is_good_for_its_room_for_its_time_and_with_its_pin() -> None:
    table = dict(PINS)
    book = Pins(table.get, 5)
    ticket, expires = book.ticket("1000", 1000.0)
    assert expires == 1000.0 + TICKET_S
    assert book.good("1000", ticket, 1000.0) and not book.good("2000", ticket, 1000.0)
    assert book.good("1000", ticket, expires - 1) and not book.good("1000", ticket, expires)
    assert not Pins(table.get, 5).good("1000", ticket, 1000.0)
    table["1000"] = SecretStr("999")
    assert not book.good("1000", ticket, 1000.0)


@example("f" * 4500 + ".x")
@given(st.text() | st.from_regex(r"[0-9a-f]{8}\.[0-9a-f]{64}", fullmatch=True))
def test_no_text_is_a_ticket_by_accident(ticket: str) -> None:
    assert not pins().good("1000", ticket, 0.0)


@pytest.mark.parametrize("longer", ["f", "0"])
def test_a_ticket_cannot_be_made_to_last(longer: str) -> None:
    book = pins()
    ticket, _ = book.ticket("1000", 1000.0)
    stamp, _, signature = ticket.partition(".")
    assert not book.good("1000", f"{stamp}{longer}.{signature}", 1000.0)
