"""Patience with senders: who stops or dribbles is given up soon, who sends at the least rate never."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.web.patience import IDLE_S, LEAST_RATE, Patience

PIECES = st.lists(st.tuples(st.floats(0.0, IDLE_S * 0.99), st.integers(0, 1 << 20)), max_size=200)


@given(PIECES)
def test_there_is_never_more_than_at_the_beginning(pieces: list[tuple[float, int]]) -> None:
    patience = Patience()
    for seconds, size in pieces:
        patience.waited(seconds, size)
        assert patience.left <= IDLE_S


@given(st.floats(0.001, IDLE_S * 0.99), st.floats(1.01, 100.0), st.integers(1, 1000))
def test_who_sends_at_the_least_rate_is_never_given_up(every: float, times: float, pieces: int) -> None:
    patience = Patience()
    for _ in range(pieces):
        assert patience.left > every
        patience.waited(every, int(every * LEAST_RATE * times) + 1)


@given(st.floats(0.01, 5.0), st.floats(0.0, 0.9))
def test_who_sends_less_is_given_up_in_the_end(every: float, share: float) -> None:
    patience, spent = Patience(), 0.0
    while patience.left > 0:
        patience.waited(every, int(every * LEAST_RATE * share))
        spent += every
        assert spent <= IDLE_S / (1 - share) + 2 * every


def test_what_was_sent_fast_buys_no_long_silence() -> None:
    patience = Patience()
    patience.waited(0.1, 100 << 20)
    patience.waited(IDLE_S, 0)
    assert patience.left <= 0
