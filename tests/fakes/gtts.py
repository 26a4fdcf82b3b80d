"""Google Translate's read-aloud service, as the package gTTS asks it: a form post per part, MP3 in base64 in JSON."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from types import TracebackType
from typing import Self

from aiohttp import web
from tests.fakes.speaking import Voice, espeak, mp3

_RPC = "jQ1olc"
_CODES = {"iw": "he", "zh-CN": "zh"}


class FakeTranslate:
    """``async with FakeTranslate() as fake``; the engine's option ``url`` is ``fake.url``."""

    def __init__(self, voice: Voice = espeak) -> None:
        self.voice = voice
        self.faults: deque[str] = deque()
        """One for each request: an HTTP status, "stall", "silent", "junk" or "odd"."""
        self.parts: list[tuple[str, str]] = []
        """(language code, text) of each request."""
        self.running = 0
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/_/TranslateWebserverUi/data/batchexecute", self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        form = await request.post()
        rpc, parameters, _, kind = json.loads(str(form["f.req"]))[0][0]
        assert (rpc, kind) == (_RPC, "generic")
        text, code, _speed, _ = json.loads(parameters)
        self.parts.append((code, text))
        fault = self.faults.popleft() if self.faults else ""
        if fault.isdigit():
            return web.Response(status=int(fault))
        self.running += 1
        try:
            if fault == "stall":
                await self._closing.wait()
            audio = b"\x01" * 5000 if fault == "junk" else mp3(await self.voice(text, _CODES.get(code, code)))
        finally:
            self.running -= 1
        inner = json.dumps([base64.b64encode(audio).decode()]) if fault != "silent" else None
        lines = [["wrb.fr", _RPC, inner, None, None, None, "generic"], ["di", 42], ["af.httprm", 41, "-1", 3]]
        body = json.dumps(lines if fault != "odd" else [[_RPC]], separators=(",", ":"))
        return web.Response(text=f")]}}'\n\n{len(body)}\n{body}\n", content_type="application/json")
