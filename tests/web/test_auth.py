"""Who is let in: with a token, without one, and by what name the server is called."""

from __future__ import annotations

import pytest
from tests.web.serving import serving

TOKEN = "0123456789abcdef~token"
PATHS = [
    "/health/ready",
    "/metrics",
    "/api/rooms",
    "/api/rooms/1000",
    "/api/rooms/1000/captions?lang=es",
    "/api/stats",
    "/api/openapi.json",
    "/api/nonesuch",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("shown", "error"),
    [
        (None, False),
        ("", True),
        ("Bearer", True),
        ("Bearer ", True),
        ("Bearer wrong", True),
        (f"Bearer {TOKEN}x", True),
        (f"Bearer {TOKEN[:-1]}", True),
        (f"Basic {TOKEN}", True),
        (TOKEN, True),
        ("Bearer ÿ\udcff", True),
    ],
)
async def test_no_other_gets_in(path: str, shown: str | None, error: bool) -> None:
    async with serving({"token": TOKEN}) as s:
        headers = {} if shown is None else {"Authorization": shown.encode("utf-8", "replace").decode()}
        async with s.session.get(path, headers=headers) as response:
            assert response.status == 401
            assert response.content_type == "application/problem+json"
            challenge = response.headers["WWW-Authenticate"]
            assert challenge.startswith("Bearer realm=")
            assert ("invalid_token" in challenge) is error
            assert TOKEN not in await response.text()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_the_token_opens(path: str, scheme: str) -> None:
    async with serving({"token": TOKEN}) as s:
        async with s.session.get(path, headers={"Authorization": f"{scheme} {TOKEN}"}) as response:
            assert response.status == {"/health/ready": 503, "/api/nonesuch": 404}.get(path, 200)


async def test_the_token_does_not_count_in_the_query() -> None:
    async with serving({"token": TOKEN}) as s:
        await s.json(f"/api/rooms?token={TOKEN}&access_token={TOKEN}", 401)


async def test_two_authorizations_are_none() -> None:
    async with serving({"token": TOKEN}) as s:
        headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")]
        async with s.session.get("/api/rooms", headers=headers) as response:
            assert response.status in (400, 401)


async def test_live_is_open() -> None:
    async with serving({"token": TOKEN}) as s:
        await s.json("/health/live")
        await s.json("/health/live", headers={"Host": "example.org"})


async def test_beyond_this_host_with_a_token() -> None:
    async with serving({"token": TOKEN, "bind": "0.0.0.0"}) as s:
        await s.json("/api/rooms", 401)
        await s.json("/api/rooms", headers={"Authorization": f"Bearer {TOKEN}", "Host": "example.org"})


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8700", "localhost", "LOCALHOST:1", "localhost.", "[::1]:8700", "[::1]"]
)
async def test_without_a_token_by_a_name_of_this_host(host: str) -> None:
    async with serving() as s:
        await s.json("/api/rooms", headers={"Host": host})


@pytest.mark.parametrize(
    "host", ["example.org", "127.0.0.1.example.org", "192.0.2.7", "", "[::2]", "localhost.example.org:80"]
)
async def test_without_a_token_not_by_a_foreign_name(host: str) -> None:
    async with serving() as s:
        await s.json("/api/rooms", 403, headers={"Host": host})
