from __future__ import annotations

from typing import Any

import pytest
from tests.fakes.asterisk import FakeAsterisk

from dragoman.telephony.ari.events import parse_event
from dragoman.telephony.ari.model import Channel, parse_bridge, parse_channel
from dragoman.telephony.roster import Kind, Names, Roster


class World:
    def __init__(self) -> None:
        self.roster = Roster("dragoman", frozenset({"en", "es"}))
        self.pbx = FakeAsterisk(self._apply)
        self.deaf = False

    def _apply(self, event: dict[str, Any]) -> None:
        parsed = parse_event(event)
        if parsed is not None and not self.deaf:
            self.roster.apply(parsed)

    def take_stock(self) -> None:
        self.roster.replace(
            [parse_bridge(bridge.json()) for bridge in self.pbx.bridges.values()],
            [parse_channel(channel.json()) for channel in self.pbx.channels.values()],
        )


@pytest.fixture
def world() -> World:
    return World()


def places(world: World) -> dict[str, str]:
    return {name: f"{seat.room}-{seat.language}" for name, seat in world.roster.seats.items()}


def test_a_caller_sits_where_the_conference_is_called(world: World) -> None:
    caller = world.pbx.call("1000-en")
    seat = world.roster.seats[caller]
    assert (seat.room, seat.language, seat.name, seat.muted, seat.held) == ("1000", "en", "101", False, False)


def test_a_seat_knows_the_callers_number_and_the_voice_that_the_dialplan_gave_him(world: World) -> None:
    caller = world.pbx.call("1000-en")
    world.pbx.channels[caller].variables["DRAGOMAN_VOICE"] = "v_1"
    world.take_stock()
    seat = world.roster.seats[caller]
    assert (seat.caller, seat.voice) == ("101", "")  # who sits keeps his epoch
    world.roster = Roster("dragoman", frozenset({"en"}))
    world.take_stock()
    seat = world.roster.seats[caller]
    assert (seat.caller, seat.voice) == ("101", "v_1")


@pytest.mark.parametrize("name", ["sales", "1000", "1000-xx", "room-en", "1000-en-2", "-en", "1000-EN", ""])
def test_other_conferences_are_nobodys_business(world: World, name: str) -> None:
    world.pbx.call(name)
    assert world.roster.seats == {}


def test_a_bridge_of_that_name_that_is_no_conference_is_nobodys_business(world: World) -> None:
    world.pbx.create_bridge("1000-en")
    world.pbx.external_media("call", {})
    world.pbx.add_channel("1000-en", "call")
    assert world.roster.seats == {}


def test_without_variables_the_conferences_name_tells_and_against_it_they_lose(world: World) -> None:
    bare = world.pbx.call("1000-en", variables=False)
    assert places(world) == {bare: "1000-en"}
    assert world.roster.disagreements == 0
    moved = world.pbx.call("1000-es")
    world.pbx.leave(moved)
    world.pbx.enter(moved, "1000-en")
    assert places(world) == {bare: "1000-en", moved: "1000-en"}
    assert world.roster.disagreements == 1


def test_an_attended_transfer_puts_another_channel_in_the_seat(world: World) -> None:
    caller = world.pbx.call("1000-en")
    other = world.pbx.swap(caller)
    assert places(world) == {other: "1000-en"}


def test_leaving_and_coming_back_is_a_new_epoch_and_forgets_the_hold(world: World) -> None:
    caller = world.pbx.call("1000-en")
    stays = world.pbx.call("1000-en")
    world.pbx.hold(caller, True)
    first, other = world.roster.seats[caller], world.roster.seats[stays]
    assert first.held
    world.pbx.leave(caller)
    assert caller not in world.roster.seats
    world.pbx.enter(caller, "1000-en")
    again = world.roster.seats[caller]
    assert again.epoch > first.epoch and not again.held
    assert world.roster.seats[stays] == other


def test_entering_the_next_may_be_heard_before_leaving_the_last(world: World) -> None:
    caller = world.pbx.call("1000-en")
    events: list[dict[str, Any]] = []
    world.pbx.emit = events.append
    world.pbx.leave(caller)
    world.pbx.enter(caller, "1000-es")
    for event in reversed(events):
        world._apply(event)
    assert places(world) == {caller: "1000-es"}


def test_a_snapshot_keeps_who_stayed_and_finds_who_came_and_went(world: World) -> None:
    stays = world.pbx.call("1000-en")
    goes = world.pbx.call("1000-en")
    world.pbx.hold(stays, True)
    before = world.roster.seats[stays]
    world.deaf = True
    world.pbx.hang_up(goes)
    comes = world.pbx.call("1000-es")
    world.pbx.set_variable(stays, "DRAGOMAN_MUTED", "1")
    world.pbx.external_media("dragoman.old-media-1", {})
    world.take_stock()
    assert places(world) == {stays: "1000-en", comes: "1000-es"}
    assert world.roster.seats[stays].epoch == before.epoch
    assert world.roster.seats[stays].held and world.roster.seats[stays].muted
    assert world.roster.own == {"dragoman.old-media-1": Kind.MEDIA}


def test_only_the_mute_variable_counts(world: World) -> None:
    caller = world.pbx.call("1000-en")
    world.pbx.set_variable(caller, "BRIDGEPEER", "1")
    assert not world.roster.seats[caller].muted
    world.pbx.set_variable(caller, "DRAGOMAN_MUTED", "1")
    assert world.roster.seats[caller].muted
    world.pbx.set_variable(caller, "DRAGOMAN_MUTED", "0")
    assert not world.roster.seats[caller].muted


def test_our_own_channels_are_never_callers(world: World) -> None:
    caller = world.pbx.call("1000-en")
    booth = Names("dragoman", "me").name(Kind.BOOTH, 1)
    world.pbx.external_media(booth, {"DRAGOMAN_BOOTH_ROOM": "1000", "DRAGOMAN_BOOTH_LANG": "en"})
    world.pbx.continue_booth(booth)
    assert set(world.roster.seats) == {caller}
    assert world.roster.place_of(booth) == ("1000", "en")
    assert world.roster.own == {booth: Kind.BOOTH}
    world.pbx.hang_up(caller)  # end_marked takes the booth out
    assert world.roster.own == {} and world.roster.place_of(booth) is None


def test_nothing_is_kept_of_calls_that_are_over(world: World) -> None:
    for _ in range(50):
        caller = world.pbx.call("1000-en")
        world.pbx.snoop(caller, f"dragoman.me-snoop-{caller}")
        world.pbx.hang_up(caller)
    assert [len(part) for part in vars(world.roster).values() if isinstance(part, dict)] == [0] * 6


def test_a_mute_that_is_told_before_its_caller_is_seen_counts(world: World) -> None:
    """Events of channels and of bridges come by ways of their own."""
    waiting: list[dict[str, Any]] = []
    world.pbx = FakeAsterisk(waiting.append)
    caller = world.pbx.call("1000-en", variables=False)
    world.pbx.set_variable(caller, "DRAGOMAN_MUTED", "1")
    for event in reversed(waiting):
        if (parsed := parse_event(event)) is not None:
            world.roster.apply(parsed)
    assert world.roster.seats[caller].muted


@pytest.mark.parametrize("other", ["dragoman-check", "dragoman-2", "dragoma", "dragomans", "Dragoman", "_"])
def test_objects_of_another_application_are_not_ours(other: str) -> None:
    roster = Roster("dragoman", frozenset())
    roster.note_own(Names(other, "me").name(Kind.MIX, 1), "dragoman-1700000000.1", "1700000000.1")
    assert roster.own == {}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("dragoman.ab12-media-7", Kind.MEDIA),
        ("dragoman.ab12-mix-7", Kind.MIX),
        ("dragoman.ab12-gadget-7", None),
        ("dragoman.", None),
    ],
)
def test_an_id_says_what_it_is(name: str, kind: Kind | None) -> None:
    roster = Roster("dragoman", frozenset())
    roster.note_own(name, "1700000000.1")
    assert roster.own == {name: kind}


@pytest.mark.parametrize(
    ("channel", "called"),
    [
        (Channel("1", "PJSIP/ann-00000001", caller_name="Ann", caller_number="100"), "Ann"),
        (Channel("1", "PJSIP/ann-00000001", caller_number="100"), "100"),
        (Channel("1", "PJSIP/ann-maria-00000001"), "ann-maria"),
        (Channel("1", "odd"), "odd"),
    ],
)
def test_a_speaker_has_a_name(world: World, channel: Channel, called: str) -> None:
    caller = world.pbx.call("1000-en", variables=False)
    bridge = next(iter(world.pbx.bridges.values())).json()
    roster = Roster("dragoman", frozenset({"en"}))
    fields = world.pbx.channels[caller]
    roster.replace(
        [parse_bridge(bridge)],
        [Channel(fields.id, channel.name, "Up", channel.caller_name, channel.caller_number)],
    )
    assert roster.seats[caller].name == called
