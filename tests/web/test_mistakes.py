"""What somebody who asks by hand is told of each mistake: a problem document whose detail says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.web.administered import administered, token
from tests.web.serving import serving

from dragoman.admin.tokens import Scope

TOKEN = {"Authorization": "Bearer 0123456789abcdef~token"}
ADMIN, READ = "admin", "read"
JSON = {"Content-Type": "application/json"}

MISTAKES: dict[str, tuple[str, str, str, dict[str, Any], int, tuple[str, ...]]] = {
    "no token": ("", "GET", "/api/stats", {}, 401, ("Authorization: Bearer TOKEN", "dragoman token create")),
    "another scheme": (
        "Basic eDp5",
        "GET",
        "/api/stats",
        {},
        401,
        ("Authorization: Bearer TOKEN", "http.token"),
    ),
    "a wrong token": ("Bearer nope", "GET", "/api/stats", {}, 401, ("wrong, has expired or was taken back",)),
    "a token for less": (READ, "POST", "/api/drain", {}, 403, ("scope admin", "this one has read")),
    "nothing there": (ADMIN, "GET", "/api/room", {}, 404, ("/api/openapi.json",)),
    "another method": (ADMIN, "PUT", "/api/stats", {}, 405, ("does not take PUT", "it takes GET")),
    "no JSON said": (ADMIN, "POST", "/api/rooms", {"data": b"{}"}, 415, ("should be application/json",)),
    "no JSON": (ADMIN, "POST", "/api/rooms", {"data": b"{room:", "headers": JSON}, 422, ("body: Invalid JSON",)),
    "another field": (
        ADMIN,
        "POST",
        "/api/rooms",
        {"json": {"room": "1000", "pinn": "1234"}},
        422,
        ("body.pinn", "there is no such field"),
    ),
    "a long PIN": (ADMIN, "POST", "/api/rooms", {"json": {"room": "1", "pin": "1" * 13}}, 422, ("body.pin", "{3,12}")),
    "an odd room": (ADMIN, "POST", "/api/rooms", {"json": {"room": "../x"}}, 422, ("body.room",)),
    "an unknown room": (ADMIN, "GET", "/api/rooms/4711", {}, 404, ("room 4711",)),
    "a room that was not set up": (ADMIN, "DELETE", "/api/rooms/4711", {}, 404, ("4711 was not set up",)),
    "too much": (ADMIN, "POST", "/api/rooms", {"data": b"[" * 200_000, "headers": JSON}, 413, ("larger than",)),
}


@pytest.mark.parametrize("name", MISTAKES)
async def test_a_mistake_is_told_with_what_to_do(tmp_path: Path, name: str) -> None:
    who, method, path, given, status, parts = MISTAKES[name]
    async with administered(tmp_path) as admin, serving({"token": TOKEN["Authorization"][7:]}, admin=admin) as s:
        shown = {ADMIN: TOKEN, READ: await token(admin, Scope.READ), "": {}}.get(who, {"Authorization": who})
        headers = {**shown, **given.get("headers", {})}
        body = await s.json(path, status, method=method, **{**given, "headers": headers})
    for part in parts:
        assert part in body["detail"], body["detail"]
    for secret in (TOKEN["Authorization"][7:], "1" * 13):
        assert secret not in str(body)
