"""What is served of rooms: who is in them, and how they are set up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from aiohttp import hdrs, web
from pydantic import SecretStr

from dragoman.admin.rooms import Room
from dragoman.errors import ConfigError
from dragoman.glossary.parse import parse_glossary
from dragoman.web.admin_desk import SETTLE_S, admin_of, room_of
from dragoman.web.openapi import Nothing
from dragoman.web.problem import Problem
from dragoman.web.room_models import (
    GLOSSARY_CHARS,
    RoomChange,
    RoomGiven,
    RoomSetup,
    RoomState,
    RoomStates,
    room_from,
    setup_info,
)
from dragoman.web.routes import CAPTIONS, CONFERENCE, LANGUAGES, RoomPath, api
from dragoman.web.state import RoomInfo

MOST_ROOMS = 500
"""That are set up: their numbers fit into one variable (8 KB) in which Asterisk tells what its database has."""


@api.get("/api/rooms", summary="The rooms somebody is in, and those set up", params=Nothing, answer=RoomStates)
async def rooms(request: web.Request, params: Nothing) -> RoomStates:
    """Rooms with their people and booths."""
    live = {found.room: found for found in request.app[CONFERENCE].rooms()}
    names = sorted({*live, *(admin_of(request).rooms or {})})
    return RoomStates(rooms=[_state(request, name, live.get(name)) for name in names])


@api.get("/api/rooms/{room}", summary="One room", params=RoomPath, answer=RoomState, problems=(404, 422))
async def room(request: web.Request, params: RoomPath) -> RoomState:
    """404 when nobody is in it and it was not set up."""
    live = next((found for found in request.app[CONFERENCE].rooms() if found.room == params.room), None)
    if live is None and params.room not in (admin_of(request).rooms or {}):
        raise Problem(404, f"Nobody is in room {params.room}.")
    return _state(request, params.room, live)


@api.send(
    "POST",
    "/api/rooms",
    summary="Set a room up",
    body=RoomGiven,
    status=201,
    answer=RoomState,
    problems=(409, 413, 415, 422, 503),
    audit="set up a room",
)
async def create_room(request: web.Request, params: Nothing, body: RoomGiven) -> web.StreamResponse:
    """PIN, languages, glossary, caps, retention. It holds for who calls from now on, with the daemon away too.

    409 if it was set up already; 503 with ``admin.store`` not set.
    """
    admin = admin_of(request)
    admin.open_store()
    async with admin.changing:
        if body.room in (admin.rooms or {}):
            raise Problem(409, f"Room {body.room} was set up already: change it with PATCH.")
        if len(admin.rooms or {}) >= MOST_ROOMS:
            raise Problem(409, f"{MOST_ROOMS} rooms are set up already: delete one first.")
        made = room_from(body, admin.clock())
        _check(request, made)
        await admin.put_room(made)
    _expel(request, made.room, None, made.pin)
    state = await _settled(request, made)
    headers = {hdrs.LOCATION: f"/api/rooms/{made.room}"}
    return web.Response(status=201, text=state.model_dump_json(), content_type="application/json", headers=headers)


@api.send(
    "PATCH",
    "/api/rooms/{room}",
    summary="Change how a room is set up",
    params=RoomPath,
    body=RoomChange,
    answer=RoomState,
    problems=(404, 413, 415, 422, 503),
    audit="change a room",
)
async def change_room(request: web.Request, params: RoomPath, body: RoomChange) -> RoomState:
    """Holds for who calls from now on; a glossary, retention and a cap on cost at once.

    Another PIN ends the captions of who reads them by the one before.
    """
    admin = admin_of(request)
    given = body.model_dump(include=body.model_fields_set)
    if "pin" in given:
        given["pin"] = None if body.pin is None else SecretStr(body.pin)
    if "languages" in given:
        given["languages"] = tuple(body.languages)
    async with admin.changing:
        before = room_of(request, params.room)
        changed = replace(before, **given, changed=admin.clock())
        _check(request, changed)
        await admin.put_room(changed)
    _expel(request, changed.room, before.pin, changed.pin)
    return await _settled(request, changed)


@api.send(
    "DELETE",
    "/api/rooms/{room}",
    summary="Take a room's settings away",
    params=RoomPath,
    status=204,
    problems=(404, 422, 503),
    audit="delete a room",
)
async def delete_room(request: web.Request, params: RoomPath) -> None:
    """Its transcripts go with it. Who is in it stays; the site's settings hold for who calls from now on."""
    admin = admin_of(request)
    async with admin.changing:
        found = room_of(request, params.room)
        await admin.delete_room(found.room)
    _expel(request, found.room, found.pin, None)
    if admin.keeper is not None:
        await admin.keeper.settled(found.room, SETTLE_S)


def _expel(request: web.Request, room: str, before: SecretStr | None, after: SecretStr | None) -> None:
    """Let nobody read on by a PIN that is the room's no more; None: the site's."""
    if before != after:
        request.app[CAPTIONS].expel(room)


async def _settled(request: web.Request, made: Room) -> RoomState:
    """As it is shown, once Asterisk knows it or is not there."""
    admin = admin_of(request)
    if admin.keeper is not None:
        await admin.keeper.settled(made.room, SETTLE_S)
    live = next((found for found in request.app[CONFERENCE].rooms() if found.room == made.room), None)
    return _state(request, made.room, live)


def _check(request: web.Request, made: Room) -> None:
    """Refuse what no schema tells: other languages than the site's, a glossary of which nothing counts."""
    offered = request.app[LANGUAGES]
    unknown = [code for code in made.languages if code not in offered]
    if unknown or len(set(made.languages)) != len(made.languages):
        why = f"body.languages: each once, of {', '.join(offered)}."
        raise Problem(422, why, languages=list(offered))
    if len(made.glossary) > GLOSSARY_CHARS:
        raise Problem(422, f"body.glossary: {len(made.glossary)} characters; {GLOSSARY_CHARS} are taken at most.")
    if made.glossary:
        try:
            problems: Iterable[str] = parse_glossary(made.glossary.encode(), "body.glossary").problems
        except ConfigError as error:
            problems = (str(error),)
        if problems:
            raise Problem(422, "; ".join(problems)[:2000])


def _state(request: web.Request, name: str, live: RoomInfo | None) -> RoomState:
    admin = admin_of(request)
    found = (admin.rooms or {}).get(name)
    setup: RoomSetup | None = None
    if found is not None:
        now = admin.clock()
        enforced = admin.keeper is not None and admin.keeper.enforced(name)
        setup = setup_info(found, admin.spending.of(name, now), admin.spending.cost(name, now), enforced)
    shown = live or RoomInfo(room=name, languages=[], legs=[], booths=[])
    return RoomState(**dict(shown), setup=setup)
