"""Routes declared once: parameters and bodies checked by pydantic, and described as OpenAPI 3.1 by the same models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from dragoman import __version__
from dragoman.admin.tokens import Scope
from dragoman.web import problem

JSON = "application/json"

GUARDED = (401, 403, 429)
"""Problems of every route that is not open: no token, or not one for this; too many requests."""

_SCHEMES: Mapping[str, object] = {
    "token": {"type": "http", "scheme": "bearer", "description": "Its scopes: read, enrol, admin (all)"},
    "room_pin": {"type": "apiKey", "in": "header", "name": "Dragoman-Room-Pin"},
    "room_ticket": {"type": "apiKey", "in": "query", "name": "ticket", "description": "For the PIN, where no header"},
}

Answer = BaseModel | web.StreamResponse | None
"""What a handler returns; None: nothing to say (204)."""

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Answer]])


class Auditor(Protocol):
    """Writes down, before it is done, what a route is about to do, and by whom it was asked."""

    async def __call__(
        self, request: web.Request, action: str, params: BaseModel, body: BaseModel | None = None, *, live: bool = False
    ) -> None:
        """``action`` is the route's ``audit``; what this raises keeps it from being done. ``live``: nothing does."""


AUDIT = web.AppKey("audit", Auditor)


class Nothing(BaseModel):
    """No parameters."""


class Empty(BaseModel):
    """No answer but the status."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route. Fields of ``params`` that stand in braces in ``path`` are of the path, the others of the query.

    A route with a ``body`` in JSON has its handler called with it too, as ``handler(request, params, body)``. A body of
    another type is only described by the model: the handler reads it from the request, as a stream.
    """

    path: str
    handler: Callable[..., Awaitable[Answer]]
    summary: str
    params: type[BaseModel]
    headers: Mapping[str, str]
    """Request headers that the handler reads itself, with what they mean."""
    answer: type
    """What is answered, or what one event of a stream carries."""
    media_type: str
    problems: tuple[int, ...]
    """Status codes of the problems it may answer."""
    method: str = "GET"
    status: int = 200
    body: type[BaseModel] | None = None
    body_type: str = JSON
    links: Mapping[str, str] = field(default_factory=dict)
    """Operations that take this answer's ``id`` for their path parameter of that name: operation id -> parameter."""
    access: Scope | None = Scope.ADMIN
    """What a token needs for it; None: it is open to everybody."""
    room_pin: bool = False
    """Whether the PIN of the room in its path opens it as well."""
    audit: str = ""
    """What it does, in the audit log's words; empty: it is not written down."""
    live: bool = False
    """Whether it is done to calls that are up, and so also while it cannot be written down yet."""
    also: tuple[str, ...] = ()
    """Other media types in which it may answer, as text."""

    @property
    def name(self) -> str:
        """Name of the handler; the operation's id."""
        return self.handler.__name__

    def place(self, parameter: str) -> str:
        """Where a parameter stands."""
        return "path" if f"{{{parameter}}}" in self.path else "query"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Check parameters and body, write down what is to be, call the handler, send what it returns."""
        given: dict[str, Any] = {}
        for key in request.query:
            values = request.query.getall(key)
            given[key] = values[0] if len(values) == 1 else values
        try:
            params = self.params.model_validate(given | dict(request.match_info))
        except ValidationError as error:
            raise problem.invalid(error, self.place) from None
        body = None if self.body is None or self.body_type != JSON else await _read(request, self.body)
        if self.audit and (audit := request.app.get(AUDIT)) is not None:
            await audit(request, self.audit, params, body, live=self.live)
        answer = await (self.handler(request, params) if body is None else self.handler(request, params, body))
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.Response(status=self.status)
        return web.Response(status=self.status, text=answer.model_dump_json(), content_type=self.media_type)


def route_of(request: web.Request) -> Route | None:
    """The route that serves a request; None: there is none at its path."""
    route = getattr(request.match_info.handler, "__self__", None)
    return route if isinstance(route, Route) else None


async def _read(request: web.Request, model: type[BaseModel]) -> BaseModel:
    """The body as ``model``.

    Raises:
        Problem: 415, it is not JSON; 422, it is not what the model describes. aiohttp answers 413 to a long one.
    """
    if request.content_type != JSON:
        raise problem.Problem(415, f"The body should be {JSON}, not {request.content_type}.")
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise problem.invalid(error, lambda _: "body") from None


class Api:
    """The routes of an interface: collects them by the decorators, adds them to an application, describes them."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._routes: list[Route] = []

    def get(
        self,
        path: str,
        *,
        summary: str,
        params: type[BaseModel],
        answer: type,
        headers: Mapping[str, str] | None = None,
        media_type: str = JSON,
        problems: tuple[int, ...] = (),
        access: Scope | None = Scope.READ,
        room_pin: bool = False,
        audit: str = "",
        also: tuple[str, ...] = (),
    ) -> Callable[[Handler], Handler]:
        """Declare a GET route; see Route for what each means."""

        def declare(handler: Handler) -> Handler:
            route = Route(path, handler, summary, params, headers or {}, answer, media_type, problems)
            self._routes.append(replace(route, access=access, room_pin=room_pin, audit=audit, also=also))
            return handler

        return declare

    def send(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        params: type[BaseModel] = Nothing,
        body: type[BaseModel] | None = None,
        body_type: str = JSON,
        status: int = 200,
        answer: type = Empty,
        media_type: str = JSON,
        problems: tuple[int, ...] = (),
        links: Mapping[str, str] | None = None,
        access: Scope = Scope.ADMIN,
        room_pin: bool = False,
        audit: str = "",
        live: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare a route that changes something; see Route for what each means."""

        def declare(handler: Handler) -> Handler:
            self._routes.append(
                Route(
                    path,
                    handler,
                    summary,
                    params,
                    {},
                    answer,
                    media_type,
                    problems,
                    method,
                    status,
                    body,
                    body_type,
                    links or {},
                    access,
                    room_pin,
                    audit,
                    live,
                )
            )
            return handler

        return declare

    def add_to(self, app: web.Application) -> None:
        """Add the routes. A stream has no HEAD: it would be opened for nobody."""
        for route in self._routes:
            if route.method == "GET":
                app.router.add_get(route.path, route.serve, allow_head=route.media_type != "text/event-stream")
            else:
                app.router.add_route(route.method, route.path, route.serve)

    def document(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document."""
        answers = {route.answer for route in self._routes} | {problem.ProblemDocument}
        bodies = {route.body for route in self._routes if route.body is not None}
        inputs: list[tuple[Any, Any, TypeAdapter[Any]]] = [
            (each, "serialization", TypeAdapter(each)) for each in sorted(answers, key=lambda a: a.__name__)
        ]
        inputs += [(each, "validation", TypeAdapter(each)) for each in sorted(bodies, key=lambda b: b.__name__)]
        schemas, definitions = TypeAdapter.json_schemas(
            inputs,
            ref_template="#/components/schemas/{model}",
        )
        paths: dict[str, dict[str, Any]] = {}
        for route in self._routes:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
        return {
            "openapi": "3.1.0",
            "info": {"title": self.title, "version": __version__},
            "paths": paths,
            "components": {
                "schemas": definitions.get("$defs", {}),
                "securitySchemes": _SCHEMES,
            },
        }


def _operation(route: Route, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    schema = route.params.model_json_schema()
    parameters = [
        {"name": name, "in": route.place(name), "required": name in schema.get("required", ()), "schema": described}
        for name, described in schema.get("properties", {}).items()
    ]
    parameters += [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in route.headers.items()
    ]
    described: dict[str, Any] = {"description": route.summary}
    if route.answer is not Empty:
        plain = {"type": "string", **({} if _textual(route.media_type) else {"format": "binary"})}
        content = schemas[route.answer, "serialization"] if route.media_type == JSON else plain
        described["content"] = {route.media_type: {"schema": content}}
        described["content"] |= {media_type: {"schema": {"type": "string"}} for media_type in route.also}
    if route.links:
        described["links"] = {
            operation: {"operationId": operation, "parameters": {parameter: "$response.body#/id"}}
            for operation, parameter in route.links.items()
        }
    responses = {str(route.status): described}
    for status in sorted({*route.problems, *(GUARDED if route.access is not None else ())}):
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {problem.CONTENT_TYPE: {"schema": schemas[problem.ProblemDocument, "serialization"]}},
        }
    operation = {
        "operationId": route.name,
        "summary": route.summary,
        "description": " ".join((route.handler.__doc__ or "").split()),
        "parameters": parameters,
        "responses": responses,
        "security": _security(route),
    }
    if route.body is not None:
        content = {route.body_type: {"schema": schemas[route.body, "validation"]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    """What opens it. The last one, nothing, is enough on this host where there is no token at all."""
    if route.access is None:
        return []
    pins: list[dict[str, list[str]]] = [{"room_pin": []}, {"room_ticket": []}] if route.room_pin else []
    return [{"token": [route.access.value]}, *pins, {}]


def _textual(media_type: str) -> bool:
    return media_type.startswith("text/")
