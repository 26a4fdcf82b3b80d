"""Engines of which a test says, request by request or for now, what they do: work, hang, fail; and probes running."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import numpy as np
from tests.engines_scripted.engines import ScriptedStream

from dragoman.engines.base import (
    EngineInfo,
    SpeechRequest,
    Stage,
    StreamRequest,
    Translation,
    TranslationRequest,
)
from dragoman.engines.circuits import Circuits
from dragoman.errors import EngineBusy, EngineCrashed, EngineDenied, EngineError, EngineRejected
from dragoman.media.format import Pcm

QUICK = 0.15
"""Seconds a request takes that is answered, or that fails."""

BEHAVIOURS = ("works", "slow", "crash", "hang", "busy", "wait", "deny", "reject", "bug")
"""slow: answers, in 1 s. wait: busy, and says for how long. bug: raises what no engine may raise."""


def _failure(name: str, behaviour: str) -> Exception | None:
    failures: dict[str, Exception] = {
        "crash": EngineCrashed(name, "connection lost"),
        "busy": EngineBusy(name, "503"),
        "wait": EngineBusy(name, "429", retry_after=10.0),
        "deny": EngineDenied(name, "456: quota used up, raise it in your account"),
        "reject": EngineRejected(name, "not this text"),
        "bug": ZeroDivisionError("a bug"),
    }
    return failures.get(behaviour)


class _Moody:
    stage: Stage

    def __init__(self, name: str, *script: str, languages: Iterable[str] = ()) -> None:
        """``script``: of the next requests; then it does what ``now`` says."""
        self.name = name
        self.script = deque(script)
        self.now = "works"
        self.asked: list[tuple[float, str]] = []
        """Loop time and text of every request."""
        self.at_once = 0
        """Requests under way, now and the most at a time."""
        self.most = 0
        self.counted: dict[str, int] = {}
        self.start_error: EngineError | None = None
        self.info = EngineInfo(name, self.stage, tuple(languages), True, "0BSD", True, "tests")

    async def start(self, languages: Sequence[str] = ()) -> None:
        if self.start_error is not None:
            raise self.start_error

    async def close(self) -> None: ...

    def counts(self) -> Mapping[str, int]:
        return self.counted

    async def behave(self, text: str) -> None:
        self.asked.append((asyncio.get_running_loop().time(), text))
        behaviour = self.script.popleft() if self.script else self.now
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            if behaviour == "hang":
                await asyncio.Event().wait()
            await asyncio.sleep(1.0 if behaviour == "slow" else QUICK)
            if failure := _failure(self.name, behaviour):
                raise failure
        finally:
            self.at_once -= 1


class MoodyTranslator(_Moody):
    stage = Stage.MT

    def supports(self, source: str, target: str) -> bool:
        return not self.info.languages or f"{source}-{target}" in self.info.languages

    async def translate(self, request: TranslationRequest) -> Translation:
        await self.behave(request.text)
        return Translation(f"{request.target}:{request.text}", self.name)


class MoodySynthesizer(_Moody):
    stage = Stage.TTS

    def supports(self, language: str) -> bool:
        return not self.info.languages or language in self.info.languages

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        await self.behave(request.text)
        if self.now == "silent":
            return
        for _ in range(5):
            yield np.full(3_200, 1_000, np.int16)


class MoodyRecognizer(_Moody):
    stage = Stage.ASR
    streams: list[ScriptedStream]

    def supports(self, language: str) -> bool:
        return not self.info.languages or language in self.info.languages

    async def open(self, request: StreamRequest) -> ScriptedStream:
        await self.behave(request.language)
        stream = ScriptedStream(None, 4_800, 48_000)
        self.streams = [*getattr(self, "streams", []), stream]
        return stream


@asynccontextmanager
async def running(circuits: Circuits | None = None) -> AsyncIterator[Circuits]:
    """Probes run; at the end nothing of them is left."""
    circuits = circuits or Circuits()
    circuits.languages = ("en", "es")
    before = asyncio.all_tasks()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(circuits.run())
        await asyncio.sleep(0)
        yield circuits
        task.cancel()
    assert asyncio.all_tasks() == before
