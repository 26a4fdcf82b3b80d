"""Who may ask: a bearer token where one is set (RFC 6750), and without one only this host itself."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from pydantic import SecretStr

from dragoman.web.problem import Problem

OPEN_PATHS = frozenset({"/health/live"})
"""What a supervisor asks before it can know a secret; it tells nothing but that the process runs."""


SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""RFC 9110 section 9.2.1: they change nothing."""


def guard(token: SecretStr | None) -> Middleware:
    """A middleware that lets in who shows the token; without a token, who calls this host by a loopback name.

    The latter is against DNS rebinding: a web page of a foreign name that resolves to 127.0.0.1 would otherwise read
    what people say through the browser of someone at this host. What changes something is refused to pages of other
    origins besides: a browser posts a form to any address, and asks nobody before.
    """
    expected = None if token is None else token.get_secret_value().encode()

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in OPEN_PATHS:
            return await handler(request)
        if expected is None:
            if not _is_loopback(request.headers.get(hdrs.HOST, "")):
                raise Problem(403, "Without a token (http.token) this is served to the names of this host only.")
            if request.method not in SAFE_METHODS and _is_foreign(request):
                raise Problem(403, "Without a token (http.token) pages of other origins may change nothing.")
        else:
            _check(request, expected)
        return await handler(request)

    return guarded


def _check(request: web.Request, expected: bytes) -> None:
    # RFC 6750 section 3: no error code where no credentials were shown, invalid_token where they are wrong.
    given = request.headers.getall(hdrs.AUTHORIZATION, [])
    if not given:
        raise Problem(401, "A bearer token is needed.", {hdrs.WWW_AUTHENTICATE: 'Bearer realm="dragoman"'})
    scheme, _, shown = given[0].partition(" ")
    same = hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), expected)
    if len(given) > 1 or scheme.lower() != "bearer" or not same:
        challenge = 'Bearer realm="dragoman", error="invalid_token"'
        raise Problem(401, "The bearer token is not the right one.", {hdrs.WWW_AUTHENTICATE: challenge})


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
