"""The real server on a free port of 127.0.0.1, with a scripted conference behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from tests.observe.views import MediaView

from dragoman.admin.serving import Administration
from dragoman.config import HttpSettings, Settings
from dragoman.engines.circuits import Circuits
from dragoman.enrolment.codes import CodeBook
from dragoman.enrolment.desk import EnrolmentDesk
from dragoman.observe.health import Health
from dragoman.observe.metrics import Metrics
from dragoman.observe.trace import TraceBook
from dragoman.pipeline.captions import Caption, CaptionHub, CaptionKind
from dragoman.recovery.events import HealthBus
from dragoman.web.server import WebServer, build_app
from dragoman.web.state import BoothInfo, LegInfo, RoomInfo, Stats, collect_stats
from dragoman.web.traces import Traced

ROOM = RoomInfo(
    room="1000",
    languages=["en", "es"],
    legs=[
        LegInfo(id="a.1", name="Ann", language="en", muted=False, held=False, speaking=True),
        LegInfo(id="b.1", name="Bea", language="es", muted=True, held=False, speaking=False),
    ],
    booths=[BoothInfo(language="es", speaking=True, waiting=2)],
)


@dataclass
class ScriptedConference:
    metrics: Metrics
    media: MediaView = field(default_factory=MediaView)
    found: list[RoomInfo] = field(default_factory=lambda: [ROOM])
    circuits: Circuits = field(default_factory=Circuits)

    def rooms(self) -> Sequence[RoomInfo]:
        return self.found

    def stats(self) -> Stats:
        return collect_stats(
            self.metrics,
            self.media,
            uptime_s=12.5,
            recognizers=["pocketsphinx"],
            translators=["phrasebook", "apertium"],
            synthesizers=["espeak"],
            circuits=self.circuits,
        )


@dataclass
class Serving:
    """A running server, and a client session to it."""

    server: WebServer
    app: web.Application
    session: aiohttp.ClientSession
    hub: CaptionHub
    metrics: Metrics
    health: Health
    conference: ScriptedConference
    bus: HealthBus
    traces: TraceBook

    async def json(self, path: str, status: int = 200, **kwargs: Any) -> Any:
        async with self.session.request(kwargs.pop("method", "GET"), path, **kwargs) as response:
            assert response.status == status, await response.text()
            kind = "application/json" if status < 400 else "application/problem+json"
            assert response.content_type == kind
            body = await response.json(content_type=None)
            if status >= 400:
                assert body["status"] == status and body["title"] and body["type"] == "about:blank"
            return body


@asynccontextmanager
async def serving(
    http: dict[str, Any] | None = None,
    *,
    hub: CaptionHub | None = None,
    keepalive_s: float = 15.0,
    on_answer: Callable[[web.Request, web.StreamResponse], Awaitable[None]] | None = None,
    desk: EnrolmentDesk | None = None,
    codes: CodeBook | None = None,
    admin: Administration | None = None,
    settings: dict[str, Any] | None = None,
) -> AsyncIterator[Serving]:
    metrics, health, hub = Metrics(), Health(["ari", "media"]), hub or CaptionHub()
    given = Settings(http=HttpSettings(**{"port": 0} | (http or {})), **(settings or {}))
    conference, traces = ScriptedConference(metrics), TraceBook()
    bus = HealthBus(lambda: 1_700_000_000.0)
    app = build_app(
        given,
        conference=conference,
        captions=hub,
        metrics=metrics,
        health=health,
        keepalive_s=keepalive_s,
        desk=desk,
        codes=codes,
        bus=bus,
        traced=Traced(traces, 1e9),
        admin=admin,
    )
    if on_answer is not None:
        app.on_response_prepare.append(on_answer)
    server = WebServer(app, given.http)
    await server.start()
    port = server.address[1]
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            yield Serving(server, app, session, hub, metrics, health, conference, bus, traces)
    finally:
        await server.close()


def caption(text: str = "buenos días", kind: CaptionKind = CaptionKind.CLAUSE, **changes: Any) -> Caption:
    given: dict[str, Any] = {
        "kind": kind,
        "room": "1000",
        "language": "es",
        "clause": "a.1-1",
        "speaker": "Ann",
        "source_language": "en",
        "source_text": "good morning",
        "text": text,
        "start_unix": 1.0,
        "end_unix": 2.0,
    }
    return Caption(**given | changes)


@dataclass
class Event:
    id: int
    name: str
    data: dict[str, Any]


class Reader:
    """Reads server-sent events as a browser does: fields by line, an event ends at an empty line."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments = 0

    async def event(self) -> Event:
        """The next event; EOFError when the stream ended."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(60):
            while True:
                line = (await self.response.content.readline()).decode()
                if not line:
                    raise EOFError
                if line.startswith(":"):
                    self.comments += 1
                elif line == "\n" and fields:
                    return Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
                elif line != "\n":
                    name, _, value = line.rstrip("\n").partition(": ")
                    fields[name] = value

    async def begin(self) -> None:
        """Wait for the first comment: the subscription stands."""
        async with asyncio.timeout(60):
            assert (await self.response.content.readline()).startswith(b":")


async def until_readers(hub: CaptionHub, changed: asyncio.Event, languages: set[str]) -> None:
    """Wait until just these languages are read in room 1000; ``changed`` is set by the hub's ``on_demand``."""
    async with asyncio.timeout(60):
        while hub.languages("1000") != languages:
            changed.clear()
            await changed.wait()
