"""Health: ready is all parts, and since when."""

from __future__ import annotations

import pytest

from dragoman.observe.health import STREAK, STREAK_S, TICK_S, Health, Part, Streak, tick_trouble


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_ready_before_it_said_so() -> None:
    health = Health(["ari", "media"], Clock())
    assert not health.ready
    assert health.parts == (Part("ari", False, "starting", 100.0), Part("media", False, "starting", 100.0))


def test_ready_is_all_parts() -> None:
    health = Health(["ari", "media"], Clock())
    health.ok("ari")
    assert not health.ready
    health.ok("media")
    assert health.ready
    health.failed("ari", "refused")
    assert not health.ready


def test_since_is_when_it_changed_not_when_it_was_last_told() -> None:
    clock = Clock()
    health = Health(["mt"], clock)
    clock.now = 200.0
    health.ok("mt")
    clock.now = 300.0
    health.ok("mt")
    assert health.parts == (Part("mt", True, "", 200.0),)
    clock.now = 400.0
    health.failed("mt", "no process")
    clock.now = 500.0
    health.failed("mt", "still none")
    assert health.parts == (Part("mt", False, "still none", 400.0),)


def test_a_part_nobody_named_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Health(["ari"]).ok("asr")


def test_a_streak_of_failures_is_trouble_until_a_success() -> None:
    streak = Streak()
    for number in range(STREAK - 1):
        streak.failed(float(number), "died")
        assert streak.trouble(float(number)) == ""
    streak.failed(5.0, "no answer")
    assert "no answer" in streak.trouble(5.0)
    streak.succeeded()
    assert streak.trouble(5.0) == ""
    streak.failed(6.0, "died")
    assert streak.trouble(6.0) == "", "a success begins the count anew"


def test_failures_far_apart_are_no_streak_and_one_that_nobody_tried_since_ends() -> None:
    streak = Streak()
    for number in range(2 * STREAK):
        streak.failed(number * STREAK_S, "died")
        assert streak.trouble(number * STREAK_S) == ""
    streak = Streak()
    for _ in range(STREAK):
        streak.failed(100.0, "died")
    assert streak.trouble(100.0 + STREAK_S) != ""
    assert streak.trouble(100.0 + STREAK_S + 0.1) == ""


def test_a_media_clock_that_stands_still_is_trouble() -> None:
    assert tick_trouble(100.0, 100.0 + TICK_S) == ""
    assert "2.5 s" in tick_trouble(100.0, 102.5)


def test_a_part_that_is_degraded_is_ok_and_says_what_is_not() -> None:
    times = iter([1.0, 2.0, 3.0])
    health = Health(["mt"], lambda: next(times))
    health.ok("mt", "deepl: 429")
    assert health.ready and health.parts == (Part("mt", True, "", 2.0, "deepl: 429"),)
    health.ok("mt", "deepl: 456")
    assert health.parts == (Part("mt", True, "", 2.0, "deepl: 456"),)  # it has been ok since
    health.failed("mt", "all dead")
    assert not health.ready and health.parts == (Part("mt", False, "all dead", 3.0),)
