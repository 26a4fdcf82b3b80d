"""The open streams of one kind of server-sent event: how many there may be, what they lost, how they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import structlog
from aiohttp import hdrs, web

from dragoman.observe.metrics import Metrics
from dragoman.subscription import Subscription
from dragoman.web.auth import PRINCIPAL
from dragoman.web.problem import Problem
from dragoman.web.sse import begin, last_event_id, send

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Streams(Generic[T]):
    """Serves subscriptions until their readers leave or all are closed."""

    def __init__(
        self,
        queue: str,
        encode: Callable[[int, T], bytes],
        metrics: Metrics,
        *,
        limit: int,
        keepalive_s: float,
        changed: Callable[[int], None] = lambda readers: None,
    ) -> None:
        """Prepare.

        Args:
            queue: what the events are called in the metric of drops.
            encode: an event, with its number, as it goes over the wire.
            metrics: where drops are counted.
            limit: open streams at once; may change later.
            keepalive_s: seconds between the comments that keep a connection open.
            changed: told how many read whenever that changes.
        """
        self._queue = queue
        self._encode = encode
        self._metrics = metrics
        self.limit = limit
        self._keepalive_s = keepalive_s
        self._changed = changed
        self._open: dict[Subscription[T], str] = {}  # with the room whose PIN let its reader in; empty: a token did
        self._closed = False

    @property
    def dropped(self) -> int:
        """Events that the readers of now were too slow for."""
        return sum(subscription.dropped for subscription in self._open)

    async def stream(
        self, request: web.Request, subscribe: Callable[[int | None], Subscription[T]]
    ) -> web.StreamResponse:
        """Send events until the reader leaves or ``close`` is called.

        ``subscribe`` is given the number of the last event that the reader had before its connection broke.

        Raises:
            Problem: 503, too many readers or shutting down; 422, Last-Event-ID is no event number.
        """
        after = last_event_id(request)
        if self._closed or len(self._open) >= self.limit:
            why = "The daemon is shutting down." if self._closed else f"{self.limit} readers are served already."
            raise Problem(503, why, {hdrs.RETRY_AFTER: "10"})
        subscription = subscribe(after)
        self._open[subscription] = request[PRINCIPAL].room
        self._changed(len(self._open))
        events = (self._encode(number, event) async for number, event in subscription)
        try:
            response = await begin(request)
            await send(response, events, self._keepalive_s)
        except* ConnectionResetError:
            pass  # the reader left: that is how streams end
        except* Exception:
            _log.exception("stream failed", of=self._queue, path=request.path)
        finally:
            subscription.close()
            self._open.pop(subscription, None)
            self._changed(len(self._open))
            self._metrics.queue_drops.labels(queue=self._queue).inc(subscription.dropped)
        return response

    def expel(self, room: str) -> None:
        """End the streams that this room's PIN opened: it is another one now."""
        for subscription in [each for each, opened_by in self._open.items() if opened_by == room]:
            subscription.close()

    def close(self) -> None:
        """End every stream, open none any more; idempotent."""
        self._closed = True
        for subscription in list(self._open):
            subscription.close()
