"""When somebody else begins to speak on a channel that sits in a conference: transfers by Asterisk's keys."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dragoman.telephony.ari.events import ChannelDestroyed, ChannelEnteredBridge, ChannelLeftBridge
from dragoman.telephony.ari.model import Bridge, Channel
from dragoman.telephony.handover import Handovers

NEAR = Channel("l1", "Local/1000*34@phones-00000001;1")
FAR = "Local/1000*34@phones-00000001;2"
IDA, CARLA = Channel("ida", "PJSIP/ida-00000002"), Channel("carla", "PJSIP/carla-00000003")


def entered(channel: Channel | None, *members: str, bridge: str = "b1") -> ChannelEnteredBridge:
    return ChannelEnteredBridge(Bridge(bridge, "", "", members), channel)


def left(channel: Channel, *members: str, bridge: str = "b1") -> ChannelLeftBridge:
    return ChannelLeftBridge(Bridge(bridge, "", "", members), channel)


def test_a_secretary_hands_her_caller_over() -> None:
    handovers = Handovers()
    for event in (
        entered(IDA, "ida"),
        entered(NEAR, "ida", "l1"),
        left(IDA, "l1"),
        left(NEAR),
    ):
        assert handovers.apply(event) == []
    assert handovers.apply(entered(NEAR, "carla", "l1", bridge="b2")) == [FAR]
    assert handovers.apply(left(CARLA, "l1", bridge="b2")) == []


def test_a_secretary_who_talks_with_each_in_turn_hands_nobody_over() -> None:
    handovers = Handovers()
    handovers.apply(entered(NEAR, "ida", "l1"))
    assert handovers.apply(left(IDA, "l1")) == []
    assert handovers.apply(entered(IDA, "l1", "ida")) == []


def test_of_three_who_talk_together_she_leaves_two() -> None:
    handovers = Handovers()
    handovers.apply(entered(NEAR, "ida", "l1"))
    assert handovers.apply(entered(CARLA, "ida", "l1", "carla")) == [FAR]
    assert handovers.apply(left(IDA, "l1", "carla")) == [FAR]


def test_a_snapshot_knows_who_took_over_meanwhile_and_who_was_there_before() -> None:
    handovers = Handovers()
    assert handovers.replace([Bridge("b1", "", "", ("ida", "l1"))], [IDA, NEAR]) == []
    assert handovers.replace([Bridge("b1", "", "", ("ida", "l1"))], [IDA, NEAR]) == []
    assert handovers.replace([Bridge("b2", "", "", ("carla", "l1"))], [CARLA, NEAR]) == [FAR]
    assert handovers.replace([], [CARLA]) == []
    assert handovers.replace([Bridge("b2", "", "", ("ida", "l1"))], [IDA, NEAR]) == []


def test_ids_of_ended_channels_are_forgotten() -> None:
    handovers = Handovers()
    handovers.apply(entered(NEAR, "ida", "l1"))
    handovers.apply(ChannelDestroyed(NEAR))
    assert handovers.apply(entered(CARLA, "l1", "carla")) == []


@given(st.lists(st.sampled_from(["ida", "carla", "bob"]), min_size=1))
def test_each_change_of_partner_is_one_handover(partners: list[str]) -> None:
    handovers = Handovers()
    told = [far for who in partners for far in handovers.apply(entered(NEAR, who, "l1", bridge=who))]
    assert told == [FAR] * sum(a != b for a, b in pairwise(partners))
