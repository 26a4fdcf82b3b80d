"""The attacher against a fake ARI server that fails as Asterisk does, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from tests.fakes.ari import PASSWORD, USER, FakeAri
from tests.fakes.listener import Recorder
from tests.virtual_time import settled, virtual_time

from dragoman.errors import AriReplaced
from dragoman.telephony.absence import HEARTBEAT, MOST_UNSPOKEN_S, UNSURE_S, WENT
from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.attach import AT_ONCE
from dragoman.telephony.attacher import CREATE_S, HEARTBEAT_S, Attacher

pytestmark = virtual_time
MEDIA = ("127.0.0.1", 5000)


class Daemon:
    """One daemon on a fake PBX."""

    def __init__(self, ari: FakeAri, client: AriClient) -> None:
        self.ari = ari
        self.pbx = ari.asterisk
        self.client = client
        self.listener = Recorder()
        self.attacher = Attacher(
            client, self.listener, MEDIA, chance=lambda: 0.999, unspoken=lambda: 3.0 * len(self.listener.taps)
        )
        self.running = asyncio.ensure_future(self.attacher.run())

    async def stop(self) -> None:
        self.running.cancel()
        with contextlib.suppress(asyncio.CancelledError, AriReplaced):
            await self.running

    def ours(self) -> set[str]:
        return {name for name in (*self.pbx.channels, *self.pbx.bridges) if name.startswith("dragoman.")}

    def check(self) -> None:
        """Exactly a tap for each caller and a booth for each conference, in Asterisk and to the listener."""
        callers = {
            member: bridge.name
            for bridge in self.pbx.bridges.values()
            if bridge.creator == "ConfBridge"
            for member in bridge.members
            if not member.startswith("dragoman.")
        }
        assert {
            tap.leg.channel_id: f"{tap.leg.room}-{tap.leg.language}" for tap in self.listener.taps.values()
        } == callers
        assert {f"{b.room}-{b.language}" for b in self.listener.booths.values()} == set(callers.values())
        assert len(self.ours()) == 3 * len(callers) + len(set(callers.values()))
        for tap in self.listener.taps.values():
            assert tap.remote == ("127.0.0.1", self.pbx.channels[tap.channel_id].rtp_port)


@pytest_asyncio.fixture
async def ari() -> AsyncIterator[FakeAri]:
    fake = FakeAri()
    async with fake.serve():
        yield fake


@pytest_asyncio.fixture
async def daemon(ari: FakeAri) -> AsyncIterator[Daemon]:
    async with AriClient(ari.url, USER, PASSWORD) as client:
        daemon = Daemon(ari, client)
        await ari.connected.wait()
        yield daemon
        await daemon.stop()


async def test_it_attaches_who_was_there_who_comes_and_lets_go_who_leaves(ari: FakeAri) -> None:
    there = ari.asterisk.call("1000-en")
    async with AriClient(ari.url, USER, PASSWORD) as client:
        daemon = Daemon(ari, client)
        assert (await daemon.listener.next("tap_ready")).leg.channel_id == there
        comes = daemon.pbx.call("1000-es")
        assert (await daemon.listener.next("tap_ready")).leg.channel_id == comes
        await settled()
        daemon.check()
        daemon.pbx.hang_up(there)
        assert (await daemon.listener.next("tap_closed")).leg.channel_id == there
        assert (await daemon.listener.next("booth_closed")).language == "en"
        await settled()
        daemon.check()
        assert daemon.attacher.stats.failed == 0
        assert sum(daemon.attacher.stats.latency_counts) == 2
        await daemon.stop()


async def test_many_callers_at_once_are_attached_so_many_at_a_time(daemon: Daemon) -> None:
    release = asyncio.Event()
    daemon.ari.fault("POST /channels/externalMedia", times=1000, release=release)
    for number in range(40):
        daemon.pbx.call(f"{1000 + number % 3}-en")
    await settled()
    under_way = sum("externalMedia" in request for request in daemon.ari.requests)
    assert under_way == AT_ONCE
    release.set()
    for _ in range(40):
        await daemon.listener.next("tap_ready")
    await settled()
    daemon.check()
    assert daemon.attacher.stats.failed == 0


async def test_one_leg_whose_requests_hang_holds_up_nobody_else(daemon: Daemon) -> None:
    await settled()
    stuck = daemon.pbx.call("1000-en")
    daemon.ari.fault(f"POST /channels/{stuck}/snoop", release=asyncio.Event())
    others = {daemon.pbx.call("1000-en") for _ in range(5)}
    began = asyncio.get_running_loop().time()
    assert {(await daemon.listener.next("tap_ready")).leg.channel_id for _ in range(5)} == others
    assert asyncio.get_running_loop().time() == began
    assert (await daemon.listener.next("tap_ready")).leg.channel_id == stuck, "tried again after its deadline"
    assert asyncio.get_running_loop().time() >= began + CREATE_S
    await settled()
    daemon.check()


async def test_a_caller_who_leaves_while_his_tap_is_made_leaves_nothing_behind(daemon: Daemon) -> None:
    stays = daemon.pbx.call("1000-en")
    await daemon.listener.next("tap_ready")
    release = asyncio.Event()
    fault = daemon.ari.fault("POST /channels/externalMedia", release=release)
    leaves = daemon.pbx.call("1000-en")
    await fault.reached.wait()
    daemon.pbx.hang_up(leaves)
    await settled()
    release.set()
    await settled()
    daemon.check()
    assert [tap.leg.channel_id for tap in daemon.listener.taps.values()] == [stays]
    assert sum(what == "tap_ready" for what, _ in daemon.listener.told) == 1


async def test_a_caller_who_leaves_is_not_waited_for(daemon: Daemon) -> None:
    await settled()
    assert daemon.ari.allowed is not None
    daemon.ari.allowed.discard("StasisStart")  # what the tap waits for never comes
    caller = daemon.pbx.call("1000-en")
    await settled()
    assert len(daemon.ours()) == 4 and daemon.listener.told == []
    now = asyncio.get_running_loop().time()
    daemon.pbx.hang_up(caller)
    await settled()
    assert asyncio.get_running_loop().time() == now
    assert daemon.ours() == set() and daemon.attacher.stats.failed == 0


async def test_a_failed_tap_is_undone_and_tried_again_but_not_in_a_loop(daemon: Daemon) -> None:
    daemon.ari.fault("POST /channels/.*/snoop", times=4, status=500)
    daemon.pbx.call("1000-en")
    began = asyncio.get_running_loop().time()
    await daemon.listener.next("tap_ready")
    assert asyncio.get_running_loop().time() - began == pytest.approx(0.2 + 0.4 + 0.8 + 1.6, rel=0.01)
    assert daemon.attacher.stats.failed == 4
    assert sum("/snoop" in request for request in daemon.ari.requests) == 5
    await settled()
    daemon.check()


async def test_a_tap_whose_part_dies_is_made_anew_for_the_same_leg(daemon: Daemon) -> None:
    daemon.pbx.call("1000-en")
    tap = await daemon.listener.next("tap_ready")
    daemon.pbx.hang_up(tap.channel_id)
    assert await daemon.listener.next("tap_closed") == tap
    again = await daemon.listener.next("tap_ready")
    assert again.leg == tap.leg
    assert again.remote != tap.remote
    assert daemon.listener.lost == [tap]
    daemon.pbx.hang_up(tap.leg.channel_id)
    assert await daemon.listener.next("tap_closed") == again
    assert daemon.listener.lost == [tap], "who left is not lost"
    await settled()
    daemon.check()


async def test_a_booth_that_is_thrown_out_comes_back(daemon: Daemon) -> None:
    daemon.pbx.call("1000-en")
    booth = await daemon.listener.next("booth_ready")
    daemon.pbx.hang_up(booth.channel_id)
    assert await daemon.listener.next("booth_closed") == booth
    assert (await daemon.listener.next("booth_ready")).channel_id != booth.channel_id
    await settled()
    daemon.check()


async def test_mute_and_hold_are_told_also_when_they_came_before_the_tap(daemon: Daemon) -> None:
    await settled()
    release = asyncio.Event()
    daemon.ari.fault("POST /channels/.*/snoop", release=release)
    caller = daemon.pbx.call("1000-en")
    await settled()
    daemon.pbx.set_variable(caller, "DRAGOMAN_MUTED", "1")
    daemon.pbx.hold(caller, True)
    await settled()
    release.set()
    tap = await daemon.listener.next("tap_ready")
    assert tap.leg.muted
    assert await daemon.listener.next("leg_held") == (tap.leg.id, True)
    daemon.pbx.set_variable(caller, "DRAGOMAN_MUTED", "0")
    assert await daemon.listener.next("leg_muted") == (tap.leg.id, False)
    daemon.pbx.hold(caller, False)
    assert await daemon.listener.next("leg_held") == (tap.leg.id, False)
    daemon.pbx.set_variable(caller, "DRAGOMAN_MUTED", "0")
    await settled()
    assert [what for what, _ in daemon.listener.told].count("leg_muted") == 1, "told what it knew"


async def test_a_mute_that_comes_before_its_events_are_subscribed_is_read(daemon: Daemon) -> None:
    await settled()
    release = asyncio.Event()
    daemon.ari.fault("POST /applications/dragoman/subscription", release=release)
    caller = daemon.pbx.call("1000-en")
    await settled()
    daemon.pbx.set_variable(caller, "DRAGOMAN_MUTED", "1")  # no subscription yet: the event is lost
    release.set()
    assert (await daemon.listener.next("tap_ready")).leg.muted


@pytest.mark.parametrize(("version", "sent"), [("22.10.1~dfsg+~cs6.15.60671435-2", True), ("22.10.1", False)])
async def test_where_a_transfer_by_keys_leaves_a_caller_unheard_he_enters_anew(
    ari: FakeAri, version: str, sent: bool
) -> None:
    ari.version = version
    pbx = ari.asterisk
    async with AriClient(ari.url, USER, PASSWORD) as client:
        daemon = Daemon(ari, client)
        await settled()
        ida, carla = pbx.phone(), pbx.phone()
        far, near, other = (pbx.phone(f"Local/1000*34@phones-{end}") for end in ("0001;2", "0001;1", "0002;1"))
        pbx.talk(ida, near)
        pbx.enter(far, "1000-es")
        await settled()
        for end in (near, other):  # the other one's far end is in no room of ours
            pbx.talk(ida, end)
            pbx.talk(carla, end)
        await settled()
        told = [("Local/s@dragoman-rejoin/n", {"__DRAGOMAN_REJOIN": "Local/1000*34@phones-0001;2"})]
        assert ari.dialplan == (told if sent else [])
        assert daemon.attacher.stats.rejoined == len(ari.dialplan)
        await daemon.stop()


async def test_a_websocket_that_comes_back_leaves_what_is_up_in_peace_and_finds_what_happened(daemon: Daemon) -> None:
    stays, goes = daemon.pbx.call("1000-en"), daemon.pbx.call("1000-en")
    for _ in range(2):
        await daemon.listener.next("tap_ready")
    await daemon.listener.next("booth_ready")
    told = len(daemon.listener.told)
    await daemon.ari.disconnect()
    daemon.ari.sources.clear()  # Asterisk may have forgotten the application
    daemon.pbx.hang_up(goes)
    comes = daemon.pbx.call("1000-es")
    daemon.pbx.set_variable(stays, "DRAGOMAN_MUTED", "1")
    await daemon.listener.next("gap")
    assert (await daemon.listener.next("tap_ready")).leg.channel_id == comes
    await daemon.listener.next("booth_ready")
    kinds = [what for what, _ in daemon.listener.told[told:]]
    assert kinds[:3] == ["tap_closed", "leg_muted", "gap"]
    assert "booth_closed" not in kinds and kinds.count("tap_closed") == 1
    await settled()
    daemon.check()
    daemon.pbx.set_variable(stays, "DRAGOMAN_MUTED", "0")  # its events come again
    await daemon.listener.next("leg_muted")
    assert (await daemon.listener.next("leg_muted"))[1] is False


async def test_after_a_restart_of_asterisk_all_is_closed_then_the_gap_is_told_then_all_begins_anew(
    daemon: Daemon,
) -> None:
    daemon.pbx.call("1000-en")
    await daemon.listener.next("tap_ready")
    await daemon.listener.next("booth_ready")
    told = len(daemon.listener.told)
    daemon.ari.refuse_events = True
    await daemon.ari.disconnect(code=1006)
    daemon.ari.restart()
    lost = asyncio.get_running_loop().time()
    await asyncio.sleep(20)
    assert not daemon.attacher.connected
    assert len(daemon.listener.told) == told, "nothing is known yet"
    daemon.pbx.call("1000-es")
    daemon.ari.refuse_events = False
    since, unspoken = await daemon.listener.next("gap")
    assert since == pytest.approx(lost, abs=0.1)
    assert unspoken == 3.0, "as it was when it was lost: now there are no legs, of which something is unspoken"
    await daemon.listener.next("tap_ready")
    await daemon.listener.next("booth_ready")
    kinds = [what for what, _ in daemon.listener.told[told:]]
    assert sorted(kinds[:2]) == ["booth_closed", "tap_closed"]
    assert kinds[2] == "gap"
    assert sorted(kinds[3:]) == ["booth_ready", "tap_ready"]
    assert daemon.attacher.connection.reconnects == 1
    await settled()
    daemon.check()


async def test_a_tap_that_is_being_made_when_the_connection_drops_is_made_after_it(daemon: Daemon) -> None:
    await settled()
    release = asyncio.Event()
    fault = daemon.ari.fault("POST /channels/.*/snoop", release=release)
    caller = daemon.pbx.call("1000-en")
    await fault.reached.wait()
    await daemon.ari.disconnect()
    await settled()
    release.set()
    assert (await daemon.listener.next("tap_ready")).leg.channel_id == caller
    await settled()
    daemon.check()


async def test_stock_that_cannot_be_taken_is_taken_later(ari: FakeAri) -> None:
    ari.fault("GET /bridges", times=3, status=503)
    ari.asterisk.call("1000-en")
    async with AriClient(ari.url, USER, PASSWORD) as client:
        daemon = Daemon(ari, client)
        await ari.connected.wait()
        await settled()
        assert not daemon.attacher.connected
        await daemon.listener.next("tap_ready")
        assert daemon.attacher.connected
        assert ("gap" in dict(daemon.listener.told)) is False, "nothing was missed: it is the first time"
        await daemon.stop()


async def test_while_asterisk_does_not_answer_nothing_more_is_asked_of_it(daemon: Daemon) -> None:
    daemon.pbx.call("1000-en")
    await daemon.listener.next("tap_ready")
    await daemon.listener.next("booth_ready")
    release = asyncio.Event()
    daemon.ari.fault("(POST|GET|DELETE|PUT) .*", times=1_000_000, release=release)
    for _ in range(40):
        daemon.pbx.call("1000-en")
    leaves = next(iter(daemon.listener.taps.values())).leg.channel_id
    await asyncio.sleep(60)
    asked = len(daemon.ari.requests)
    daemon.pbx.hang_up(leaves)
    assert (await daemon.listener.next("tap_closed")).leg.channel_id == leaves, "who left is told all the same"
    await asyncio.sleep(60)
    assert len(daemon.ari.requests) - asked < 60, "some heartbeats, some looks, no storm"
    daemon.ari.faults.clear()
    release.set()
    for _ in range(40):
        await daemon.listener.next("tap_ready", within=120)
    await asyncio.sleep(30)
    await settled()
    daemon.check()


async def test_events_that_overflow_the_queue_are_made_good_by_taking_stock(daemon: Daemon) -> None:
    daemon.attacher.queue.capacity = 64
    daemon.pbx.call("1000-en")
    await daemon.listener.next("tap_ready")
    release = asyncio.Event()
    fault = daemon.ari.fault("GET /channels", release=release)
    daemon.ari.fault("POST /channels/.*/snoop", status=500)
    daemon.pbx.call("1000-en")  # fails, and the next try takes stock, which holds up the consumer
    await fault.reached.wait()
    noise = json.dumps({"type": "ChannelVarset", "variable": "A", "value": "1"})
    for _ in range(65):
        daemon.ari.send(noise)
    daemon.pbx.call("1000-es")
    await settled()
    release.set()
    await daemon.listener.next("gap")
    await settled()
    assert daemon.attacher.queue.dropped > 64
    await asyncio.sleep(1)
    await settled()
    daemon.check()


async def test_orphans_are_swept_and_other_peoples_objects_are_not(ari: FakeAri) -> None:
    ari.asterisk.external_media("dragoman.dead-media-1", {})
    ari.asterisk.external_media("dragoman.dead-gadget-9", {})
    ari.asterisk.create_bridge("dragoman.dead-mix-1")
    ari.asterisk.external_media("someone-elses", {})
    ari.asterisk.create_bridge("someone-elses-too")
    caller = ari.asterisk.call("sales")
    async with AriClient(ari.url, USER, PASSWORD) as client:
        daemon = Daemon(ari, client)
        await ari.connected.wait()
        await settled()
        assert set(ari.asterisk.channels) == {"someone-elses", caller}
        assert "someone-elses-too" in ari.asterisk.bridges
        assert daemon.attacher.stats.swept == 3
        assert daemon.listener.told == []
        await daemon.stop()


async def test_the_dialplan_is_told_that_we_live_and_that_we_go(daemon: Daemon) -> None:
    await settled()
    first = daemon.pbx.globals[HEARTBEAT]
    unix, monotonic, _boot, unspoken = first.split(".")
    assert unix.isdigit(), "the dialplan reckons with what is before the full stop"
    assert monotonic.isdigit() and unspoken == "0"
    beats = sum("DRAGOMAN_HEARTBEAT" in request for request in daemon.ari.requests)
    await asyncio.sleep(10.5 * HEARTBEAT_S)
    assert sum("DRAGOMAN_HEARTBEAT" in request for request in daemon.ari.requests) == beats + 10
    await daemon.attacher.detach_all()
    assert daemon.pbx.globals[HEARTBEAT] == ""
    await asyncio.sleep(10 * HEARTBEAT_S)
    assert daemon.pbx.globals[HEARTBEAT] == "", "a daemon that has gone says no more that it lives"


async def test_detaching_takes_down_what_is_up_and_what_is_coming_and_leaves_the_calls(daemon: Daemon) -> None:
    up = daemon.pbx.call("1000-en")
    await daemon.listener.next("tap_ready")
    await daemon.listener.next("booth_ready")
    release = asyncio.Event()
    fault = daemon.ari.fault("POST /channels/externalMedia", release=release)
    coming = daemon.pbx.call("1000-en")
    await fault.reached.wait()
    detaching = asyncio.ensure_future(daemon.attacher.detach_all())
    await settled()
    assert daemon.listener.taps == daemon.listener.booths == {}, "told at once"
    release.set()
    await detaching
    assert daemon.ours() == set()
    assert {up, coming} <= set(daemon.pbx.channels)
    told = len(daemon.listener.told)
    daemon.pbx.call("1000-en")
    await settled()
    await daemon.attacher.detach_all()
    assert daemon.ours() == set() and len(daemon.listener.told) == told
    assert not daemon.running.done()


async def test_detaching_from_an_asterisk_that_hangs_ends_at_its_deadline(daemon: Daemon) -> None:
    daemon.pbx.call("1000-en")
    await daemon.listener.next("tap_ready")
    daemon.ari.fault(".*", times=1000, release=asyncio.Event())
    began = asyncio.get_running_loop().time()
    await daemon.attacher.detach_all(deadline=2.0)
    assert asyncio.get_running_loop().time() == began + 2.0
    assert daemon.listener.taps == daemon.listener.booths == {}


async def test_cancelling_undoes_what_is_under_way_and_leaves_what_is_up(daemon: Daemon) -> None:
    daemon.pbx.call("1000-en")
    await daemon.listener.next("tap_ready")
    await daemon.listener.next("booth_ready")
    up = daemon.ours()
    release = asyncio.Event()
    fault = daemon.ari.fault("POST /channels/.*/snoop", release=release)
    daemon.pbx.call("1000-en")
    await fault.reached.wait()
    daemon.running.cancel()
    await settled()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await daemon.running
    assert daemon.ours() == up
    await daemon.attacher.detach_all()
    assert daemon.ours() == set()


async def test_being_replaced_closes_all_and_leaves_the_heartbeat_to_the_other(daemon: Daemon) -> None:
    daemon.pbx.call("1000-en")
    await daemon.listener.next("tap_ready")
    await daemon.listener.next("booth_ready")
    async with AriClient(daemon.ari.url, USER, PASSWORD) as client:
        heir = Daemon(daemon.ari, client)
        with pytest.raises(AriReplaced):
            await daemon.running
        assert daemon.listener.taps == daemon.listener.booths == {}
        await heir.listener.next("tap_ready")
        await heir.listener.next("booth_ready")
        await settled()
        heir.check()
        assert heir.attacher.stats.swept == 4
        assert heir.pbx.globals[HEARTBEAT] != ""
        await heir.stop()


@dataclass(frozen=True)
class FixedTime:
    """Stands in for the ``time`` of a module."""

    of_day: float
    since_boot: float

    def time(self) -> float:
        return self.of_day

    def monotonic(self) -> float:
        return self.since_boot


@pytest.mark.parametrize(
    ("variables", "away", "unspoken"),
    [
        ({HEARTBEAT: "1700000060"}, 40.0, 0.0),
        ({HEARTBEAT: "", WENT: "1700000090"}, 10.0, 0.0),
        ({HEARTBEAT: ""}, None, 0.0),
        ({HEARTBEAT: "1699000000"}, None, 0.0),
        ({HEARTBEAT: "1700000200"}, UNSURE_S, 0.0),
        ({HEARTBEAT: "soon"}, None, 0.0),
        ({HEARTBEAT: "1700003660.4960.0123abcd"}, 40.0, 0.0),
        ({HEARTBEAT: "1699999060.4960.0123abcd"}, 40.0, 0.0),
        ({HEARTBEAT: "1700000060.4960.another0"}, 40.0, 0.0),
        ({HEARTBEAT: "1700000060.5001.0123abcd"}, 40.0, 0.0),
        ({HEARTBEAT: "1700000060.soon.0123abcd"}, 40.0, 0.0),
        ({HEARTBEAT: "", WENT: "1700003690.4990.0123abcd"}, 10.0, 0.0),
        ({HEARTBEAT: "1700000060.4960.0123abcd.7"}, 40.0, 7.0),
        ({HEARTBEAT: "1700000060.4960.0123abcd.4711"}, 40.0, MOST_UNSPOKEN_S),
        ({HEARTBEAT: "1700000060.4960.0123abcd.x"}, 40.0, 0.0),
        ({HEARTBEAT: "", WENT: "1700000090.4990..3"}, 10.0, 3.0),
    ],
    ids=[
        "killed",
        "told to stop",
        "the first one ever",
        "long ago",
        "a clock that is wrong",
        "junk",
        "killed, and the time of day was set back",
        "killed, and the time of day was set forward",
        "killed with its host",
        "a boot's clock that is wrong",
        "half a sign",
        "told to stop, and the time of day was set back",
        "killed while something was to be spoken",
        "killed, far behind",
        "killed, and it says nothing of what was to be spoken",
        "told to stop in the middle of a clause, where the kernel names no boot",
    ],
)
async def test_rooms_that_were_there_before_us_are_told_since_when_nobody_interpreted(
    ari: FakeAri,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variables: dict[str, str],
    away: float | None,
    unspoken: float,
) -> None:
    monkeypatch.setattr("dragoman.telephony.absence.time", FixedTime(1_700_000_100.0, 5_000.0))
    monkeypatch.setattr("dragoman.telephony.absence._BOOT", tmp_path / "boot_id")
    (tmp_path / "boot_id").write_text("0123abcd-0000-0000-0000-000000000000\n")
    ari.asterisk.globals.update(variables)
    ari.asterisk.call("1000-en")
    ari.asterisk.call("1000-es")
    began = asyncio.get_running_loop().time()
    async with AriClient(ari.url, USER, PASSWORD) as client:
        daemon = Daemon(ari, client)
        for _ in range(2):
            await daemon.listener.next("tap_ready")
        told = [value for what, value in daemon.listener.told if what == "away"]
        expected = [] if away is None else [("1000", {"en", "es"}, pytest.approx(began - away, abs=0.5), unspoken)]
        assert told == expected
        if told:
            assert daemon.listener.told[0][0] == "away", "before anybody of the room is heard"
        daemon.pbx.call("2000-en")
        await daemon.listener.next("tap_ready")
        await daemon.attacher.detach_all()
        assert daemon.pbx.globals[HEARTBEAT] == ""
        assert daemon.pbx.globals[WENT] == "1700000100.5000.0123abcd.9", "of three who talk"
        await daemon.stop()
    assert [value for what, value in daemon.listener.told if what == "away"] == expected
