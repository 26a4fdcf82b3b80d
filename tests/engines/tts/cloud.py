"""What the tests of cloud voices have in common: a request, an engine that was started, an error that passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
from tests.engines.conformance import SynthesizerConformance
from tests.engines.tts.speaking import speak

from dragoman.engines.base import SpeechRequest, Synthesizer
from dragoman.errors import EngineError

REQUEST = SpeechRequest("Buenos días a todos, empecemos con la primera pregunta.", "es", "leg-1")

T = TypeVar("T", bound=Synthesizer)


@asynccontextmanager
async def started(engine: T) -> AsyncIterator[T]:
    await engine.start(["es"])
    try:
        yield engine
    finally:
        await engine.close()


class CloudConformance(SynthesizerConformance):
    """The suite, with the ``options`` that the module's own fixture makes."""

    crashes = False  # no process of its own

    @pytest.fixture(autouse=True)
    def unstalled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Many speak at once here, and their server is this process too: a busy machine is late."""
        monkeypatch.setattr("dragoman.engines.tts.provider.STALL_S", 30.0)

    @pytest.fixture
    def options(self, options: dict[str, object]) -> dict[str, object]:
        return options

    @pytest.fixture
    def known(self) -> SpeechRequest:
        return REQUEST


async def fails_once(engine: Synthesizer, kind: type[EngineError], said: str) -> str:
    """It raises this for one request, which spoils nothing for the next; what it said."""
    with pytest.raises(kind, match=said) as raised:
        await speak(engine, REQUEST)
    assert len(await speak(engine, REQUEST))
    return str(raised.value)


async def until_none(running: Callable[[], object]) -> None:
    """Wait until the fake has no request of ours any more."""
    async with asyncio.timeout(30):
        while running():
            await asyncio.sleep(0)
