"""The daemon's start: what ends it early, and what it goes on without."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar
from unittest import mock

import pytest
from tests.engines_scripted.engines import ScriptedRecognizer, ScriptedTranslator
from tests.postgres import Postgres
from tests.postgres import running as running_postgres

from dragoman import config, sql
from dragoman.engines import availability
from dragoman.errors import EngineCrashed, EngineUnavailable
from dragoman.observe.health import Part
from dragoman.service import Service

SCRIPTED = "tests.engines_scripted.engines:Scripted"
HERE = f"{__name__}:"


class Loading(ScriptedRecognizer):
    """Takes for ever to load."""

    loading: ClassVar[asyncio.Event]
    closed: ClassVar[int]

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        Loading.loading, Loading.closed = asyncio.Event(), 0

    async def start(self, languages: Sequence[str] = ()) -> None:
        Loading.loading.set()
        await asyncio.Event().wait()

    async def close(self) -> None:
        Loading.closed += 1


class Broken(ScriptedTranslator):
    """Does not load."""

    async def start(self, languages: Sequence[str] = ()) -> None:
        raise EngineUnavailable("broken", "not installed: apt-get install it")


class Spare(ScriptedTranslator):
    """Another translator."""

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.info = dataclasses.replace(self.info, name="spare")


def service(more: Mapping[str, object] | None = None, **engines: list[str]) -> Service:
    scripted = {
        "recognizers": [f"{SCRIPTED}Recognizer"],
        "translators": [f"{SCRIPTED}Translator"],
        "synthesizers": [f"{SCRIPTED}Synthesizer"],
    }
    given = {
        # Port 9 (discard): nobody listens; a test that came so far as to connect would not be ready.
        "asterisk": {"url": "http://127.0.0.1:9", "password": "not used"},
        "http": {"port": 0},
        "media": {"vad": "energy"},
        "engines": scripted | engines,
        **(more or {}),
    }
    return Service(config.validate(given, environ={}))


async def test_being_told_to_stop_while_engines_load_ends_it_cleanly() -> None:
    stop = asyncio.Event()
    daemon = service(recognizers=[f"{HERE}Loading"])
    async with asyncio.timeout(60):
        running = asyncio.ensure_future(daemon.run(stop))
        await Loading.loading.wait()
        assert not running.done()
        stop.set()
        await running
    assert Loading.closed == 1
    assert not daemon.health.ready


async def test_a_stage_of_which_nothing_works_keeps_it_from_starting() -> None:
    daemon = service(translators=[f"{HERE}Broken"])
    with pytest.raises(EngineUnavailable, match="apt-get install it"):
        await daemon.run(asyncio.Event())
    (part,) = [part for part in daemon.health.parts if part.name == "mt"]
    assert not part.ok and "apt-get install it" in part.why


async def test_an_engine_that_fails_degrades_its_stage_until_a_probe_brings_it_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(availability, "FIRST_REST", 0.5)
    stop = asyncio.Event()
    daemon = service(translators=[f"{HERE}Spare", f"{SCRIPTED}Translator"])
    monkeypatch.setattr("dragoman.service.OBSERVE_S", 0.01)

    async def until(condition: Callable[[Part], bool]) -> Part:
        while True:
            assert not running.done()
            (part,) = [part for part in daemon.health.parts if part.name == "mt"]
            if condition(part):
                return part
            await asyncio.sleep(0.005)

    async with asyncio.timeout(60):
        running = asyncio.ensure_future(daemon.run(stop))
        await until(lambda part: part.ok)
        first, second = daemon.engines.translators("en", "es")
        for _ in range(availability.FAILURES):
            daemon.engines.circuits.failed(first, EngineCrashed("spare", "gone"))
        part = await until(lambda part: bool(part.degraded))
        assert part.ok and part.degraded == "spare: gone"
        await until(lambda part: not part.degraded)
        assert isinstance(first, Spare) and len(first.requests) == 1  # the probe
        for engine in (first, second):
            for _ in range(availability.FAILURES):
                daemon.engines.circuits.failed(engine, EngineCrashed(engine.info.name, "gone"))
        part = await until(lambda part: not part.ok)
        assert "en-es" in part.why and part.why.endswith(": spare: gone")
        await until(lambda part: part.ok)
        stop.set()
        await running


async def test_it_serves_without_a_broken_spare_and_without_asterisk() -> None:
    stop = asyncio.Event()
    daemon = service(translators=[f"{HERE}Broken", f"{SCRIPTED}Translator"])
    async with asyncio.timeout(60):
        running = asyncio.ensure_future(daemon.run(stop))
        while not all(part.ok for part in daemon.health.parts if part.name != "ari"):
            assert not running.done()
            await asyncio.sleep(0)
        (part,) = [part for part in daemon.health.parts if part.name == "mt"]
        assert "apt-get install it" in part.degraded
        stop.set()
        await running
    assert not daemon.health.ready


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


async def test_it_starts_and_ends_while_its_databases_stand_still(postgres: Postgres) -> None:
    url = await asyncio.to_thread(postgres.database)
    stores = {"voices": {"store": url, "small_identity": False, "follow_style": False}, "admin": {"store": url}}
    stop = asyncio.Event()
    with mock.patch.object(sql, "TIMEOUT_S", 1.0):
        daemon = service(stores)
        running = asyncio.ensure_future(daemon.run(stop))
        while not (daemon.voices.answers and daemon.admin.answers):
            assert not running.done()
            await asyncio.sleep(0.01)
        daemon.admin.journal.note("a test", "voice used")
        with postgres.frozen():
            daemon.admin.journal.note("a test", "voice used")
            stop.set()
            done, _ = await asyncio.wait((running,), timeout=30)  # as service managers wait
            assert done, "the daemon waits for a database that stands still"
            await running
            stop = asyncio.Event()
            daemon = service(stores)
            running = asyncio.ensure_future(daemon.run(stop))
            while not all(part.ok for part in daemon.health.parts if part.name != "ari"):
                assert not running.done()
                await asyncio.sleep(0.01)
            assert daemon.voices.answers is daemon.admin.answers is False
            stop.set()
            done, _ = await asyncio.wait((running,), timeout=30)
            assert done
            await running
