"""Health events as server-sent events: what breaks and is mended, as it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import structlog
from aiohttp import hdrs, web
from pydantic import TypeAdapter

from dragoman.observe.metrics import Metrics
from dragoman.recovery.events import HealthBus, HealthEvent, Watcher
from dragoman.web.openapi import Nothing
from dragoman.web.problem import Problem
from dragoman.web.routes import api
from dragoman.web.sse import KEEPALIVE_S, begin, event, last_event_id, send

WATCHERS = 50
"""Open streams at once: operators' consoles and programs of theirs."""

_EVENT = TypeAdapter(HealthEvent)
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class EventStreams:
    """The open streams."""

    bus: HealthBus
    metrics: Metrics
    keepalive_s: float = KEEPALIVE_S
    limit: int = WATCHERS
    _open: set[Watcher] = field(default_factory=set)
    _closed: bool = False

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Send events until the watcher leaves or ``close`` is called.

        Raises:
            Problem: 503, too many watchers or shutting down; 422, Last-Event-ID is no event number.
        """
        after = last_event_id(request)
        if self._closed or len(self._open) >= self.limit:
            why = "The daemon is shutting down." if self._closed else f"{self.limit} watchers are served already."
            raise Problem(503, why, {hdrs.RETRY_AFTER: "10"})
        watcher = self.bus.watch(after)
        self._open.add(watcher)
        try:
            response = await begin(request)
            await send(response, _events(watcher), self.keepalive_s)
        except* ConnectionResetError:
            pass  # the watcher left: that is how streams end
        except* Exception:
            _log.exception("event stream failed")
        finally:
            watcher.close()
            self._open.discard(watcher)
            self.metrics.queue_drops.labels(queue="events").inc(watcher.dropped)
        return response

    def close(self) -> None:
        """End every stream, open none any more; idempotent."""
        self._closed = True
        for watcher in list(self._open):
            watcher.close()


EVENTS = web.AppKey("events", EventStreams)


async def _events(watcher: Watcher) -> AsyncIterator[bytes]:
    async for number, each in watcher:
        yield event(number, each.kind, _EVENT.dump_json(each))


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
