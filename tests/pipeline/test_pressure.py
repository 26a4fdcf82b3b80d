"""Pins when a stage counts as behind."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.pipeline.pressure import Pressure


def test_it_is_told_once_until_it_was_relieved() -> None:
    pressure = Pressure(limit=0.3, relief=0.1)
    told = [pressure.feed(lag) for lag in (0.2, 0.3, 0.31, 0.5, 0.2, 0.31, 0.1, 0.31)]
    assert told == [False, False, True, False, False, False, False, True]
    assert pressure.times == 2


@given(st.lists(st.floats(-1, 2)))
def test_what_it_told_is_what_it_counted(lags: list[float]) -> None:
    pressure = Pressure(limit=0.3, relief=0.1)
    assert sum(pressure.feed(lag) for lag in lags) == pressure.times
    if lags and lags[-1] > 0.3:
        assert pressure.on
