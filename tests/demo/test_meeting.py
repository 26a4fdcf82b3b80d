from __future__ import annotations

from typing import Any

import pytest
from tests.demo.scene import SCENARIO

from dragoman.demo.meeting import all_in, quiet


def room(*people: str, booths: str = "en es ca") -> dict[str, Any]:
    """As ``/api/rooms/1000`` has it."""
    return {
        "legs": [{"name": name, "speaking": False} for name in people],
        "booths": [{"language": code, "speaking": False, "waiting": 0} for code in booths.split()],
    }


EVERYBODY = [person.name for person in SCENARIO.people]


@pytest.mark.parametrize("guests", [[], ["Softphone"], ["Sally"], ["", "Softphone"]])
def test_everybody_is_in_whoever_else_dialled_in(guests: list[str]) -> None:
    assert all_in(SCENARIO, room(*guests, *EVERYBODY))


def test_a_guest_does_not_stand_in_for_who_is_missing() -> None:
    assert not all_in(SCENARIO, room(*EVERYBODY[1:], "Softphone"))
    assert not all_in(SCENARIO, room(*EVERYBODY, "Softphone", booths="en es"))
    assert not all_in(SCENARIO, {})


def test_quiet_is_when_nobody_speaks_and_no_booth_has_anything_left() -> None:
    assert quiet(room("Sally"))
    assert not quiet({})  # nothing is known of it
    for part, key in (("legs", "speaking"), ("booths", "speaking"), ("booths", "waiting")):
        busy = room("Sally")
        busy[part][-1][key] = 1
        assert not quiet(busy)
