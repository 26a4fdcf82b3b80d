"""Problem documents: every failure of a handler is one, and tells nothing of our insides."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from dragoman.web.problem import Problem, problems

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def answer(handler: Handler, body: bytes | None = None) -> tuple[int, dict[str, object], str]:
    app = web.Application(middlewares=[problems], client_max_size=100)
    app.router.add_post("/x", handler)
    async with TestClient(TestServer(app)) as client:
        response = await client.post("/x", data=body)
        text = await response.text()
        assert response.content_type == "application/problem+json"
        return response.status, json.loads(text), text


async def test_a_bug_is_500_without_its_trace_and_logged_with_it() -> None:
    async def handler(request: web.Request) -> web.Response:
        raise RuntimeError("the inner secret")

    with capture_logs() as logs:
        status, document, text = await answer(handler)
    assert status == document["status"] == 500
    assert document["title"] == "Internal Server Error"
    assert "secret" not in text and "Traceback" not in text
    assert [(line["event"], line["path"], line["log_level"]) for line in logs] == [("request failed", "/x", "error")]


async def test_a_body_too_large_is_413() -> None:
    async def handler(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    status, document, _ = await answer(handler, b"x" * 101)
    assert (status, document["title"]) == (413, "Request Entity Too Large")


async def test_members_and_headers_of_a_problem() -> None:
    async def handler(request: web.Request) -> web.Response:
        raise Problem(422, "no such language", {"X-Test": "1"}, languages=["en"])

    _, document, _ = await answer(handler)
    assert document == {
        "type": "about:blank",
        "title": document["title"],
        "status": 422,
        "detail": "no such language",
        "languages": ["en"],
    }


async def test_what_is_no_error_passes() -> None:
    async def handler(request: web.Request) -> web.Response:
        raise web.HTTPFound("/elsewhere")

    app = web.Application(middlewares=[problems])
    app.router.add_get("/x", handler)
    async with TestClient(TestServer(app)) as client:
        response = await client.get("/x", allow_redirects=False)
        assert response.status == 302
