"""Who asks, and whether he may: bearer tokens with scopes (RFC 6750), a room's PIN, or this host itself."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from math import ceil

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from pydantic import SecretStr

from dragoman.admin.tokens import Scope, TokenBook, allows, is_token
from dragoman.web.openapi import Route, route_of
from dragoman.web.pins import PIN_HEADER, Pins
from dragoman.web.problem import Problem
from dragoman.web.rates import Rates

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""RFC 9110 section 9.2.1: they change nothing."""

REALM = 'Bearer realm="dragoman"'

NEEDED = (
    "A token is needed: send the header Authorization: Bearer TOKEN, with that of http.token or one that "
    "dragoman token create has made."
)
REFUSED = "This token is wrong, has expired or was taken back; dragoman token create makes another."


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    name: str
    """As the audit log calls him: ``token NAME``, ``settings``, ``local``, ``pin``."""
    scopes: frozenset[Scope]
    room: str = ""
    """The room whose PIN he has; empty: he has come with something else."""


PRINCIPAL = web.RequestKey("principal", Principal)
PINS = web.AppKey("pins", Pins)

LOCAL = Principal("local", frozenset({Scope.ADMIN}))
SETTINGS = Principal("settings", frozenset({Scope.ADMIN}))


class Guard:
    """Lets in who shows a token, or the PIN of the room that he asks for; where there is no token, this host alone.

    The latter goes by the name that the host is called: against DNS rebinding, where a web page of a foreign name that
    resolves to 127.0.0.1 would read what people say through the browser of someone at this host. What changes something
    is refused to pages of other origins besides: a browser posts a form to any address, and asks nobody before.

    Args:
        token: of the settings: it may do everything.
        tokens: those that were made; None: not known, because their store does not answer.
        pins: of rooms.
        requests: of one token in a minute.
        guesses: wrong tokens from one address in a minute.
    """

    def __init__(
        self,
        token: SecretStr | None,
        tokens: Callable[[], TokenBook | None],
        pins: Pins,
        *,
        requests: int,
        guesses: int,
    ) -> None:
        self._token = None if token is None else token.get_secret_value().encode()
        self._tokens = tokens
        self._pins = pins
        self._requests = Rates(requests, 60.0)
        self._wrong = Rates(guesses, 60.0)

    @property
    def middleware(self) -> Middleware:
        """For an application."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            route = route_of(request)
            if route is None or route.access is not None:
                request[PRINCIPAL] = self._admit(request, route)
            return await handler(request)

        return guarded

    def _admit(self, request: web.Request, route: Route | None) -> Principal:
        principal = self._identify(request, route)
        if principal is not LOCAL:
            wait = self._requests.take(f"{principal.name} {principal.room}", _now())
            if wait:
                raise _too_many("Too many requests: wait for the seconds of Retry-After.", wait)
        if route is not None and route.access is not None and not principal.room:
            if not allows(principal.scopes, route.access):
                challenge = f'{REALM}, error="insufficient_scope", scope="{route.access}"'
                why = f"This needs a token with the scope {route.access}; this one has {_listed(principal)}."
                raise Problem(403, why, {hdrs.WWW_AUTHENTICATE: challenge})
        return principal

    def _identify(self, request: web.Request, route: Route | None) -> Principal:
        given = request.headers.getall(hdrs.AUTHORIZATION, [])
        if given:
            return self._bearer(request, given)
        if route is not None and route.room_pin and (found := self._with_pin(request)) is not None:
            return found
        if self._is_local(request):
            return LOCAL
        # RFC 6750 section 3: no error code where no credentials were shown.
        raise Problem(401, NEEDED, {hdrs.WWW_AUTHENTICATE: REALM})

    def _bearer(self, request: web.Request, given: list[str]) -> Principal:
        scheme, _, shown = given[0].partition(" ")
        shown = shown.strip()
        if len(given) == 1 and scheme.lower() == "bearer":
            if self._token is not None and hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), self._token):
                return SETTINGS
            found = (self._tokens() or TokenBook()).find(shown, time.time())
            if found is not None:
                return Principal(f"token {found.name}", found.scopes)
            if self._is_local(request):  # a token where none is needed is no reason to refuse
                return LOCAL
            if self._tokens() is None and is_token(shown):  # good, maybe: no wrong guess
                raise _not_known()
        wait = self._wrong.take(request.remote or "", _now())
        if wait:
            raise _too_many("Too many wrong tokens: wait for the seconds of Retry-After.", wait)
        why = REFUSED if scheme.lower() == "bearer" else NEEDED
        raise Problem(401, why, {hdrs.WWW_AUTHENTICATE: f'{REALM}, error="invalid_token"'})

    def _is_local(self, request: web.Request) -> bool:
        """Whether this host needs no token, because there is none at all."""
        tokens = self._tokens()
        if self._token is not None or (tokens is not None and len(tokens)):
            return False
        if tokens is None:
            raise _not_known()
        _check_local(request)
        return True

    def _with_pin(self, request: web.Request) -> Principal | None:
        """Who shows the PIN of the room that he asks for, or a ticket; None: neither is shown."""
        room = request.match_info.get("room", "")
        ticket, pin = request.query.get("ticket"), request.headers.get(PIN_HEADER)
        if ticket is not None and self._pins.good(room, ticket, time.time()):
            return Principal("pin", frozenset(), room)
        if pin is None:
            return None
        address, now = request.remote or "", _now()
        if wait := self._pins.wait(room, address, now):
            raise _too_many("Too many wrong PINs.", wait)
        if self._pins.right(room, pin, address, now):
            return Principal("pin", frozenset(), room)
        raise Problem(401, "This is not the PIN of the room.", {hdrs.WWW_AUTHENTICATE: REALM})


def _listed(principal: Principal) -> str:
    return ", ".join(sorted(principal.scopes)) or "none"


def _too_many(why: str, wait: float) -> Problem:
    return Problem(429, why, {hdrs.RETRY_AFTER: str(max(1, ceil(wait)))})


def _not_known() -> Problem:
    why = "The store of tokens is not open: the daemon starts, or its database is away."
    return Problem(503, why, {hdrs.RETRY_AFTER: "5"})


def _now() -> float:
    return asyncio.get_running_loop().time()


def _check_local(request: web.Request) -> None:
    if not _is_loopback(request.headers.get(hdrs.HOST, "")):
        raise Problem(403, "Without a token (http.token) this is served to the names of this host only.")
    if request.method not in SAFE_METHODS and _is_foreign(request):
        raise Problem(403, "Without a token (http.token) pages of other origins may change nothing.")


def _is_loopback(host: str) -> bool:
    """Whether a Host header (RFC 9110 section 7.2: name, or address, with or without a port) means this host."""
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _is_foreign(request: web.Request) -> bool:
    """Whether a page of another origin sends this. Browsers add Origin to all but GET and HEAD (WHATWG Fetch)."""
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is not None and origin.partition("://")[2].lower() != request.headers.get(hdrs.HOST, "").lower()
