"""Captions as server-sent events (WHATWG HTML, section 9.2): one stream per reader, in one language of one room."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog
from aiohttp import hdrs, web
from pydantic import TypeAdapter

from dragoman.observe.metrics import Metrics
from dragoman.pipeline.captions import Caption, CaptionHub, CaptionSubscription
from dragoman.web.problem import Problem

KEEPALIVE_S = 15.0
"""Seconds between comments on a stream: WHATWG HTML section 9.2.7 advises "every 15 seconds or so" for proxies."""

READERS = 500
"""Open streams at once; each holds a connection and up to SUBSCRIBER_DEPTH events."""

_log = structlog.get_logger(__name__)

_CAPTION = TypeAdapter(Caption)


@dataclass(slots=True)
class CaptionStreams:
    """The open streams. A reader is a subscriber of the hub, so it counts as a listener of its language."""

    hub: CaptionHub
    metrics: Metrics
    keepalive_s: float = KEEPALIVE_S
    limit: int = READERS
    _open: set[CaptionSubscription] = field(default_factory=set)
    _closed: bool = False

    async def serve(self, request: web.Request, room: str, language: str) -> web.StreamResponse:
        """Send events until the reader leaves or ``close`` is called.

        Raises:
            Problem: 503, too many readers or shutting down; 422, Last-Event-ID is no event number.
        """
        after = last_event_id(request)
        if self._closed or len(self._open) >= self.limit:
            why = "The daemon is shutting down." if self._closed else f"{self.limit} readers are served already."
            raise Problem(503, why, {hdrs.RETRY_AFTER: "10"})
        subscription = self.hub.subscribe(room, language, after)
        self._open.add(subscription)
        self.metrics.caption_readers.set(len(self._open))
        try:
            response = web.StreamResponse(
                headers={hdrs.CONTENT_TYPE: "text/event-stream", hdrs.CACHE_CONTROL: "no-store"}
            )
            await response.prepare(request)
            await self._send(response, subscription)
        except* ConnectionResetError:
            pass  # the reader left: that is how streams end
        except* Exception:
            _log.exception("caption stream failed", room=room, language=language)
        finally:
            subscription.close()
            self._open.discard(subscription)
            self.metrics.caption_readers.set(len(self._open))
            self.metrics.queue_drops.labels(queue="captions").inc(subscription.dropped)
        return response

    @property
    def dropped(self) -> int:
        """Events that the readers of now were too slow for."""
        return sum(subscription.dropped for subscription in self._open)

    async def _send(self, response: web.StreamResponse, subscription: CaptionSubscription) -> None:
        async with asyncio.TaskGroup() as group:
            beat = group.create_task(self._keep_alive(response))
            async for number, caption in subscription:
                await response.write(event(number, caption))
            beat.cancel()

    async def _keep_alive(self, response: web.StreamResponse) -> None:
        while True:
            await response.write(b": keepalive\n\n")
            await asyncio.sleep(self.keepalive_s)

    def close(self) -> None:
        """End every stream, open none any more; idempotent."""
        self._closed = True
        for subscription in list(self._open):
            subscription.close()


def event(number: int, caption: Caption) -> bytes:
    """One event as it goes over the wire. JSON has no line feeds, so one data line holds it."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, caption.kind.encode(), _CAPTION.dump_json(caption))


def last_event_id(request: web.Request) -> int | None:
    """The number of the last event a reader had before its connection broke (its browser sends it by itself)."""
    given = request.headers.get("Last-Event-ID", "")
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise Problem(422, "Last-Event-ID should be the id of an event of this stream, a whole number.")
    return int(given)
