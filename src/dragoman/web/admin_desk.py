"""What the routes of the administration share: the part of the daemon that they ask, and how it says no."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import hdrs, web
from pydantic import BaseModel

from dragoman.admin.journal import masked
from dragoman.admin.legs import Legs
from dragoman.admin.rooms import Room
from dragoman.admin.serving import Administration
from dragoman.telephony.recipes import FAILURES
from dragoman.web.auth import PRINCIPAL
from dragoman.web.problem import Problem
from dragoman.web.room_models import Given

ADMIN = web.AppKey("admin", Administration)

SETTLE_S = 3.0
"""Seconds to wait for Asterisk to take what was set: it takes some ms."""


def admin_of(request: web.Request) -> Administration:
    """The administration."""
    return request.app[ADMIN]


def legs_of(request: web.Request) -> Legs:
    """Who acts on legs.

    Raises:
        Problem: 503, Asterisk is not there yet.
    """
    legs = admin_of(request).legs
    if legs is None:
        raise Problem(503, "The daemon is starting: it does not know Asterisk yet.", {hdrs.RETRY_AFTER: "5"})
    return legs


def room_of(request: web.Request, room: str) -> Room:
    """A room that was set up.

    Raises:
        Problem: 404, it was not; AdminUnavailable: nothing can be.
    """
    admin = admin_of(request)
    admin.open_store()
    found = (admin.rooms or {}).get(room)
    if found is None:
        raise Problem(404, f"Room {room} was not set up.")
    return found


async def audit(
    request: web.Request, action: str, params: BaseModel, body: BaseModel | None = None, *, live: bool = False
) -> None:
    """Write down what is about to be done (openapi.AUDIT)."""
    given = params.model_dump(exclude_none=True, exclude={"ticket"})
    profile, room = str(given.pop("id", "")), str(given.pop("room", "") or getattr(body, "room", ""))
    shown = {name: masked(value) if name == "caller" else value for name, value in given.items()}
    shown |= body.noted() if isinstance(body, Given) else {}
    detail = " ".join(f"{name}={value}" for name, value in shown.items())
    journal = admin_of(request).journal
    write = journal.announce if live else journal.record
    await write(request[PRINCIPAL].name, action, profile=profile, room=room, detail=detail)


@contextmanager
def asterisk() -> Iterator[None]:
    """What is asked of Asterisk inside: 503 when it does not do it."""
    try:
        yield
    except FAILURES as error:
        why = str(error) or type(error).__name__
        raise Problem(503, f"Asterisk did not do it: {why}", {hdrs.RETRY_AFTER: "2"}) from None
