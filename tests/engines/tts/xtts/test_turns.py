"""Clauses whose sound comes at once, as a GPU makes it: the loop shapes little of it in a row, for its tick is due."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import numpy as np
import pytest

from dragoman.engines.base import SpeechRequest
from dragoman.engines.tts.xtts import engine as module
from dragoman.engines.tts.xtts.engine import STRIDE, XttsSynthesizer
from dragoman.engines.tts.xtts.speakers import Conditioning

pytest.importorskip("torch")

CLAUSES, SECONDS = 16, 1

VOICE = Conditioning(np.zeros((32, 4), np.float32), np.zeros(512, np.float32), "stock:anna")


class Ready:
    """A worker that has all of a clause's sound ready."""

    def submit(self, order: Any) -> None:
        order.voice = VOICE
        order.deliver(np.full(SECONDS * VOICE.rate, 1000, np.int16))
        order.deliver(None)

    def release(self, order: Any, ended: bool) -> None:
        assert ended


async def test_one_or_two_clauses_are_shaped_in_each_round_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds, shaped = 0, Counter[int]()

    class Counting(module.StreamShaper):
        def push(self, samples: Any) -> Any:
            assert len(samples) <= STRIDE
            shaped[rounds] += 1
            return super().push(samples)

    monkeypatch.setattr(module, "StreamShaper", Counting)
    engine = XttsSynthesizer({})
    engine._worker = Ready()  # type: ignore[assignment]  # a stand-in

    async def speak(number: int) -> int:
        request = SpeechRequest("Good morning to everybody.", "en", f"speaker {number}")
        return sum([len(piece) async for piece in engine.synthesize(request)])

    speaking = [asyncio.create_task(speak(number)) for number in range(CLAUSES)]
    while not all(task.done() for task in speaking):
        rounds += 1
        await asyncio.sleep(0)
    assert max(shaped.values()) <= 2
    assert sum(shaped.values()) == CLAUSES * SECONDS * VOICE.rate // STRIDE
    assert all(16_000 * SECONDS <= task.result() < 16_000 * SECONDS + 640 for task in speaking)
