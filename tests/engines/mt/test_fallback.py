"""Pinned: whatever translators do, each clause has one outcome within its budget, and in a conversation that outlives
its first translator no clause is lost."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines.scripted import BEHAVIOURS, QUICK, MoodyTranslator, running
from tests.virtual_time import START, run, virtual_time

from dragoman.engines.availability import FIRST_REST, PAROLE
from dragoman.engines.base import Stage, TranslationRequest
from dragoman.engines.circuits import Circuits
from dragoman.engines.mt.chain import BUDGET, DEADLINE, LEAST, TranslatorChain
from dragoman.errors import EngineBusy, EngineCrashed, EngineDenied, EngineError, EngineRejected, EngineTimeout

MARGIN = 1e-6
"""Of floats."""


def now() -> float:
    return asyncio.get_running_loop().time()


class Talk:
    """Clauses one after the other through one chain, as one speaker's are."""

    def __init__(self, *translators: MoodyTranslator, circuits: Circuits | None = None) -> None:
        self.chain = TranslatorChain(translators, circuits)
        self.failed: list[EngineError] = []
        self.chain.on_failure = self.failed.append
        self.number = 0
        self.engines: list[str] = []
        """Who translated each clause, or the name of the error."""
        self.took: list[float] = []

    async def say(self, clauses: int = 1, every: float = 0.0) -> list[str]:
        """The engines of these clauses."""
        before = len(self.engines)
        for _ in range(clauses):
            self.number += 1
            began = now()
            try:
                translation = await self.chain.translate(TranslationRequest(f"clause {self.number}", "en", "es"))
                assert translation.text == f"es:clause {self.number}"
                self.engines.append(translation.engine)
            except EngineError as error:
                self.engines.append(type(error).__name__)
            self.took.append(round(now() - began, 6))
            await asyncio.sleep(max(every - (now() - began), 0.0))
        return self.engines[before:]


@virtual_time
@pytest.mark.parametrize("dies", ["hang", "crash", "busy", "wait", "deny", "bug", "slow-death"])
async def test_a_conversation_outlives_its_first_translator(dies: str) -> None:
    first, second = MoodyTranslator("first"), MoodyTranslator("second")
    async with running() as circuits:
        talk = Talk(first, second, circuits=circuits)
        assert await talk.say(5, every=2.0) == ["first"] * 5
        first.now = "hang" if dies == "slow-death" else dies
        if dies == "slow-death":
            first.script.extend(["slow", "slow", "hang", "slow"])
        during = await talk.say(10, every=2.0)
        assert set(during) <= {"first", "second"} and during[-1] == "second"
        assert max(talk.took) <= BUDGET + MARGIN
        assert talk.took[-6:] == [QUICK] * 6  # nobody waits for what is known to be dead
        first.now = "works"
        await asyncio.sleep(400)
        assert await talk.say(5, every=2.0) == ["first"] * 5
    assert circuits.changes == {(Stage.MT, "first", "second"): 1, (Stage.MT, "second", "first"): 1}


@virtual_time
async def test_a_first_translator_that_hangs_is_given_up_after_two_clauses_of_one_leg_or_one_of_several() -> None:
    for legs in (1, 3):
        first, second, circuits = MoodyTranslator("first"), MoodyTranslator("second"), Circuits()
        first.now = "hang"
        talks = [Talk(first, second, circuits=circuits) for _ in range(legs)]
        for talk in await asyncio.gather(*(talk.say(3) for talk in talks)):
            assert talk == ["second"] * 3
        first_clause, next_clause, last_clause = zip(*(talk.took for talk in talks), strict=True)
        assert max(first_clause) == pytest.approx(DEADLINE + LEAST + QUICK)
        assert next_clause == (pytest.approx(DEADLINE + QUICK if legs == 1 else QUICK),) * legs
        assert last_clause == (pytest.approx(QUICK),) * legs


@virtual_time
async def test_whoever_comes_last_in_line_still_has_time() -> None:
    engines = [MoodyTranslator(name) for name in ("one", "two", "three", "four")]
    for engine in engines[:-1]:
        engine.now = "hang"
    talk = Talk(*engines)
    assert await talk.say() == ["four"]
    assert talk.took[0] <= BUDGET


@virtual_time
async def test_nobody_is_asked_when_too_little_time_is_left_to_be_fair() -> None:
    engines = [MoodyTranslator(str(i)) for i in range(8)]
    for engine in engines:
        engine.now = "hang"
    talk = Talk(*engines)
    assert await talk.say() == ["EngineTimeout"]
    assert talk.took[0] <= BUDGET + MARGIN
    assert [len(engine.asked) for engine in engines] == [1] * 5 + [0] * 3
    assert all(talk.chain._circuits.of(engine).usable() for engine in engines)


@virtual_time
async def test_who_is_overloaded_is_asked_again_but_not_who_said_for_how_long_where_another_can_help() -> None:
    for mood, others, asked in (("busy", 0, 2), ("busy", 1, 2), ("wait", 1, 1)):
        first = MoodyTranslator("first", mood)
        await Talk(first, *(MoodyTranslator("second") for _ in range(others))).say()
        assert len(first.asked) == asked


@virtual_time
async def test_in_need_who_rests_is_asked_ever_more_rarely_and_who_told_us_to_stay_away_is_not() -> None:
    fails, denied = MoodyTranslator("fails"), MoodyTranslator("denied")
    fails.now, denied.now = "crash", "deny"
    talk = Talk(fails, denied)
    assert await talk.say(2) == ["EngineCrashed", "EngineCrashed"]
    asked = len(fails.asked)
    assert await talk.say() == ["EngineCrashed"]
    assert (len(fails.asked), len(denied.asked)) == (asked + 3, 1)
    fails.now = "works"
    assert await talk.say() == ["fails"]
    assert len(denied.asked) == 1


@virtual_time
async def test_where_all_told_us_to_stay_away_the_clause_fails_at_once_and_says_why() -> None:
    book, denied = MoodyTranslator("book"), MoodyTranslator("denied")
    book.now, denied.now = "reject", "deny"
    chain = TranslatorChain([book, denied])
    request = TranslationRequest("x", "en", "es")
    with pytest.raises(EngineDenied):
        await chain.translate(request)
    before = now()
    with pytest.raises(EngineBusy, match="456: quota used up"):
        await chain.translate(request)
    assert now() - before == pytest.approx(QUICK)  # the phrase book's
    assert len(denied.asked) == 1


@virtual_time
async def test_failures_that_cost_no_clause_are_told_once_and_those_that_did_are_raised() -> None:
    first, second = MoodyTranslator("first", "crash", "crash", "crash"), MoodyTranslator("second", "reject")
    talk = Talk(first, second)
    assert await talk.say() == ["EngineCrashed"]
    assert [type(error) for error in talk.failed] == [EngineCrashed] * 2
    talk = Talk(MoodyTranslator("first", "hang", "crash"), MoodyTranslator("second"))
    assert await talk.say() == ["second"]
    assert [type(error) for error in talk.failed] == [EngineTimeout, EngineCrashed]


@virtual_time
async def test_a_translator_that_flaps_costs_no_clause() -> None:
    flaps, second = MoodyTranslator("flaps"), MoodyTranslator("second")
    async with running() as circuits:
        talk = Talk(flaps, second, circuits=circuits)
        for i in range(60):
            flaps.now = ("works", "hang", "crash")[i % 3]
            await talk.say(3, every=2.0)
    assert set(talk.engines) == {"flaps", "second"}
    assert max(talk.took) <= BUDGET + MARGIN
    late = [took for took in talk.took if took > 2 * QUICK + MARGIN]
    assert len(late) < 15  # of 180


@virtual_time
async def test_on_parole_the_first_failure_is_the_last() -> None:
    first, second = MoodyTranslator("first"), MoodyTranslator("second")
    async with running() as circuits:
        talk = Talk(first, second, circuits=circuits)
        first.now = "crash"
        await talk.say(3)
        first.now = "works"
        await asyncio.sleep(FIRST_REST + 1)
        assert await talk.say(PAROLE - 1) == ["first"] * (PAROLE - 1)
        first.now = "crash"
        asked = len(first.asked)
        assert await talk.say(3) == ["second"] * 3
        assert len(first.asked) == asked + 1


@virtual_time
async def test_engines_are_chosen_by_pair() -> None:
    here, there = MoodyTranslator("here"), MoodyTranslator("there")
    chain = TranslatorChain(lambda source, target: [there] if target == "vi" else [here])
    asked = [await chain.translate(TranslationRequest("x", "en", target)) for target in ("es", "vi")]
    assert [translation.engine for translation in asked] == ["here", "there"]


scripts = st.lists(st.sampled_from(BEHAVIOURS), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(st.tuples(scripts, st.sampled_from(BEHAVIOURS)), min_size=1, max_size=4),
    legs=st.integers(1, 3),
    every=st.sampled_from([0.0, 1.0, 4.0]),
)
def test_each_clause_has_one_outcome_within_the_budget(
    lines: list[tuple[list[str], str]], legs: int, every: float
) -> None:
    async def scenario() -> None:
        engines = [MoodyTranslator(f"e{i}", *script) for i, (script, _) in enumerate(lines)]
        for engine, (_, then) in zip(engines, lines, strict=True):
            engine.now = then
        async with running() as circuits:
            talks = [Talk(*engines, circuits=circuits) for _ in range(legs)]
            await asyncio.gather(*(talk.say(6, every) for talk in talks))
        for talk in talks:
            assert len(talk.engines) == 6  # in order: a Talk says the next when the one before has its outcome
            assert max(talk.took) <= BUDGET + MARGIN
            assert EngineRejected.__name__ not in talk.engines or all(
                "reject" in (*script, then) for script, then in lines
            )
        assert now() < START + 6 * (BUDGET + every) + MARGIN

    run(scenario())


@settings(max_examples=150, deadline=None)
@given(scripts, st.sampled_from(BEHAVIOURS), st.integers(1, 3), st.sampled_from([0.0, 1.0, 4.0]))
def test_with_one_that_works_behind_it_no_first_translator_costs_a_clause(
    script: list[str], then: str, legs: int, every: float
) -> None:
    async def scenario() -> None:
        first, second = MoodyTranslator("first", *script), MoodyTranslator("second")
        first.now = then
        async with running() as circuits:
            talks = [Talk(first, second, circuits=circuits) for _ in range(legs)]
            await asyncio.gather(*(talk.say(6, every) for talk in talks))
        assert {engine for talk in talks for engine in talk.engines} <= {"first", "second"}
        assert all(took <= DEADLINE + LEAST + QUICK + MARGIN for talk in talks for took in talk.took)

    run(scenario())
