"""Server-sent events (WHATWG HTML, section 9.2): what every stream of them has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import hdrs, web

from dragoman.web.problem import Problem

KEEPALIVE_S = 15.0
"""Seconds between comments on a stream: WHATWG HTML section 9.2.7 advises "every 15 seconds or so" for proxies."""


async def begin(request: web.Request) -> web.StreamResponse:
    """The head of a stream."""
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "text/event-stream", hdrs.CACHE_CONTROL: "no-store"})
    await response.prepare(request)
    return response


async def send(response: web.StreamResponse, events: AsyncIterator[bytes], keepalive_s: float) -> None:
    """Send events until there are no more; comments between keep the connection open."""
    async with asyncio.TaskGroup() as group:
        beat = group.create_task(_keep_alive(response, keepalive_s))
        async for event in events:
            await response.write(event)
        beat.cancel()


def event(number: int, name: str, data: bytes) -> bytes:
    """One event as it goes over the wire. JSON has no line feeds, so one data line holds it."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, name.encode(), data)


def last_event_id(request: web.Request) -> int | None:
    """The number of the last event a reader had before its connection broke (its browser sends it by itself)."""
    given = request.headers.get("Last-Event-ID", "")
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise Problem(422, "Last-Event-ID should be the id of an event of this stream, a whole number.")
    return int(given)


async def _keep_alive(response: web.StreamResponse, seconds: float) -> None:
    while True:
        await response.write(b": keepalive\n\n")
        await asyncio.sleep(seconds)
