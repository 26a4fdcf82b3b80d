"""A third attack on the ledger, by a fake whose connections each have word times of their own: each word comes once."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from tests.engines.asr.deepgram_leg import leg
from tests.fakes.deepgram_moved import MovedDeepgram, Moves, audio, script, spelt
from tests.pipeline.verdict import judge
from tests.virtual_time import virtual_time

from dragoman.engines.asr.deepgram import DeepgramRecognizer

pytestmark = [virtual_time, pytest.mark.timeout(300)]

ATTACKS = {
    "clocks that differ": Moves(offset=0.1, noise=0.03),
    "words told elsewhere": Moves(noise=0.06, flutter=0.01, wrong=0.3, drift=0.002),
    "figures written in three ways": Moves(offset=0.03, noise=0.03, figures=True),
    "late and repeated finals": Moves(noise=0.03, late=0.2, late_s=3.0, repeated=0.2),
    "partials that split words": Moves(noise=0.03, split=0.4, wrong=0.2),
    "all": Moves(
        offset=0.08,
        noise=0.06,
        flutter=0.02,
        wrong=0.3,
        drift=0.003,
        repeated=0.1,
        late=0.1,
        figures=True,
    ),
}


@pytest.mark.parametrize(
    ("name", "seed"),
    [*((name, seed) for name in ATTACKS for seed in range(2)), ("all", 4)],  # 4: a cap of clauses in mid-number
)
async def test_each_word_once_wherever_it_is_told(name: str, seed: int) -> None:
    moves = ATTACKS[name]
    said = script(Random(f"{name}/{seed}"), 40, figures=moves.figures)
    async with MovedDeepgram(said, moves, seed) as fake:
        engine = DeepgramRecognizer({"api_key": "key", "base_url": fake.url})
        await engine.start()
        async with leg(engine, by_clause=bool(seed % 2)) as speaker:
            await speaker.say(audio(said), 0.0)
            fake.moves = replace(moves, life=None)
            await speaker.say(np.zeros(0, np.int16), 20.0)
        await engine.close()
        assert fake.connections > 2
    assert spelt(speaker.words) == [word.text for word in said]
    assert speaker.recognition.dropped == 0


@pytest.mark.parametrize("seed", range(3))
async def test_a_word_that_is_lost_lies_in_a_gap_that_was_marked(seed: int) -> None:
    moves = Moves(noise=0.03, life=(0.05, 0.15))  # less than a result takes
    said = script(Random(f"deadly/{seed}"), 90)  # more than the ring holds
    gaps: list[tuple[int, int]] = []
    async with MovedDeepgram(said, moves, seed) as fake:
        engine = DeepgramRecognizer({"api_key": "key", "base_url": fake.url})
        await engine.start()
        async with leg(engine, by_clause=bool(seed % 2)) as speaker:
            speaker.recognition.on_lost = lambda start, stop: gaps.append((start, stop))
            await speaker.say(audio(said), 0.0)
            fake.moves = replace(moves, life=None)
            await speaker.say(np.zeros(0, np.int16), 20.0)
        await engine.close()
    verdict = judge(said, spelt(speaker.words), gaps)
    assert verdict.good
    assert verdict.given_up
    assert speaker.recognition.dropped
