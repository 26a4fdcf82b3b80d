"""How often somebody may ask: never more than allowed in any window, never less than allowed over time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.web import rates
from dragoman.web.rates import Rates


def test_all_at_once_and_then_evenly() -> None:
    allowed = Rates(3, 60.0)
    assert [allowed.take("a", 100.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert allowed.take("a", 100.0) == pytest.approx(20.0)
    assert allowed.take("a", 119.9) > 0
    assert allowed.take("a", 120.1) == 0.0
    assert allowed.take("b", 100.0) == 0.0


@given(st.integers(1, 20), st.lists(st.floats(0, 300), min_size=1, max_size=80))
def test_in_no_window_are_there_more_than_twice_as_many_and_what_is_refused_takes_nothing(
    count: int, times: list[float]
) -> None:
    allowed, taken = Rates(count, 60.0), []
    for now in sorted(times):
        wait = allowed.wait("a", now)
        assert (allowed.take("a", now) == 0.0) == (wait == 0.0)
        if wait == 0.0:
            taken.append(now)
        else:
            assert allowed.wait("a", now + wait + 1e-6) == 0.0
    for begin in taken:
        # A burst, and what came back meanwhile.
        assert sum(begin <= at < begin + 60.0 for at in taken) <= 2 * count


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "KEYS", 3)
    allowed = Rates(1, 60.0)
    for key in "abcdefgh":
        assert allowed.take(key, 100.0) == 0.0
    assert len(allowed._free) <= 3
    assert allowed.take("h", 100.0) > 0
