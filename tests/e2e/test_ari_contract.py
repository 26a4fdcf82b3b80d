"""The client against the interface's own description, as the running Asterisk serves it.

Every request that the client can make is made, against a transport that looks it up in the description and answers with
the poorest object the description allows: only required fields. What the client then reads, Asterisk has promised.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from dragoman.errors import AriMalformed
from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.ari.events import EVENT_TYPES, parse_event
from dragoman.telephony.ari.talking import TalkingClient
from dragoman.telephony.pbx import Pbx

pytestmark = pytest.mark.beside

Json = dict[str, Any]

RESOURCES = ("asterisk", "applications", "bridges", "channels", "events", "playbacks", "recordings")


class Description:
    """``/ari/api-docs``, read from a running Asterisk: Swagger 1.1 with models that have subtypes."""

    def __init__(self, documents: list[Json]) -> None:
        self.models: dict[str, Json] = {}
        self.parents: dict[str, str] = {}
        self.operations: list[tuple[str, re.Pattern[str], Json]] = []
        for document in documents:
            for name, model in document["models"].items():
                self.models[name] = model["properties"]
                for child in model.get("subTypes", ()):
                    self.parents[child] = name
            for api in document["apis"]:
                pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", api["path"]))
                for operation in api["operations"]:
                    self.operations.append((operation["httpMethod"], pattern, operation))

    def operation(self, method: str, path: str) -> Json:
        """The operation whose path has the most letters in common, as the server prefers it."""
        found = [(p, o) for m, p, o in self.operations if m == method and p.fullmatch(path)]
        assert found, f"{method} {path} is not in the description"
        return min(found, key=lambda pair: pair[0].pattern.count("[^/]+"))[1]

    def properties(self, model: str) -> Json:
        inherited = self.properties(self.parents[model]) if model in self.parents else {}
        return inherited | self.models[model]

    def poorest(self, kind: str) -> Any:
        """An instance of a type with nothing but what is required."""
        if kind.startswith("List["):
            return [self.poorest(kind[5:-1])]
        if kind in self.models:
            return {
                name: self.poorest(field["type"])
                for name, field in self.properties(kind).items()
                if field.get("required")
            }
        simple: dict[str, Any] = {"string": "x", "Date": "x", "int": 1, "long": 1, "boolean": True, "object": {}}
        return simple[kind]


@pytest_asyncio.fixture(loop_scope="session")
async def description(pbx: Pbx) -> Description:
    headers = {"Authorization": aiohttp.encode_basic_auth(pbx.ari_username, pbx.ari_password)}
    documents = []
    async with aiohttp.ClientSession(pbx.ari_url, headers=headers) as session:
        for resource in RESOURCES:
            async with session.get(f"/ari/api-docs/{resource}.json") as answer:
                assert answer.status == 200
                documents.append(await answer.json())
    return Description(documents)


class Checked(TalkingClient):
    """A client whose every request is looked up instead of sent."""

    def __init__(self, description: Description) -> None:
        super().__init__("http://nowhere", "user", "secret")
        self.connected = True
        self.made: set[str] = set()
        self._description = description

    async def _request(self, method: str, path: str, query: Any = None, body: object = None, **_: object) -> object:
        operation = self._description.operation(method, path)
        parameters = operation.get("parameters", [])
        known = {p["name"] for p in parameters if p["paramType"] == "query"}
        required = {p["name"] for p in parameters if p["paramType"] == "query" and p.get("required")}
        given = set(query or {})
        assert given <= known, f"{operation['nickname']}: unknown parameters {given - known}"
        assert required <= given, f"{operation['nickname']}: missing parameters {required - given}"
        if body is not None:
            assert any(p["paramType"] == "body" for p in parameters), f"{operation['nickname']} takes no body"
            assert isinstance(body, dict)
        self.made.add(operation["nickname"])
        returned = operation["responseClass"]
        return None if returned == "void" else self._description.poorest(returned)


CALLS: dict[str, Callable[[TalkingClient], Coroutine[Any, Any, object]]] = {
    "ping": lambda c: c.ping(),
    "version": lambda c: c.version(),
    "modules": lambda c: c.modules(),
    "set_global": lambda c: c.set_global("NAME", "value"),
    "subscribe": lambda c: c.subscribe("bridge:"),
    "unsubscribe": lambda c: c.unsubscribe("channel:1"),
    "filter_events": lambda c: c.filter_events(),
    "list_bridges": lambda c: c.list_bridges(),
    "create_bridge": lambda c: c.create_bridge("b"),
    "add_channels": lambda c: c.add_channels("b", "c", "d"),
    "destroy_bridge": lambda c: c.destroy_bridge("b"),
    "list_channels": lambda c: c.list_channels(),
    "external_media": lambda c: c.external_media("c", ("127.0.0.1", 1), variables={"A": "b"}),
    "snoop": lambda c: c.snoop("c", "s", spy="in", whisper="out"),
    "run_dialplan": lambda c: c.run_dialplan("context", {"A": "b"}),
    "continue_in": lambda c: c.continue_in("c", "context"),
    "hang_up": lambda c: c.hang_up("c"),
    "get_variable": lambda c: c.get_variable("c", "NAME"),
    "rtp_statistics": lambda c: c.rtp_statistics("c"),
    "play": lambda c: c.play("c", "p", "beep", language="en"),
    "record": lambda c: c.record("c", "r", seconds=5.0, silence=1.0),
    "recordings": lambda c: c.recordings(),
    "forget_recording": lambda c: c.forget_recording("r"),
    "set_variable": lambda c: c.set_variable("c", "NAME", "value"),
    "inside": lambda c: c.inside(),
    "get_global": lambda c: c.get_global("NAME"),
    "send_out": lambda c: c.send_out("c", "Local/keep@dragoman-errand/n", {"A": "b"}),
}


def test_every_operation_of_the_client_is_checked() -> None:
    not_requests = {"close", "events", "recording"}  # a recording is no JSON: tests/e2e/test_enrolment.py fetches one
    public = {name for name in (*vars(AriClient), *vars(TalkingClient)) if not name.startswith("_")} - not_requests
    assert public == set(CALLS)


async def test_every_request_is_as_asterisk_describes_it(description: Description) -> None:
    client = Checked(description)
    for name, call in CALLS.items():
        if name == "version":  # which parts AsteriskInfo has depends on what was asked for, so none is required
            with pytest.raises(AriMalformed, match="system"):
                await call(client)
        else:
            await call(client)
    assert {"externalMedia", "snoopChannel", "createWithId", "addChannel", "continueInDialplan"} <= client.made


@pytest.mark.parametrize("kind", EVENT_TYPES)
async def test_every_event_is_as_asterisk_describes_it(description: Description, kind: str) -> None:
    event = parse_event(description.poorest(kind) | {"type": kind})
    assert type(event).__name__ == kind


async def test_the_running_asterisk_has_what_the_attacher_needs(pbx: Pbx) -> None:
    async with AriClient(pbx.ari_url, pbx.ari_username, pbx.ari_password) as client:
        await client.ping()
        assert int((await client.version()).split(".")[0]) >= 22
        modules = await client.modules()
    for module in ("res_stasis_snoop.so", "chan_rtp.so", "app_confbridge.so", "codec_g722.so"):
        assert modules[module] == "Running"
