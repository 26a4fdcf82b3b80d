"""What Asterisk is told of rooms: however it came to where it is, it ends where it should be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from dragoman.admin.rooms import Kept, Room, kept, steps

ROOM = Room("1000", pin=SecretStr("4711"), languages=("en", "es"), most_legs=5)
NAMES = st.sampled_from(["1", "2", "3", "4"])
KEPT = st.builds(Kept, st.sampled_from(["", "111", "222"]), st.sampled_from(["", "en", "en-es"]), st.just(""))


def test_a_room_as_the_dialplan_keeps_it() -> None:
    assert kept(ROOM) == Kept("4711", "en-es", "5")
    assert kept(Room("1")) == Kept("", "", "")


def test_the_pin_is_shown_nowhere() -> None:
    assert "4711" not in repr(ROOM) and "4711" not in repr(kept(ROOM))


@given(
    st.dictionaries(NAMES, st.builds(Room, NAMES, pin=st.none() | st.just(SecretStr("999")))),
    st.dictionaries(NAMES, KEPT),
    st.booleans(),
)
def test_after_the_steps_asterisk_has_what_was_set_up_and_there_are_no_more(
    rooms: dict[str, Room], there: dict[str, Kept], listed: bool
) -> None:
    database = dict(there)
    told: dict[str, Kept | None] = dict(there) if listed else {}
    todo = steps(rooms, told, () if listed else database)
    for room, line in todo.keep.items():
        database[room] = told[room] = line
    for room in todo.forget:
        del database[room]
        told[room] = None
    assert database == {name: kept(room) for name, room in rooms.items()}
    again = steps(rooms, told)
    assert (again.keep, again.forget) == ({}, ())
