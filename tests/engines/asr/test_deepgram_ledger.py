"""The ledger under attack: whatever happens to the connections, each word is committed once, in order, none is missing.

The words are tone words, so what was heard is what was sent; connections end at random times in every way there is.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from tests.engines.asr.deepgram_leg import leg
from tests.fakes.deepgram import FakeDeepgram, Faults, chaos
from tests.tonewords.code import words
from tests.tonewords.encode import encode, silence
from tests.virtual_time import virtual_time

from dragoman.engines.asr.deepgram import DeepgramRecognizer

pytestmark = [virtual_time, pytest.mark.timeout(300)]

BAD_HABITS = Faults(
    duplicate_finals=0.2,
    late_finals=0.1,
    lost_flags=0.3,
    mute_finalize=0.5,
    junk=0.1,
    wrong_interims=0.1,
    word_jitter=0.03,
)


HABITS = {"bad": BAD_HABITS, "in parts": Faults(parted_finals=0.5, mute_finalize=0.5), "no times": Faults(untimed=0.4)}


def talk(random: Random, count: int) -> tuple[list[str], list[np.ndarray]]:
    """Utterances with pauses between them, one of them long; now and then a word is said again and again."""
    said: list[str] = []
    pieces = []
    number = 0
    while len(said) < count:
        length = random.choice((1, 2, 3, 5, 8, 30))
        utterance = []
        for _ in range(length):
            number += random.random() < 0.8  # else the same word again
            utterance += words("a", "en", 1, number)
        said += utterance
        pieces.append(np.concatenate((encode(utterance), silence(random.uniform(0.45, 2.5)))))
    return said, pieces


@pytest.mark.parametrize(
    ("habits", "seed"), [*(("bad", seed) for seed in range(6)), *((name, 3) for name in ("in parts", "no times"))]
)
async def test_each_word_once_whatever_happens_to_the_connections(habits: str, seed: int) -> None:
    random = Random(seed)
    faults = HABITS[habits]
    said, pieces = talk(random, 60)
    life = random.choice((2.5, 5.0, 10.0))
    async with FakeDeepgram(seed=seed, faults=chaos(seed, life, faults)) as fake:
        engine = DeepgramRecognizer({"api_key": "key", "base_url": fake.url})
        await engine.start()
        async with leg(engine) as speaker:
            for piece in pieces:
                await speaker.say(piece, 0.0)
            fake.plan = lambda number, tag: replace(faults)  # all storms end
            await speaker.say(silence(0.0), 15.0)
        await engine.close()
        assert len(fake.connections) > 2
        assert speaker.words == said, (len(fake.connections), speaker.recognition.restarts)
        assert speaker.recognition.dropped == 0
