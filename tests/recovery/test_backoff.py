"""When what must come back is tried again: the first three delays as they are written, then slower, for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.recovery.backoff import CEILING_S, FIRST_S, JITTER, STABLE_S, Backoff, delay

chances = st.floats(0, 1, exclude_max=True)


@given(st.integers(0, 10_000), chances)
def test_a_delay_is_never_nothing_and_never_above_the_ceiling_however_often_it_failed(
    attempt: int, chance: float
) -> None:
    assert FIRST_S[0] <= delay(attempt, lambda: chance) <= CEILING_S


@given(chances)
def test_the_first_three_are_200_400_and_800_ms_whatever_chance_says(chance: float) -> None:
    assert [delay(attempt, lambda: chance) for attempt in range(3)] == [0.2, 0.4, 0.8]


@given(st.integers(3, 100), chances, chances)
def test_later_ones_are_spread_and_not_shorter_than_those_before(attempt: int, one: float, other: float) -> None:
    assert delay(attempt, lambda: one) >= (1 - JITTER) * delay(attempt, lambda: other)
    if one != other and abs(one - other) > 1e-6:
        assert delay(attempt, lambda: one) != delay(attempt, lambda: other)


def test_they_double_up_to_the_ceiling() -> None:
    backoff = Backoff(chance=lambda: 1.0)
    assert [backoff.failed(0.0) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_only_what_lived_starts_it_over() -> None:
    backoff = Backoff(chance=lambda: 1.0)
    backoff.failed(0.0)
    backoff.up(1.0)
    assert backoff.failed(1.0 + STABLE_S / 2) == 0.4, "accepting and closing at once must not be a hot loop"
    backoff.up(10.0)
    assert backoff.failed(10.0 + STABLE_S) == 0.2
    assert backoff.failed(20.0) == 0.4
    assert backoff.attempts == 2
