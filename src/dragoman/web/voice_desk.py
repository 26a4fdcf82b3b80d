"""What the routes of voices share: the desk they ask, and how they say that it cannot be had."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import hdrs, web

from dragoman.enrolment.codes import CodeBook
from dragoman.enrolment.desk import EnrolmentDesk, Place
from dragoman.errors import EnrolmentBusy
from dragoman.web.preview import Previews
from dragoman.web.problem import Problem
from dragoman.web.progress import ProgressStreams
from dragoman.web.upload import TooSlow

DESK = web.AppKey("desk", EnrolmentDesk)
PROGRESS = web.AppKey("progress", ProgressStreams)
PREVIEWS = web.AppKey("previews", Previews)
CODES = web.AppKey("codes", CodeBook)

COMMON = (401, 403, 503)
"""Problems of every route here: no token, another origin, no voices on this daemon."""


def add_voices(app: web.Application, desk: EnrolmentDesk, codes: CodeBook) -> None:
    """Put an application's voices behind the routes; without this they answer 503."""
    app[DESK] = desk
    app[PROGRESS] = ProgressStreams(desk)
    app[PREVIEWS] = Previews(desk.voices)
    app[CODES] = codes

    async def end_streams(app: web.Application) -> None:
        app[PROGRESS].close()

    app.on_shutdown.append(end_streams)


@asynccontextmanager
async def place_of(request: web.Request) -> AsyncIterator[Place]:
    """A place at the desk, given back unless something was submitted."""
    try:
        place = await desk_of(request).admit()
    except EnrolmentBusy as error:
        raise busy(error) from None
    try:
        yield place
    except EnrolmentBusy as error:
        raise busy(error) from None
    except TooSlow:
        desk_of(request).slow += 1
        raise
    finally:
        await place.release()


def desk_of(request: web.Request) -> EnrolmentDesk:
    """The desk.

    Raises:
        Problem: 503, this daemon has none.
    """
    desk = request.app.get(DESK)
    if desk is None:
        raise Problem(503, "This daemon keeps no voices: set voices.store (docs/enrolment.md).")
    return desk


def busy(error: EnrolmentBusy) -> Problem:
    """503, with the time after which to ask again."""
    return Problem(503, str(error), {hdrs.RETRY_AFTER: f"{error.retry_after:.0f}"})


def no_profile(profile_id: str) -> Problem:
    """404."""
    return Problem(404, f"There is no voice profile {profile_id}.")
