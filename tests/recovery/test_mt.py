"""How often a translator is asked for one clause: three strikes, 300 ms apart, of which a late answer is two."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.recovery.mt import REQUEUE_S, STRIKES, Strikes


def test_an_error_at_once_is_requeued_after_300_ms_and_three_are_enough() -> None:
    strikes = Strikes()
    assert [strikes.failed(late=False, took_s=0.05) for _ in range(3)] == [pytest.approx(0.25)] * 2 + [None]


def test_a_late_answer_is_asked_for_once_more_at_once() -> None:
    strikes = Strikes()
    assert strikes.failed(late=True, took_s=1.2) == 0.0
    assert strikes.failed(late=True, took_s=0.6) is None


def test_who_tries_again_by_himself_is_asked_once() -> None:
    assert Strikes(1).failed(late=False, took_s=0.1) is None


def test_the_last_one_is_asked_further_each_time_after_twice_the_pause() -> None:
    strikes = Strikes(last=True)
    waits = [strikes.failed(late=False, took_s=0.0) for _ in range(5)]
    assert waits == [pytest.approx(wait) for wait in (0.3, 0.3, 0.6, 1.2, 2.4)]


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 2)), min_size=1, max_size=10), st.integers(1, STRIKES))
def test_the_last_one_is_never_given_up_here_and_not_asked_within_300_ms(
    failures: list[tuple[bool, float]], limit: int
) -> None:
    strikes = Strikes(limit, last=True)
    for late, took in failures:
        wait = strikes.failed(late=late, took_s=took)
        assert wait is not None and wait + took >= REQUEUE_S - 1e-9


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 2)), min_size=STRIKES, max_size=10))
def test_it_ends_and_no_clause_is_sent_twice_within_300_ms(failures: list[tuple[bool, float]]) -> None:
    strikes = Strikes()
    waits = [strikes.failed(late=late, took_s=took) for late, took in failures]
    assert waits[STRIKES - 1] is None
    for wait, (_, took) in zip(waits, failures, strict=True):
        assert wait is None or wait + took >= REQUEUE_S - 1e-9
    assert all(later is None for wait, later in itertools.pairwise(waits) if wait is None)
