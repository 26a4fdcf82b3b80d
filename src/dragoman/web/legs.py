"""What is served of the people in a room: to look, mute, put into another language, hang up."""

from __future__ import annotations

from aiohttp import web

from dragoman.pipeline.conference import LegState
from dragoman.web.admin_desk import admin_of, asterisk, legs_of
from dragoman.web.problem import Problem
from dragoman.web.room_models import HungUp, LegChange, LegPath, Legs
from dragoman.web.routes import CONFERENCE, LANGUAGES, RoomPath, api
from dragoman.web.state import LegInfo


@api.get("/api/rooms/{room}/legs", summary="The people in a room", params=RoomPath, answer=Legs, problems=(422,))
async def room_legs(request: web.Request, params: RoomPath) -> Legs:
    """Nobody, when it is empty."""
    return Legs(
        legs=[leg for found in request.app[CONFERENCE].rooms() if found.room == params.room for leg in found.legs]
    )


@api.send(
    "PATCH",
    "/api/rooms/{room}/legs/{leg}",
    summary="Mute somebody, or put him into another language",
    params=LegPath,
    body=LegChange,
    answer=LegInfo,
    problems=(404, 409, 413, 415, 422, 503),
    audit="change a leg",
    live=True,
)
async def change_leg(request: web.Request, params: LegPath, body: LegChange) -> LegInfo:
    """He leaves his place for a moment, hears what was done if he was muted or unmuted, and has another id then.

    He may unmute himself with ``*6``, and choose another language with ``*3``, as ever.
    """
    legs = legs_of(request)
    named = _find(request, params.room, params.leg)
    async with legs.turn(named):
        state = _find(request, params.room, named.leg.channel_id)  # whoever acted before us changed his leg's id
        language = body.language or state.leg.language
        muted = state.muted if body.muted is None else body.muted
        setup = (admin_of(request).rooms or {}).get(params.room)
        offered = (setup and setup.languages) or request.app[LANGUAGES]
        if language not in offered and language != state.leg.language:
            raise Problem(422, f"body.language: choose one of {', '.join(offered)}.", languages=list(offered))
        if (language, muted) == (state.leg.language, state.muted):
            return _shown(request, state.leg.id)
        with asterisk():
            moved = await legs.move(state, language, muted=muted)
    if moved is None:
        raise Problem(409, f"Leg {params.leg} has not come back: the call may be over.")
    return _shown(request, moved.leg.id)


@api.send(
    "DELETE",
    "/api/rooms/{room}/legs/{leg}",
    summary="Hang somebody up",
    params=LegPath,
    status=204,
    problems=(404, 422, 503),
    audit="hang up a leg",
    live=True,
)
async def hang_up_leg(request: web.Request, params: LegPath) -> None:
    """Ends his call."""
    state = _find(request, params.room, params.leg)
    with asterisk():
        await legs_of(request).hang_up(state)


@api.send(
    "DELETE",
    "/api/rooms/{room}/legs",
    summary="Hang everybody in a room up",
    params=RoomPath,
    answer=HungUp,
    problems=(422, 503),
    audit="hang up a room",
    live=True,
)
async def hang_up_room(request: web.Request, params: RoomPath) -> HungUp:
    """Ends the calls of all who are listed there. Who comes later is let in as ever; after 503 ask again."""
    legs = legs_of(request)
    with asterisk():
        return HungUp(legs=[state.leg.channel_id for state in legs.of(params.room) if await legs.hang_up(state)])


def _find(request: web.Request, room: str, leg: str) -> LegState:
    state = legs_of(request).find(room, leg)
    if state is None:
        raise Problem(404, f"There is no leg {leg} in room {room}.")
    return state


def _shown(request: web.Request, leg_id: str) -> LegInfo:
    for found in request.app[CONFERENCE].rooms():
        for leg in found.legs:
            if leg.id == leg_id:
                return leg
    raise Problem(409, f"Leg {leg_id} has left meanwhile.")
