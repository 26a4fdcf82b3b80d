"""The guard round the translators: when it asks again and whom, what it then puts in, and what it never does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from tests.virtual_time import START, virtual_time

from dragoman.engines.base import Translation, TranslationRequest
from dragoman.engines.mt import guarded
from dragoman.engines.mt.guarded import LATE, OUTCOMES, GuardedTranslator
from dragoman.errors import EngineCrashed, EngineError, EngineRejected

pytestmark = virtual_time

REQUEST = TranslationRequest("It costs 50 euros.", "en", "es")
GOOD, BAD, WORSE = "Cuesta 50 euros.", "Cuesta mucho.", "Cuesta 15 euros."


@dataclass
class Scripted:
    """Translates: gives what it is told to, ``after`` so many seconds."""

    answers: list[str | EngineError]
    engine: str = "first"
    after: float = 0.1
    requests: list[TranslationRequest] = field(default_factory=list)

    async def translate(self, request: TranslationRequest) -> Translation:
        self.requests.append(request)
        await asyncio.sleep(self.after)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, EngineError):
            raise answer
        return Translation(answer, self.engine)


def outcomes(guard: GuardedTranslator) -> dict[str, int]:
    return {outcome: count for outcome, count in guard.counts().items() if count}


async def test_what_lacks_nothing_is_passed_as_it_is() -> None:
    inner = Scripted([GOOD])
    guard = GuardedTranslator(inner)
    assert await guard.translate(REQUEST) == Translation(GOOD, "first")
    assert (inner.requests, outcomes(guard)) == ([REQUEST], {"ok": 1})
    assert set(guard.counts()) == set(OUTCOMES)


async def test_the_other_mode_is_asked_first() -> None:
    inner, other = Scripted([BAD, GOOD]), Scripted([GOOD], "second")
    guard = GuardedTranslator(inner, lambda engine: other)
    assert await guard.translate(REQUEST) == Translation(GOOD, "first")
    assert [request.careful for request in inner.requests] == [False, True]
    assert (other.requests, outcomes(guard)) == ([], {"retried": 1})


async def test_where_there_is_no_other_mode_the_next_engine_is_asked() -> None:
    left_out: list[str] = []

    def without(engine: str) -> Scripted:
        left_out.append(engine)
        return other

    inner, other = Scripted([BAD]), Scripted([GOOD], "second")
    guard = GuardedTranslator(inner, without)
    assert await guard.translate(REQUEST) == Translation(GOOD, "second")
    assert (left_out, len(inner.requests), outcomes(guard)) == (["first"], 2, {"retried": 1})


async def test_what_no_answer_has_is_put_in_and_marked() -> None:
    guard = GuardedTranslator(Scripted([BAD, WORSE]))
    translation = await guard.translate(REQUEST)
    assert translation.text == "Cuesta mucho (50\u00a0€)."
    assert translation.note == "put in from the original: 50\u00a0€"
    assert outcomes(guard) == {"mended": 1}


async def test_the_answer_that_lacks_less_is_mended() -> None:
    request = TranslationRequest("50 men and 60 women.", "en", "es")
    guard = GuardedTranslator(Scripted(["Gente.", "Hay 60 mujeres y hombres."]))
    assert (await guard.translate(request)).text == "Hay 60 mujeres y hombres (50)."


async def test_an_engines_own_note_stays() -> None:
    class Noting(Scripted):
        async def translate(self, request: TranslationRequest) -> Translation:
            return Translation(BAD, "first", "shortened")

    translation = await GuardedTranslator(Noting([BAD])).translate(REQUEST)
    assert translation.note == "shortened; put in from the original: 50\u00a0€"


async def test_terms_are_guarded_too() -> None:
    request = TranslationRequest("The invoice.", "en", "es", terms=(("invoice", "factura"),))
    assert (await GuardedTranslator(Scripted(["La cuenta."])).translate(request)).text == "La cuenta (factura)."


async def test_after_a_late_answer_it_mends_at_once() -> None:
    inner = Scripted([BAD, GOOD], after=LATE * 1.1)
    guard = GuardedTranslator(inner)
    assert (await guard.translate(REQUEST)).text == "Cuesta mucho (50\u00a0€)."
    assert len(inner.requests) == 1
    assert asyncio.get_running_loop().time() == pytest.approx(START + LATE * 1.1)


async def test_all_tries_together_end_at_the_deadline() -> None:
    class Slowing(Scripted):
        async def translate(self, request: TranslationRequest) -> Translation:
            self.after = 1000.0 if self.requests else 0.1
            return await super().translate(request)

    guard = GuardedTranslator(Slowing([BAD]), deadline=0.8)
    assert (await guard.translate(REQUEST)).text == "Cuesta mucho (50\u00a0€)."
    assert asyncio.get_running_loop().time() == pytest.approx(START + 0.8)


@pytest.mark.parametrize("error", [EngineCrashed("first", "died"), EngineRejected("first", "no other")])
async def test_a_second_try_that_fails_leaves_the_first_answer(error: EngineError) -> None:
    guard = GuardedTranslator(Scripted([BAD, error]))
    assert (await guard.translate(REQUEST)).text == "Cuesta mucho (50\u00a0€)."


async def test_a_careful_mode_that_fails_leaves_time_for_the_next_engine() -> None:
    other = Scripted([GOOD], "second")
    guard = GuardedTranslator(Scripted([BAD, EngineCrashed("first", "died")]), lambda engine: other)
    assert (await guard.translate(REQUEST)).engine == "second"


async def test_an_error_of_the_first_try_is_the_callers() -> None:
    with pytest.raises(EngineCrashed):
        await GuardedTranslator(Scripted([EngineCrashed("first", "died")])).translate(REQUEST)


async def test_a_bug_in_the_guard_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("table")

    monkeypatch.setattr(guarded, "check", broken)
    guard = GuardedTranslator(Scripted([BAD]))
    assert await guard.translate(REQUEST) == Translation(BAD, "first")
    assert outcomes(guard) == {"missing": 1}


async def test_who_no_longer_wants_it_waits_for_no_second_try() -> None:
    inner = Scripted([BAD])
    asking = asyncio.create_task(GuardedTranslator(inner).translate(REQUEST))
    await asyncio.sleep(0.15)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert len(inner.requests) == 2
