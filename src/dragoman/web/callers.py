"""Who gets which voice: caller ids, and the codes by which people enrol themselves by phone."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from aiohttp import web

from dragoman.admin.tokens import Scope
from dragoman.errors import EnrolmentBusy
from dragoman.web.openapi import Nothing
from dragoman.web.problem import Problem
from dragoman.web.routes import LANGUAGES, api
from dragoman.web.voice_desk import CODES, COMMON, busy, desk_of, no_profile
from dragoman.web.voice_models import CallerGiven, CallerInfo, CallerMap, CallerPath, CodeGiven, CodeInfo


@api.get(
    "/api/caller-ids",
    summary="Who gets which voice",
    params=Nothing,
    answer=CallerMap,
    access=Scope.ADMIN,
    problems=COMMON,
)
async def caller_ids(request: web.Request, params: Nothing) -> CallerMap:
    """Every caller id with a profile."""
    found = await desk_of(request).voices.callers()
    return CallerMap(callers=[CallerInfo(caller=caller, profile=profile_id) for caller, profile_id in found])


@api.send(
    "PUT",
    "/api/caller-ids/{caller}",
    summary="Give a caller id a voice",
    audit="give a caller a voice",
    params=CallerPath,
    body=CallerGiven,
    answer=CallerInfo,
    problems=(*COMMON, 404, 413, 415, 422),
)
async def assign_caller(request: web.Request, params: CallerPath, body: CallerGiven) -> CallerInfo:
    """In place of the one that it had."""
    if not await desk_of(request).voices.assign(params.caller, body.profile):
        raise no_profile(body.profile)
    return CallerInfo(caller=params.caller, profile=body.profile)


@api.send(
    "DELETE",
    "/api/caller-ids/{caller}",
    summary="Take a caller id's voice away",
    audit="take a caller's voice away",
    params=CallerPath,
    status=204,
    problems=(*COMMON, 404, 422),
)
async def unassign_caller(request: web.Request, params: CallerPath) -> None:
    """The profile stays."""
    if not await desk_of(request).voices.unassign(params.caller):
        raise Problem(404, f"{params.caller} has no voice profile.")


@api.send(
    "POST",
    "/api/enrolment-codes",
    summary="A code to enrol by phone with",
    access=Scope.ENROL,
    audit="make an enrolment code",
    body=CodeGiven,
    status=201,
    answer=CodeInfo,
    problems=(*COMMON, 413, 415, 422),
)
async def make_code(request: web.Request, params: Nothing, body: CodeGiven) -> CodeInfo:
    """Good once, for a while: who dials the enrolment extension enters it."""
    desk_of(request)
    offered = request.app[LANGUAGES]
    if body.language not in offered:
        raise Problem(422, f"body.language: choose one of {', '.join(offered)}.", languages=list(offered))
    try:
        code = request.app[CODES].make(body.name, body.language, tuple(body.callers), time.time())
    except EnrolmentBusy as error:
        raise busy(error) from None
    return CodeInfo(
        code=code.digits, name=code.name, language=code.language, expires=datetime.fromtimestamp(code.expires_at, UTC)
    )
