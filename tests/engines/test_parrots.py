"""Servers that repeat what they are sent, key and speech, wherever HTTP and WebSockets have a place for words.

No error of an engine, as the pipeline has it, and no line of the log tells either.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast
from unittest import mock
from urllib.parse import quote, unquote_plus

import numpy as np
import pytest
from tests.fakes.raw_http import Asked, RawServer, Step
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from dragoman.config import LogSettings
from dragoman.engines.asr.deepgram import DeepgramRecognizer
from dragoman.engines.base import SpeechRequest, StreamRequest, Synthesizer, TranslationRequest
from dragoman.engines.faults import crashes_of
from dragoman.engines.mt.deepl import DeepLTranslator
from dragoman.engines.tts.edge import EdgeSynthesizer
from dragoman.engines.tts.elevenlabs import ElevenLabsSynthesizer
from dragoman.engines.tts.gtts import GttsSynthesizer
from dragoman.errors import EngineError
from dragoman.observe.log import configure

KEY = "parrots-like-crackers-1234"
SAID = "Zanahorias amarillas vuelan hacia Vancouver"
MARKS = ("zanahorias", "amarillas", "vancouver", KEY, KEY[:20])


@pytest.fixture
def log() -> io.StringIO:
    stream = io.StringIO()
    configure(LogSettings(level="debug", format="json"), [KEY], stream)
    return stream


def clean(*texts: str) -> None:
    for text in texts:
        assert [mark for mark in MARKS if mark in text.lower()] == [], text


def words(asked: Asked) -> str:
    """All that it was sent, in one line of ASCII; what is encoded in it decoded."""
    body = unquote_plus(asked.body.decode(errors="replace"))
    sent = f"{dict(asked.headers)} {asked.path} {body}"
    return " ".join(sent.encode("ascii", "replace").decode().split())


def answer(status: str, body: str, *headers: str, kind: str = "text/html") -> bytes:
    head = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join([*head, "", body]).encode()


PARROTS: dict[str, Callable[[str], bytes]] = {
    "body": lambda sent: answer("400 Bad Request", f"<p>{sent}</p>"),
    "json": lambda sent: answer(
        "422 No", json.dumps({"message": sent, "detail": [{"loc": ["x"], "msg": sent}]}), kind="application/json"
    ),
    "phrase": lambda sent: answer(f"503 {sent}", ""),
    "phrase of a refusal": lambda sent: answer(f"403 {sent}", ""),
    "half of it, loud": lambda sent: answer("500 " + sent.upper()[: len(sent) - 12], sent.upper()[: len(sent) - 12]),
    "redirect": lambda sent: answer("307 Go", "", f"Location: http://127.0.0.1:1/{quote(sent)}"),
    "redirect to nowhere": lambda sent: answer("302 Go", "", f"Location: http://[{sent}/"),
    "headers": lambda sent: answer("429 No", "", f"X-Trace-ID: {sent}", f"dg-error: {sent}", f"Retry-After: {sent}"),
    "no HTTP": lambda sent: f"{sent}\r\n\r\n".encode(),
    "a header of its own": lambda sent: f"HTTP/1.1 200 OK\r\n{sent.replace(':', '')}\r\n\r\n".encode(),
    "a length of its own": lambda sent: f"HTTP/1.1 200 OK\r\nContent-Length: {sent}\r\n\r\n".encode(),
    "another kind": lambda sent: answer("200 OK", sent, kind="text/plain"),
    "an error as audio": lambda sent: answer("200 OK", json.dumps({"detail": sent}), kind="audio/mpeg"),
    "audio that is none": lambda sent: answer("200 OK", sent, kind="audio/mpeg"),
}


@asynccontextmanager
async def parrot(how: str) -> AsyncIterator[str]:
    def answers(asked: Asked) -> Iterable[Step]:
        return [PARROTS[how](words(asked))]

    async with RawServer(answers) as server:
        yield server.url


async def speak(engine: Synthesizer) -> None:
    request = SpeechRequest(SAID, "es", "a")
    with crashes_of(engine.info.name, said=(SAID,)):
        async with aclosing(cast("Any", engine.synthesize(request))) as pieces:
            async for _ in pieces:
                pass


async def failure(doing: Awaitable[object]) -> str:
    async with asyncio.timeout(20):
        try:
            await doing
        except EngineError as error:
            return str(error)
    return ""


@pytest.mark.parametrize("how", PARROTS)
async def test_gtts(how: str, log: io.StringIO) -> None:
    async with parrot(how) as url:
        engine = GttsSynthesizer({"url": url})
        await engine.start(["es"])
        told = await failure(speak(engine))
        await engine.close()
    assert told
    clean(told, log.getvalue())


@pytest.mark.parametrize("how", PARROTS)
async def test_elevenlabs(how: str, log: io.StringIO) -> None:
    async with parrot(how) as url:
        engine = ElevenLabsSynthesizer({"url": url, "api_key": KEY, "voices": ["one"]})
        told = [await failure(engine.start(["es"]))]
        if how not in ("body", "json", "phrase of a refusal", "headers"):
            told.append(await failure(speak(engine)))
        await engine.close()
    clean(*told, log.getvalue())


@pytest.mark.parametrize("how", PARROTS)
async def test_deepl(how: str, log: io.StringIO) -> None:
    pytest.importorskip("deepl")
    async with parrot(how) as url:
        engine = DeepLTranslator({"server_url": url, "auth_key": KEY, "deadline_ms": 5000, "attempt_ms": 4000})
        told = [await failure(engine.start(["en", "es"]))]

        async def translate() -> None:
            with crashes_of("deepl", said=(SAID,)):
                await engine.translate(TranslationRequest(SAID, "es", "en"))

        told.append(await failure(translate()))
        await engine.close()
    assert any(told)
    clean(*told, log.getvalue())


class Parrot:
    """A WebSocket server that closes with what it was told, as ``how`` says."""

    def __init__(self, how: str) -> None:
        self.how = how

    def handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        sent = f"{request.path} {dict(request.headers)} {SAID} {KEY}"
        if self.how == "refused":
            headers = Headers({"dg-error": sent, "dg-request-id": KEY, "Content-Length": "0"})
            return Response(401, f"No {SAID} {KEY}", headers)
        if self.how == "moved":
            return Response(302, "Go", Headers({"Location": f"ws://127.0.0.1:1/{quote(sent)}", "Content-Length": "0"}))
        return None

    async def talk(self, connection: ServerConnection) -> None:
        await connection.recv()
        if self.how == "closed":
            await connection.close(1008, f"DATA-0000 {SAID} {KEY}")
        elif self.how == "error":
            told = {"type": "Error", "variant": KEY, "description": SAID, "message": f"{KEY} {SAID.upper()}"}
            await connection.send(json.dumps(told))
        elif self.how == "junk":
            await connection.send(f"X-RequestId:{SAID}\r\nPath:{SAID}{KEY}\r\n\r\n{SAID}")
            await connection.send(f"{SAID} {KEY}")
            await connection.close(1011, f"{SAID} {KEY}")
        elif self.how == "metadata":
            await connection.recv()
            body = json.dumps({"Metadata": [{"Type": f"{SAID} {KEY}"}]})
            await connection.send(f"X-RequestId:1\r\nPath:audio.metadata\r\n\r\n{body}")
        elif self.how == "binary":
            await connection.recv()
            await connection.send(b"\x00\x2f" + f"{SAID}:{KEY}".encode() * 3)
        await connection.wait_closed()


WEBSOCKETS = ("refused", "moved", "closed", "error", "junk", "metadata", "binary")


@asynccontextmanager
async def websocket(how: str) -> AsyncIterator[str]:
    made = Parrot(how)
    quiet = logging.getLogger("dragoman.tests.parrot")
    quiet.disabled = True
    async with serve(made.talk, "127.0.0.1", 0, process_request=made.handshake, logger=quiet) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("how", WEBSOCKETS)
async def test_edge(how: str, log: io.StringIO) -> None:
    pytest.importorskip("edge_tts")
    async with websocket(how) as address:
        with mock.patch("edge_tts.communicate.WSS_URL", f"ws://{address}/?TrustedClientToken=public"):
            engine = EdgeSynthesizer({})
            await engine.start(["es"])
            told = await failure(speak(engine))
            await engine.close()
    assert told
    clean(told.replace(KEY, ""), log.getvalue())  # it has no key: the server made this one up


@pytest.mark.parametrize("how", WEBSOCKETS[:5])
async def test_deepgram(how: str, log: io.StringIO) -> None:
    pytest.importorskip("deepgram")
    async with websocket(how) as address:
        engine = DeepgramRecognizer({"base_url": f"http://{address}", "api_key": KEY})
        await engine.start(["es"])

        async def hear() -> None:
            stream = await engine.open(StreamRequest("a", "a", "es"))
            with crashes_of("deepgram", said=(SAID,)):
                await stream.push(np.full(1600, 5000, np.int16), 0)
                async for _ in stream:
                    pass

        told = await failure(hear())
        await engine.close()
    assert told
    if how in ("refused", "moved"):  # before anything was heard: there is no speech to repeat
        told = told.replace(SAID, "")
    clean(told, log.getvalue().replace(SAID, ""))
