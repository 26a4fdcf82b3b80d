"""ElevenLabs' text to speech over a real socket: authentication, checks, error bodies, chunks of PCM, and faults.

Also a program of its own, for a demo or a bench::

    python -m tests.fakes.elevenlabs --port 8710 --voice tone
"""

from __future__ import annotations

import argparse
import asyncio
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from enum import StrEnum
from random import Random
from types import TracebackType
from typing import Any, Self

import numpy as np
from aiohttp import web
from tests.fakes.latency import Latency
from tests.fakes.speaking import VOICES, Voice, espeak, tone
from tests.tonewords.code import codebook

from dragoman.engines.tts import elevenlabs as real
from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples

KEY = "sk_fake"
CHUNK_MS = 120
"""Audio in one chunk."""


class Fault(StrEnum):
    """What goes wrong with one request to speak."""

    UNAUTHORIZED = "401"
    QUOTA = "401 quota"
    PAYMENT = "402"
    FORBIDDEN = "403"
    INVALID = "422"
    TOO_MANY = "429"
    SERVER = "500"
    STALL = "stall"
    """Nothing is answered."""
    STALL_MIDWAY = "stall midway"
    """The first chunk comes, then nothing."""
    CUT = "cut"
    """The connection ends after the first chunk."""
    EMPTY = "empty"
    """200 without any audio."""
    HTML = "html"
    """A proxy's error page."""
    MP3 = "mp3"
    """200, and another format than was asked for."""


_ERRORS: dict[Fault, tuple[int, str, str, str]] = {
    Fault.UNAUTHORIZED: (401, "authentication_error", "invalid_api_key", "Invalid API key"),
    Fault.QUOTA: (
        401,
        "authentication_error",
        "quota_exceeded",
        "This request exceeds your quota of 10000. You have 3 credits remaining, while 45 credits are required.",
    ),
    Fault.PAYMENT: (402, "payment_required", "paid_plan_required", "Free users cannot use library voices via the API."),
    Fault.FORBIDDEN: (403, "authorization_error", "insufficient_permissions", "This voice needs another plan."),
    Fault.TOO_MANY: (429, "rate_limit_error", "concurrent_limit_exceeded", "Too many concurrent requests."),
    Fault.SERVER: (500, "internal_error", "internal_server_error", "Something went wrong."),
}


def _error(status: int, kind: str, code: str, message: str, **headers: str) -> web.Response:
    detail = {"type": kind, "code": code, "message": message, "status": code, "request_id": uuid.uuid4().hex}
    return web.json_response({"detail": detail}, status=status, headers=headers)


def _invalid(*loc: str, message: str, kind: str) -> web.Response:
    return web.json_response({"detail": [{"loc": list(loc), "msg": message, "type": kind}]}, status=422)


class FakeElevenLabs:
    """``async with FakeElevenLabs() as fake``; the engine's option ``url`` is ``fake.url``.

    Args:
        voice: what it speaks.
        latency: to the first audio; None: at once.
        pace: seconds that a second of audio takes to be made, after the first chunk.
        concurrency: requests at once; more are answered by 429.
        port: 0: any free one.
        seed: of ``random_faults``.
    """

    def __init__(
        self,
        voice: Voice = espeak,
        latency: Latency | None = None,
        pace: float = 0.0,
        concurrency: int = 100,
        port: int = 0,
        seed: int = 0,
    ) -> None:
        self.voice = voice
        self.latency = latency
        self.pace = pace
        self.concurrency = concurrency
        self.faults: deque[Fault] = deque()
        """One for each request to speak; without any it is answered well, but for ``random_faults``."""
        self.random_faults: Mapping[Fault, float] = {}
        """Share of the requests to speak that each befalls."""
        self._random = Random(seed)
        self.requests: list[dict[str, Any]] = []
        """Body of each request to speak, with ``voice_id`` and the query's values."""
        self.running = 0
        self.broken_off = 0
        """Answers that the client broke off."""
        self.voices_missing: set[str] = set()
        self._port = port
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def fail(self, *faults: Fault) -> None:
        """The next requests fail so, in order."""
        self.faults.extend(faults)

    async def __aenter__(self) -> Self:
        if self.voice is tone:
            codebook()  # takes a second, which is not this provider's
        app = web.Application()
        app.router.add_get("/v1/voices/{voice}", self._voice)
        app.router.add_post("/v1/text-to-speech/{voice}/stream", self._stream)
        # A handler whose client is gone has to notice: else it would speak to nobody.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def _refused(self, request: web.Request) -> web.Response | None:
        if request.headers.get("xi-api-key") != KEY:
            return _error(*_ERRORS[Fault.UNAUTHORIZED])
        if request.match_info["voice"] in self.voices_missing:
            return _error(404, "not_found", "voice_not_found", "A voice with that voice_id was not found.")
        return None

    async def _voice(self, request: web.Request) -> web.Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        return web.json_response({"voice_id": request.match_info["voice"], "name": "Fake", "category": "premade"})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        problem = self._refused(request)
        if problem is not None:
            return problem
        try:
            body = await request.json()
        except ValueError:
            return _invalid("body", message="JSON decode error", kind="json_invalid")
        problem = _wrong(request, body)
        if problem is not None:
            return problem
        self.requests.append(body | {"voice_id": request.match_info["voice"]} | dict(request.query))
        if self.running >= self.concurrency:
            return _error(*_ERRORS[Fault.TOO_MANY])
        fault = self.faults.popleft() if self.faults else self._random_fault()
        self.running += 1
        try:
            return await self._answer(request, body, fault)
        except (asyncio.CancelledError, ConnectionError):
            self.broken_off += 1
            raise
        finally:
            self.running -= 1

    def _random_fault(self) -> Fault | None:
        drawn = self._random.random()
        for fault, share in self.random_faults.items():
            if drawn < share:
                return fault
            drawn -= share
        return None

    async def _answer(self, request: web.Request, body: dict[str, Any], fault: Fault | None) -> web.StreamResponse:
        if fault in _ERRORS:
            headers = {"Retry-After": "7"} if fault is Fault.TOO_MANY else {}
            return _error(*_ERRORS[fault], **headers)
        if fault is Fault.INVALID:
            return _invalid("body", "text", message="String should have at least 1 character", kind="string_too_short")
        if fault is Fault.HTML:
            return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        if fault is Fault.MP3:
            return web.Response(body=b"ID3\x04" + bytes(600), content_type="audio/mpeg")
        if fault is Fault.STALL:
            await self._closing.wait()
        pcm = await self.voice(body["text"], body.get("language_code", "en"))
        if self.latency is not None:
            await asyncio.sleep(self.latency.sample())
        response = web.StreamResponse(headers={"Content-Type": "audio/pcm", "request-id": uuid.uuid4().hex})
        response.enable_chunked_encoding()
        await response.prepare(request)
        if fault is Fault.EMPTY:
            return response
        for number, chunk in enumerate(_chunks(pcm)):
            if number and self.pace:
                await asyncio.sleep(self.pace * CHUNK_MS / 1000)
            if number and fault is Fault.STALL_MIDWAY:
                await self._closing.wait()
            if number and fault is Fault.CUT:
                if request.transport is not None:
                    request.transport.close()
                return response
            await response.write(chunk)
        return response


def _wrong(request: web.Request, body: Any) -> web.Response | None:
    """What the provider finds wrong with a request, or None."""
    if request.query.get("output_format") != f"pcm_{SAMPLE_RATE}":
        return _error(400, "validation_error", "invalid_output_format", "This fake makes pcm_16000 only.")
    if not isinstance(body, dict) or "text" not in body:
        return _invalid("body", "text", message="Field required", kind="missing")
    if not isinstance(body["text"], str) or not body["text"].strip():
        return _invalid("body", "text", message="String should have at least 1 character", kind="string_too_short")
    model = body.get("model_id", "eleven_multilingual_v2")
    if model not in real.MODELS:
        return _error(400, "validation_error", "invalid_parameters", f"A model with model ID {model} does not exist.")
    language = body.get("language_code")
    if language is not None and (model == "eleven_multilingual_v2" or language not in real.MODELS[model]):
        return _error(400, "validation_error", "unsupported_language", f"Model {model} does not support {language}.")
    return None


def _chunks(pcm: Pcm) -> Iterable[bytes]:
    """Of CHUNK_MS each, but odd: as on the real network, chunks do not end between samples."""
    data = pcm.astype(np.dtype("<i2")).tobytes()
    size = ms_to_samples(CHUNK_MS) * 2 - 1
    return (data[at : at + size] for at in range(0, len(data), size))


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8710)
    parser.add_argument("--voice", choices=VOICES, default="espeak")
    parser.add_argument("--p50", type=float, default=120.0, help="ms to the first audio")
    parser.add_argument("--p95", type=float, default=200.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pace", type=float, default=0.2, help="seconds per second of audio")
    options = parser.parse_args()
    latency = Latency(options.p50, options.p95, options.seed)
    async with FakeElevenLabs(VOICES[options.voice], latency, options.pace, port=options.port) as fake:
        print(f"{fake.url}, key {KEY}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(_main())
    except KeyboardInterrupt:
        pass
