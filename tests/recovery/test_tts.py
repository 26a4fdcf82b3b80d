"""Which voice is asked for a clause: each twice where that may help, in order, none that broke off in its middle.

The last one is asked for as long as a clause may wait.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.recovery.tts import AGAIN_S, LAST_S, TRIES, Turns


def asked(turns: Turns[str], answers: list[bool]) -> list[str]:
    """Who is asked, when each try fails; whether another one may help is taken from ``answers``, then no more."""
    order = []
    helps = iter(answers)
    while turns:
        order.append(turns.now)
        turns.failed(may_help=next(helps, False))
    return order


def test_each_is_asked_twice_then_the_next_and_the_last_one_further() -> None:
    assert asked(Turns(["xtts", "espeak"]), [True] * 10) == ["xtts"] * 2 + ["espeak"] * 4


def test_a_voice_is_asked_again_300_ms_after_it_was_asked_the_next_one_at_once() -> None:
    turns = Turns(["xtts", "espeak"])
    assert turns.failed(may_help=True, took_s=0.1) == pytest.approx(0.2)
    assert turns.failed(may_help=True, took_s=0.5) == 0.0
    assert turns.now == "espeak" and turns.last


def test_the_last_one_is_asked_ever_more_rarely() -> None:
    turns = Turns(["espeak"])
    waits = []
    while turns:
        waits.append(turns.failed(may_help=True, took_s=0.0))
    assert waits == [pytest.approx(wait) for wait in (0.3, 0.6, 1.2, 0.0)]


def test_who_refuses_is_not_asked_again() -> None:
    assert asked(Turns(["xtts", "espeak"]), [False, True]) == ["xtts", "espeak", "espeak"]


def test_nobody_is_left_of_nobody() -> None:
    assert not Turns[str]([])


def test_who_broke_off_is_passed_over_and_the_next_has_all_its_tries() -> None:
    turns = Turns(["xtts", "edge", "espeak"])
    turns.failed(may_help=True)
    turns.without(lambda voice: voice == "xtts")
    assert asked(turns, [True] * 10) == ["edge"] * 2 + ["espeak"] * 4


def test_that_another_one_broke_off_gives_no_further_try() -> None:
    turns = Turns(["xtts", "edge", "espeak"])
    turns.failed(may_help=True)
    turns.without(lambda voice: voice == "edge")
    assert asked(turns, [True] * 10) == ["xtts"] + ["espeak"] * 4


@given(st.lists(st.sampled_from("abcd"), unique=True), st.lists(st.booleans()))
def test_it_ends_in_order_with_each_but_the_last_asked_once_or_twice(voices: list[str], answers: list[bool]) -> None:
    order = asked(Turns(voices), answers)
    assert list(dict.fromkeys(order)) == voices
    assert order == sorted(order, key=voices.index)
    assert all(1 <= order.count(voice) <= TRIES for voice in voices[:-1])


@given(st.lists(st.floats(0, 0.5), min_size=20, max_size=20))
def test_the_last_ones_tries_begin_within_the_time_that_a_clause_may_wait(took: list[float]) -> None:
    turns, passed = Turns(["espeak"]), 0.0
    for seconds in took:
        assert passed < LAST_S or not turns
        if not turns:
            return
        wait = turns.failed(may_help=True, took_s=seconds)
        assert not turns or wait + seconds >= AGAIN_S - 1e-9
        passed += seconds + wait
    assert not turns
