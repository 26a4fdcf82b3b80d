from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.asterisk import FakeAsterisk

from dragoman.errors import AriMalformed
from dragoman.telephony.ari.events import (
    EVENT_TYPES,
    ChannelEnteredBridge,
    ChannelVarset,
    StasisStart,
    parse_event,
)


def real_events() -> list[dict[str, Any]]:
    """One life of a call and a tap, as Asterisk would tell it."""
    events: list[dict[str, Any]] = []
    pbx = FakeAsterisk(events.append)
    caller = pbx.call("1000-en")
    pbx.external_media("dragoman.1-media-1", {})
    pbx.snoop(caller, "dragoman.1-snoop-1")
    pbx.create_bridge("dragoman.1-mix-1")
    pbx.add_channel("dragoman.1-mix-1", "dragoman.1-media-1")
    pbx.set_variable(caller, "DRAGOMAN_MUTED", "1")
    pbx.hold(caller, True)
    pbx.hold(caller, False)
    guest = pbx.guest("enrol", "1234")
    pbx.press(guest, "1")
    pbx.played(guest, "p", ["sound:a"])
    pbx.recorded(guest, "r", b"")
    pbx.recorded(guest, "r", None)
    pbx.hang_up(caller)
    pbx.hang_up("dragoman.1-media-1")
    pbx.destroy_bridge("dragoman.1-mix-1")
    return [*events, {"type": "ApplicationReplaced"}]


def test_every_type_is_read() -> None:
    parsed = [parse_event(event) for event in real_events()]
    assert {type(event).__name__ for event in parsed} == set(EVENT_TYPES)


def test_what_is_read_is_what_was_sent() -> None:
    entered = next(e for e in map(parse_event, real_events()) if isinstance(e, ChannelEnteredBridge))
    assert entered.bridge.creator == "ConfBridge"
    assert entered.bridge.name == "1000-en"
    assert entered.channel is not None
    assert entered.bridge.channels == (entered.channel.id,)
    assert entered.channel.name.startswith("PJSIP/")
    said = {"DRAGOMAN_ROOM": "1000", "DRAGOMAN_LANG": "en", "DRAGOMAN_MUTED": "0", "DRAGOMAN_VOICE": ""}
    assert entered.channel.variables == said


def test_unknown_types_and_fields_are_let_through() -> None:
    assert parse_event({"type": "ChannelTeleported", "channel": 7}) is None
    event = next(e for e in real_events() if e["type"] == "StasisStart")
    event["channel"]["aura"] = "green"
    assert isinstance(parse_event(event | {"mood": ["new"]}), StasisStart)


def test_a_global_variable_has_no_channel() -> None:
    assert parse_event({"type": "ChannelVarset", "variable": "A", "value": ""}) == ChannelVarset(None, "A", "")


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ([], "an object"),
        ({}, "event.type"),
        ({"type": 3}, "event.type"),
        ({"type": "StasisStart"}, "StasisStart: channel"),
        ({"type": "BridgeDestroyed", "bridge": {"id": "1", "name": "", "creator": ""}}, "bridge.channels"),
        ({"type": "BridgeDestroyed", "bridge": {"id": "1", "name": "", "creator": "", "channels": [1]}}, "channels"),
        ({"type": "ChannelVarset", "variable": "A"}, "ChannelVarset.value"),
    ],
)
def test_what_lacks_a_required_field_is_refused_by_name(event: object, named: str) -> None:
    with pytest.raises(AriMalformed, match=named):
        parse_event(event)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_any_json_is_an_event_or_none_or_refused(value: object) -> None:
    try:
        parse_event(value)
    except AriMalformed:
        pass


@given(st.data())
def test_a_real_event_with_any_part_replaced_or_removed_is_an_event_or_refused(data: st.DataObject) -> None:
    event = json.loads(json.dumps(data.draw(st.sampled_from(real_events()))))
    for _ in range(data.draw(st.integers(1, 3))):
        place = event
        while True:
            key = data.draw(st.sampled_from(sorted(place)))
            if isinstance(place[key], dict) and place[key] and data.draw(st.booleans()):
                place = place[key]
                continue
            if data.draw(st.booleans()):
                place[key] = data.draw(json_values)
            else:
                del place[key]
            break
        if not event:
            break
    try:
        parse_event(event)
    except AriMalformed as error:
        assert str(error)
