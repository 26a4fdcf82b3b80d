"""The attacher against a real Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
from tests.e2e.conftest import BREATH_S, PhoneFactory, conference_of, interpreting, room_uri
from tests.fakes.listener import Recorder

from dragoman.errors import AriReplaced
from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.attacher import Attacher
from dragoman.telephony.model import Address, Tap
from dragoman.telephony.pbx import Pbx, Site

pytestmark = pytest.mark.beside

TONE = "601"
"""Extension that plays 440 Hz."""


@dataclass
class Daemon:
    """As much of the daemon as attaches."""

    attacher: Attacher
    listener: Recorder
    client: AriClient
    running: asyncio.Task[None]

    async def die(self) -> None:
        """End as a killed process does: nothing is taken down."""
        self.running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.running
        await self.client.close()


async def start(pbx: Pbx, media: Address) -> Daemon:
    client = await AriClient(pbx.ari_url, pbx.ari_username, pbx.ari_password).__aenter__()
    listener = Recorder()
    attacher = Attacher(client, listener, media)
    return Daemon(attacher, listener, client, asyncio.create_task(attacher.run()))


@pytest_asyncio.fixture(loop_scope="session")
async def media() -> AsyncIterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        yield udp


class Callers:
    """Callers without a phone: Local channels that play a tone."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx
        self._session = aiohttp.ClientSession(
            pbx.ari_url, headers={"Authorization": aiohttp.encode_basic_auth(pbx.ari_username, pbx.ari_password)}
        )
        self._calls: list[str] = []

    async def call(self, extension: str) -> str:
        """The id of the channel that sits in the conference."""
        name = f"caller{len(self._calls)}-{id(self):x}"
        query = {"endpoint": f"Local/{extension}@phones/n", "context": "phones", "extension": TONE, "priority": "1"}
        async with self._session.post(f"/ari/channels/{name}", params=query) as answer:
            assert answer.status == 200, await answer.text()
        self._calls.append(name)
        return f"{name};2"

    async def hang_up(self, channel_id: str) -> None:
        async with self._session.delete(f"/ari/channels/{channel_id.removesuffix(';2')}"):
            pass

    async def close(self) -> None:
        for name in self._calls:
            with contextlib.suppress(aiohttp.ClientError):
                await self.hang_up(name)
        await self._session.close()


@pytest_asyncio.fixture(loop_scope="session")
async def callers(pbx: Pbx) -> AsyncIterator[Callers]:
    await interpreting(pbx)
    callers = Callers(pbx)
    yield callers
    await callers.close()


async def ours(client: AriClient) -> set[str]:
    """Ids of all that any daemon made."""
    names = [bridge.id for bridge in await client.list_bridges()] + [c.id for c in await client.list_channels()]
    return {name for name in names if name.startswith("dragoman.")}


async def nothing_of_ours(client: AriClient) -> None:
    """Wait until all that we made is gone: Asterisk answers that it hangs a channel up, and then does."""
    async with asyncio.timeout(15):
        while await ours(client):
            await asyncio.sleep(BREATH_S)


async def rtp_from(udp: socket.socket, remote: Address, packets: int) -> list[bytes]:
    loop, got = asyncio.get_running_loop(), []
    async with asyncio.timeout(15):
        while len(got) < packets:
            data, source = await loop.sock_recvfrom(udp, 2048)
            if source == remote:
                got.append(data)
    return got


async def test_a_caller_gets_a_tap_that_carries_his_voice_and_his_conference_a_booth(
    pbx: Pbx, callers: Callers, media: socket.socket
) -> None:
    daemon = await start(pbx, media.getsockname())
    try:
        caller = await callers.call("1000*34")
        tap: Tap = await daemon.listener.next("tap_ready")
        booth = await daemon.listener.next("booth_ready")
        assert (tap.leg.channel_id, tap.leg.room, tap.leg.language, tap.leg.muted) == (caller, "1000", "es", False)
        assert (booth.room, booth.language) == ("1000", "es")
        packets = await rtp_from(media, tap.remote, 60)
        assert {(packet[1] & 0x7F, len(packet)) for packet in packets} == {(118, 12 + 640)}
        heard = np.concatenate([np.frombuffer(packet, ">i2", offset=12) for packet in packets[-50:]]).astype(float)
        spectrum = np.abs(np.fft.rfft(heard))
        assert spectrum.argmax() * 16000 / heard.size == pytest.approx(440, abs=2)
        listed = await pbx.rx("confbridge list 1000-es")
        assert listed.count("UnicastRTP/") == 1
        await callers.hang_up(caller)
        assert await daemon.listener.next("tap_closed") == tap
        assert await daemon.listener.next("booth_closed") == booth
        await conference_of(pbx, "1000-es", 0)
    finally:
        await daemon.attacher.detach_all()
        await nothing_of_ours(daemon.client)
        await daemon.die()
    assert daemon.attacher.stats.failed == 0


async def test_everybody_gets_one_tap_and_every_language_one_booth(
    pbx: Pbx, callers: Callers, media: socket.socket
) -> None:
    before = await callers.call("1000*44")  # sits there before the daemon starts
    await conference_of(pbx, "1000-en", 1)
    daemon = await start(pbx, media.getsockname())
    try:
        joined = [await callers.call(extension) for extension in ("1000*44", "1000*34", "1000*34", "1000*376")]
        legs = {(await daemon.listener.next("tap_ready")).leg.channel_id for _ in range(5)}
        assert legs == {before, *joined}
        languages = {(await daemon.listener.next("booth_ready")).language for _ in range(3)}
        assert languages == {"en", "es", "ca"}
        assert len(await ours(daemon.client)) == 5 * 3 + 3
        # Two conferences empty at once.
        await asyncio.gather(*(callers.hang_up(name) for name in (before, joined[0], joined[3])))
        assert {(await daemon.listener.next("booth_closed")).language for _ in range(2)} == {"en", "ca"}
        for _ in range(3):
            await daemon.listener.next("tap_closed")
        assert daemon.attacher.stats.failed == 0
    finally:
        await daemon.attacher.detach_all()
        await daemon.die()


async def test_the_next_daemon_sweeps_what_a_killed_one_left(pbx: Pbx, callers: Callers, media: socket.socket) -> None:
    killed = await start(pbx, media.getsockname())
    caller = await callers.call("1000*44")
    await killed.listener.next("tap_ready")
    await killed.listener.next("booth_ready")
    await killed.die()
    async with AriClient(pbx.ari_url, pbx.ari_username, pbx.ari_password) as nobody:
        orphans = await ours(nobody)  # before the heir makes or sweeps anything
    heir = await start(pbx, media.getsockname())
    try:
        assert {killed.attacher.instance} == {name.split("-")[0].removeprefix("dragoman.") for name in orphans}
        assert (await heir.listener.next("tap_ready")).leg.channel_id == caller
        await heir.listener.next("booth_ready")
        async with asyncio.timeout(15):
            while {name.split("-")[0].removeprefix("dragoman.") for name in await ours(heir.client)} != {
                heir.attacher.instance
            }:
                pass
        assert heir.attacher.stats.swept == len(orphans) == 4
        assert (await pbx.rx("confbridge list 1000-en")).count("UnicastRTP/") == 1
    finally:
        await heir.attacher.detach_all()
        await heir.die()


async def test_detaching_leaves_calls_up_and_tells_the_dialplan(
    pbx: Pbx, callers: Callers, media: socket.socket
) -> None:
    daemon = await start(pbx, media.getsockname())
    try:
        caller = await callers.call("1000*44")
        await daemon.listener.next("tap_ready")
        await daemon.listener.next("booth_ready")
        assert re.search(r"DRAGOMAN_HEARTBEAT=\d{10}\.", await pbx.rx("dialplan show globals")), "no time of day"
        await daemon.attacher.detach_all()
        assert daemon.listener.taps == daemon.listener.booths == {}
        assert "DRAGOMAN_HEARTBEAT=\n" in await pbx.rx("dialplan show globals")
        await nothing_of_ours(daemon.client)
        assert caller in {channel.id for channel in await daemon.client.list_channels()}
        await conference_of(pbx, "1000-en", 1)
        await daemon.attacher.detach_all()  # again, with nothing left to do
    finally:
        await daemon.die()
    await daemon.attacher.detach_all()  # and with the client closed
    assert daemon.listener.taps == daemon.listener.booths == {}


async def test_after_a_crash_of_asterisk_calls_are_attached_anew(media: socket.socket) -> None:
    async with Pbx(Site(notice=False)) as pbx:
        await interpreting(pbx)
        callers = Callers(pbx)
        await callers.call("1000*44")
        await conference_of(pbx, "1000-en", 1)
        daemon = await start(pbx, media.getsockname())
        try:
            await daemon.listener.next("away")  # until it began: ``interpreting`` left a sign of life from the future
            old = await daemon.listener.next("tap_ready")
            await daemon.listener.next("booth_ready")
            told = len(daemon.listener.told)
            await callers.close()
            await pbx.kill()
            await pbx.start()
            since, _ = await daemon.listener.next("gap", within=60)
            assert since <= asyncio.get_running_loop().time()
            assert [what for what, _ in daemon.listener.told[told:]] == ["booth_closed", "tap_closed", "gap"]
            await interpreting(pbx)
            callers = Callers(pbx)
            await callers.call("1000*44")
            assert (await daemon.listener.next("tap_ready")).remote != old.remote
            await daemon.listener.next("booth_ready")
            assert daemon.attacher.connection.reconnects == 1
            await callers.close()
        finally:
            await daemon.attacher.detach_all()
            await daemon.die()


async def test_a_second_daemon_on_the_same_pbx_stops_the_first(
    pbx: Pbx, callers: Callers, media: socket.socket
) -> None:
    first = await start(pbx, media.getsockname())
    await callers.call("1000*44")
    await first.listener.next("tap_ready")
    second = await start(pbx, media.getsockname())
    try:
        with pytest.raises(AriReplaced, match="application 'dragoman'"):
            async with asyncio.timeout(15):
                await first.running
        assert first.listener.taps == first.listener.booths == {}
        await second.listener.next("tap_ready")
    finally:
        await second.attacher.detach_all()
        await second.die()
        await first.client.close()


async def test_keys_and_hold_reach_the_listener(pbx: Pbx, phone_factory: PhoneFactory, media: socket.socket) -> None:
    await interpreting(pbx)
    daemon = await start(pbx, media.getsockname())
    try:
        alice = await phone_factory("Alice")
        await alice.dial(room_uri(pbx, "1000*44"))
        await alice.wait_established()
        tap: Tap = await daemon.listener.next("tap_ready")
        await alice.wait_for("CALL_RTPESTAB")
        await alice.dtmf("*6")
        assert await daemon.listener.next("leg_muted") == (tap.leg.id, True)
        await alice.dtmf("*6")
        assert await daemon.listener.next("leg_muted") == (tap.leg.id, False)
        await alice.hold()
        assert await daemon.listener.next("leg_held") == (tap.leg.id, True)
        await alice.resume()
        assert await daemon.listener.next("leg_held") == (tap.leg.id, False)
        await alice.dtmf("*3")
        assert await daemon.listener.next("tap_closed") == tap
        await alice.dtmf("2")
        again: Tap = await daemon.listener.next("tap_ready", within=30)
        assert (again.leg.channel_id, again.leg.language) == (tap.leg.channel_id, "es")
        assert again.leg.epoch > tap.leg.epoch
        await alice.hangup()
        assert await daemon.listener.next("tap_closed") == again
    finally:
        await daemon.attacher.detach_all()
        await daemon.die()
