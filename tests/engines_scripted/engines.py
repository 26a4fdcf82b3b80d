"""Engines that never look at audio: instant, and the same every time. For virtual-time tests and the bench.

``ScriptedRecognizer`` alone is what peers were measured with: an interim every 300 ms of audio, a final every 3 s.
Given ``scripts`` it says instead what a test wrote, each hypothesis once the leg's audio has reached its ``upto``.
Options are Python objects or, from settings, plain numbers::

    ScriptedRecognizer({"scripts": {"leg-1": [partial("hola", upto_ms=400), final("hola", upto_ms=600)]}})
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import cast

import numpy as np

from dragoman.engines.base import (
    EngineInfo,
    Hypothesis,
    SpeechRequest,
    Stage,
    StreamRequest,
    Translation,
    TranslationRequest,
    Word,
)
from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples

INTERIM_MS = 300
FINAL_MS = 3_000
SPEECH_MS = 2_500
SPEECH_CHUNKS = 25
WORDS = tuple("we have looked at the first part of the report and it is good".split())


def _info(name: str, stage: Stage) -> EngineInfo:
    return EngineInfo(
        name, stage, (), streaming=True, licence="Apache-2.0", commercial_use=True, purpose="scripted, for tests"
    )


def partial(text: str, upto_ms: float, start_ms: float = 0.0) -> Hypothesis:
    """A partial of ``text``, its words evenly between the two audio times."""
    return Hypothesis(
        _words(text, start_ms, upto_ms), is_final=False, end_of_utterance=False, upto=ms_to_samples(upto_ms)
    )


def final(text: str, upto_ms: float, start_ms: float = 0.0, *, end_of_utterance: bool = False) -> Hypothesis:
    """A final of ``text``, likewise."""
    upto = ms_to_samples(upto_ms)
    return Hypothesis(_words(text, start_ms, upto_ms), is_final=True, end_of_utterance=end_of_utterance, upto=upto)


def _words(text: str, start_ms: float, end_ms: float) -> tuple[Word, ...]:
    words = text.split()
    edges = np.linspace(start_ms, end_ms, len(words) + 1)
    return tuple(Word(w, ms_to_samples(edges[i]), ms_to_samples(edges[i + 1]), 1.0) for i, w in enumerate(words))


class ScriptedRecognizer:
    """Options: ``scripts`` (leg id -> hypotheses in order of ``upto``); ``interim_ms``, ``final_ms`` without them."""

    def __init__(self, options: Mapping[str, object]) -> None:
        self.info = _info("scripted-asr", Stage.ASR)
        self.scripts = cast(Mapping[str, Iterable[Hypothesis]] | None, options.get("scripts"))
        self.interim = ms_to_samples(cast(float, options.get("interim_ms", INTERIM_MS)))
        self.final = ms_to_samples(cast(float, options.get("final_ms", FINAL_MS)))
        self.streams: dict[str, ScriptedStream] = {}
        """The last stream opened for each leg."""

    def supports(self, language: str) -> bool:
        return True

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Nothing to load."""

    async def open(self, request: StreamRequest) -> ScriptedStream:
        if self.scripts is None:
            stream = ScriptedStream(None, self.interim, self.final)
        else:
            stream = ScriptedStream(self.scripts.get(request.leg, ()), self.interim, self.final)
        self.streams[request.leg] = stream
        return stream

    async def close(self) -> None:
        """Nothing is held."""


class ScriptedStream:
    """One leg; counts samples, and that is all it does with them."""

    words = WORDS
    """What it says where it has no script."""

    def __init__(self, script: Iterable[Hypothesis] | None, interim: int, final: int) -> None:
        self._script = None if script is None else deque(script)
        self._interim, self._final = interim, final
        self._origin: int | None = None
        """Audio time behind the last final."""
        self._next = 0
        """Audio time of the next interim."""
        self._pushed = False
        self._out: asyncio.Queue[Hypothesis | None] = asyncio.Queue()
        self.closed = False

    async def push(self, pcm: Pcm, at: int) -> None:
        end = at + len(pcm)
        self._pushed = True
        if self._script is not None:
            self._play(end)
            return
        if self._origin is None:
            self._origin, self._next = at, at + self._interim
        while end >= self._next:
            is_final = self._next - self._origin >= self._final
            self._say(self._next, is_final=is_final, end_of_utterance=False)
            if is_final:
                self._origin = self._next
            self._next += self._interim

    async def finalize(self, at: int) -> None:
        if not self._pushed:
            return
        self._pushed = False
        if self._script is not None:
            if not self._play(at):
                self._out.put_nowait(Hypothesis((), is_final=True, end_of_utterance=True, upto=at))
        elif self._origin is not None:
            self._say(at, is_final=True, end_of_utterance=True)
            self._origin = None

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        while (item := await self._out.get()) is not None:
            yield item

    async def aclose(self) -> None:
        if not self.closed:
            self.closed = True
            self._out.put_nowait(None)

    def _play(self, end: int) -> bool:
        """Say what is due; whether the end of an utterance was among it."""
        assert self._script is not None
        ended = False
        while self._script and self._script[0].upto <= end:
            hypothesis = self._script.popleft()
            ended |= hypothesis.end_of_utterance
            self._out.put_nowait(hypothesis)
        return ended

    def _say(self, upto: int, *, is_final: bool, end_of_utterance: bool) -> None:
        assert self._origin is not None
        step = self._interim
        starts = range(self._origin, upto, step)
        words = tuple(Word(self.words[i % len(self.words)], s, min(s + step, upto), 1.0) for i, s in enumerate(starts))
        self._out.put_nowait(Hypothesis(words, is_final, end_of_utterance, upto))


class ScriptedTranslator:
    """Puts the target before the text (``es:hello``); option ``texts`` says otherwise for given texts."""

    def __init__(self, options: Mapping[str, object]) -> None:
        self.info = _info("scripted-mt", Stage.MT)
        self.texts = cast(Mapping[str, str], options.get("texts", {}))
        self.requests: list[TranslationRequest] = []

    def supports(self, source: str, target: str) -> bool:
        return source != target

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Nothing to load."""

    async def translate(self, request: TranslationRequest) -> Translation:
        self.requests.append(request)
        text = self.texts.get(request.text, f"{request.target}:{request.text}")
        return Translation(text, self.info.name)

    async def close(self) -> None:
        """Nothing is held."""


class ScriptedSynthesizer:
    """Gives ``speech_ms`` of a quiet ramp in ``chunks`` pieces, whatever the text; a bench reuses one piece."""

    def __init__(self, options: Mapping[str, object]) -> None:
        self.info = _info("scripted-tts", Stage.TTS)
        self.chunks = int(cast(int, options.get("chunks", SPEECH_CHUNKS)))
        samples = round(cast(float, options.get("speech_ms", SPEECH_MS)) * SAMPLE_RATE / 1000 / self.chunks)
        self._piece = (np.arange(samples) % 1000).astype(np.int16)
        self._piece.setflags(write=False)
        self.requests: list[SpeechRequest] = []

    def supports(self, language: str) -> bool:
        return True

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Nothing to load."""

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        self.requests.append(request)
        for _ in range(self.chunks):
            yield self._piece

    async def close(self) -> None:
        """Nothing is held."""
