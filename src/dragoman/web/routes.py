"""What is served, route by route."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from aiohttp import hdrs, web
from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel, Field

from dragoman.observe.health import Health
from dragoman.observe.metrics import Metrics
from dragoman.pipeline.captions import Caption
from dragoman.web.captions import CaptionStreams
from dragoman.web.openapi import Api, Nothing
from dragoman.web.problem import Problem
from dragoman.web.state import ConferenceView, LanguageCode, Model, RoomName, Stats

CONFERENCE = web.AppKey("conference", ConferenceView)
CAPTIONS = web.AppKey("captions", CaptionStreams)
METRICS = web.AppKey("metrics", Metrics)
HEALTH = web.AppKey("health", Health)
LANGUAGES = web.AppKey("languages", tuple[str, ...])

api = Api("Dragoman")


class Live(Model):
    """The process runs."""

    live: bool = True


class PartHealth(Model):
    """One part of the daemon."""

    name: str
    ok: bool
    why: str
    since: datetime
    degraded: str = Field(default="", description="What does not work, while something else does its work")


class Ready(Model):
    """Whether calls can be interpreted, part by part."""

    ready: bool
    parts: list[PartHealth]


class RoomPath(BaseModel):
    """Which room."""

    room: RoomName


class CaptionQuery(BaseModel):
    """Which room, in which language."""

    room: RoomName
    lang: LanguageCode
    ticket: str | None = Field(default=None, max_length=200, description="For the room's PIN, where no header")


@api.get("/health/live", summary="The event loop runs", params=Nothing, answer=Live, access=None)
async def live(request: web.Request, params: Nothing) -> Live:
    """Always 200: a daemon whose loop stands still does not answer. Needs no token."""
    return Live()


@api.get("/health/ready", summary="Calls can be interpreted", params=Nothing, answer=Ready, problems=(503,))
async def ready(request: web.Request, params: Nothing) -> Ready:
    """503 while a part is not ok; the problem's ``parts`` says which, why and since when.

    A part is ok while another engine does the work of one that fails; ``degraded`` names that one.
    """
    health = request.app[HEALTH]
    parts = [
        PartHealth(
            name=part.name,
            ok=part.ok,
            why=part.why,
            since=datetime.fromtimestamp(part.since, UTC),
            degraded=part.degraded,
        )
        for part in health.parts
    ]
    if not health.ready:
        why = "; ".join(f"{part.name}: {part.why}" for part in parts if not part.ok)
        raise Problem(503, why, parts=[part.model_dump(mode="json") for part in parts])
    return Ready(ready=True, parts=parts)


@api.get("/metrics", summary="Metrics for Prometheus", params=Nothing, answer=str, media_type="text/plain")
async def metrics(request: web.Request, params: Nothing) -> web.StreamResponse:
    """Text or OpenMetrics, as Accept asks."""
    encode, content_type = choose_encoder(",".join(request.headers.getall(hdrs.ACCEPT, [])))
    request.app[METRICS].refresh()
    # In a thread: a thousand lines take 8 ms to write, which in the loop would make a tick of the media clock late.
    body = await asyncio.to_thread(encode, request.app[METRICS].registry)
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})


@api.get("/api/stats", summary="The daemon in figures", params=Nothing, answer=Stats)
async def stats(request: web.Request, params: Nothing) -> Stats:
    """Latency per stage, media clock, packets, clauses, engines."""
    return request.app[CONFERENCE].stats()


@api.get(
    "/api/rooms/{room}/captions",
    summary="What is said in a room, as server-sent events in one language",
    params=CaptionQuery,
    headers={"Last-Event-ID": "Number of the last event had: what came after is sent first, as far as it is kept"},
    answer=Caption,
    media_type="text/event-stream",
    problems=(422, 503),
    room_pin=True,
)
async def captions(request: web.Request, params: CaptionQuery) -> web.StreamResponse:
    """Events are named by ``kind``, numbered, and carry a Caption as JSON. A reader counts as a listener.

    The room need not be in use yet. A reader too slow for the talk loses the oldest events.
    """
    offered = request.app[LANGUAGES]
    if params.lang not in offered:
        why = f"query.lang: {params.lang!r} is not spoken here; choose one of {', '.join(offered)}."
        raise Problem(422, why, languages=list(offered))
    return await request.app[CAPTIONS].serve(request, params.room, params.lang)


class OpenApiDocument(BaseModel):
    """An OpenAPI 3.1 document."""


@api.get("/api/openapi.json", summary="This interface", params=Nothing, answer=OpenApiDocument)
async def openapi(request: web.Request, params: Nothing) -> web.StreamResponse:
    """The OpenAPI 3.1 document."""
    return web.json_response(api.document())
