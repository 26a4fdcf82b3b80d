"""What was spoken in people's voices is compared with them now and then, bounded, and never at the cost of a call."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from tests.virtual_time import virtual_time
from tests.voices.test_source import Shelf, live
from tests.voices.vectors import tone_voice

from dragoman.media.format import Pcm
from dragoman.voices.likeness import EVERY_S, MOST_S, Likenesses
from dragoman.voices.source import LiveVoices


class Part:
    """The voices of a daemon."""

    def __init__(self, live: LiveVoices | None) -> None:
        self.live = live


def sound(pitch: float, seconds: float = 2.0) -> Pcm:
    return (tone_voice(pitch, seconds) * 32767).astype(np.int16)


@virtual_time
async def test_one_clause_at_a_time_is_compared_and_what_comes_meanwhile_is_skipped() -> None:
    voices, _ = live(Shelf())
    await voices.enter("a", "+34600123456")
    scores, told = Likenesses(Part(voices)), []
    scores.on_likeness = told.append
    running = asyncio.ensure_future(scores.run())
    for pitch in (110, 230):
        for _ in range(3):
            scores.spoken("a", sound(pitch))
        await asyncio.sleep(EVERY_S + 0.1)
    assert len(told) == 2 and told[0] > 0.95 > told[1]
    assert scores.counts() == {"likeness_scored": 2, "likeness_skipped": 4}
    running.cancel()


@virtual_time
async def test_who_has_no_profile_and_an_encoder_that_fails_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    voices, _ = live(Shelf())
    scores, lengths = Likenesses(part := Part(None)), []
    scores.on_likeness = lambda likeness: pytest.fail("nobody is to be told")
    running = asyncio.ensure_future(scores.run())
    scores.spoken("a", sound(110))
    await asyncio.sleep(EVERY_S + 0.1)
    part.live = voices
    scores.spoken("nobody", sound(110))
    await asyncio.sleep(EVERY_S + 0.1)

    async def fails(speaker: str, samples: np.ndarray) -> float | None:
        lengths.append(len(samples) / 16_000)
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(voices, "likeness", fails)
    for _ in range(2):
        scores.spoken("a", np.zeros(16_000 * 60, np.int16))
        await asyncio.sleep(EVERY_S + 0.1)
    assert lengths == [MOST_S, MOST_S] and scores.counts()["likeness_scored"] == 0
    running.cancel()
