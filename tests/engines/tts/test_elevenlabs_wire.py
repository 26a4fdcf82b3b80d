"""ElevenLabs behind servers that no HTTP library would write: audio in any shape is spoken, and nothing else is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from email.utils import formatdate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.raw_http import CLOSE, RESET, Asked, RawServer, Step, chunked, head, whole
from tests.virtual_time import run, settled, virtual_time

from dragoman.engines.base import SpeechRequest
from dragoman.engines.tts.elevenlabs import ElevenLabsSynthesizer
from dragoman.errors import EngineBusy, EngineCrashed, EngineDenied, EngineError
from dragoman.media.format import Pcm, ms_to_samples

pytestmark = virtual_time

KEY = "xi-secret"
PCM = "audio/pcm"
JSON = "application/json"
REQUEST = SpeechRequest("Buenos días.", "es", "ann")

SOUND = (np.sin(np.arange(ms_to_samples(600)) * 2 * np.pi * 300 / 16_000) * 6000).astype("<i2").tobytes()
ERROR = json.dumps({"detail": {"status": "system_busy", "message": "come back later"}}).encode()


def pieces(sizes: Iterable[int]) -> list[bytes]:
    ends = np.cumsum(list(sizes)).tolist()
    return [SOUND[a:b] for a, b in zip([0, *ends], ends, strict=False) if SOUND[a:b]]


SPOKEN: dict[str, list[Step]] = {
    "whole": [whole(SOUND, 200, PCM)],
    "without a type": [head(200, f"content-length: {len(SOUND)}") + SOUND],
    "as any bytes": [whole(SOUND, 200, "application/octet-stream")],
    "half samples": [chunked(pieces([1, 3, 7, 1, 1, 999, 5] * 20), PCM)],
    "half a sample too many": [chunked([SOUND, b"\x01"], PCM)],
    "a second of silence first": [chunked([bytes(32_000), SOUND], PCM)],
    "20 ms at a time": [chunked([], PCM, end=False)]
    + [step for part in pieces([640] * 30) for step in (0.02, b"%x\r\n%b\r\n" % (len(part), part))]
    + [b"0\r\n\r\n"],
}

REFUSED: dict[str, list[Step]] = {
    "an error as a success": [whole(ERROR, 200, JSON)],
    "an error as audio": [chunked([ERROR], PCM)],
    "an error behind audio": [chunked([SOUND, ERROR], PCM)],
    "a portal": [whole(b"<html>log in</html>" * 200, 200, "text/html; charset=utf-8")],
    "cut": [chunked([SOUND], PCM, end=False), CLOSE],
    "reset": [chunked([SOUND], PCM, end=False), 0.05, RESET],
    "no chunk": [head(200, f"content-type: {PCM}", "transfer-encoding: chunked") + b"zz\r\n", CLOSE],
    "another protocol": [b"SSH-2.0-OpenSSH\r\n\r\n", CLOSE],
}


@asynccontextmanager
async def speaking(answer: list[Step]) -> AsyncIterator[tuple[RawServer, ElevenLabsSynthesizer]]:
    def answers(asked: Asked) -> Iterable[Step]:
        return answer if asked.method == "POST" else [whole(b'{"voice_id":"x"}')]

    async with RawServer(answers) as server:
        engine = ElevenLabsSynthesizer({"url": server.url, "api_key": KEY})
        await engine.start(["es"])
        yield server, engine
        await engine.close()


async def speak(engine: ElevenLabsSynthesizer) -> Pcm:
    return np.concatenate([np.zeros(0, np.int16), *[piece async for piece in engine.synthesize(REQUEST)]])


@pytest.mark.parametrize("name", SPOKEN)
async def test_audio_is_spoken_whatever_its_pieces(name: str) -> None:
    async with speaking(SPOKEN[name]) as (_, engine):
        assert len(await speak(engine)) == pytest.approx(len(SOUND) / 2, rel=0.02)


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_audio_is_never_spoken(name: str) -> None:
    async with speaking(REFUSED[name]) as (_, engine):
        heard = 0
        with pytest.raises(EngineCrashed) as raised:
            async for piece in engine.synthesize(REQUEST):
                heard += len(piece)
        assert heard <= len(SOUND) / 2
        assert heard == 0 or name in ("an error behind audio", "cut", "reset")
        if "error" in name:
            assert "system_busy come back later" in str(raised.value)
        assert KEY not in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(("status", "kind"), [(500, "text/html"), (400, JSON), (200, "text/html"), (200, PCM)])
async def test_what_was_to_be_spoken_is_not_in_an_error(status: int, kind: str) -> None:
    told = json.dumps({"detail": {"status": "refused", "message": f"cannot say {REQUEST.text!r}"}}).encode()
    answer = [head(status, f"content-type: {kind}", f"content-length: {len(told)}"), told]
    async with speaking(answer) as (_, engine):
        with pytest.raises(EngineError) as raised:
            await speak(engine)
    assert "Buenos" not in str(raised.value) and "cannot say" in str(raised.value)


bodies = st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["detail", "code", "msg", "loc"]), inner)
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())


@settings(max_examples=60, deadline=None)
@given(
    st.integers(200, 599).filter(lambda status: status not in (204, 304)),
    st.sampled_from([PCM, JSON, "text/html", "application/octet-stream"]),
    st.lists(bodies, max_size=4),
    st.booleans(),
)
def test_no_answer_whatever_is_more_than_audio_or_an_error_of_ours(
    status: int, kind: str, parts: list[bytes], ends: bool
) -> None:
    answer = [head(status, f"content-type: {kind}", "transfer-encoding: chunked")]
    answer += [b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part]
    answer += [b"0\r\n\r\n"] if ends else [CLOSE]

    async def ask() -> None:
        async with speaking(answer) as (_, engine):
            try:
                spoken = await speak(engine)
            except EngineError as error:
                assert KEY not in str(error) and "\n" not in str(error)
            else:
                assert status == 200 and ends
                assert len(spoken) <= sum(map(len, parts)) * 2 + ms_to_samples(1000)

    run(ask())


async def test_a_redirect_is_not_followed_with_our_key() -> None:
    async with RawServer(lambda asked: [whole(SOUND, 200, PCM)]) as other:
        elsewhere = f"location: {other.url.replace('127.0.0.1', 'localhost')}/"
        async with speaking([whole(b"", 307, PCM, elsewhere)]) as (_, engine):
            with pytest.raises(EngineError, match=r"elevenlabs\.url: .* \(307\)"):
                await speak(engine)
        assert other.asked == []


async def test_a_date_to_come_back_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    busy = whole(b"", 429, JSON, f"retry-after: {formatdate(1_800_000_004, usegmt=True)}")
    async with speaking([busy]) as (_, engine):
        with pytest.raises(EngineBusy) as raised:
            await speak(engine)
        assert raised.value.retry_after == 4.0


async def test_a_start_that_fails_leaves_no_question_open() -> None:
    refused = whole(b'{"detail":{"status":"invalid_api_key","message":"no"}}', 401)
    later = [0.5, whole(b'{"voice_id":"x"}')]
    before = asyncio.all_tasks()
    async with RawServer(lambda asked: [refused] if asked.path.endswith("a") else later) as server:
        engine = ElevenLabsSynthesizer({"url": server.url, "api_key": KEY, "voices": ["a", "b", "c"]})
        with pytest.raises(EngineDenied, match="the API key is refused"):
            await engine.start(["es"])
        await settled()
        assert {task for task in asyncio.all_tasks() - before if "_connected" not in repr(task)} == set()
