"""Health events as server-sent events: what breaks and is mended, as it happens."""

from __future__ import annotations

from aiohttp import web
from pydantic import TypeAdapter

from dragoman.observe.metrics import Metrics
from dragoman.recovery.events import HealthBus, HealthEvent
from dragoman.web.openapi import Nothing
from dragoman.web.routes import api
from dragoman.web.sse import KEEPALIVE_S, event
from dragoman.web.streams import Streams

WATCHERS = 50
"""Open streams at once: operators' consoles and programs of theirs."""

_EVENT = TypeAdapter(HealthEvent)


class EventStreams(Streams[HealthEvent]):
    """The open streams."""

    def __init__(
        self, bus: HealthBus, metrics: Metrics, keepalive_s: float = KEEPALIVE_S, limit: int = WATCHERS
    ) -> None:
        """``keepalive_s``: between comments; ``limit``: of open streams."""
        super().__init__("events", _as_event, metrics, limit=limit, keepalive_s=keepalive_s)
        self._bus = bus

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """See Streams.stream."""
        return await self.stream(request, self._bus.watch)


EVENTS = web.AppKey("events", EventStreams)


def _as_event(number: int, told: HealthEvent) -> bytes:
    return event(number, told.kind, _EVENT.dump_json(told))


@api.get(
    "/api/events",
    summary="What breaks and is mended, as server-sent events",
    params=Nothing,
    headers={"Last-Event-ID": "Number of the last event had: what came after is sent first, as far as it is kept"},
    answer=HealthEvent,
    media_type="text/event-stream",
    problems=(401, 422, 503),
)
async def events(request: web.Request, params: Nothing) -> web.StreamResponse:
    """Events are named by ``kind``, numbered, and carry a HealthEvent as JSON; docs/recovery.md explains each kind.

    A watcher too slow for them loses the oldest.
    """
    return await request.app[EVENTS].serve(request)
