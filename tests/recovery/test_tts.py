"""Which voice is asked for a clause: each twice where that may help, in order, none that broke off in its middle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.recovery.tts import TRIES, Turns


def asked(turns: Turns[str], answers: list[bool]) -> list[str]:
    """Who is asked, when each try fails; whether another one may help is taken from ``answers``, then no more."""
    order = []
    helps = iter(answers)
    while turns:
        order.append(turns.now)
        turns.failed(may_help=next(helps, False))
    return order


def test_each_is_asked_twice_then_the_next() -> None:
    assert asked(Turns(["xtts", "espeak"]), [True] * 10) == ["xtts", "xtts", "espeak", "espeak"]


def test_who_refuses_is_not_asked_again() -> None:
    assert asked(Turns(["xtts", "espeak"]), [False, True]) == ["xtts", "espeak", "espeak"]


def test_nobody_is_left_of_nobody() -> None:
    assert not Turns[str]([])


def test_who_broke_off_is_passed_over_and_the_next_has_all_its_tries() -> None:
    turns = Turns(["xtts", "edge", "espeak"])
    turns.failed(may_help=True)
    turns.without(lambda voice: voice == "xtts")
    assert asked(turns, [True] * 10) == ["edge", "edge", "espeak", "espeak"]


def test_that_another_one_broke_off_gives_no_further_try() -> None:
    turns = Turns(["xtts", "espeak"])
    turns.failed(may_help=True)
    turns.without(lambda voice: voice == "espeak")
    assert asked(turns, [True] * 10) == ["xtts"]


@given(st.lists(st.sampled_from("abcd"), unique=True), st.lists(st.booleans()))
def test_it_ends_in_order_with_each_asked_once_or_twice(voices: list[str], answers: list[bool]) -> None:
    order = asked(Turns(voices), answers)
    assert list(dict.fromkeys(order)) == voices
    assert order == sorted(order, key=voices.index)
    assert all(1 <= order.count(voice) <= TRIES for voice in voices)
