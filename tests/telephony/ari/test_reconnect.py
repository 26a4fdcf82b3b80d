from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.telephony.ari.reconnect import CEILING_S, FIRST_S, STABLE_S, Backoff, full_jitter


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_below_the_ceiling_however_often_it_failed(attempt: int, chance: float) -> None:
    assert 0 <= full_jitter(attempt, lambda: chance) < CEILING_S


def test_the_range_doubles_up_to_the_ceiling() -> None:
    backoff = Backoff(chance=lambda: 1.0)
    assert [backoff.failed(0.0) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert FIRST_S == 0.2


def test_only_a_connection_that_lived_starts_it_over() -> None:
    backoff = Backoff(chance=lambda: 1.0)
    backoff.failed(0.0)
    backoff.connected(1.0)
    assert backoff.failed(1.0 + STABLE_S / 2) == 0.4, "accepting and closing at once must not be a hot loop"
    backoff.connected(10.0)
    assert backoff.failed(10.0 + STABLE_S) == 0.2
    assert backoff.failed(20.0) == 0.4
