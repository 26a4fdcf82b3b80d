from __future__ import annotations

import asyncio
from collections import deque

import pytest
from tests.pipeline.fakes import FakeTranslator, crashed, rejected
from tests.virtual_time import START, virtual_time

from dragoman.engines.availability import FAILURES
from dragoman.engines.base import TranslationRequest
from dragoman.engines.circuits import Circuits
from dragoman.engines.mt.chain import BUDGET, DEADLINE, TranslatorChain
from dragoman.errors import EngineBusy, EngineCrashed, EngineError, EngineRejected, EngineTimeout, EngineUnavailable
from dragoman.recovery.mt import REQUEUE_S, STRIKES

pytestmark = virtual_time

REQUEST = TranslationRequest("hello", "en", "es")


def failing(name: str, *outcomes: EngineError | str) -> FakeTranslator:
    return FakeTranslator(delay=0.0, name=name, outcomes=deque(outcomes))


@pytest.mark.parametrize("outcome", ["bug", crashed("first"), EngineBusy("first", "503")])
async def test_what_fails_at_once_has_three_strikes_300_ms_apart_and_then_the_next_is_asked(
    outcome: EngineError | str,
) -> None:
    first, second = failing("first", *[outcome] * 3), failing("second")
    assert (await TranslatorChain([first, second]).translate(REQUEST)).engine == "second"
    assert (len(first.requests), len(second.requests)) == (STRIKES, 1)
    assert asyncio.get_running_loop().time() == pytest.approx(START + 2 * REQUEUE_S)


async def test_the_only_one_is_asked_for_as_long_as_there_is_time_better_late_than_lost() -> None:
    only = failing("only", *[crashed("only")] * 4)
    assert (await TranslatorChain([only]).translate(REQUEST)).engine == "only"
    assert len(only.requests) == 5
    assert asyncio.get_running_loop().time() == pytest.approx(START + 0.3 + 0.3 + 0.6 + 1.2)


async def test_and_no_longer_than_that() -> None:
    only = failing("only", *[crashed("only")] * 10)
    with pytest.raises(EngineCrashed):
        await TranslatorChain([only]).translate(REQUEST)
    assert asyncio.get_running_loop().time() <= START + BUDGET
    assert len(only.requests) == 5


async def test_one_that_rests_is_asked_before_another_is_asked_for_ever() -> None:
    first, rests = failing("first", *[crashed("first")] * 10), failing("rests")
    circuits = Circuits()
    for _ in range(FAILURES):
        circuits.failed(rests, crashed("rests"))
    assert (await TranslatorChain([first, rests], circuits).translate(REQUEST)).engine == "rests"
    assert len(first.requests) == STRIKES
    assert asyncio.get_running_loop().time() == pytest.approx(START + 2 * REQUEUE_S)


async def test_but_not_where_it_told_us_to_stay_away() -> None:
    only = failing("only", EngineBusy("only", "429", retry_after=30.0))
    with pytest.raises(EngineBusy):
        await TranslatorChain([only]).translate(REQUEST)
    assert len(only.requests) == 1


@pytest.mark.parametrize("outcome", ["hang", EngineTimeout("first", "slow")])
async def test_what_is_late_is_asked_once_more_and_then_the_next_is(outcome: EngineError | str) -> None:
    first, second = failing("first", outcome, outcome), failing("second")
    assert (await TranslatorChain([first, second]).translate(REQUEST)).engine == "second"
    assert (len(first.requests), len(second.requests)) == (2, 1)


async def test_who_asks_for_a_longer_rest_than_that_is_given_it() -> None:
    first, second = failing("first", EngineBusy("first", "429", retry_after=2.0)), failing("second")
    assert (await TranslatorChain([first, second]).translate(REQUEST)).engine == "second"
    assert len(first.requests) == 1


@pytest.mark.parametrize("outcome", ["hang", "bug", crashed("first")])
async def test_a_second_try_that_succeeds_keeps_the_engine(outcome: EngineError | str) -> None:
    first, second = failing("first", outcome), failing("second")
    assert (await TranslatorChain([first, second]).translate(REQUEST)).engine == "first"
    assert (len(first.requests), len(second.requests)) == (2, 0)


@pytest.mark.parametrize("outcome", [rejected("first"), EngineUnavailable("first", "no key")])
async def test_what_a_second_try_cannot_mend_goes_to_the_next_at_once(outcome: EngineError) -> None:
    first, second = failing("first", outcome), failing("second")
    assert (await TranslatorChain([first, second]).translate(REQUEST)).engine == "second"
    assert (len(first.requests), len(second.requests)) == (1, 1)


async def test_the_deadline_is_each_tries_own() -> None:
    slow = [FakeTranslator(delay=1000.0, name=name) for name in ("first", "second")]
    with pytest.raises(EngineTimeout, match=r"first: no translation within 0\.5 s"):
        await TranslatorChain(slow, deadline=0.5).translate(REQUEST)
    assert [len(translator.requests) for translator in slow] == [2, 3]
    assert asyncio.get_running_loop().time() == pytest.approx(START + 5 * 0.5 + 0.1)


async def test_one_that_takes_almost_as_long_as_it_may_is_not_cut_short_by_another_that_hung() -> None:
    last = FakeTranslator(delay=0.9 * DEADLINE, name="last")
    chain = TranslatorChain([failing("first", "hang", "hang"), last])
    assert (await chain.translate(REQUEST)).engine == "last"
    assert len(last.requests) == 1


@pytest.mark.parametrize("bad", ["translate", "supports"])
async def test_a_bug_is_told_under_the_name_of_the_engine_that_has_it(bad: str) -> None:
    class Broken(FakeTranslator):
        def supports(self, source: str, target: str) -> bool:
            if bad == "supports":
                raise KeyError(source)
            return True

    broken = Broken(name="broken", outcomes=deque(["bug"] * 5))
    with pytest.raises(EngineCrashed, match=r"broken: (ZeroDivisionError|KeyError)"):
        await TranslatorChain([broken]).translate(REQUEST)


async def test_one_that_does_not_take_the_pair_is_not_asked() -> None:
    other = FakeTranslator(name="other", pairs=(("en", "ca"),))
    with pytest.raises(EngineRejected, match="no translator for en-es"):
        await TranslatorChain([other]).translate(REQUEST)
    assert other.requests == []


async def test_who_no_longer_wants_it_waits_for_no_engine() -> None:
    first, second = failing("first", "hang"), failing("second")
    asking = asyncio.create_task(TranslatorChain([first, second]).translate(REQUEST))
    await asyncio.sleep(0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert second.requests == []
