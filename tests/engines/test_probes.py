"""Pinned: a probe is one small real request in a language that the engine knows, and no cache can answer it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.engines.scripted import MoodyRecognizer, MoodySynthesizer, MoodyTranslator
from tests.virtual_time import virtual_time

from dragoman.engines.base import Engine
from dragoman.engines.probes import probe
from dragoman.errors import EngineCrashed

pytestmark = virtual_time

ENGINES = {
    "asr": lambda *languages: MoodyRecognizer("ears", languages=languages),
    "mt": lambda *languages: MoodyTranslator("brain", languages=languages),
    "tts": lambda *languages: MoodySynthesizer("mouth", languages=languages),
}


@pytest.mark.parametrize("stage", ENGINES)
async def test_it_is_one_request(stage: str) -> None:
    engine = ENGINES[stage]()
    await probe(engine, ["en", "es"])
    assert len(engine.asked) == 1
    if isinstance(engine, MoodyRecognizer):
        assert [stream.closed for stream in engine.streams] == [True]


@pytest.mark.parametrize("stage", ENGINES)
async def test_its_failure_is_the_engines(stage: str) -> None:
    engine = ENGINES[stage]()
    engine.now = "crash"
    with pytest.raises(EngineCrashed):
        await probe(engine, ["en", "es"])


async def test_no_cache_can_answer_it() -> None:
    brain = MoodyTranslator("brain")
    for _ in range(20):
        await probe(brain, ["en", "es"])
    texts = [text for _, text in brain.asked]
    assert all(one != other for one, other in pairwise(texts))
    assert all(text.isascii() and len(text) <= 12 for text in texts)


async def test_a_voice_without_sound_fails() -> None:
    mouth = MoodySynthesizer("mouth")
    mouth.now = "silent"
    with pytest.raises(EngineCrashed, match="no audio"):
        await probe(mouth, ["en"])


async def test_languages_offered_come_first_and_any_that_it_knows_will_do() -> None:
    ears = MoodyRecognizer("ears", languages=["vi", "es"])
    await probe(ears, ["en", "es"])
    await probe(ears, ["en"])
    assert [language for _, language in ears.asked] == ["es", "es"]
    pair = MoodyTranslator("pair", languages=["ca-vi"])
    await probe(pair, ["en", "es"])
    assert len(pair.asked) == 1


@pytest.mark.parametrize("stage", ENGINES)
async def test_an_engine_of_no_language_that_we_know_is_left_alone(stage: str) -> None:
    engine: Engine = ENGINES[stage]("xx")
    await probe(engine, ["en"])
    assert engine.asked == []  # type: ignore[union-attr]
