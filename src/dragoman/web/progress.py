"""How an enrolment is getting on, as server-sent events."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiohttp import hdrs, web

from dragoman.enrolment.desk import EnrolmentDesk
from dragoman.web.problem import Problem
from dragoman.web.sse import KEEPALIVE_S, last_event_id
from dragoman.web.voice_models import enrolment_info

READERS = 64
"""Open streams at once; each holds a connection."""


@dataclass(slots=True)
class ProgressStreams:
    """The open streams. A stream ends with its enrolment."""

    desk: EnrolmentDesk
    keepalive_s: float = KEEPALIVE_S
    limit: int = READERS
    _open: set[asyncio.Task[Any]] = field(default_factory=set)
    _closed: bool = False

    async def serve(self, request: web.Request, profile_id: str) -> web.StreamResponse:
        """Send every step of an enrolment, those that are over too.

        Raises:
            Problem: 503, too many readers or shutting down; 422, Last-Event-ID is no event number.
        """
        after = last_event_id(request) or 0
        task = asyncio.current_task()
        if self._closed or task is None or len(self._open) >= self.limit:
            why = "The daemon is shutting down." if self._closed else f"{self.limit} readers are served already."
            raise Problem(503, why, {hdrs.RETRY_AFTER: "10"})
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "text/event-stream", hdrs.CACHE_CONTROL: "no-store"})
        self._open.add(task)
        try:
            await response.prepare(request)
            await self._send(response, profile_id, after)
        except* ConnectionResetError:
            pass  # the reader left: that is how streams end
        except* asyncio.CancelledError:
            if not self._closed:
                raise
        finally:
            self._open.discard(task)
        return response

    async def _send(self, response: web.StreamResponse, profile_id: str, after: int) -> None:
        async with asyncio.TaskGroup() as group:
            beat = group.create_task(self._keep_alive(response))
            async for number, enrolment in self.desk.watch(profile_id, after):
                data = enrolment_info(enrolment).model_dump_json().encode()
                await response.write(b"id: %d\nevent: %s\ndata: %s\n\n" % (number, enrolment.state.encode(), data))
            beat.cancel()

    async def _keep_alive(self, response: web.StreamResponse) -> None:
        while True:
            await response.write(b": keepalive\n\n")
            await asyncio.sleep(self.keepalive_s)

    def close(self) -> None:
        """End every stream, open none any more; idempotent."""
        self._closed = True
        for task in self._open:
            task.cancel()
