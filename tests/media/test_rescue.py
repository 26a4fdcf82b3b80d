"""When the media socket counts as lost: nothing went for half a second; then 200, 400, 800 ms, and slower, for ever."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dragoman.media.rescue import DEAD_S, SocketWatch
from dragoman.recovery.backoff import CEILING_S


def reopenings(watch: SocketWatch, began: float, seconds: float) -> list[float]:
    """When it is to be opened anew, while the kernel takes nothing."""
    ticks = [began + number * 0.02 for number in range(round(seconds * 50))]
    return [now for now in ticks if watch.sent(0, 3, now)]


def test_it_is_opened_anew_after_half_a_second_then_slower_for_ever() -> None:
    watch = SocketWatch(chance=lambda: 0.999)
    times = reopenings(watch, 100.0, 600.0)
    assert times[0] == pytest.approx(100.0 + DEAD_S, abs=0.021)
    gaps = [b - a for a, b in pairwise(times)]
    assert gaps[:3] == pytest.approx([0.2, 0.4, 0.8], abs=0.021)
    assert gaps[-1] == pytest.approx(CEILING_S, abs=0.05)
    assert watch.tries == len(times) > 60
    assert watch.dead_s(700.0) == pytest.approx(600.0)


def test_one_that_some_packets_leave_by_is_not_touched() -> None:
    watch = SocketWatch()
    assert not any(watch.sent(1, 5, now * 0.02) for now in range(1000))
    assert not any(watch.sent(0, 0, now * 0.02) for now in range(1000)), "there was nothing to send"


def test_a_socket_that_works_for_a_moment_is_no_reason_to_hurry() -> None:
    watch = SocketWatch(chance=lambda: 0.999)
    assert len(reopenings(watch, 0.0, 3.0)) == 4
    watch.sent(3, 0, 3.0)
    assert watch.tries == 0
    assert len(reopenings(watch, 3.02, 3.0)) <= 2
