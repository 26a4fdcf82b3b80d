from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.media.clock import LATE_S, PERIOD, MediaClock


def test_deadlines_do_not_drift() -> None:
    clock = MediaClock(5.0)
    for _ in range(1_000_000):
        clock.tick(clock.deadline + 0.003)
    assert clock.deadline == 5.0 + 1_000_000 * PERIOD


def test_a_late_tick_counts_and_skips_nothing() -> None:
    clock = MediaClock(5.0)
    tick = clock.tick(5.0 + LATE_S + 1e-6)
    assert (tick.late, tick.skipped) == (True, 0)
    assert clock.deadline == 5.0 + PERIOD


def test_an_early_call_is_on_time() -> None:
    clock = MediaClock(5.0)
    tick = clock.tick(4.9999)
    assert (tick.lateness, tick.late, tick.skipped) == (0.0, False, 0)


@given(st.lists(st.floats(0, 1), max_size=50))
def test_every_slot_is_ticked_or_skipped_and_none_comes_early(delays: list[float]) -> None:
    clock = MediaClock(100.0)
    slots = 0
    for delay in delays:
        now = clock.deadline + delay
        tick = clock.tick(now)
        slots += 1 + tick.skipped
        assert clock.deadline > now - 1e-9  # what was missed is not made up for
        assert tick.lateness - tick.skipped * PERIOD < PERIOD + 1e-9
    assert abs(clock.deadline - (100.0 + slots * PERIOD)) < 1e-9
