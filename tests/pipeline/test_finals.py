"""Since when a final is waited for, over streams that die, and whose time that is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.base import Attempt
from dragoman.pipeline.finals import FINAL_DEADLINE, REMEMBERED, Finals


def test_an_answer_is_waited_for_since_any_stream_was_asked() -> None:
    finals = Finals()
    finals.opening(0.0)
    finals.opened()
    finals.ask(100, 1.0)
    finals.failed("first", 4.0)
    finals.opening(4.2)
    finals.opened()
    finals.ask(100, 4.5)
    assert finals.left(0.5, 4.75) == FINAL_DEADLINE + 0.25, "this stream has its own time for it"
    assert finals.answered(4.8) == 1.0
    assert finals.answered(4.9) == 4.9, "nothing was asked"


def test_an_utterance_that_ended_while_there_was_no_stream_is_waited_for_since_then() -> None:
    finals = Finals()
    finals.due(100, 2.0)
    finals.opened()
    finals.ask(100, 3.0)
    finals.ask(200, 3.5)
    assert (finals.answered(4.0), finals.answered(4.0)) == (2.0, 3.5)


def test_the_time_until_another_is_asked_is_that_of_the_one_that_failed() -> None:
    finals = Finals()
    for began, engine, ended in ((0.0, "first", 4.0), (4.2, "first", 4.3), (4.7, "second", 5.0)):
        finals.opening(began)
        finals.failed(engine, ended)
    finals.opening(6.0)
    finals.opening(7.0)  # that one ended as it should
    tried = [Attempt("first", 0.0, 4.2), Attempt("first", 4.2, 4.7), Attempt("second", 4.7, 6.0)]
    assert finals.tried(0.0) == tried
    assert finals.tried(4.2) == tried[1:]
    assert finals.tried(6.0) == []


@given(st.lists(st.integers(0, 10_000), max_size=60))
def test_what_is_never_answered_is_forgotten_and_answers_come_in_the_order_of_asking(ends: list[int]) -> None:
    finals = Finals()
    for now, at in enumerate(ends):
        finals.due(at, float(now))
        finals.failed("first", float(now))
    finals.opened()
    for at in ends:
        finals.ask(at, 1000.0)
    assert len(finals.tried(-1.0)) == min(len(ends), REMEMBERED)
    assert all(finals.answered(2000.0) <= 2000.0 for _ in ends)
    assert finals.left(0.0, 2000.0) == FINAL_DEADLINE
