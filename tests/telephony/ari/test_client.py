from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.fakes.ari import PASSWORD, USER, FakeAri
from tests.virtual_time import settled, virtual_time

from dragoman.errors import (
    AriConflict,
    AriError,
    AriNotFound,
    AriServerError,
    AriTimeout,
    AriUnavailable,
    AriUnprocessable,
)
from dragoman.telephony.ari.client import DEADLINE_S, REQUESTS, AriClient

pytestmark = virtual_time
MEDIA = ("127.0.0.1", 5000)


@pytest_asyncio.fixture
async def ari() -> AsyncIterator[FakeAri]:
    fake = FakeAri()
    async with fake.serve():
        yield fake


@pytest_asyncio.fixture
async def client(ari: FakeAri) -> AsyncIterator[AriClient]:
    async with AriClient(ari.url, USER, PASSWORD) as client:
        client.connected = True
        yield client


async def test_the_password_goes_in_the_header_and_nowhere_else(ari: FakeAri, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with AriClient(ari.url, USER, "wrong-secret") as client:
        with pytest.raises(AriError) as refused:
            await client.ping()
        with pytest.raises(AriError) as unheard:
            await client.events()
    assert refused.value.status == unheard.value.status == 401
    assert len(ari.requests) == 2
    said = " ".join((str(refused.value), repr(refused.value), str(unheard.value), repr(client), caplog.text))
    for secret in ("wrong-secret", ari.headers[0].removeprefix("Basic ")):
        assert secret not in said
        assert all(secret not in request for request in ari.requests)


async def test_errors_have_their_own_types(ari: FakeAri, client: AriClient) -> None:
    with pytest.raises(AriNotFound, match="POST /channels/none/snoop: 404 Channel not found"):
        await client.snoop("none", "s", spy="in", whisper="out")
    await client.external_media("m", MEDIA)
    with pytest.raises(AriServerError, match="internal error"):
        await client.external_media("m", MEDIA)
    caller = ari.asterisk.call("1000-en")
    with pytest.raises(AriConflict):
        await client.continue_in(caller, "dragoman-booth")
    await client.create_bridge("b")
    with pytest.raises(AriUnprocessable):
        await client.add_channels("b", caller)


async def test_a_duplicate_id_does_not_take_the_first_one_down(ari: FakeAri, client: AriClient) -> None:
    await client.external_media("m", MEDIA)
    with pytest.raises(AriServerError):
        await client.external_media("m", MEDIA)
    assert "m" in ari.asterisk.channels


async def test_deleting_what_is_not_there_is_success(client: AriClient) -> None:
    await client.external_media("m", MEDIA)
    assert await client.hang_up("m") is True
    assert await client.hang_up("m") is False
    assert await client.destroy_bridge("b") is False


async def test_ids_with_any_character_arrive_whole(ari: FakeAri, client: AriClient) -> None:
    caller = ari.asterisk.channels.pop(ari.asterisk.call("1000-en"))
    caller.id = "pbx;2 ä?&#%"
    ari.asterisk.channels[caller.id] = caller
    assert await client.get_variable(caller.id, "DRAGOMAN_LANG") == "en"
    assert await client.get_variable(caller.id, "UNSET") == ""
    with pytest.raises(AriNotFound):
        await client.get_variable("none", "DRAGOMAN_LANG")
    await client.subscribe(f"channel:{caller.id}")
    assert ari.sources == {f"channel:{caller.id}"}


async def test_creates_are_refused_while_the_application_is_not_connected(ari: FakeAri, client: AriClient) -> None:
    client.connected = False
    for create in (client.external_media("m", MEDIA), client.create_bridge("b")):
        with pytest.raises(AriUnavailable, match="not connected"):
            await create
    assert ari.requests == []
    await client.hang_up("m")  # but what is there can be taken down


async def test_nobody_listening_is_unavailable(ari: FakeAri) -> None:
    async with AriClient("http://127.0.0.1:1", USER, PASSWORD) as client:
        with pytest.raises(AriUnavailable):
            await client.ping()
        with pytest.raises(AriUnavailable):
            await client.events()
    with pytest.raises(AriUnavailable, match="closed"):
        await client.ping()
    await client.close()


async def test_an_idempotent_request_survives_a_connection_closed_under_it_and_a_create_is_not_repeated(
    ari: FakeAri, client: AriClient
) -> None:
    await client.ping()  # the connection is kept
    fault = ari.fault("GET /channels", drop=True)
    assert await client.list_channels() == []
    assert fault.times == 0
    assert ari.requests.count("GET /channels") == 2
    ari.fault("POST /channels/externalMedia", drop=True)
    with pytest.raises(AriUnavailable):
        await client.external_media("m", MEDIA)
    assert sum(request.startswith("POST /channels/externalMedia") for request in ari.requests) == 1


async def test_a_create_without_an_answer_is_undone(ari: FakeAri, client: AriClient) -> None:
    ari.fault("POST /channels/externalMedia", drop=True)
    with pytest.raises(AriUnavailable):
        await client.external_media("m", MEDIA)
    assert "m" not in ari.asterisk.channels
    assert ari.requests[-1] == "DELETE /channels/m"


async def test_a_slow_answer_is_a_timeout_and_the_create_is_undone(ari: FakeAri, client: AriClient) -> None:
    fault = ari.fault("POST /bridges/b", release=asyncio.Event())
    began = asyncio.get_running_loop().time()
    with pytest.raises(AriTimeout, match=r"POST /bridges/b: no answer within 5\.0 s"):
        await client.create_bridge("b")
    assert asyncio.get_running_loop().time() == began + DEADLINE_S
    assert ari.requests[-1] == "DELETE /bridges/b"
    assert fault.reached.is_set()


async def test_a_cancelled_create_is_awaited_and_then_undone(ari: FakeAri, client: AriClient) -> None:
    release = asyncio.Event()
    fault = ari.fault("POST /channels/externalMedia", release=release)
    create = asyncio.ensure_future(client.external_media("m", MEDIA))
    await fault.reached.wait()
    create.cancel()
    await settled()
    assert "DELETE /channels/m" not in ari.requests, "undone before it was done: the channel would come after"
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await create
    assert ari.requests[-1] == "DELETE /channels/m"
    assert "m" not in ari.asterisk.channels


async def test_no_more_than_so_many_requests_at_once_and_waiting_for_a_turn_is_no_timeout(
    ari: FakeAri, client: AriClient
) -> None:
    release = asyncio.Event()
    ari.fault("GET /asterisk/ping", times=1000, release=release)
    pings = [asyncio.ensure_future(client.ping()) for _ in range(3 * REQUESTS)]
    await settled()
    assert len(ari.requests) == REQUESTS
    asyncio.get_running_loop().call_later(DEADLINE_S - 1, release.set)
    await asyncio.gather(*pings)
    assert len(ari.requests) == 3 * REQUESTS
