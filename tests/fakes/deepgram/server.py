"""The fake's server: handshake, sockets, timers, faults."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Self

import numpy as np
from tests.fakes.deepgram.faults import NET_0000, NET_0001, FaultPlan, Faults, parted, scripted, untimed
from tests.fakes.deepgram.hearing import RATE, Hearing, ToneWords
from tests.fakes.deepgram.listener import Due, Listener, Throttle
from tests.fakes.deepgram.query import Query, Refusal, read
from tests.fakes.latency import Latency
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

IDLE_S = 10.0
"""Without audio or text for so long, a stream is closed (1011 NET-0001); and without any audio since it was opened."""

JUNK: tuple[str | bytes, ...] = (
    "{",
    "[]",
    '"Results"',
    "null",
    '{"type":"Results"}',
    '{"type":"Results","start":"a","duration":null,"channel":{"alternatives":[]},"is_final":true}',
    '{"type":"Results","start":0,"duration":1e400,"channel":{"alternatives":[{"words":[{}]}]},"is_final":true}',
    '{"type":"Results","start":0,"duration":1,"channel":{"alternatives":{"words":7}},"is_final":true}',
    '{"type":"TurnInfo","event":"Update"}',
    '{"type":"UtteranceEnd"}',
    "\x00\x01",
    b"\x00\xff\x00",
)


@dataclass
class Stats:
    """What one connection saw."""

    query: Query
    faults: Faults
    opened: float
    audio: list[bytes] = field(default_factory=list)
    samples: int = 0
    frames_ms: set[int] = field(default_factory=set)
    """Lengths of the audio messages, whole milliseconds."""
    keepalives: int = 0
    finalizes: int = 0
    close_streams: int = 0
    ahead_s: float = 0.0
    """By how much its audio was ahead of 1.25 times real time, at most."""
    closed: int | None = None
    sent: int = 0


class FakeDeepgram:
    """``async with FakeDeepgram(...) as fake``, then ``fake.url`` is the ``base_url`` to use."""

    def __init__(
        self,
        hearing: Hearing | None = None,
        *,
        seed: int = 0,
        interim: Latency | None = None,
        final: Latency | None = None,
        faults: FaultPlan | None = None,
        keys: frozenset[str] | None = frozenset(("key",)),
        max_streams: int = 50,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """``keys`` None: any key is good. ``interim``: how far interims lag; ``final``: how long a final takes."""
        self.hearing = hearing or ToneWords()
        self.plan = faults or scripted()
        self.connections: list[Stats] = []
        self.refused: list[int] = []
        self._seed = seed
        self._interim = interim or Latency(250, 300, seed)
        self._final = final or Latency(247, 298, seed)
        self._keys = keys
        self._max_streams = max_streams
        self.streams: set[_Stream] = set()
        self._address = (host, port)
        self._server: Server | None = None
        self._number = 0
        self._accepted: dict[int, tuple[Query, Faults, int]] = {}

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(next(iter(self._server.sockets)).getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://{self._address[0]}:{self.port}"

    @property
    def open_streams(self) -> int:
        return len(self.streams)

    def strike(self, faults: Faults) -> None:
        """From now on every open connection has these faults, with times counted from now."""
        for stream in tuple(self.streams):
            stream.strike(faults)

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._handle,
            *self._address,
            process_request=self._request,
            process_response=self._response,
            compression=None,
            ping_interval=None,
            close_timeout=0.2,
            max_queue=None,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def serve_forever(self) -> None:
        assert self._server is not None
        await self._server.serve_forever()

    # handshake

    async def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        request_id = str(uuid.UUID(int=Random(f"{self._seed}/{self._number}").getrandbits(128), version=4))
        connection.request_id = request_id  # type: ignore[attr-defined]  # kept with the connection, for the answers
        try:
            query = read(request.path, request.headers.get("Authorization", ""), self._keys)
            faults = self.plan(self._number, query.leg)
            number, self._number = self._number, self._number + 1
            await asyncio.sleep(faults.handshake_s)
            if faults.refuse:
                raise Refusal(faults.refuse, "as its script says")
            if len(self.streams) >= self._max_streams:
                faults = Faults(retry_after=1)
                raise Refusal(429)
        except Refusal as refusal:
            self.refused.append(refusal.status)
            response = connection.respond(refusal.status, refusal.body(request_id))  # type: ignore[arg-type]
            response.headers["dg-error"] = refusal.text
            del response.headers["Content-Type"]
            response.headers["Content-Type"] = "application/json"
            if refusal.status not in (401, 404) and "faults" in locals() and faults.retry_after is not None:
                response.headers["Retry-After"] = str(faults.retry_after)
            return response
        self._accepted[id(connection)] = (query, faults, number)
        return None

    async def _response(self, connection: ServerConnection, request: Request, response: Response) -> None:
        response.headers["dg-request-id"] = connection.request_id  # type: ignore[attr-defined]

    # a stream

    async def _handle(self, socket: ServerConnection) -> None:
        query, faults, number = self._accepted.pop(id(socket))
        loop = asyncio.get_running_loop()
        stats = Stats(query, faults, loop.time())
        self.connections.append(stats)
        stream = _Stream(self, socket, stats, number)
        self.streams.add(stream)
        try:
            await stream.run()
        except ConnectionClosed:
            pass
        finally:
            self.streams.discard(stream)
            stats.closed = socket.close_code

    def make_listener(self, stats: Stats, number: int, request_id: str) -> Listener:
        seed = Random(f"{self._seed}/{stats.query.leg}/{number}").getrandbits(32)
        return Listener(
            stats.query,
            self.hearing,
            stats.faults,
            self._interim.reseeded(seed),
            self._final.reseeded(seed + 1),
            request_id,
            Random(seed + 2),
        )


class _End(Exception):
    """The stream is over, as it was told to."""


class _Stream:
    def __init__(self, fake: FakeDeepgram, socket: ServerConnection, stats: Stats, number: int) -> None:
        self._socket = socket
        self._stats = stats
        self._faults = stats.faults
        self._clock = asyncio.get_running_loop().time
        self._opened = self._clock()
        self._listener = fake.make_listener(stats, number, socket.request_id)  # type: ignore[attr-defined]
        self._random = Random(f"{number}/{stats.query.leg}")
        self._throttle = Throttle()
        self._work: asyncio.Queue[tuple[float, bytes | str]] = asyncio.Queue()
        self._out: asyncio.PriorityQueue[tuple[float, int, Mapping[str, Any] | None]] = asyncio.PriorityQueue()
        self._order = 0
        self._last_text = self._opened
        self._last_audio: float | None = None
        self._since = self._opened  # from when on the times of the faults count
        self._struck = asyncio.Event()

    def strike(self, faults: Faults) -> None:
        self._faults = self._stats.faults = faults
        self._since = self._clock()
        self._listener.faults = faults
        self._struck.set()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._receive(), self._listen(), self._send(), self._idle(), self._fail()):
                    group.create_task(work)
        except* _End:
            pass
        except* ConnectionClosed:
            pass

    async def _receive(self) -> None:
        async for message in self._socket:
            now = self._clock()
            if isinstance(message, bytes):
                if not message:
                    await self._close(1000, "")
                if len(message) % 2:
                    await self._close(1008, "Deepgram could not decode the audio data. See https://dpgr.am/data0000")
                self._stats.audio.append(message)
                self._stats.samples += len(message) // 2
                self._stats.frames_ms.add(len(message) * 500 // RATE)
                self._last_audio = now
                ready = self._throttle.ready(len(message) / 2 / RATE, now)
                self._stats.ahead_s = self._throttle.ahead
                self._work.put_nowait((ready, message))
            else:
                self._last_text = now
                self._work.put_nowait((now, message))
        raise _End

    async def _listen(self) -> None:
        """Hear audio and obey text, in the order in which they came."""
        while True:
            ready, message = await self._work.get()
            await asyncio.sleep(max(ready - self._clock(), 0))
            stall = self._faults.stall_at
            if stall is not None and self._clock() >= self._since + stall:
                await asyncio.sleep(max(self._since + stall + min(self._faults.stall_s, 1e6) - self._clock(), 0))
            now = self._clock()
            if isinstance(message, bytes):
                for due in self._listener.audio(np.frombuffer(message, "<i2").astype(np.int16), now):
                    self._put(due)
            else:
                self._text(message, now)

    def _text(self, message: str, now: float) -> None:
        try:
            kind = json.loads(message)["type"]
        except (ValueError, TypeError, KeyError):
            kind = None
        if kind == "KeepAlive":
            self._stats.keepalives += 1
        elif kind == "Finalize":
            self._stats.finalizes += 1
            for due in self._listener.finalize(now):
                self._put(due)
        elif kind == "CloseStream":
            self._stats.close_streams += 1
            for due in self._listener.finalize(now):
                self._put(due)
            self._put(self._listener.metadata(now))
            self._put(Due(float("inf"), {}))
        elif kind == "Configure":
            terms = json.loads(message).get("keyterms", [])
            answer: dict[str, Any] = {"type": "ConfigureSuccess", "request_id": self._socket.request_id}  # type: ignore[attr-defined]
            answer["keyterms"] = terms
            if sum(len(str(term).split()) for term in terms) > 500:
                answer = {"type": "ConfigureFailure", "request_id": answer["request_id"]}
                answer |= {"code": "CONFIGURE_KEYTERM_LIMIT_EXCEEDED", "description": "Too many keyterms."}
            self._put(Due(now, answer))
        else:
            text = "Could not deserialize last text message"
            error = {"type": "Error", "variant": "SchemaError", "description": text, "message": message}
            self._put(Due(now, error))

    def _put(self, due: Due) -> None:
        """Queue a message, as late and as often as its faults say."""
        message, at = due.message, due.at
        final = message.get("is_final") is True
        if final and self._faults.parted_finals and self._random.random() < self._faults.parted_finals:
            *before, message = parted(message, self._random)
            for part in before:
                self._queue(at, part)
        if final and self._random.random() < self._faults.late_finals:
            at += self._faults.late_s
        self._queue(at, message)
        if final and self._random.random() < self._faults.duplicate_finals:
            self._queue(at + self._random.choice((0.0, 0.05, 0.7)), message)

    def _queue(self, at: float, message: Mapping[str, Any]) -> None:
        self._order += 1
        if self._faults.untimed and "is_final" in message and self._random.random() < self._faults.untimed:
            message = untimed(message)
        self._out.put_nowait((at, self._order, message or None))

    async def _send(self) -> None:
        ended = False
        while True:
            if ended and self._out.empty():
                await self._close(1000, "")
            at, order, message = await self._out.get()
            if message is None:
                ended = True
                continue
            wait = at - self._clock()
            if wait > 0:
                self._out.put_nowait((at, order, message))
                await asyncio.sleep(min(wait, 0.02))  # something earlier may come meanwhile
                if ended:
                    self._out.put_nowait((float("inf"), order, None))
                    ended = False
                continue
            if self._random.random() < self._faults.junk:
                await self._socket.send(self._random.choice(JUNK))
            await self._socket.send(json.dumps(message))
            self._stats.sent += 1

    async def _idle(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            now = self._clock()
            last = max(self._last_text, self._last_audio or 0.0)
            if now - last >= IDLE_S or (self._last_audio is None and now - self._opened >= IDLE_S):
                await self._close(1011, NET_0001)

    async def _fail(self) -> None:
        while True:
            self._struck.clear()
            failing = asyncio.create_task(self._fail_once(self._faults, self._since))
            struck = asyncio.create_task(self._struck.wait())
            try:
                await asyncio.wait((failing, struck), return_when=asyncio.FIRST_COMPLETED)
                if failing.done():
                    failing.result()
                    await struck
            finally:
                failing.cancel()
                struck.cancel()

    async def _fail_once(self, faults: Faults, since: float) -> None:
        times = {
            "close": faults.close_at,
            "half-open": faults.half_open_at,
            "error": faults.error_at,
        }
        for at, kind in sorted((at, kind) for kind, at in times.items() if at is not None):
            await asyncio.sleep(max(since + at - self._clock(), 0))
            if kind == "close":
                if faults.close_code == 1006:
                    self._socket.transport.abort()
                    raise _End
                await self._close(faults.close_code, faults.close_reason)
            if kind == "error":
                error = {"type": "Error", "variant": "ServerError", "description": "something went wrong"}
                await self._socket.send(json.dumps(error | {"message": ""}))
                await self._close(1011, NET_0000)
            if kind == "half-open":
                self._socket.transport.pause_reading()  # type: ignore[attr-defined]  # a TCP transport
                await self._wait_for_peer()

    async def _wait_for_peer(self) -> None:
        """Nothing goes out or in any more, until the peer gives up; the transport must not see it earlier."""
        self._out = asyncio.PriorityQueue()
        self._put = lambda due: None  # type: ignore[method-assign]
        await self._socket.wait_closed()
        raise _End

    async def _close(self, code: int, reason: str) -> None:
        with suppress(ConnectionClosed):
            await self._socket.close(code, reason)
        raise _End
