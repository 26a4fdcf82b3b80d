"""The HTTP server: puts the application together, starts and stops it."""

from __future__ import annotations

import errno
import logging
import time

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import SecretStr

from dragoman.admin.serving import Administration
from dragoman.config import HttpSettings, Settings
from dragoman.enrolment.codes import CodeBook
from dragoman.enrolment.desk import EnrolmentDesk
from dragoman.errors import ConfigError
from dragoman.observe.health import Health
from dragoman.observe.metrics import Metrics
from dragoman.observe.trace import TraceBook
from dragoman.pipeline.captions import CaptionHub
from dragoman.recovery.events import HealthBus
from dragoman.web import callers, events, legs, operations, rooms, routes, traces, transcripts, voices
from dragoman.web.admin_desk import ADMIN, audit
from dragoman.web.auth import PINS, Guard
from dragoman.web.captions import CaptionStreams
from dragoman.web.openapi import AUDIT
from dragoman.web.pins import Pins
from dragoman.web.problem import problems
from dragoman.web.sse import KEEPALIVE_S
from dragoman.web.state import ConferenceView
from dragoman.web.traces import Traced
from dragoman.web.voice_desk import add_voices

ROUTES = (routes, rooms, legs, transcripts, traces, events, operations, voices, callers)
"""The modules that declare what is served."""

BODY_LIMIT = 64 * 1024
"""Bytes of a request's body in JSON; forms with files are read as a stream, within limits of their own (upload.py)."""

CLOSE_S = 2.0
"""Seconds that requests in progress get when the server stops; caption streams are told to end before."""


def build_app(
    settings: Settings,
    *,
    conference: ConferenceView,
    captions: CaptionHub,
    metrics: Metrics,
    health: Health,
    traced: Traced | None = None,
    keepalive_s: float = KEEPALIVE_S,
    desk: EnrolmentDesk | None = None,
    codes: CodeBook | None = None,
    bus: HealthBus | None = None,
    admin: Administration | None = None,
) -> web.Application:
    """The application with all its routes, guarded by ``settings.http.token`` and the tokens that were made.

    Without a ``desk`` what is served of voices answers 503; without an ``admin`` nothing can be set up.
    """
    admin = admin or Administration(settings.admin, settings.admission)
    pins = Pins(lambda room: _pin_of(admin, settings, room), settings.admin.guesses_per_minute)
    guard = Guard(
        settings.http.token,
        lambda: admin.tokens,
        pins,
        requests=settings.admin.requests_per_minute,
        guesses=settings.admin.guesses_per_minute,
    )
    app = web.Application(middlewares=[problems, guard.middleware], client_max_size=BODY_LIMIT)
    app[ADMIN], app[PINS], app[AUDIT] = admin, pins, audit
    app[routes.CONFERENCE] = conference
    app[routes.CAPTIONS] = CaptionStreams(captions, metrics, keepalive_s)
    app[events.EVENTS] = events.EventStreams(bus or HealthBus(time.time), metrics, keepalive_s)
    app[routes.METRICS] = metrics
    app[routes.HEALTH] = health
    app[routes.LANGUAGES] = settings.rooms.languages
    app[traces.TRACES] = traced or Traced(TraceBook(), 0.0)
    if desk is not None:
        add_voices(app, desk, codes or CodeBook())
    routes.api.add_to(app)
    app.on_response_prepare.append(_headers)
    app.on_shutdown.append(_end_streams)
    return app


def _pin_of(admin: Administration, settings: Settings, room: str) -> SecretStr | None:
    """The PIN that a caller would have to key: the room's own, else the site's."""
    found = (admin.rooms or {}).get(room)
    return settings.rooms.pin if found is None or found.pin is None else found.pin


async def _headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers[hdrs.SERVER] = "dragoman"  # not the versions of what is beneath
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


async def _end_streams(app: web.Application) -> None:
    app[routes.CAPTIONS].close()
    app[events.EVENTS].close()


def _malformed(record: logging.LogRecord) -> bool:
    """Have one line, and no traceback, of a request that is no HTTP: anybody may send as many as he likes."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.exc_info = None
        return logging.getLogger(record.name).isEnabledFor(logging.INFO)
    return True


class WebServer:
    """Serves an application on the address of the settings."""

    def __init__(self, app: web.Application, settings: HttpSettings) -> None:
        self._settings = settings
        # handler_cancellation: a caption stream ends when its reader leaves, not at the next write.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=CLOSE_S)

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigError: the address or port cannot be had.
        """
        logging.getLogger("aiohttp.server").addFilter(_malformed)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._settings.bind, self._settings.port).start()
        except OSError as error:
            await self._runner.cleanup()
            todo = "; set another http.port, or end what listens there" if error.errno == errno.EADDRINUSE else ""
            raise ConfigError(f"http.bind, http.port: {error.strerror or error}{todo}") from None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens: the port that was taken, when the settings say 0."""
        host, port = self._runner.addresses[0][:2]
        return host, port

    async def close(self) -> None:
        """End caption streams, let other requests finish for CLOSE_S seconds, stop; idempotent."""
        await self._runner.cleanup()
