"""The official SDK against the fake: what the provider documents happens, so the fake cannot drift from it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import numpy as np
import pytest
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.types.listen_v1configure import ListenV1Configure
from tests.fakes.deepgram import FakeDeepgram, Faults, scripted
from tests.tonewords.code import words
from tests.tonewords.encode import encode, silence
from tests.virtual_time import virtual_time
from websockets.exceptions import ConnectionClosed

pytestmark = virtual_time

QUERY: dict[str, Any] = {
    "model": "nova-3",
    "language": "en",
    "encoding": "linear16",
    "sample_rate": 16_000,
    "interim_results": "true",
    "endpointing": 300,
    "utterance_end_ms": 1000,
    "vad_events": "true",
}
SAID = words("a", "en", 4)


@asynccontextmanager
async def connected(fake: FakeDeepgram, **query: Any) -> AsyncIterator[Any]:
    client = AsyncDeepgramClient(
        api_key="key",
        environment=DeepgramClientEnvironment(
            base=fake.url, production=fake.url.replace("http", "ws"), agent="ws://127.0.0.1:1", agent_rest=fake.url
        ),
    )
    async with client.listen.v1.connect(**{**QUERY, **query}) as connection:
        yield connection


async def speak(connection: Any, pcm: np.ndarray[Any, Any]) -> None:
    for at in range(0, len(pcm), 1600):
        await connection.send_media(pcm[at : at + 1600].astype("<i2").tobytes())
        await asyncio.sleep(0.1)


async def test_a_whole_stream_with_the_sdks_own_types() -> None:
    async with FakeDeepgram() as fake, connected(fake) as connection:
        seen: list[Any] = []

        async def read() -> None:
            seen.extend([message async for message in connection])

        reading = asyncio.create_task(read())
        await speak(connection, np.concatenate((silence(0.5), encode(SAID), silence(1.6))))
        await connection.send_configure(ListenV1Configure(type="Configure", keyterms=["Dragoman"]))
        await connection.send_keep_alive()
        await connection.send_finalize()
        await asyncio.sleep(1)
        await connection.send_close_stream()
        await reading
        kinds = [message.type for message in seen]
        assert kinds[-1] == "Metadata"
        assert {"SpeechStarted", "Results", "UtteranceEnd", "ConfigureSuccess"} <= set(kinds)
        results = [message for message in seen if message.type == "Results"]
        finals = [result for result in results if result.is_final]
        (speech_final,) = [result for result in finals if result.speech_final]
        assert speech_final.channel.alternatives[0].transcript == " ".join(SAID)
        assert [word.punctuated_word for word in speech_final.channel.alternatives[0].words] == SAID
        assert abs(speech_final.channel.alternatives[0].words[0].start - 0.5) < 0.03
        starts = [result.start for result in finals]
        ends = [round(result.start + result.duration, 2) for result in finals]
        assert starts[0] == 0
        assert starts[1:] == ends[:-1]  # ranges follow each other
        assert [result for result in finals if result.from_finalize]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"language": "xx"}, 400),
        ({"model": "nova-9"}, 400),
        ({"encoding": "mp3"}, 400),
        ({"interim_results": "false"}, 400),
        ({"utterance_end_ms": 500}, 400),
        ({"keywords": "x"}, 400),
        ({"keyterm": ["a b"] * 251}, 400),
        ({"model": "nova-2", "keyterm": "x"}, 400),
    ],
)
async def test_parameters_are_checked(query: dict[str, Any], status: int) -> None:
    async with FakeDeepgram() as fake:
        with pytest.raises(ApiError) as caught:
            async with connected(fake, **query):
                pass
        assert caught.value.status_code == status


async def test_a_refusal_has_the_headers_and_the_body_of_the_documentation() -> None:
    async with FakeDeepgram() as fake, aiohttp.ClientSession() as session:
        url = f"{fake.url}/v1/listen?model=nova-3"
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        upgrade |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Authorization": "Token wrong"}
        async with session.get(url, headers=upgrade) as answer:
            body = json.loads(await answer.text())
            assert answer.status == 401
            assert body["err_code"] == "INVALID_AUTH"
            assert answer.headers["dg-error"] == body["err_msg"] == "Invalid credentials."
            assert answer.headers["dg-request-id"] == body["request_id"]


@pytest.mark.parametrize("keep_alive", [False, True])
async def test_without_any_audio_a_stream_is_closed_keepalive_or_not(keep_alive: bool) -> None:
    async with FakeDeepgram() as fake, connected(fake) as connection:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                await asyncio.sleep(3)
                if keep_alive:
                    await connection.send_keep_alive()
                elif loop.time() - began > 12:
                    await connection.send_keep_alive()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1011
        assert "net0001" in caught.value.rcvd.reason
        assert loop.time() - began < 16


async def test_an_empty_frame_closes_and_an_unknown_text_is_an_error() -> None:
    async with FakeDeepgram() as fake:
        async with connected(fake) as connection:
            await connection._send("nonsense")
            error = await connection.recv()
            assert (error.type, error.variant) == ("Error", "SchemaError")
        async with connected(fake) as connection:
            await connection.send_media(b"")
            with pytest.raises(ConnectionClosed):
                while True:
                    await connection.recv()


async def test_audio_that_comes_too_fast_is_heard_late() -> None:
    async with FakeDeepgram() as fake, connected(fake) as connection:
        loop = asyncio.get_running_loop()
        began = loop.time()
        pcm = np.concatenate((encode(words("a", "en", 20)), silence(0.5)))
        for at in range(0, len(pcm), 1600):
            await connection.send_media(pcm[at : at + 1600].astype("<i2").tobytes())
        await connection.send_finalize()
        while not getattr(await connection.recv(), "from_finalize", False):
            pass
        assert loop.time() - began > (len(pcm) / 16_000 - 1) / 1.25


async def test_more_streams_than_the_account_has_are_refused() -> None:
    async with FakeDeepgram(max_streams=1) as fake, connected(fake):
        with pytest.raises(ApiError) as caught:
            async with connected(fake):
                pass
        assert caught.value.status_code == 429


async def test_a_stalled_stream_still_answers_pings_and_a_half_open_one_does_not() -> None:
    async with FakeDeepgram(faults=scripted(Faults(stall_at=0.0), Faults(half_open_at=0.0))) as fake:
        async with connected(fake) as stalled:
            await asyncio.wait_for(await stalled._websocket.ping(), 1)
        with pytest.raises(ConnectionClosed):
            async with connected(fake) as half_open:
                await asyncio.sleep(0.1)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(await half_open._websocket.ping(), 5)
                half_open._websocket.transport.abort()
