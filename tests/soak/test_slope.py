"""What counts as flat: a leak is seen however slow, noise and a warm-up are not taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.soak.slope import Tolerance, trend

TOLERANCE = Tolerance(8.0, 12.0)


@given(st.integers(4, 400), st.floats(0, 500))
def test_what_does_not_change_is_flat(count: int, value: float) -> None:
    found = trend([10.0 * i for i in range(count)], [value] * count, TOLERANCE)
    assert found.flat and abs(found.growth) < 1e-6


@given(st.integers(8, 400), st.lists(st.floats(-3, 3), min_size=400, max_size=400))
def test_a_leak_of_a_quarter_a_minute_is_seen_within_an_hour_and_noise_is_no_leak(
    count: int, noise: list[float]
) -> None:
    times = [3600.0 * i / (count - 1) for i in range(count)]
    assert trend(times, [100 + n for n in noise[:count]], TOLERANCE).flat
    leaking = [100 + at / 60 * 0.5 + n for at, n in zip(times, noise, strict=False)]
    assert not trend(times, leaking, TOLERANCE).flat


def test_the_warm_up_does_not_count_and_falling_is_no_fault() -> None:
    times = [10.0 * i for i in range(20)]
    assert trend(times, [50.0, 80.0, 95.0, 99.0, 100.0] + [100.0] * 15, TOLERANCE).flat
    assert trend(times, [200.0 - 5 * i for i in range(20)], TOLERANCE).flat


def test_one_sample_tells_nothing() -> None:
    with pytest.raises(ValueError, match="too few"):
        trend([1.0], [1.0], TOLERANCE)
