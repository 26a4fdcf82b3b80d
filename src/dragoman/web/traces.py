"""Where the time went, clause by clause: the last traces of a room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from dragoman.observe.trace import PER_ROOM, TraceBook
from dragoman.web.problem import Problem
from dragoman.web.routes import CONFERENCE, api
from dragoman.web.state import RoomName
from dragoman.web.waterfall import RoomTrace, as_svg, as_text, describe


@dataclass(frozen=True, slots=True)
class Traced:
    """The traces, and what makes their times times of day."""

    book: TraceBook
    unix_offset: float
    """Seconds to add to the monotonic clock."""


TRACES = web.AppKey("traces", Traced)


class TraceQuery(BaseModel):
    """Which room, how many clauses, and in which form."""

    room: RoomName
    limit: Annotated[int, Field(ge=1, le=PER_ROOM, description="The last so many")] = 20
    view: Annotated[
        Literal["json", "text", "svg"], Field(description="JSON, a waterfall for a terminal, or one for a browser")
    ] = "json"


@api.get(
    "/api/rooms/{room}/trace",
    summary="Where the time went, in the last clauses of a room",
    params=TraceQuery,
    answer=RoomTrace,
    problems=(401, 404, 422),
)
async def trace(request: web.Request, params: TraceQuery) -> RoomTrace | web.Response:
    """Kept for a while when the room is empty; 404 when nothing is known of it. Never what was said.

    A clause into two languages has two traces.
    """
    traced = request.app[TRACES]
    found = traced.book.last(params.room, params.limit)
    if not found and not any(each.room == params.room for each in request.app[CONFERENCE].rooms()):
        raise Problem(404, f"Nothing is known of room {params.room}.")
    shown = describe(params.room, found, traced.unix_offset)
    if params.view == "text":
        return web.Response(text=as_text(shown))
    if params.view == "svg":
        return web.Response(text=as_svg(shown), content_type="image/svg+xml")
    return shown
