"""The reconciliation rules, against a model of Asterisk that does its worst."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.fakes.asterisk import FakeAsterisk, Json

from dragoman.errors import IllegalTransition
from dragoman.telephony.ari.events import parse_event
from dragoman.telephony.ari.model import parse_bridge, parse_channel
from dragoman.telephony.attach import (
    AT_ONCE,
    BoothKey,
    CreateBooth,
    CreateTap,
    Drop,
    Holding,
    Holdings,
    LegKey,
    State,
    Step,
    SweepOrphan,
    TellHeld,
    TellMuted,
    plan,
)
from dragoman.telephony.model import Leg, Tap
from dragoman.telephony.roster import Kind, Names, Roster

CONFERENCES = ("1000-en", "1000-es", "2000-en")
FOREIGN = ("sales", "1000-xx", "lobby-en")
BRIDGE_EVENTS = {"BridgeCreated", "BridgeDestroyed", "ChannelEnteredBridge", "ChannelLeftBridge"}


@dataclass
class Pending:
    """An action that the shell took on and Asterisk has not carried out yet."""

    holding: Holding | None
    orphan: str = ""


class Shell:
    """What the real shell does with a plan, without waiting, and as badly as it is told to."""

    def __init__(self) -> None:
        self.pbx = FakeAsterisk(self._emit)
        self.roster = Roster("dragoman", frozenset({"en", "es"}))
        self.holdings = Holdings(Names("dragoman", "me"), chance=lambda: 0.5)
        self.now = 100.0
        # Two topics whose order among themselves Asterisk does not promise.
        self.bridge_events: deque[Json] = deque()
        self.channel_events: deque[Json] = deque()
        self.pending: list[Pending] = []
        self.listener: dict[LegKey | BoothKey, dict[str, bool]] = {}

    def _emit(self, event: Json) -> None:
        (self.bridge_events if event["type"] in BRIDGE_EVENTS else self.channel_events).append(event)

    def deliver(self, bridges: int, channels: int) -> None:
        for queue, number in ((self.bridge_events, bridges), (self.channel_events, channels)):
            for _ in range(min(number, len(queue))):
                event = parse_event(queue.popleft())
                if event is not None:
                    self.roster.apply(event)

    def take_stock(self) -> None:
        """All events until now are lost, and a snapshot takes their place."""
        self.bridge_events.clear()
        self.channel_events.clear()
        self.roster.replace(
            [parse_bridge(bridge.json()) for bridge in self.pbx.bridges.values()],
            [parse_channel(channel.json()) for channel in self.pbx.channels.values()],
        )

    def reconcile(self) -> int:
        actions = plan(self.roster, self.holdings, self.now)
        for action in actions:
            match action:
                case CreateTap(seat):
                    assert all(
                        not (isinstance(h.key, LegKey) and h.key.channel_id == seat.channel_id) for h in self.holdings
                    ), "two lanes on one leg"
                    self.pending.append(Pending(self.holdings.begin(LegKey(seat.channel_id, seat.epoch), self.now)))
                case CreateBooth(key):
                    self.pending.append(Pending(self.holdings.begin(key, self.now)))
                case Drop(key, why):
                    assert why
                    holding = self.holdings.get(key)
                    assert holding is not None
                    if holding.state is State.READY:
                        self.pending.append(Pending(holding))
                    self.holdings.step(holding, Step.DROP, self.now)
                    self.listener.pop(key, None)
                case SweepOrphan(name, _):
                    assert name.startswith("dragoman."), "a call would have been hung up"
                    self.holdings.sweeping(name)
                    self.pending.append(Pending(None, name))
                case TellMuted(key, muted):
                    self.listener[key]["muted"] = self._held(key).muted = muted
                case TellHeld(key, held):
                    self.listener[key]["held"] = self._held(key).held = held
        # What was dropped while it was created may have made room for others to begin, but none for the same ones.
        again = [a for a in plan(self.roster, self.holdings, self.now) if a in actions and not isinstance(a, Drop)]
        assert not again, "a plan taken on comes again"
        return len(actions)

    def _held(self, key: LegKey) -> Holding:
        holding = self.holdings.get(key)
        assert holding is not None
        return holding

    def finish(self, index: int, *, ok: bool, leave_behind: bool) -> None:
        """Carry out one pending action, or fail at it, and then maybe without cleaning up."""
        if not self.pending:
            return
        pending = self.pending.pop(index % len(self.pending))
        if pending.holding is None:
            if ok:
                self._delete(pending.orphan)
                self.roster.forget_own(pending.orphan)
            self.holdings.swept(pending.orphan, self.now, ok=ok)
            return
        holding = pending.holding
        if holding.state is State.CREATING and self._create(holding, ok):
            self.holdings.step(holding, Step.UP, self.now)
            self.roster.note_own(*holding.parts.values())
            assert holding.key not in self.listener, "told twice that it is up"
            self.listener[holding.key] = {"muted": False, "held": False}
            return
        if not leave_behind:
            for name in holding.parts.values():
                self._delete(name)
            self.roster.forget_own(*holding.parts.values())
        step = Step.DELETED if holding.state is State.DROPPING else Step.FAILED
        self.holdings.step(holding, step, self.now)

    def _create(self, holding: Holding, ok: bool) -> bool:
        if isinstance(holding.key, BoothKey):
            name = holding.parts[Kind.BOOTH]
            variables = {"DRAGOMAN_BOOTH_ROOM": holding.key.room, "DRAGOMAN_BOOTH_LANG": holding.key.language}
            assert self.pbx.external_media(name, variables) is not None, "an id was used twice"
            if not ok:
                return False
            self.pbx.continue_booth(name)
            # The recipe awaits this very event, so the roster has it: bridge events are in order.
            self.deliver(len(self.bridge_events), 0)
            return True
        assert self.pbx.external_media(holding.parts[Kind.MEDIA], {}) is not None, "an id was used twice"
        self.pbx.create_bridge(holding.parts[Kind.MIX])
        if not ok or self.pbx.snoop(holding.key.channel_id, holding.parts[Kind.SNOOP]) is None:
            return False
        for kind in (Kind.MEDIA, Kind.SNOOP):
            self.pbx.add_channel(holding.parts[Kind.MIX], holding.parts[kind])
        return True

    def _delete(self, name: str) -> None:
        self.pbx.destroy_bridge(name)
        self.pbx.hang_up(name)

    def settle(self) -> None:
        """Nothing fails any more, and everybody has time."""
        for _ in range(60):
            self.deliver(len(self.bridge_events), len(self.channel_events))
            retry = self.holdings.next_retry()
            self.now = max(self.now, retry or 0.0)
            began = self.reconcile()
            for _ in range(len(self.pending)):
                self.finish(0, ok=True, leave_behind=False)
            if not (began or self.pending or self.bridge_events or self.channel_events or retry):
                return
        pytest.fail("it never settles: every round begins something anew")

    def check(self) -> None:
        """One whole tap per caller, one booth per occupied conference, and nothing else of ours."""
        callers, occupied = {}, set()
        for bridge in self.pbx.bridges.values():
            if bridge.creator == "ConfBridge" and bridge.name in CONFERENCES:
                for member in bridge.members:
                    if not member.startswith("dragoman."):
                        callers[member] = bridge.name
                        occupied.add(bridge.name)
        taps = [h for h in self.holdings if isinstance(h.key, LegKey)]
        booths = [h for h in self.holdings if isinstance(h.key, BoothKey)]
        assert sorted(h.key.channel_id for h in taps if isinstance(h.key, LegKey)) == sorted(callers)
        assert {f"{h.key.room}-{h.key.language}" for h in booths if isinstance(h.key, BoothKey)} == occupied
        assert len(booths) == len(occupied)
        for holding in (*taps, *booths):
            assert holding.state is State.READY
            assert set(holding.parts.values()) <= self.pbx.channels.keys() | self.pbx.bridges.keys()
        for holding in booths:
            assert isinstance(holding.key, BoothKey)
            bridge = self.pbx.bridges[str(self.pbx.channels[holding.parts[Kind.BOOTH]].bridge)]
            assert bridge.name == f"{holding.key.room}-{holding.key.language}"
        for holding in taps:
            assert isinstance(holding.key, LegKey)
            members = self.pbx.bridges[holding.parts[Kind.MIX]].members
            assert sorted(members) == sorted((holding.parts[Kind.MEDIA], holding.parts[Kind.SNOOP]))
            assert self.pbx.channels[holding.parts[Kind.SNOOP]].spied == holding.key.channel_id
            muted = self.pbx.channels[holding.key.channel_id].variables.get("DRAGOMAN_MUTED") == "1"
            assert self.listener[holding.key]["muted"] == muted
        assert self.listener.keys() == {h.key for h in self.holdings}
        owned = {name for h in self.holdings for name in h.parts.values()}
        ours = {name for name in (*self.pbx.channels, *self.pbx.bridges) if name.startswith("dragoman.")}
        assert ours == owned, "orphans"


class Weather(RuleBasedStateMachine):
    """Whatever calls, events, failures and gaps do, it settles into one tap per caller and one booth per conference."""

    def __init__(self) -> None:
        super().__init__()
        self.shell = Shell()
        self.away: list[str] = []

    @initialize(orphans=st.integers(0, 2), callers=st.lists(st.sampled_from(CONFERENCES), max_size=3))
    def start(self, orphans: int, callers: list[str]) -> None:
        for serial in range(orphans):  # of a daemon that was killed
            self.shell.pbx.external_media(f"dragoman.old-media-{serial}", {})
            self.shell.pbx.create_bridge(f"dragoman.old-mix-{serial}")
        for conference in callers:
            self.shell.pbx.call(conference)
        self.shell.take_stock()

    def _callers(self) -> list[str]:
        return sorted(
            channel.id
            for channel in self.shell.pbx.channels.values()
            if not channel.id.startswith("dragoman.") and channel.bridge is not None
        )

    @rule(conference=st.sampled_from(CONFERENCES + FOREIGN), variables=st.booleans())
    def join(self, conference: str, variables: bool) -> None:
        if len(self._callers()) < 6:
            self.shell.pbx.call(conference, variables=variables)

    @rule(who=st.integers(0, 5), how=st.sampled_from(("hang up", "leave", "swap", "elsewhere")))
    def move(self, who: int, how: str) -> None:
        callers = self._callers()
        if not callers:
            return
        caller = callers[who % len(callers)]
        if how == "hang up":
            self.shell.pbx.hang_up(caller)
        elif how == "swap":
            self.shell.pbx.swap(caller)
        else:
            self.shell.pbx.leave(caller)
            if how == "elsewhere":
                self.shell.pbx.enter(caller, CONFERENCES[who % 3])
            else:
                self.away.append(caller)

    @rule(conference=st.sampled_from(CONFERENCES))
    def come_back(self, conference: str) -> None:
        if self.away:
            self.shell.pbx.enter(self.away.pop(), conference)

    @rule(who=st.integers(0, 5), muted=st.sampled_from("01"))
    def mute(self, who: int, muted: str) -> None:
        if callers := self._callers():
            self.shell.pbx.set_variable(callers[who % len(callers)], "DRAGOMAN_MUTED", muted)

    @rule()
    def all_hang_up(self) -> None:
        """Several conferences empty at once."""
        for caller in self._callers():
            self.shell.pbx.hang_up(caller)

    @rule(who=st.integers(0, 20))
    def part_dies(self, who: int) -> None:
        """Somebody hangs up a channel of ours, from Asterisk's console."""
        ours = sorted(name for name in self.shell.pbx.channels if name.startswith("dragoman."))
        if ours:
            self.shell.pbx.hang_up(ours[who % len(ours)])

    @rule(bridges=st.integers(0, 9), channels=st.integers(0, 9))
    def deliver(self, bridges: int, channels: int) -> None:
        self.shell.deliver(bridges, channels)

    @rule()
    def reconcile(self) -> None:
        self.shell.reconcile()

    @rule(index=st.integers(0, 9), ok=st.booleans(), leave_behind=st.booleans())
    def finish(self, index: int, ok: bool, leave_behind: bool) -> None:
        self.shell.finish(index, ok=ok, leave_behind=leave_behind)

    @rule()
    def lose_events(self) -> None:
        self.shell.take_stock()

    @rule()
    def restart(self) -> None:
        """Asterisk is killed and comes back empty."""
        self.shell.pbx.channels.clear()
        self.shell.pbx.bridges.clear()
        self.away.clear()
        self.shell.take_stock()

    @invariant()
    def one_lane_per_leg(self) -> None:
        legs = [h.key.channel_id for h in self.shell.holdings if isinstance(h.key, LegKey)]
        assert len(legs) == len(set(legs))

    def teardown(self) -> None:
        self.shell.settle()
        self.shell.check()


Weather.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
test_settles_whatever_happens = Weather.TestCase


def holdings() -> Holdings:
    return Holdings(Names("dragoman", "me"), chance=lambda: 0.5)


def test_a_former_epoch_is_deleted_before_the_caller_gets_a_new_tap() -> None:
    shell = Shell()
    caller = shell.pbx.call("1000-en")
    shell.pbx.call("1000-en")
    shell.settle()
    first = next(h.key for h in shell.holdings if isinstance(h.key, LegKey) and h.key.channel_id == caller)
    shell.pbx.leave(caller)
    shell.pbx.enter(caller, "1000-en")
    shell.deliver(99, 99)
    assert plan(shell.roster, shell.holdings, 0.0) == [Drop(first, "the caller left")]
    shell.settle()
    second = next(h.key for h in shell.holdings if isinstance(h.key, LegKey) and h.key.channel_id == caller)
    assert second.epoch > first.epoch


def test_the_end_of_everything_comes_before_the_beginning_of_anything() -> None:
    shell = Shell()
    caller = shell.pbx.call("1000-en")
    shell.settle()
    shell.pbx.hang_up(caller)
    shell.pbx.call("1000-es")
    shell.pbx.external_media("dragoman.other-media-1", {})
    shell.deliver(99, 99)
    kinds = [type(a) for a in plan(shell.roster, shell.holdings, 0.0)]
    assert kinds == [Drop, Drop, CreateBooth, CreateTap, SweepOrphan]


def test_what_failed_is_left_alone_until_its_back_off_is_over_and_each_time_for_longer() -> None:
    shell = Shell()
    shell.pbx.call("1000-en")
    roster = shell.roster
    shell.deliver(99, 99)
    delays = []
    now = 0.0
    for _ in range(8):
        actions = plan(roster, shell.holdings, now)
        tap = next(a.seat for a in actions if isinstance(a, CreateTap))
        holding = shell.holdings.begin(LegKey(tap.channel_id, tap.epoch), now)
        shell.holdings.step(holding, Step.FAILED, now)
        retry = shell.holdings.next_retry()
        assert retry is not None
        assert not any(isinstance(a, CreateTap) for a in plan(roster, shell.holdings, retry - 1e-6))
        delays.append(round(retry - now, 3))
        now = retry
    assert delays == [0.2, 0.4, 0.8, 1.2, 2.4, 4.8, 7.5, 7.5]


def test_an_illegal_step_raises() -> None:
    held = holdings()
    holding = held.begin(BoothKey("1000", "en"), 0.0)
    with pytest.raises(IllegalTransition, match="CREATING on DELETED"):
        held.step(holding, Step.DELETED, 0.0)


def test_an_orphan_that_cannot_be_deleted_is_not_tried_in_a_loop() -> None:
    held, roster = holdings(), Roster("dragoman", frozenset({"en"}))
    roster.note_own("dragoman.old-media-1")
    assert plan(roster, held, 0.0) == [SweepOrphan("dragoman.old-media-1", Kind.MEDIA)]
    held.sweeping("dragoman.old-media-1")
    assert plan(roster, held, 0.0) == []
    held.swept("dragoman.old-media-1", 0.0, ok=False)
    assert plan(roster, held, 0.05) == []
    assert held.next_retry() == pytest.approx(0.2)
    assert len(plan(roster, held, 0.21)) == 1


def test_a_leg_and_a_tap_have_ids_of_their_own() -> None:
    leg = Leg("a;2", 3, "1000", "en", "Ann")
    assert leg.id == "a;2.3"
    assert Tap(leg, "x", ("127.0.0.1", 1)).leg is leg


def test_no_more_than_so_many_begin_at_once_and_the_wait_counts_as_latency() -> None:
    shell = Shell()
    for _ in range(2 * AT_ONCE):
        shell.pbx.call("1000-en")
    shell.deliver(99, 99)
    assert shell.reconcile() == AT_ONCE
    assert shell.reconcile() == 0
    shell.now += 5.0
    shell.finish(0, ok=True, leave_behind=False)
    shell.deliver(99, 99)
    assert shell.reconcile() == 1
    assert max(holding.since for holding in shell.holdings) == 100.0
    shell.settle()
    shell.check()
