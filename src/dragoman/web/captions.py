"""Captions as server-sent events (WHATWG HTML, section 9.2): one stream per reader, in one language of one room."""

from __future__ import annotations

from functools import partial

from aiohttp import web
from pydantic import TypeAdapter

from dragoman.observe.metrics import Metrics
from dragoman.pipeline.captions import Caption, CaptionHub
from dragoman.web.sse import KEEPALIVE_S, event
from dragoman.web.streams import Streams

READERS = 500
"""Open streams at once; each holds a connection and up to SUBSCRIBER_DEPTH events."""

_CAPTION = TypeAdapter(Caption)


class CaptionStreams(Streams[Caption]):
    """The open streams. A reader is a subscriber of the hub, so it counts as a listener of its language."""

    def __init__(
        self, hub: CaptionHub, metrics: Metrics, keepalive_s: float = KEEPALIVE_S, limit: int = READERS
    ) -> None:
        """``keepalive_s``: between comments; ``limit``: of open streams."""
        changed = metrics.caption_readers.set
        super().__init__("captions", as_event, metrics, limit=limit, keepalive_s=keepalive_s, changed=changed)
        self._hub = hub

    async def serve(self, request: web.Request, room: str, language: str) -> web.StreamResponse:
        """See Streams.stream."""
        return await self.stream(request, partial(self._hub.subscribe, room, language))


def as_event(number: int, caption: Caption) -> bytes:
    """One caption as it goes over the wire."""
    return event(number, caption.kind, _CAPTION.dump_json(caption))
