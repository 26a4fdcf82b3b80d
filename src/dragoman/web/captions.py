"""Captions as server-sent events (WHATWG HTML, section 9.2): one stream per reader, in one language of one room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import structlog
from aiohttp import hdrs, web
from pydantic import TypeAdapter

from dragoman.observe.metrics import Metrics
from dragoman.pipeline.captions import Caption, CaptionHub, CaptionSubscription
from dragoman.web.problem import Problem
from dragoman.web.sse import KEEPALIVE_S, begin, event, last_event_id, send

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
            response = await begin(request)
            await send(response, _events(subscription), self.keepalive_s)
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

    def close(self) -> None:
        """End every stream, open none any more; idempotent."""
        self._closed = True
        for subscription in list(self._open):
            subscription.close()


async def _events(subscription: CaptionSubscription) -> AsyncIterator[bytes]:
    async for number, caption in subscription:
        yield as_event(number, caption)


def as_event(number: int, caption: Caption) -> bytes:
    """One caption as it goes over the wire."""
    return event(number, caption.kind, _CAPTION.dump_json(caption))
