"""A second attack on the ledger, by the placed fake: figures joined over reconnects, words told elsewhere, cut ranges.

Each word is said once and in order, and each figure is the one that was said, whatever the connections cut in two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from tests.engines.asr.deepgram_leg import leg
from tests.fakes.deepgram_placed import Habits, PlacedDeepgram, formatted, placed, script
from tests.virtual_time import virtual_time

from dragoman.engines.asr.deepgram import DeepgramRecognizer

pytestmark = [virtual_time, pytest.mark.timeout(300)]

BREAKS = Habits(life_s=(1.0, 7.0))

ATTACKS = {
    "figures whole": Habits(smart_format=True),
    "figures told in part by a last final": replace(BREAKS, smart_format=True, last_final=1.0, final_shift_s=0.03),
    "figures, moved and misheard": replace(
        BREAKS, smart_format=True, last_final=0.7, final_shift_s=0.05, interim_shift_s=0.08, wrong_interims=0.2
    ),
    "words told elsewhere": replace(BREAKS, final_shift_s=0.06, interim_shift_s=0.1, wrong_interims=0.3),
    "ranges cut anywhere, words cut by the beginning": replace(BREAKS, anywhere=True, cut_words=0.4, overlap=0.5),
}


def committed(texts: list[str], wanted: list[str]) -> list[str]:
    """The words, but digits in a row told in pieces as the row that was said: a pause may come between them."""
    found: list[str] = []
    left = [text.replace("-", "") for text in texts]
    targets: Iterator[str] = iter(wanted)
    while left:
        target = next(targets, "")
        text = left.pop(0)
        while target.isdigit() and len(target) > 3 and text != target and target.startswith(text) and left:
            text += left.pop(0)
        found.append(text)
    return found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ATTACKS)
async def test_each_word_once_and_each_figure_right(name: str, seed: int) -> None:
    random = Random(f"{name}/{seed}")
    habits = ATTACKS[name]
    said = script(random, 40, figures=habits.smart_format)
    pcm = placed(said)
    async with PlacedDeepgram(said, habits, seed) as fake:
        engine = DeepgramRecognizer({"api_key": "key", "base_url": fake.url})
        await engine.start()
        async with leg(engine, by_clause=bool(seed % 2)) as speaker:
            await speaker.say(pcm, 0.0)
            fake.habits = replace(habits, life_s=None)
            await speaker.say(np.zeros(0, np.int16), 20.0)
        await engine.close()
        assert (fake.connections > 3) == (habits.life_s is not None)
    wanted = [word.text.replace("-", "") for word in (formatted(said) if habits.smart_format else said)]
    assert committed(speaker.words, wanted) == wanted
    assert speaker.recognition.dropped == 0
