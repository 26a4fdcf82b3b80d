"""The product's engine, its model speaking clauses of a fixed length."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

from bench.tts.measure import Heard, Stopwatch
from bench.tts.model import text

from dragoman.engines.base import SpeechRequest
from dragoman.engines.tts.xtts import engine as engine_module
from dragoman.engines.tts.xtts.engine import XttsSynthesizer
from dragoman.engines.tts.xtts.load import load, speakers
from dragoman.engines.tts.xtts.loading import Loaded, prepare
from dragoman.engines.tts.xtts.settings import Settings
from dragoman.engines.tts.xtts.speakers import StockVoices
from dragoman.engines.tts.xtts.worker import Worker
from dragoman.media.format import SAMPLE_RATE

engine_module.ANSWER_DEADLINE_S = 600.0  # a bench waits for a busy machine, too


class Ours(XttsSynthesizer):
    """Random weights know no end: each clause has ``tokens`` tokens, and nothing is checked."""

    def __init__(self, options: Mapping[str, object], tokens: int) -> None:
        super().__init__({**options, "accept_cpml": True, "self_check": False})
        self._tokens = tokens

    def _thread(self) -> Worker:
        return Worker(self._settings, partial(_fixed, tokens=self._tokens))

    async def say(self, tokens: int) -> None:
        """From now on clauses of so many tokens: the model need not be loaded again for that."""
        worker = self._worker
        assert worker is not None

        def set_length(loaded: Loaded) -> None:
            object.__setattr__(loaded, "manner", replace(loaded.manner, max_tokens=tokens + 1))

        await asyncio.wrap_future(worker.ask(set_length))
        self._tokens = tokens

    def request(self, number: int) -> SpeechRequest:
        """The clause of this number."""
        return SpeechRequest(text(number, self._tokens), "en", f"speaker {number}")

    async def speak(self, streams: int) -> tuple[float, list[Heard]]:
        """So many clauses at once: wall time, and what was heard."""
        watch = Stopwatch()
        heard = await asyncio.gather(*(self._hear(number, watch) for number in range(streams)))
        return watch(), heard

    async def _hear(self, number: int, watch: Stopwatch) -> Heard:
        heard = Heard()
        pieces: Any = self.synthesize(self.request(number))
        async with aclosing(pieces):
            async for piece in pieces:
                heard.pieces.append((watch(), len(piece) / SAMPLE_RATE))
        return heard


def _fixed(settings: Settings, tokens: int) -> Loaded:
    model = load(settings.model)
    stop = int(model.xtts.gpt.stop_audio_token)
    voices = speakers(settings.model).items()
    stock = StockVoices({name: (a.numpy(), b.numpy()) for name, (a, b) in voices})
    loaded = prepare(model, stock, settings, suppress=(stop,))
    return replace(loaded, manner=replace(loaded.manner, max_tokens=tokens + 1))
