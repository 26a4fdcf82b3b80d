"""DeepL behind servers that no HTTP library would write: what is fit is used, whatever else comes costs no clause, and
no outage gets more than two requests for it."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
from tests.engines.scripted import MoodyTranslator
from tests.fakes.raw_http import CLOSE, RESET, Asked, RawServer, Step, chunked, head, whole
from tests.virtual_time import settled, virtual_time

from dragoman.engines.base import TranslationRequest
from dragoman.engines.circuits import Circuits
from dragoman.engines.mt.chain import BUDGET, TranslatorChain
from dragoman.engines.mt.deepl import DeepLTranslator
from dragoman.errors import EngineError
from dragoman.recovery.mt import STRIKES

pytestmark = virtual_time

KEY = "0123-secret:fx"
TRANSLATE = "/v2/translate"
JSON = "application/json"

WARM = 2
"""Connections that the engine opens at its start, where ``connections`` is not set."""

TEXT = "ya es la hora"
ANSWER = json.dumps(
    {
        "unknown": [1, {"a": None}],
        "translations": [{"model_type_used": "x", "text": TEXT, "new": 0.5, "detected_source_language": "en"}],
    }
).encode()
LANGUAGES = json.dumps(
    [
        {"usable_as_target": target, "new": 1, "usable_as_source": source, "lang": code}
        for code, source, target in [("en", True, False), ("es", True, True), ("en-gb", False, True)]
    ]
).encode()

FIT: dict[str, list[Step]] = {
    "whole": [whole(ANSWER)],
    "gzip": [whole(gzip.compress(ANSWER), 200, JSON, "content-encoding: gzip")],
    "chunked": [chunked([ANSWER[:1], ANSWER[1:30], ANSWER[30:]], JSON)],
    "byte by byte": [step for byte in whole(ANSWER) for step in (bytes([byte]), 0.001)],
    "early hints": [head(103, "link: <x>"), whole(ANSWER)],
    "closed behind it": [whole(ANSWER), CLOSE],
    "one that nobody asked for behind it": [whole(ANSWER) + whole(ANSWER.replace(b"hora", b"vuelta"))],
}

UNFIT: dict[str, list[Step]] = {
    "reset": [RESET],
    "reset behind the headers": [head(200, "content-length: 500") + b'{"tra', 0.01, RESET],
    "cut": [whole(ANSWER)[:-9], CLOSE],
    "cut between chunks": [chunked([ANSWER[:9]], JSON, end=False), CLOSE],
    "no gzip": [whole(b"\x1f\x8b\x08no", 200, JSON, "content-encoding: gzip")],
    "a portal": [whole(b"<html>log in</html>", 200, "text/html")],
    "an error as a success": [whole(b'{"message":"internal"}')],
    "no translation": [whole(b'{"translations":[]}')],
    "no text": [whole(b'{"translations":[{"text":null}]}')],
    "nothing": [whole(b"")],
    "a redirect": [whole(b"", 307, JSON, "location: http://127.0.0.1:1/")],
    "another protocol": [b"SSH-2.0-OpenSSH\r\n\r\n", CLOSE],
    "no length": [head(200, "content-length: -5") + b"hello", CLOSE],
    "no chunk": [head(200, "transfer-encoding: chunked") + b"zz\r\nhello", CLOSE],
    "endless headers": [head(200, f"x: {'a' * 100_000}")],
    "500": [whole(b"<h1>\x00\xff</h1>", 500, "text/html")],
    "503": [whole(b"", 503)],
    "429 and no word of when": [whole(b"slow down", 429, "text/plain", "retry-after: soon")],
    "silence": [1000.0],
    "an answer that creeps": [step for byte in whole(ANSWER) for step in (bytes([byte]), 0.05)],
    "late, then an error": [0.36, whole(b"", 503)],
}


class Service:
    """The API with ``now`` as its answer to every clause; there are no glossaries."""

    def __init__(self, now: Iterable[Step], **others: bytes) -> None:
        self.now = now
        self.others = {
            "/v2/usage": whole(b'{"character_limit":9,"character_count":1}'),
            "/v3/languages": whole(LANGUAGES),
        } | {f"/{path.replace('_', '/')}": answer for path, answer in others.items()}

    def __call__(self, asked: Asked) -> Iterable[Step]:
        path = asked.path.partition("?")[0]
        return self.now if path == TRANSLATE else [self.others.get(path, whole(b"<h1>no</h1>", 404, "text/html"))]


@asynccontextmanager
async def engine_of(server: RawServer) -> AsyncIterator[DeepLTranslator]:
    engine = DeepLTranslator({"auth_key": KEY, "server_url": server.url})
    before = asyncio.all_tasks()
    try:
        await engine.start(["en", "es"])
        yield engine
    finally:
        await engine.close()
    await settled()
    assert {task for task in asyncio.all_tasks() - before if "_connected" not in repr(task)} == set()


def clause(number: int) -> TranslationRequest:
    return TranslationRequest(f"it is time, {'abcdefghij'[number]}", "en", "es")


@pytest.mark.parametrize("name", FIT)
async def test_what_is_fit_is_used(name: str) -> None:
    async with RawServer(Service(FIT[name])) as server, engine_of(server) as engine:
        for number in range(3):
            assert (await engine.translate(clause(number))).text == TEXT
        assert server.count(TRANSLATE) == 3


@pytest.mark.parametrize("fallback", [True, False])
@pytest.mark.parametrize("name", UNFIT)
async def test_an_outage_gets_few_requests_for_a_clause_and_is_over_when_it_is_over(name: str, fallback: bool) -> None:
    service = Service(UNFIT[name])
    circuits = Circuits()
    circuits.languages = ("en", "es")
    async with RawServer(service) as server, engine_of(server) as engine, asyncio.TaskGroup() as group:
        probing = group.create_task(circuits.run())
        chain = TranslatorChain([engine, *([MoodyTranslator("second")] if fallback else [])], circuits)
        failures: list[EngineError] = []
        chain.on_failure = failures.append
        clock = asyncio.get_running_loop().time
        hedges = 0
        idle = WARM if name == "reset" else 0
        for number in range(6):
            request, began = clause(number), clock()
            try:
                assert (await chain.translate(request)).engine == "second"
            except EngineError as error:
                failures.append(error)
                assert not fallback
            assert clock() - began <= BUDGET
            sent = sum(request.text.encode() in asked.body for asked in server.asked)  # probes have other texts
            most = (STRIKES if fallback else 5 if number == 0 else 3) + engine.counts()["hedges"] - hedges
            idle -= max(sent - most, 0)  # asked once more: no failure of the server's
            assert idle >= 0
            hedges = engine.counts()["hedges"]
        assert failures
        assert not any(KEY in str(failure) or "\n" in str(failure) for failure in failures)
        service.now = FIT["whole"]
        await asyncio.sleep(70)
        assert (await chain.translate(clause(7))).engine == "deepl"
        probing.cancel()


async def test_an_error_that_comes_as_a_success_is_told() -> None:
    async with RawServer(Service(UNFIT["an error as a success"])) as server, engine_of(server) as engine:
        with pytest.raises(EngineError, match="the answer is no translation: internal"):
            await engine.translate(clause(0))


@pytest.mark.parametrize(
    "newer",
    [whole(b"", 404), whole(b"", 405), whole(b"", 501), whole(b'{"languages":[]}')],
    ids="404 405 501 other".split(),
)
async def test_a_server_with_the_older_list_of_languages_is_asked_for_that(newer: bytes) -> None:
    older = whole(b'[{"language":"en","name":"English"},{"language":"es","name":"Spanish","supports_formality":true}]')
    service = Service(FIT["whole"], v3_languages=newer, v2_languages=older)
    async with RawServer(service) as server, engine_of(server) as engine:
        assert engine.supports("en", "es")
        assert not engine.supports("en", "fr")
