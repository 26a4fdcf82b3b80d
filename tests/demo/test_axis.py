from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.demo.axis import BREAK_S, MARGIN_S, TimeAxis


def test_what_is_short_stays() -> None:
    axis = TimeAxis(10.0, [(1.0, 4.0), (6.5, 8.0)])
    assert axis.cuts == ()
    assert axis.width == 10.0
    assert axis.marks(5) == [0.0, 5.0]


def test_long_silence_is_cut_out() -> None:
    axis = TimeAxis(40.0, [(1.0, 4.0), (2.0, 5.0), (25.0, 30.0)])
    first, last = axis.cuts
    assert first == pytest.approx((5.0 + MARGIN_S, 25.0 - MARGIN_S))
    assert last == pytest.approx((30.0 + MARGIN_S, 40.0 - MARGIN_S))
    assert axis.place(5.0) == 5.0
    assert axis.place(25.0) == pytest.approx(5.0 + MARGIN_S + BREAK_S + MARGIN_S)
    assert axis.marks(5) == [0.0, 5.0, 25.0, 30.0]


events = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0, 20)).map(lambda event: (event[0], event[0] + event[1])), max_size=8
)


@given(events, st.lists(st.floats(0, 120), min_size=2, max_size=2))
def test_order_stays_and_nothing_that_happens_is_cut(events: list[tuple[float, float]], seconds: list[float]) -> None:
    axis = TimeAxis(120.0, events)
    first, last = sorted(seconds)
    assert 0 <= axis.place(first) <= axis.place(last) <= axis.width <= 120.0 + 1e-9
    for begin, end in axis.cuts:
        assert not any(start < end and stop > begin for start, stop in events)
    for start, stop in events:
        assert axis.place(stop) - axis.place(start) == pytest.approx(stop - start)
        assert axis.second(axis.place(start)) == pytest.approx(start)
