from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.fakes.ari import PASSWORD, USER, FakeAri
from tests.virtual_time import START, virtual_time

from dragoman.errors import AriReplaced
from dragoman.recovery.backoff import Backoff
from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.ari.connection import AriConnection
from dragoman.telephony.ari.events import ChannelVarset
from dragoman.telephony.ari.queue import EventQueue, Gap, Lost

pytestmark = virtual_time
VARSET = json.dumps({"type": "ChannelVarset", "variable": "A", "value": "1"})


@pytest_asyncio.fixture
async def ari() -> AsyncIterator[FakeAri]:
    fake = FakeAri()
    async with fake.serve():
        yield fake


class Reader:
    def __init__(self, client: AriClient) -> None:
        self.client = client
        self.queue = EventQueue()
        self.connection = AriConnection(client, self.queue, Backoff(chance=lambda: 0.999))
        self.running = asyncio.ensure_future(self.connection.run())


@pytest_asyncio.fixture
async def reader(ari: FakeAri) -> AsyncIterator[Reader]:
    async with AriClient(ari.url, USER, PASSWORD) as client:
        reader = Reader(client)
        yield reader
        reader.running.cancel()
        with contextlib.suppress(asyncio.CancelledError, AriReplaced):
            await reader.running


async def test_connecting_is_a_gap_since_ever_and_then_events_come_in_order(ari: FakeAri, reader: Reader) -> None:
    assert await reader.queue.get() == Gap(None)
    assert reader.connection.connected
    for value in ("1", "2", "3"):
        ari.send(json.dumps({"type": "ChannelVarset", "variable": "A", "value": value}))
    assert [await reader.queue.get() for _ in range(3)] == [ChannelVarset(None, "A", v) for v in ("1", "2", "3")]


async def test_a_clean_close_is_a_loss_and_the_gap_begins_there(ari: FakeAri, reader: Reader) -> None:
    await reader.queue.get()
    await asyncio.sleep(30)
    await ari.disconnect(code=1000)
    lost = await reader.queue.get()
    assert isinstance(lost, Lost)
    assert not reader.connection.connected
    assert await reader.queue.get() == Gap(lost.at)
    assert lost.at >= START + 30
    assert reader.connection.stats.reconnects == 1
    assert "1000" in reader.connection.stats.last_error


async def test_it_tries_for_ever_and_ever_slower(ari: FakeAri, reader: Reader) -> None:
    await reader.queue.get()
    ari.refuse_events = True
    await ari.disconnect()
    await asyncio.sleep(600)
    tries = sum(request.startswith("GET /events") for request in ari.requests)
    assert 60 < tries < 75, "about every 10 s, after the first few"
    ari.refuse_events = False
    await ari.connected.wait()
    assert isinstance(await reader.queue.get(), Lost)
    assert isinstance(await reader.queue.get(), Gap)


async def test_a_connection_that_lived_is_replaced_fast_however_many_were_lost_before(
    ari: FakeAri, reader: Reader
) -> None:
    await reader.queue.get()
    for _ in range(8):
        await asyncio.sleep(30)
        await ari.disconnect()
        lost = await reader.queue.get()
        await reader.queue.get()
        assert isinstance(lost, Lost)
        assert asyncio.get_running_loop().time() - lost.at < 0.3


async def test_what_cannot_be_read_is_counted_and_kills_nothing(ari: FakeAri, reader: Reader) -> None:
    await reader.queue.get()
    for text in ("{", "[]", '"x"', '{"type": "StasisStart"}', "[" * 100_000, '{"type": "Novelty"}'):
        ari.send(text)
    assert ari.socket is not None
    await ari.socket.send_bytes(b"\x00")
    ari.send(VARSET)
    assert await reader.queue.get() == ChannelVarset(None, "A", "1")
    stats = reader.connection.stats
    assert (stats.received, stats.unknown, stats.malformed) == (7, 1, 5)


async def test_being_replaced_ends_it(ari: FakeAri, reader: Reader) -> None:
    await reader.queue.get()
    async with AriClient(ari.url, USER, PASSWORD) as usurper:
        socket = await usurper.events()
        with pytest.raises(AriReplaced, match="'dragoman'"):
            await reader.running
        await socket.close()
    assert not reader.client.connected
    assert sum(request.startswith("GET /events") for request in ari.requests) == 2, "it must not fight back"
