"""espeak-ng: the synthesizer that needs no key, no GPU and no download; 120 languages, first audio at once."""

from __future__ import annotations

import asyncio
import ctypes.util
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing

import numpy as np

from dragoman.engines.base import EngineInfo, SpeechRequest, Stage
from dragoman.engines.options import Options
from dragoman.engines.tts.messages import Kind, Speak, decode_audio, decode_error, decode_id, encode_id
from dragoman.engines.tts.voices import PROFILES, VoiceAssigner
from dragoman.engines.worker import WorkerProcess
from dragoman.errors import EngineCrashed, EngineError, EngineRejected, EngineTimeout, EngineUnavailable
from dragoman.languages import LANGUAGES
from dragoman.media.format import Pcm

NAME = "espeak"

MAX_TEXT = 1000
"""Characters of one clause, some 70 s of speech: bounds what waits here when a booth plays slower than we speak."""

PACKAGES = "libespeak-ng1 espeak-ng-data"
"""Debian's, of the library and its voices."""

BACKLOG_BYTES = 1 << 20
"""Requests on their way to the worker: hundreds of clauses."""

READY_DEADLINE_S = 20.0
"""Seconds until the worker has loaded (0.3 s on an idle machine)."""

ANSWER_DEADLINE_S = 5.0
"""Seconds without a piece of audio, after which the worker hangs: a clause takes 2 ms, a hundred waiting ones 0.2 s."""

_End = EngineError | None


class EspeakSynthesizer:
    """One worker process for all voices; it makes a clause's audio a thousand times faster than it is played."""

    def __init__(self, options: Mapping[str, object]) -> None:
        """Has no options; raises ConfigError for any."""
        Options(NAME, options).done()
        self._voice_of = VoiceAssigner()
        self._worker: WorkerProcess | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._answers: dict[int, asyncio.Queue[Pcm | _End]] = {}
        self._number = 0
        self._closed = False

    @property
    def info(self) -> EngineInfo:
        """See EngineInfo."""
        return EngineInfo(
            name=NAME,
            stage=Stage.TTS,
            languages=tuple(LANGUAGES),
            streaming=True,
            licence="GPL-3.0-or-later",
            commercial_use=True,
            purpose="Speaking without a key or a GPU, at once, in eight voices that sound like machines.",
        )

    def supports(self, language: str) -> bool:
        """Every language of ours."""
        return language in LANGUAGES

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Start the worker, and let every voice of these languages speak once, unheard."""
        if ctypes.util.find_library("espeak-ng") is None:
            raise EngineUnavailable(NAME, f"the library espeak-ng is missing: apt-get install {PACKAGES}")
        try:
            await self._running()
        except EngineCrashed as error:
            if self._closed:
                raise
            what = str(error).removeprefix(f"{NAME}: ")
            raise EngineUnavailable(NAME, f"{what}: apt-get install --reinstall {PACKAGES}") from error
        for language in languages:
            if self.supports(language):
                for profile in range(len(PROFILES)):  # a voice learns its loudness when it first speaks
                    async for _ in self._speak("1", LANGUAGES[language].espeak, profile):
                        pass

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        """See Synthesizer."""
        language = LANGUAGES.get(request.language)
        text = "".join(char if char.isprintable() else " " for char in request.text).strip()
        if language is None:
            raise EngineRejected(NAME, f"unknown language {request.language!r}")
        if not text or len(text) > MAX_TEXT:
            raise EngineRejected(NAME, f"{len(text)} characters; takes 1 to {MAX_TEXT}")
        async with aclosing(self._speak(text, language.espeak, self._voice_of(request.speaker))) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """End the worker. Idempotent."""
        self._closed = True
        async with self._starting:
            await self._stop()

    async def _speak(self, text: str, voice: str, profile: int) -> AsyncGenerator[Pcm, None]:
        worker = await self._running()
        self._number = number = (self._number + 1) % (1 << 32)
        # Not bounded by the queue but by MAX_TEXT: stopping the reader for one request would stop all.
        answers = self._answers[number] = asyncio.Queue()
        try:
            await worker.send(Kind.SPEAK, Speak(number, text, voice, profile).encode())
            while (piece := await self._next(answers, worker)) is not None:
                yield piece
        finally:
            if self._answers.pop(number, None) is not None and worker.alive:
                await worker.send(Kind.CANCEL, encode_id(number))

    async def _next(self, answers: asyncio.Queue[Pcm | _End], worker: WorkerProcess) -> Pcm | None:
        """The next piece; None at the end."""
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                answer = await answers.get()
        except TimeoutError:
            worker.kill()
            raise EngineTimeout(NAME, f"no audio for {ANSWER_DEADLINE_S:g} s") from None
        if isinstance(answer, EngineError):
            raise answer
        return answer

    async def _running(self) -> WorkerProcess:
        """The worker; started now if it is not, or has died."""
        async with self._starting:
            if self._closed:
                raise EngineCrashed(NAME, "closed")
            if self._worker is not None and self._worker.alive and self._reader and not self._reader.done():
                return self._worker
            await self._stop()
            worker = await WorkerProcess.spawn(NAME, "dragoman.engines.tts.espeak_worker", BACKLOG_BYTES)
            try:
                async with asyncio.timeout(READY_DEADLINE_S):
                    await worker.receive()
            except BaseException as error:
                worker.kill()
                await worker.close()
                if isinstance(error, TimeoutError):
                    raise EngineTimeout(NAME, f"the worker was not ready in {READY_DEADLINE_S:g} s") from None
                raise
            self._worker = worker
            self._reader = asyncio.create_task(self._read(worker), name="espeak reader")
            return worker

    async def _read(self, worker: WorkerProcess) -> None:
        """Hand each answer to its request until the worker dies; then all that wait are told."""
        try:
            while True:
                kind, payload = await worker.receive()
                number = decode_id(payload)
                if kind == Kind.AUDIO:
                    if answers := self._answers.get(number):
                        answers.put_nowait(decode_audio(payload))
                elif answers := self._answers.pop(number, None):
                    error = EngineRejected(NAME, decode_error(payload)) if kind == Kind.ERROR else None
                    answers.put_nowait(error)
        except EngineCrashed as error:
            for answers in self._answers.values():
                answers.put_nowait(error)
            self._answers.clear()

    async def _stop(self) -> None:
        worker, reader = self._worker, self._reader
        self._worker = self._reader = None
        if worker is not None:
            worker.kill()
        if reader is not None:
            await reader
        if worker is not None:
            await worker.close()


async def render(engine: EspeakSynthesizer, text: str, language: str, speaker: str) -> Pcm:
    """A whole clause as one array; raises what ``synthesize`` raises."""
    pieces = [piece async for piece in engine.synthesize(SpeechRequest(text, language, speaker))]
    return np.concatenate([np.zeros(0, np.int16), *pieces])
