"""What the dialplan is sent to do: one thing at a time, known to be done, and said to be not done when it is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.fakes.ari import PASSWORD, USER, FakeAri
from tests.virtual_time import virtual_time

from dragoman.errors import AriServerError, AriUnavailable, ErrandFailed
from dragoman.telephony.ari.talking import TalkingClient
from dragoman.telephony.errands import Errands

pytestmark = virtual_time


@pytest_asyncio.fixture
async def ari() -> AsyncIterator[FakeAri]:
    fake = FakeAri()
    async with fake.serve():
        yield fake


@pytest_asyncio.fixture
async def client(ari: FakeAri) -> AsyncIterator[TalkingClient]:
    async with TalkingClient(ari.url, USER, PASSWORD) as client:
        client.connected = True
        yield client


async def test_rooms_are_kept_listed_and_forgotten(ari: FakeAri, client: TalkingClient) -> None:
    errands = Errands(client)
    await errands.keep("1000", pin="4711", languages="en-es", most="5")
    await errands.keep("2000", pin="", languages="", most="")
    assert ari.asterisk.kept == {"1000": "4711|en-es|5", "2000": "||"}
    assert await errands.kept() == ("1000", "2000")
    await errands.forget("1000")
    assert await errands.kept() == ("2000",)
    await errands.forget("2000")
    assert await errands.kept() == ()


async def test_a_pin_stands_in_no_url(ari: FakeAri, client: TalkingClient) -> None:
    await Errands(client).keep("1000", pin="471147114711", languages="", most="")
    assert ari.asterisk.kept and not any("47114711" in request for request in ari.requests)


async def test_a_caller_is_moved_or_is_not_there(ari: FakeAri, client: TalkingClient) -> None:
    errands, caller = Errands(client), ari.asterisk.call("1000-en")
    assert await errands.move(caller, "1000", "es", muted=True)
    assert ari.asterisk.moved == [(caller, "1000", "es", "1")]
    assert not await errands.move("none", "1000", "es", muted=False)


async def test_many_at_once_wait_for_each_other(ari: FakeAri, client: TalkingClient) -> None:
    errands = Errands(client)
    async with asyncio.TaskGroup() as group:
        for room in range(20):
            group.create_task(errands.keep(str(room), pin="", languages="", most=""))
    assert len(ari.asterisk.kept) == 20


async def test_a_dialplan_without_the_errands_is_told_of(
    ari: FakeAri, client: TalkingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends_at_once(channel_id: str, *_: Any) -> dict[str, Any]:
        return {"id": channel_id, "name": "Local/x;1", "state": "Down", "caller": {"name": "", "number": ""}}

    monkeypatch.setattr(ari.asterisk, "errand", ends_at_once)
    with pytest.raises(ErrandFailed, match="dragoman-errand"):
        await Errands(client, within=1.0).forget("1000")


async def test_an_asterisk_that_refuses_or_is_away(ari: FakeAri, client: TalkingClient) -> None:
    ari.fault("POST /channels", status=500)
    with pytest.raises(AriServerError):
        await Errands(client).forget("1000")
    client.connected = False
    with pytest.raises(AriUnavailable):
        await Errands(client).forget("1000")
