"""Health: ready is all parts, and since when."""

from __future__ import annotations

import pytest

from dragoman.observe.health import Health, Part


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
