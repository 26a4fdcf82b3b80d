"""Which recogniser serves a leg: the first that works, the next at once if that may help, the first when it is back."""

from __future__ import annotations

from collections import defaultdict

import pytest

from dragoman.engines.availability import DENIED_REST, FAILURES, FIRST_REST, Availability
from dragoman.errors import EngineBusy, EngineCrashed, EngineDenied, EngineRejected
from dragoman.pipeline.preference import LONGEST_RETRY_AFTER, REJECTED_REST, RESTART_DELAYS, Preference

CRASH = EngineCrashed("one", "gone")


def make(*names: str) -> tuple[Preference, defaultdict[str, Availability]]:
    circuits: defaultdict[str, Availability] = defaultdict(Availability)
    return Preference(names, circuits), circuits


def test_a_lost_stream_is_a_reconnect_and_the_second_in_a_row_a_change() -> None:
    preference, _ = make("one", "two")
    assert preference.choose(0) == (0, 0)
    preference.lost(0, CRASH, 0, opened=True)
    assert preference.choose(0) == (0, 0)
    preference.lost(0, CRASH, 0, opened=True)
    assert preference.choose(0) == (1, 0)
    assert not preference.better(1, FIRST_REST - 0.1)
    assert preference.better(1, FIRST_REST)


def test_one_that_does_not_open_gives_way_at_once() -> None:
    preference, _ = make("one", "two")
    preference.lost(0, CRASH, 0, opened=False)
    assert preference.choose(0) == (1, 0)


def test_alone_it_is_asked_again_ever_more_slowly_whatever_its_circuit_says() -> None:
    preference, circuits = make("one")
    for delay in (*RESTART_DELAYS, RESTART_DELAYS[-1]):
        preference.lost(0, CRASH, 10, opened=False)
        assert preference.choose(10) == (0, pytest.approx(delay))
    assert not circuits["one"].usable()


def test_an_open_circuit_is_passed_over_by_legs_that_never_asked_it() -> None:
    circuits: defaultdict[str, Availability] = defaultdict(Availability)
    one, other = Preference(("one", "two"), circuits), Preference(("one", "two"), circuits)
    opened = [one.lost(0, CRASH, 0, opened=True) for _ in range(FAILURES)]
    assert opened == [False] * (FAILURES - 1) + [True]
    assert other.choose(0) == (1, 0)
    assert other.probe_due(1, FIRST_REST / 2) is None
    assert other.probe_due(1, FIRST_REST) == 0
    circuits["one"].probing()
    assert one.probe_due(1, FIRST_REST) is None  # somebody does it
    circuits["one"].succeeded()
    assert other.better(1, FIRST_REST)


def test_one_that_is_denied_rests_for_all_legs_and_alone_is_not_asked_either() -> None:
    circuits: defaultdict[str, Availability] = defaultdict(Availability)
    one, other = Preference(("one",), circuits), Preference(("one",), circuits)
    assert one.lost(0, EngineDenied("one", "no key"), 0, opened=False)
    assert one.choose(0) == other.choose(0) == (0, DENIED_REST)


def test_busy_waits_as_long_as_was_asked_within_reason() -> None:
    preference, _ = make("one")
    preference.lost(0, EngineBusy("one", "429", retry_after=7), 0, opened=False)
    assert preference.choose(0) == (0, 7)
    preference.lost(0, EngineBusy("one", "429", retry_after=9000), 0, opened=False)
    assert preference.choose(0) == (0, LONGEST_RETRY_AFTER)


def test_one_that_rejects_a_leg_is_left_alone_by_it_but_not_by_others() -> None:
    preference, circuits = make("one", "two")
    preference.lost(0, EngineRejected("one", "language"), 0, opened=False)
    assert circuits["one"].usable()
    assert not preference.better(1, REJECTED_REST - 1)
    assert preference.better(1, REJECTED_REST)


def test_a_final_forgives_everything() -> None:
    preference, circuits = make("one", "two")
    for _ in range(2):
        preference.lost(0, CRASH, 0, opened=True)
    preference.heard(0, 0.0)
    assert preference.choose(0) == (0, 0)
    preference.lost(0, CRASH, 0, opened=True)
    assert preference.choose(0) == (0, 0)
    assert circuits["one"].usable()
