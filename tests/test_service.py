"""The daemon's start: what ends it early, and what it goes on without."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pytest
from tests.engines_scripted.engines import ScriptedRecognizer, ScriptedTranslator

from dragoman import config
from dragoman.errors import EngineUnavailable
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


def service(**engines: list[str]) -> Service:
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
    }
    return Service(config.validate(given, environ={}))


async def test_being_told_to_stop_while_engines_load_ends_it_cleanly() -> None:
    stop = asyncio.Event()
    daemon = service(recognizers=[f"{HERE}Loading"])
    async with asyncio.timeout(10):
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


async def test_it_serves_without_a_broken_spare_and_without_asterisk() -> None:
    stop = asyncio.Event()
    daemon = service(translators=[f"{HERE}Broken", f"{SCRIPTED}Translator"])
    async with asyncio.timeout(20):
        running = asyncio.ensure_future(daemon.run(stop))
        while not all(part.ok for part in daemon.health.parts if part.name != "ari"):
            assert not running.done()
            await asyncio.sleep(0)
        stop.set()
        await running
    assert not daemon.health.ready
