"""What providers charge for is counted when they are asked: also what failed, never what was known already."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

import pytest
from tests.pipeline.fakes import FakeEngines, FakeSynthesizer, FakeTranslator, crashed, rejected
from tests.pipeline.hall import hall
from tests.virtual_time import virtual_time

from dragoman.engines.base import Stage, TranslationRequest
from dragoman.engines.circuits import Circuits
from dragoman.engines.mt.cache import CachedTranslator
from dragoman.engines.mt.chain import TranslatorChain
from dragoman.errors import EngineError
from dragoman.media.format import SAMPLE_RATE
from dragoman.pipeline.options import PipelineOptions

pytestmark = virtual_time

REQUEST = TranslationRequest("hello", "en", "es")


def asked(circuits: Circuits) -> dict[tuple[Stage, str], int]:
    return {(state.stage, state.engine): state.asked for state in circuits.states()}


async def test_recogniser_and_synthesizer_count_what_they_were_given() -> None:
    engines = FakeEngines()
    async with hall(engines, PipelineOptions(speculate=False)) as place:
        ann = place.join("ann", "en")
        place.join("bea", "es")
        place.say(ann, "good morning everybody")
        await place.passes(8)
    cost = asked(engines.circuits)
    (spoken,) = engines.mouth.requests
    assert cost[Stage.TTS, "mouth"] == len(spoken.text)
    # One utterance with its pre-roll and tail, not the eight seconds that passed.
    assert 0.5 * SAMPLE_RATE < cost[Stage.ASR, "ears"] < 5 * SAMPLE_RATE


@pytest.mark.parametrize(("outcome", "tries"), [(crashed("first"), 3), (rejected("first"), 1), ("hang", 2)])
async def test_a_translator_that_fails_was_asked_all_the_same(outcome: EngineError | str, tries: int) -> None:
    circuits = Circuits()
    first = FakeTranslator(delay=0.0, name="first", outcomes=deque([outcome] * 3))
    await TranslatorChain([first, FakeTranslator(name="second")], circuits).translate(REQUEST)
    assert asked(circuits) == {(Stage.MT, "first"): 5 * tries, (Stage.MT, "second"): 5}


async def test_what_a_cache_answers_costs_nothing() -> None:
    circuits = Circuits()
    cached = CachedTranslator(FakeTranslator(name="first"), 10)
    chain = TranslatorChain([cached], circuits)
    answers = await asyncio.gather(*(chain.translate(REQUEST) for _ in range(3)))  # the others join the first
    answers.append(await chain.translate(REQUEST))
    assert asked(circuits) == {(Stage.MT, "first"): 5}
    assert [answer.kept for answer in answers] == [False, True, True, True]
    assert len(set(answers)) == 1  # to everybody else they are the same
    await chain.translate(replace(REQUEST, text="good morning"))
    assert asked(circuits) == {(Stage.MT, "first"): 17}


async def test_a_synthesizer_that_fails_is_asked_again_and_both_count() -> None:
    engines = FakeEngines(mouth=FakeSynthesizer(outcomes=deque([crashed("mouth")])))
    async with hall(engines, PipelineOptions(speculate=False)) as place:
        ann = place.join("ann", "en")
        place.join("bea", "es")
        place.say(ann, "good morning")
        await place.passes(8)
    assert len(engines.mouth.requests) == 2
    assert asked(engines.circuits)[Stage.TTS, "mouth"] == sum(len(each.text) for each in engines.mouth.requests)
