"""Routes declared once: parameters checked by pydantic, and described as OpenAPI 3.1 by the same models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from dragoman import __version__
from dragoman.web import problem

P = TypeVar("P", bound=BaseModel)


class Nothing(BaseModel):
    """No parameters."""


@dataclass(frozen=True, slots=True)
class Route:
    """One GET route. Fields of ``params`` that stand in braces in ``path`` are of the path, the others of the query."""

    path: str
    handler: Callable[[web.Request, Any], Awaitable[BaseModel | web.StreamResponse]]
    summary: str
    params: type[BaseModel]
    headers: Mapping[str, str]
    """Request headers that the handler reads itself, with what they mean."""
    answer: type
    """What is answered, or what one event of a stream carries."""
    media_type: str
    problems: tuple[int, ...]
    """Status codes of the problems it may answer."""

    @property
    def name(self) -> str:
        """Name of the handler; the operation's id."""
        return self.handler.__name__

    def place(self, parameter: str) -> str:
        """Where a parameter stands."""
        return "path" if f"{{{parameter}}}" in self.path else "query"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Check the parameters, call the handler, send what it returns."""
        given: dict[str, Any] = {}
        for key in request.query:
            values = request.query.getall(key)
            given[key] = values[0] if len(values) == 1 else values
        try:
            params = self.params.model_validate(given | dict(request.match_info))
        except ValidationError as error:
            raise problem.invalid(error, self.place) from None
        answer = await self.handler(request, params)
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.Response(text=answer.model_dump_json(), content_type=self.media_type)


class Api:
    """The routes of an interface: collects them by ``get``, adds them to an application, describes them."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._routes: list[Route] = []

    def get(
        self,
        path: str,
        *,
        summary: str,
        params: type[P],
        answer: type,
        headers: Mapping[str, str] | None = None,
        media_type: str = "application/json",
        problems: tuple[int, ...] = (),
    ) -> Callable[
        [Callable[[web.Request, P], Awaitable[BaseModel | web.StreamResponse]]],
        Callable[[web.Request, P], Awaitable[BaseModel | web.StreamResponse]],
    ]:
        """Declare a GET route; see Route for what each means."""

        def declare(
            handler: Callable[[web.Request, P], Awaitable[BaseModel | web.StreamResponse]],
        ) -> Callable[[web.Request, P], Awaitable[BaseModel | web.StreamResponse]]:
            self._routes.append(Route(path, handler, summary, params, headers or {}, answer, media_type, problems))
            return handler

        return declare

    def add_to(self, app: web.Application) -> None:
        """Add the routes. A stream has no HEAD: it would be opened for nobody."""
        for route in self._routes:
            app.router.add_get(route.path, route.serve, allow_head=route.media_type != "text/event-stream")

    def document(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document."""
        answers = {route.answer for route in self._routes} | {problem.ProblemDocument}
        schemas, definitions = TypeAdapter.json_schemas(
            [(answer, "serialization", TypeAdapter(answer)) for answer in sorted(answers, key=lambda a: a.__name__)],
            ref_template="#/components/schemas/{model}",
        )
        paths = {
            route.path: {"get": _operation(route, {answer: schemas[answer, "serialization"] for answer in answers})}
            for route in self._routes
        }
        return {
            "openapi": "3.1.0",
            "info": {"title": self.title, "version": __version__},
            "paths": paths,
            "components": {
                "schemas": definitions.get("$defs", {}),
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
            "security": [{"token": []}, {}],
        }


def _operation(route: Route, schemas: Mapping[type, Any]) -> dict[str, Any]:
    schema = route.params.model_json_schema()
    parameters = [
        {"name": name, "in": route.place(name), "required": name in schema.get("required", ()), "schema": described}
        for name, described in schema.get("properties", {}).items()
    ]
    parameters += [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in route.headers.items()
    ]
    plain = route.media_type != "application/json"
    responses = {
        "200": {
            "description": route.summary,
            "content": {route.media_type: {"schema": {"type": "string"} if plain else schemas[route.answer]}},
        }
    }
    for status in route.problems:
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {problem.CONTENT_TYPE: {"schema": schemas[problem.ProblemDocument]}},
        }
    return {
        "operationId": route.name,
        "summary": route.summary,
        "description": " ".join((route.handler.__doc__ or "").split()),
        "parameters": parameters,
        "responses": responses,
    }
