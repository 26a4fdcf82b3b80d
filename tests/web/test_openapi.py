"""The description of the interface: valid, whole, and what the server does."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator import validate as validate_document
from tests.engines.scripted import MoodyTranslator
from tests.web.serving import serving

from dragoman.web.routes import api


def test_the_document_is_valid_openapi() -> None:
    validate_document(api.document(), cls=OpenAPIV31SpecValidator)


async def test_it_is_served_and_names_every_route_of_the_application() -> None:
    async with serving() as s:
        document = await s.json("/api/openapi.json")
        served = {resource.canonical for resource in s.app.router.resources()}
        assert set(document["paths"]) == served
    assert document == api.document()


def test_parameters_are_where_they_belong() -> None:
    operation = api.document()["paths"]["/api/rooms/{room}/captions"]["get"]
    places = {parameter["name"]: (parameter["in"], parameter["required"]) for parameter in operation["parameters"]}
    assert places == {
        "room": ("path", True),
        "lang": ("query", True),
        "ticket": ("query", False),
        "Last-Event-ID": ("header", False),
    }


def test_the_events_of_the_stream_are_described() -> None:
    assert set(api.document()["components"]["schemas"]["Caption"]["properties"]) >= {"kind", "text", "source_text"}


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/api/rooms", "/api/rooms/1000", "/api/rooms/1000/trace", "/api/stats"]
)
async def test_answers_are_as_described(path: str) -> None:
    document = api.document()
    template = path.replace("1000", "{room}")
    schema = document["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    whole: dict[str, Any] = {**schema, "components": document["components"]}
    async with serving() as s:
        for part in s.health.parts:
            s.health.ok(part.name)
        s.metrics.stage_seconds.labels(stage="mt", engine="x", source="en", target="es").observe(0.1)
        s.conference.circuits.line([MoodyTranslator("x"), spare := MoodyTranslator("y")]).served(spare)
        jsonschema.validate(await s.json(path), whole)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health/ready", 503), ("/api/rooms/2000", 404), ("/api/rooms/a.b", 422), ("/api/rooms/1/captions?lang=xx", 422)],
)
async def test_problems_are_as_described(path: str, status: int) -> None:
    document = api.document()
    async with serving() as s:
        problem = await s.json(path, status)
    jsonschema.validate(
        problem, {**document["components"]["schemas"]["ProblemDocument"], "components": document["components"]}
    )
    match = {
        "/api/rooms/2000": "/api/rooms/{room}",
        "/api/rooms/a.b": "/api/rooms/{room}",
        "/api/rooms/1/captions?lang=xx": "/api/rooms/{room}/captions",
    }.get(path, path)
    assert str(status) in document["paths"][match]["get"]["responses"]
