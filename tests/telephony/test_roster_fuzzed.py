"""Asterisk's events lost, doubled, in any order and of calls long gone: nothing breaks, and taking stock heals all."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.asterisk import FakeAsterisk

from dragoman.telephony.ari.events import parse_event
from dragoman.telephony.ari.model import parse_bridge, parse_channel
from dragoman.telephony.roster import Roster

CONFERENCES = ("1000-en", "1000-es", "2000-en", "lobby", "1000-xx")

steps = st.lists(
    st.tuples(
        st.sampled_from(["call", "leave", "hang up", "hold", "mute", "swap"]),
        st.integers(0, 20),
        st.sampled_from(CONFERENCES),
        st.booleans(),
    ),
    max_size=25,
)


def lived(life: list[tuple[str, int, str, bool]]) -> tuple[list[dict[str, Any]], FakeAsterisk]:
    """The events of a life, and how Asterisk stands at its end."""
    events: list[dict[str, Any]] = []
    pbx = FakeAsterisk(events.append)
    for what, who, conference, flag in life:
        inside = [channel.id for channel in pbx.channels.values() if channel.bridge is not None]
        if what == "call" or not inside:
            pbx.call(conference, variables=flag)
            continue
        channel = inside[who % len(inside)]
        if what == "leave":
            pbx.leave(channel)
        elif what == "hang up":
            pbx.hang_up(channel)
        elif what == "hold":
            pbx.hold(channel, flag)
        elif what == "mute":
            pbx.set_variable(channel, "DRAGOMAN_MUTED", "1" if flag else "0")
        else:
            pbx.swap(channel)
    return events, pbx


def seats(roster: Roster) -> set[tuple[str, str, str]]:
    return {(channel, seat.room, seat.language) for channel, seat in roster.seats.items()}


def stock(roster: Roster, pbx: FakeAsterisk) -> None:
    roster.replace(
        [parse_bridge(bridge.json()) for bridge in pbx.bridges.values()],
        [parse_channel(channel.json()) for channel in pbx.channels.values()],
    )


def new_roster() -> Roster:
    return Roster("dragoman", frozenset({"en", "es"}))


@given(steps, st.data())
def test_whatever_becomes_of_events_stock_heals_it(life: list[tuple[str, int, str, bool]], data: st.DataObject) -> None:
    events, pbx = lived(life)
    order = data.draw(st.lists(st.integers(0, max(len(events) - 1, 0)), max_size=2 * len(events))) if events else []
    attacked, fresh = new_roster(), new_roster()
    for place in order:
        parsed = parse_event(events[place])
        if parsed is not None:
            attacked.apply(parsed)
    stock(attacked, pbx)
    stock(fresh, pbx)
    assert seats(attacked) == seats(fresh)


@given(steps)
def test_all_events_in_order_leave_it_where_stock_would(life: list[tuple[str, int, str, bool]]) -> None:
    events, pbx = lived(life)
    followed, fresh = new_roster(), new_roster()
    for event in events:
        parsed = parse_event(event)
        if parsed is not None:
            followed.apply(parsed)
    stock(fresh, pbx)
    assert seats(followed) == seats(fresh)
