"""What operators are served: draining for an upgrade, and the audit log."""

from __future__ import annotations

from aiohttp import web

from dragoman.admin.tokens import Scope
from dragoman.web.admin_desk import admin_of
from dragoman.web.openapi import Nothing
from dragoman.web.room_models import AuditLog, AuditQuery, DrainInfo, audit_entry
from dragoman.web.routes import CONFERENCE, api


@api.get("/api/drain", summary="Whether the daemon is on its way out", params=Nothing, answer=DrainInfo)
async def drain_state(request: web.Request, params: Nothing) -> DrainInfo:
    """And how many people are still in rooms."""
    legs = sum(len(found.legs) for found in request.app[CONFERENCE].rooms())
    return DrainInfo(draining=admin_of(request).draining, legs=legs)


@api.send("POST", "/api/drain", summary="Let no new room begin", status=202, answer=DrainInfo, audit="drain", live=True)
async def drain(request: web.Request, params: Nothing) -> DrainInfo:
    """Rooms with somebody in them go on, and may be joined; the daemon ends when the last call is over."""
    admin_of(request).drain()
    return await drain_state(request, params)


@api.send("DELETE", "/api/drain", summary="Let rooms begin again", answer=DrainInfo, audit="resume", live=True)
async def resume(request: web.Request, params: Nothing) -> DrainInfo:
    """The daemon stays."""
    admin_of(request).resume()
    return await drain_state(request, params)


@api.get(
    "/api/audit",
    summary="The audit log",
    params=AuditQuery,
    answer=AuditLog,
    problems=(422, 503),
    access=Scope.ADMIN,
)
async def audit_log(request: web.Request, params: AuditQuery) -> AuditLog:
    """Who used which voice profile, when, for which room; and what was done over REST. Ask on with ``after``."""
    found = await admin_of(request).open_store().audit(params.after, params.limit, params.profile)
    return AuditLog(entries=[audit_entry(entry) for entry in found])
