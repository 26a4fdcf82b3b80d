"""Errors over HTTP: every one is an RFC 9457 problem document, none shows a stack trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from dragoman.errors import AdminError, VoiceError
from dragoman.redaction import KNOWN

CONTENT_TYPE = "application/problem+json"

KEPT_HEADERS = (hdrs.ALLOW, hdrs.WWW_AUTHENTICATE, hdrs.RETRY_AFTER)
"""Headers that give an error its meaning (RFC 9110: 405 needs Allow, 401 needs WWW-Authenticate)."""

_log = structlog.get_logger(__name__)


class ProblemDocument(BaseModel):
    """RFC 9457 section 3.1. ``type`` is about:blank: title and status say it, ``detail`` what is wrong here."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""


class Problem(Exception):
    """Raised by a handler: answer with this problem."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, **members: object) -> None:
        """``members`` are extension members (RFC 9457 section 3.2), JSON values."""
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})
        self.document = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            **members,
        }

    def response(self) -> web.Response:
        """The answer."""
        body = KNOWN.without(json.dumps(self.document, ensure_ascii=False))
        return web.Response(status=self.status, text=body, content_type=CONTENT_TYPE, headers=self.headers)


def invalid(error: ValidationError, place: Callable[[str], str]) -> Problem:
    """422 for parameters that a model refused; ``place`` tells for each whether it is of path, query or body."""
    errors = [
        {
            "where": ".".join((place(str(next(iter(detail["loc"]), ""))), *map(str, detail["loc"]))),
            "detail": _plain(detail),
        }
        for detail in error.errors(include_url=False, include_input=False, include_context=True)
    ]
    return Problem(422, "; ".join(f"{item['where']}: {item['detail']}" for item in errors), errors=errors)


def _plain(detail: ErrorDetails) -> str:
    """What is wrong, in words for who does not know the models."""
    match detail["type"]:
        case "string_pattern_mismatch" if detail["ctx"]["pattern"] == r"\S":
            return "should not be blank"
        case "extra_forbidden":
            return "there is no such field"
    return detail["msg"].removeprefix("Value error, ")


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem document."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        headers = {str(name): error.headers[name] for name in KEPT_HEADERS if name in error.headers}
        detail = _DETAILS.get(error.status, error.reason)
        if hdrs.ALLOW in headers:
            detail = f"This path does not take {request.method}; it takes {headers[hdrs.ALLOW].replace(',', ', ')}."
        return Problem(error.status, detail, headers).response()
    except (VoiceError, AdminError) as error:
        # The store does not answer, or is locked; a profile in it is broken; an encoder is not there.
        again: dict[str, str] = {hdrs.RETRY_AFTER: "5"} if error.retryable else {}
        return Problem(503, str(error), again).response()
    except ConnectionResetError:
        raise  # the client went away: there is nobody to tell
    except Exception:
        _log.exception("request failed", method=request.method, path=request.path)
        return Problem(500, "The request failed inside the daemon; its log says why.").response()


_DETAILS = {
    404: "There is nothing at this path; /api/openapi.json lists what there is.",
    413: "The body is larger than anything this interface takes.",
}
