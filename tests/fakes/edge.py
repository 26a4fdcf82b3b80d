"""Microsoft Edge's read-aloud service, as the package edge-tts speaks to it: a WebSocket per clause."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from enum import StrEnum
from html import unescape
from types import TracebackType
from typing import Self
from unittest import mock

from aiohttp import WSMsgType, web
from tests.fakes.speaking import Voice, espeak, mp3

_SSML = re.compile(r"<voice name='(?P<voice>[^']*)'>.*?<prosody[^>]*>(?P<text>.*)</prosody>", re.DOTALL)


class Fault(StrEnum):
    """What goes wrong with one request."""

    FORBIDDEN = "403"
    TOO_MANY = "429"
    SILENT = "no audio"
    JUNK = "junk instead of MP3"
    STALL = "stall"
    UNKNOWN = "a message nobody knows"
    CUT = "cut"
    """The connection is closed, in good order, in the middle of the clause."""
    NO_HEADERS = "text without headers"
    BAD_METADATA = "metadata of another form"


class FakeEdge:
    """``async with FakeEdge() as fake``: within it, edge-tts speaks to this server."""

    def __init__(self, voice: Voice = espeak) -> None:
        self.voice = voice
        self.faults: deque[Fault] = deque()
        self.spoken: list[tuple[str, str]] = []
        """(voice, text) of each request."""
        self.open = 0
        """Connections open now."""
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._patched: mock._patch[str] | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/edge/v1", self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        url = f"ws://127.0.0.1:{port}/edge/v1?TrustedClientToken=fake"
        self._patched = mock.patch("edge_tts.communicate.WSS_URL", url)
        self._patched.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._patched is not None:
            self._patched.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults[0] if self.faults else None
        if fault is Fault.FORBIDDEN:  # edge-tts tries once more with its clock set right
            if len(self.spoken) and self.spoken[-1] == ("refused", ""):
                self.faults.popleft()
            self.spoken.append(("refused", ""))
            return web.Response(status=403)
        if fault is not None:
            self.faults.popleft()
        if fault is Fault.TOO_MANY:
            return web.Response(status=429)
        if not all(request.query.get(key) for key in ("ConnectionId", "Sec-MS-GEC", "Sec-MS-GEC-Version")):
            return web.Response(status=403)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.open += 1
        try:
            await self._speak(socket, fault)
        finally:
            self.open -= 1
        return socket

    async def _speak(self, socket: web.WebSocketResponse, fault: Fault | None) -> None:
        config = await _text(socket)
        assert "Path:speech.config" in config and "audio-24khz-48kbitrate-mono-mp3" in config
        ssml = await _text(socket)
        found = _SSML.search(ssml)
        assert "Path:ssml" in ssml and found is not None
        text = unescape(found["text"])
        self.spoken.append((found["voice"], text))
        request_id = ssml.partition("\r\n")[0].partition(":")[2]

        async def say(path: str, body: str = "{}") -> None:
            await socket.send_str(
                f"X-RequestId:{request_id}\r\nContent-Type:application/json; charset=utf-8\r\nPath:{path}\r\n\r\n{body}"
            )

        await say("turn.start", '{"context":{"serviceTag":"fake"}}')
        await say("response", '{"context":{"serviceTag":"fake"},"audio":{"type":"inline","streamId":"1"}}')
        if fault is Fault.UNKNOWN:
            await say("surprise")
        if fault is Fault.NO_HEADERS:
            await socket.send_str("surprise")
        if fault is Fault.BAD_METADATA:
            await say("audio.metadata", '{"Metadata": [{}]}')
        if fault is Fault.STALL:
            await _until_closed(socket)
            return
        language = _language(found["voice"])
        audio = b"\x01" * 5000 if fault is Fault.JUNK else mp3(await self.voice(text, language))
        if fault is not Fault.SILENT:
            head = f"X-RequestId:{request_id}\r\nContent-Type:audio/mpeg\r\nX-StreamId:1\r\nPath:audio\r\n".encode()
            for at in range(0, len(audio), 720):
                if fault is Fault.CUT and at > len(audio) // 2:
                    await socket.close()
                    return
                await socket.send_bytes(len(head).to_bytes(2, "big") + head + audio[at : at + 720])
            tick = 10_000_000
            data = {"Offset": tick // 10, "Duration": tick, "text": {"Text": text, "Length": len(text)}}
            await say("audio.metadata", json.dumps({"Metadata": [{"Type": "SentenceBoundary", "Data": data}]}))
            head = f"X-RequestId:{request_id}\r\nPath:audio\r\n".encode()
            await socket.send_bytes(len(head).to_bytes(2, "big") + head)
        await say("turn.end")
        await _until_closed(socket)


def _language(voice: str) -> str:
    """ISO 639-1 of a voice: the service writes its names long."""
    match = re.search(r"([a-z]{2})-[A-Z]{2}", voice)
    return match[1] if match else "en"


async def _text(socket: web.WebSocketResponse) -> str:
    message = await socket.receive()
    assert message.type is WSMsgType.TEXT, message
    return str(message.data)


async def _until_closed(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass
