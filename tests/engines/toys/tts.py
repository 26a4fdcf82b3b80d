"""Synthesizers with one defect each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from tests.engines.toys.kinds import Beeper, found_by
from tests.engines.toys.processes import Cat

from dragoman.engines.base import SpeechRequest, Stage
from dragoman.media.format import Pcm

TTS = Stage.TTS


@found_by(TTS, "test_supports_what_it_says")
class Boasts(Beeper):
    def supports(self, language: str) -> bool:
        return language == "en"


@found_by(TTS, "test_rejects_an_unknown_language")
class SpeaksAnything(Beeper):
    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        async for piece in super().synthesize(replace(request, language="en")):
            yield piece


@found_by(TTS, "test_gives_pieces_of_16_khz_mono")
class Floats(Beeper):
    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Any]:
        async for piece in super().synthesize(request):
            yield piece.astype(np.float32)


@found_by(TTS, "test_gives_pieces_of_16_khz_mono", "test_level_and_lead")
class NeverEnds(Beeper):
    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        while True:
            async for piece in super().synthesize(request):
                yield piece


@found_by(TTS, "test_level_and_lead")
class Whispers(Beeper):
    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        async for piece in super().synthesize(request):
            yield piece // 4


@found_by(TTS, "test_level_and_lead")
class Hesitates(Beeper):
    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        yield np.zeros(1600, np.int16)
        async for piece in super().synthesize(request):
            yield piece


@found_by(TTS, "test_same_speaker_same_voice")
class ForgetsVoices(Beeper):
    calls = 0

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        self.calls += 1
        async for piece in super().synthesize(replace(request, speaker=f"{self.calls}")):
            yield piece


@found_by(TTS, "test_works")
class Drawls(Beeper):
    calls = 0

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        self.calls += 1
        async for piece in super().synthesize(replace(request, text=f"{request.text} {'er ' * self.calls}")):
            yield piece


@found_by(TTS, "test_works")
class LosesPieces(Beeper):
    """Every other time the second half of its pieces is silence."""

    calls = 0

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        self.calls += 1
        audio = np.concatenate([piece async for piece in super().synthesize(request)])
        if self.calls % 2:
            audio[len(audio) // 2 :] = 0
        yield audio


@found_by(TTS, "test_bad_text_is_an_engine_error_at_most")
class Encodes(Beeper):
    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        request.text.encode()
        async for piece in super().synthesize(request):
            yield piece


@found_by(TTS, "test_many_at_once_keep_their_audio")
class HasOneMouth(Beeper):
    """Whoever asks next takes the next piece, whosever it is."""

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.pieces: list[Pcm] = []

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        async for piece in super().synthesize(request):
            self.pieces.append(piece)
            await asyncio.sleep(0)
        while self.pieces:
            yield self.pieces.pop(0)
            await asyncio.sleep(0)


@found_by(TTS, "test_an_unread_request_does_not_stop_others")
class OneAtATime(Beeper):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.lock = asyncio.Lock()

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        async with self.lock:
            async for piece in super().synthesize(request):
                yield piece


@found_by(TTS, "test_closing_the_iterator_frees_at_once")
class LetsGoSlowly(Beeper):
    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        try:
            async for piece in super().synthesize(request):
                yield piece
        finally:
            await asyncio.sleep(5)


class _Pieces:
    """An iterator that is no generator, and takes a seat when it is made, not when it is read."""

    def __init__(self, engine: KeepsASeat, pieces: Any) -> None:
        self.engine, self.pieces = engine, pieces
        self.begun = False
        engine.seats -= 1

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> Pcm:
        self.begun = True
        while self.engine.seats < 0:
            await asyncio.sleep(1)
        return await anext(self.pieces)  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        if self.begun:
            self.engine.seats += 1
        await self.pieces.aclose()


@found_by(TTS, "test_an_iterator_may_be_closed_unread")
class KeepsASeat(Beeper):
    seats = 1

    def synthesize(self, request: SpeechRequest) -> Any:
        return _Pieces(self, super().synthesize(request))


class ByCat(Beeper):
    """Good: each clause goes through a process, which is replaced when it dies."""

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.cat = Cat()

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        async for piece in super().synthesize(request):
            await self.cat.ask("x")
            yield piece

    async def close(self) -> None:
        await self.cat.close()


@found_by(TTS, "test_a_killed_process_is_a_crash_and_replaced")
class NeverReplaces(ByCat):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.cat = Cat(replaced=False)
