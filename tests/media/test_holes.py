"""Sound that was lost between Asterisk and us is told once, at once, and no oftener than once a second."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dragoman.media.clock import PERIOD
from dragoman.media.holes import TELL_EVERY_S, Span, Unheard, Unsent


def ticks(since: float, seconds: float) -> list[float]:
    return [since + number * PERIOD for number in range(round(seconds / PERIOD))]


def test_what_found_no_room_is_told_since_the_tick_before() -> None:
    unheard = Unheard()
    assert unheard.drained(7, 10.0) is None, "what came before anybody was attached"
    assert unheard.drained(7, 10.02) is None
    assert unheard.drained(9, 10.8) == (10.02, 10.8)
    assert unheard.drained(9, 10.82) is None


def test_a_buffer_that_is_always_too_small_is_told_once_a_second_without_a_gap_or_an_overlap() -> None:
    unheard = Unheard()
    told = [span for number, now in enumerate(ticks(50.0, 10.0)) if (span := unheard.drained(number, now))]
    assert told[0] == (50.0, 50.0 + PERIOD)
    assert len(told) == pytest.approx(10.0 / TELL_EVERY_S, abs=1)
    assert all(before[1] == after[0] for before, after in pairwise(told))


def test_what_was_lost_just_after_it_was_told_is_told_too() -> None:
    unheard = Unheard()
    spans = [unheard.drained(dropped, now) for dropped, now in ((0, 1.0), (1, 1.5), (2, 2.0), (2, 2.1), (2, 2.6))]
    assert spans == [None, (1.0, 1.5), None, None, (1.5, 2.0)]


def test_a_socket_that_was_opened_anew_counts_from_nothing_and_had_lost_nothing() -> None:
    unheard = Unheard()
    unheard.drained(500, 10.0)
    unheard.reopened(True, 10.0)
    assert unheard.drained(0, 10.02) is None
    assert unheard.drained(1, 12.0) == (10.02, 12.0)


def test_while_a_socket_cannot_be_opened_anew_all_is_lost_and_no_more_than_that() -> None:
    unheard, told = Unheard(), []
    for number, now in enumerate(ticks(10.0, 6.0)):
        if span := unheard.drained(7 if now < 11.0 else 0, now):
            told.append(span)
        if number in (50, 80):
            unheard.reopened(False, now)
        if number == 200:
            unheard.reopened(True, now)
    assert (told[0][0], told[-1][1]) == pytest.approx((11.0, 14.0))
    assert all(before[1] == after[0] for before, after in pairwise(told))
    assert len(told) == pytest.approx(3.0 / TELL_EVERY_S, abs=1)


def refusing(seconds: float) -> list[Span]:
    """For so long the kernel takes nothing, then all."""
    unsent, told = Unsent(), []
    for now in ticks(0.0, seconds + 3.0):
        refused = 1.0 <= now < 1.0 + seconds
        if span := unsent.sent(0 if refused else 3, 3 if refused else 0, now):
            told.append(span)
    return told


@pytest.mark.parametrize(("apart", "torn"), [(PERIOD, False), (0.054, False), (0.056, True), (0.1, True), (2.0, True)])
def test_what_is_said_is_torn_from_where_a_phone_conceals_no_more(apart: float, torn: bool) -> None:
    unsent = Unsent()
    assert unsent.sent(3, 0, 10.0) is None
    assert unsent.sent(3, 0, 10.0 + apart) == ((10.0, 10.0 + apart) if torn else None)


def test_a_kernel_that_takes_nothing_tears_it_too() -> None:
    told = refusing(3.0)
    assert told[0] == pytest.approx((0.98, 1.04), abs=0.001), "at once"
    assert sum(end - begin for begin, end in told) == pytest.approx(3.0, abs=2 * PERIOD)
    assert len(told) == 4


def test_a_packet_that_is_refused_once_or_beside_others_that_go_is_no_hole() -> None:
    assert refusing(PERIOD) == []
    unsent = Unsent()
    assert not any(unsent.sent(1, 5, now) for now in ticks(0.0, 5.0))


def test_where_there_is_no_booth_nothing_is_torn() -> None:
    unsent = Unsent()
    times = (1.0, 1.02, 9.0, 9.5, 9.52)
    assert [unsent.sent(taken, 0, at) for taken, at in zip((3, 0, 0, 3, 3), times, strict=True)] == [None] * 5
