"""Who is let in: what the dialplan is told, and that it is told each thing once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.admin.admission import BUSY, DRAIN, MOST, SHUT, Limits, Load, changes, shut, wanted


@pytest.mark.parametrize(
    ("limits", "load", "why"),
    [
        (Limits(), Load(rooms=set("abcdef"), cost_last_hour=1e6), ""),
        (Limits(rooms=2), Load(rooms={"1"}), ""),
        (Limits(rooms=2), Load(rooms={"1", "2"}), BUSY),
        (Limits(rooms=2), Load(rooms={"1", "2", "3"}), BUSY),
        (Limits(cost_per_hour=5.0), Load(cost_last_hour=4.99), ""),
        (Limits(cost_per_hour=5.0), Load(cost_last_hour=5.0), BUSY),
        (Limits(), Load(draining=True), DRAIN),
        (Limits(rooms=1), Load(rooms={"1"}, draining=True), DRAIN),
    ],
)
def test_why_no_new_room_begins(limits: Limits, load: Load, why: str) -> None:
    assert shut(limits, load) == why


LOADS = st.builds(
    Load,
    rooms=st.sets(st.sampled_from("123")),
    draining=st.booleans(),
    cost_last_hour=st.floats(0, 10),
    capped=st.dictionaries(st.sampled_from("123"), st.booleans()),
)


@given(st.builds(Limits, st.integers(0, 3), st.integers(0, 3), st.floats(0, 10)), st.lists(LOADS, max_size=5))
def test_asterisk_always_ends_up_with_what_holds_now(limits: Limits, loads: list[Load]) -> None:
    globals_: dict[str, str] = {f"{SHUT}_1": "spent", SHUT: "drain"}  # of a daemon that ran before
    told: dict[str, str] = {}
    for load in loads:
        for name, value in changes(limits, load, told).items():
            globals_[name] = told[name] = value
        assert {name: value for name, value in wanted(limits, load).items() if globals_[name] != value} == {}
        assert changes(limits, load, told) == {}
        assert all(not value for name, value in told.items() if name not in wanted(limits, load))


def test_a_room_with_something_left_is_told_too() -> None:
    found = wanted(Limits(legs=7), Load(capped={"1000": False, "2000": True}))
    assert found == {MOST: "7", SHUT: "", f"{SHUT}_1000": "", f"{SHUT}_2000": "spent"}
