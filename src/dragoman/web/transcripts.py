"""What is served of transcripts: what was said in a room, as far as it is kept; and tickets to read captions with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from aiohttp import hdrs, web

from dragoman.admin.formats import as_srt, as_text, as_vtt
from dragoman.admin.model import Line
from dragoman.admin.tokens import Scope
from dragoman.web.admin_desk import admin_of
from dragoman.web.auth import PINS
from dragoman.web.problem import Problem
from dragoman.web.room_models import DeletedLines, TicketInfo, Transcript, TranscriptQuery, line_info, moment
from dragoman.web.routes import LANGUAGES, RoomPath, api

FORMS = {
    "txt": (as_text, "text/plain"),
    "srt": (as_srt, "application/x-subrip"),
    "vtt": (as_vtt, "text/vtt"),
}
"""Beside JSON: how each is written, and its media type."""

ROUNDED = 5e-7
"""Seconds that a line's time may lie behind or before what was told of it: times are told in whole microseconds."""


@api.send(
    "POST",
    "/api/rooms/{room}/tickets",
    summary="A ticket to read a room's captions and transcripts",
    params=RoomPath,
    status=201,
    answer=TicketInfo,
    problems=(422,),
    access=Scope.READ,
    room_pin=True,
)
async def make_ticket(request: web.Request, params: RoomPath) -> TicketInfo:
    """For a browser's EventSource, which sends no headers: add it to the query. Good for four hours, for this room."""
    ticket, expires = request.app[PINS].ticket(params.room, time.time())
    return TicketInfo(ticket=ticket, expires=moment(expires))


@api.get(
    "/api/rooms/{room}/transcript",
    summary="What was said in a room, in one language",
    params=TranscriptQuery,
    answer=Transcript,
    problems=(422, 503),
    room_pin=True,
    audit="read a transcript",
    also=tuple(media_type for _, media_type in FORMS.values()),
)
async def transcript(request: web.Request, params: TranscriptQuery) -> web.StreamResponse:
    """As far as the room's ``keep_hours`` keeps it; nothing, where that is 0. As JSON, text, SubRip or WebVTT.

    What nobody listened to or read in this language was never translated into it, and is not there.
    """
    offered = request.app[LANGUAGES]
    if params.lang not in offered:
        why = f"query.lang: {params.lang!r} is not spoken here; choose one of {', '.join(offered)}."
        raise Problem(422, why, languages=list(offered))
    since = 0.0 if params.since is None else params.since.timestamp() - ROUNDED
    until = 1e11 if params.until is None else params.until.timestamp() - ROUNDED
    lines = await admin_of(request).transcript(params.room, params.lang, since, until)
    if params.format == "json":
        text = await asyncio.to_thread(_as_json, params, lines)  # a day of talk takes longer than a tick may
        return web.Response(text=text, content_type="application/json")
    write, media_type = FORMS[params.format]
    name = f"{params.room}-{params.lang}.{params.format}"
    headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"'}
    text = await asyncio.to_thread(write, lines)
    return web.Response(text=text, content_type=media_type, charset="utf-8", headers=headers)


def _as_json(params: TranscriptQuery, lines: Sequence[Line]) -> str:
    found = Transcript(room=params.room, language=params.lang, lines=[line_info(line) for line in lines])
    return found.model_dump_json()


@api.send(
    "DELETE",
    "/api/rooms/{room}/transcript",
    summary="Delete what is kept of what was said in a room",
    params=RoomPath,
    answer=DeletedLines,
    problems=(422, 503),
    audit="delete a transcript",
)
async def delete_transcript(request: web.Request, params: RoomPath) -> DeletedLines:
    """In all languages; what is said from now on is kept again, if the room keeps anything."""
    return DeletedLines(lines=await admin_of(request).delete_transcript(params.room))
