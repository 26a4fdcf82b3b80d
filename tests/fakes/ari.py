"""An ARI server with a model of Asterisk behind it, and faults on demand; on a loopback port of this process."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import encode_basic_auth, web
from tests.fakes.asterisk import FakeAsterisk, Json

USER, PASSWORD = "dragoman", "p:ss/w%rd"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Fault:
    """What happens to requests ``METHOD path`` that match, as often as ``times``."""

    pattern: re.Pattern[str]
    times: int
    status: int = 0
    """Answer with this error; 0: none."""
    drop: bool = False
    """Close the connection after the request was carried out, without an answer."""
    release: asyncio.Event | None = None
    """Carry it out and answer only once this is set."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a request ran into it."""


def error(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


class FakeAri:
    """``asterisk`` is the model; ``requests`` all requests so far, ``METHOD path?query``."""

    def __init__(self) -> None:
        self.asterisk = FakeAsterisk(self._emit)
        self.requests: list[str] = []
        self.headers: list[str] = []
        self.url = ""
        self.faults: list[Fault] = []
        self.version = "22.10.1"
        self.dialplan: list[tuple[str, dict[str, str]]] = []
        """What was run in it: endpoint and variables."""
        self.sources: set[str] = set()
        self.allowed: set[str] | None = None
        self.refuse_events = False
        self.socket: web.WebSocketResponse | None = None
        self.on_play: Callable[[str, str, list[str]], None] = self.asterisk.played
        """What becomes of a prompt: it is played at once, if a test does not say otherwise."""
        self.on_record: Callable[[str, str], None] = lambda channel, name: None
        self.connected = asyncio.Event()
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()

    # ---- what a test does

    def fault(self, pattern: str, times: int = 1, **what: Any) -> Fault:
        fault = Fault(re.compile(pattern), times, **what)
        self.faults.append(fault)
        return fault

    def send(self, text: str) -> None:
        """Send a raw message over the websocket."""
        self._outgoing.put_nowait(text)

    async def disconnect(self, code: int = 1000) -> None:
        """Close the websocket."""
        assert self.socket is not None
        self.connected.clear()
        await self.socket.close(code=code)

    def restart(self) -> None:
        """Everything is gone, as after a crash; the websocket is to be closed as well."""
        self.asterisk.channels.clear()
        self.asterisk.bridges.clear()
        self.asterisk.globals.clear()
        self.sources.clear()
        self.allowed = None

    # ---- serving

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        app = web.Application(middlewares=[self._middleware])
        app.router.add_get("/ari/events", self._events)
        app.router.add_route("*", "/ari/{path:.*}", self._rest)
        runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        try:
            yield
        finally:
            for fault in self.faults:
                if fault.release is not None:
                    fault.release.set()
            await runner.cleanup()

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs.removeprefix('/ari')}")
        self.headers.append(request.headers.get("Authorization", ""))
        if request.headers.get("Authorization") != encode_basic_auth(USER, PASSWORD):
            return error(401, "Authentication required")
        line = f"{request.method} {request.path.removeprefix('/ari')}"
        fault = next((f for f in self.faults if f.times > 0 and f.pattern.fullmatch(line)), None)
        if fault is None:
            return await handler(request)
        fault.times -= 1
        fault.reached.set()
        if fault.status:
            return error(fault.status, "An internal error prevented this request from being handled")
        if fault.release is not None:
            # A request whose client went away is carried out all the same: Asterisk does not notice.
            carried_out = asyncio.ensure_future(self._late(fault.release, handler, request))
            return await asyncio.shield(carried_out)
        response = await handler(request)
        if fault.drop:
            assert request.transport is not None
            request.transport.close()
        return response

    async def _late(self, release: asyncio.Event, handler: Handler, request: web.Request) -> web.StreamResponse:
        await release.wait()
        return await handler(request)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_events:
            return error(503, "not yet")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if self.socket is not None and not self.socket.closed:
            await self.socket.send_str(json.dumps({"type": "ApplicationReplaced", "application": "dragoman"}))
        self.socket = socket
        self._outgoing = asyncio.Queue()
        self.connected.set()
        sender = asyncio.ensure_future(self._sender(socket, self._outgoing))
        try:
            async for _ in socket:
                pass
        finally:
            sender.cancel()
        return socket

    async def _sender(self, socket: web.WebSocketResponse, outgoing: asyncio.Queue[str]) -> None:
        while True:
            await socket.send_str(await outgoing.get())

    def _emit(self, event: Json) -> None:
        """Send an event if somebody listens, has subscribed and has not filtered it away; else it is lost."""
        if self.socket is None or self.socket.closed or not self.connected.is_set():
            return
        if self.allowed is not None and event["type"] not in self.allowed:
            return
        channel = event.get("channel", {}).get("id", "")
        inside = channel in self.asterisk.channels and self.asterisk.channels[channel].stasis
        if inside or event["type"] == "StasisEnd" or not {"channel", "bridge"} & set(event):
            self.send(json.dumps(event))
        elif channel.startswith("dragoman.") or f"channel:{channel}" in self.sources or "bridge" in event:
            if "bridge" not in event or "bridge:" in self.sources:
                self.send(json.dumps(event))

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else {}
        # aiohttp hands the parts decoded, and no id in these tests has a slash.
        parts = request.match_info["path"].split("/")
        answer = self._act(request.method, parts, dict(request.query), body)
        if isinstance(answer, web.Response):
            return answer
        return web.json_response(answer) if answer is not None else web.Response(status=204)

    def _act(self, method: str, parts: list[str], query: dict[str, str], body: Json) -> Any:
        pbx = self.asterisk
        match (method, *parts):
            case ("GET", "asterisk", "ping"):
                return {"ping": "pong"}
            case ("GET", "asterisk", "info"):
                return {"system": {"version": self.version}}
            case ("GET", "asterisk", "variable"):
                return {"value": pbx.globals.get(query["variable"], "")}
            case ("POST", "asterisk", "variable"):
                pbx.globals[query["variable"]] = query["value"]
            case ("POST", "channels") if "channelId" in query:
                return pbx.errand(query["channelId"], query["endpoint"], body["variables"])
            case ("PUT", "applications", _, "eventFilter"):
                self.allowed = {entry["type"] for entry in body["allowed"]}
                return {}
            case ("POST", "applications", _, "subscription"):
                source = query["eventSource"]
                if source != "bridge:" and source.removeprefix("channel:") not in pbx.channels:
                    return error(422, "Event source does not exist")
                self.sources.add(source)
                return {}
            case ("DELETE", "applications", _, "subscription"):
                self.sources.discard(query["eventSource"])
                return {}
            case ("GET", "bridges"):
                return [bridge.json() for bridge in pbx.bridges.values()]
            case ("GET", "channels"):
                return [channel.json() for channel in pbx.channels.values()]
            case ("POST", "bridges", bridge_id, "addChannel"):
                for channel_id in query["channel"].split(","):
                    if channel_id not in pbx.channels or not pbx.channels[channel_id].stasis:
                        return error(422, "Channel not in Stasis application")
                    pbx.add_channel(bridge_id, channel_id)
            case ("POST", "bridges", bridge_id):
                return pbx.create_bridge(bridge_id)
            case ("DELETE", "bridges", bridge_id):
                return None if pbx.destroy_bridge(bridge_id) else error(404, "Bridge not found")
            case ("POST", "channels"):
                self.dialplan.append((query["endpoint"], body["variables"]))
                return pbx.channels[pbx.phone()].json()
            case ("POST", "channels", "externalMedia"):
                answer = pbx.external_media(query["channelId"], body.get("variables", {}))
                return answer or error(500, "An internal error prevented this request from being handled")
            case ("POST", "channels", channel_id, "snoop"):
                return pbx.snoop(channel_id, query["snoopId"]) or error(404, "Channel not found")
            case ("POST", "channels", channel_id, "continue"):
                if channel_id not in pbx.channels or not pbx.channels[channel_id].stasis:
                    return error(409, "Channel not in Stasis application")
                pbx.continue_booth(channel_id)
            case ("GET", "channels", channel_id, "variable"):
                if channel_id not in pbx.channels:
                    return error(404, "Channel not found")
                value = pbx.channels[channel_id].variables.get(query["variable"])
                return error(404, "Provided variable was not found") if value is None else {"value": value}
            case ("POST", "channels", channel_id, "play", playback_id):
                if channel_id not in pbx.channels:
                    return error(404, "Channel not found")
                self.on_play(channel_id, playback_id, query["media"].split(","))
                return {"id": playback_id}
            case ("POST", "channels", channel_id, "record"):
                if channel_id not in pbx.channels:
                    return error(404, "Channel not found")
                self.on_record(channel_id, query["name"])
                return {"name": query["name"]}
            case ("POST", "channels", channel_id, "variable"):
                if channel_id not in pbx.channels:
                    return error(404, "Channel not found")
                pbx.channels[channel_id].variables[query["variable"]] = query["value"]
            case ("GET", "recordings", "stored"):
                return [{"name": name, "format": "wav16"} for name in pbx.recordings]
            case ("GET", "recordings", "stored", name, "file"):
                return web.Response(body=pbx.recordings[name]) if name in pbx.recordings else error(404, "Not found")
            case ("DELETE", "recordings", "stored", name):
                return None if pbx.recordings.pop(name, None) is not None else error(404, "Not found")
            case ("DELETE", "recordings", "live", _):
                return error(404, "Not found")
            case ("GET", "applications", app):
                inside = [channel.id for channel in pbx.channels.values() if channel.stasis]
                return {"name": app, "channel_ids": inside, "bridge_ids": []}
            case ("DELETE", "channels", channel_id):
                return None if pbx.hang_up(channel_id) else error(404, "Channel not found")
            case _:
                return error(404, "Resource not found")
        return None
