"""DeepL's glossaries in the background: made once, kept within their number, never waited for, never others' own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.virtual_time import settled, virtual_time

from dragoman.engines.mt.deepl_account import Glossary
from dragoman.engines.mt.deepl_glossaries import MAX_TERM, PREFIX, RETRY_S, Glossaries, Terms, plan
from dragoman.errors import EngineCrashed, EngineError, EngineRejected

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Api:
    """An account in memory; ``failing`` is raised by the next calls."""

    def __init__(self) -> None:
        self.held: dict[str, Glossary] = {}
        self.created: list[str] = []
        self.failing: Exception | None = None
        self._numbers = count()

    def add(self, name: str) -> Glossary:
        number = next(self._numbers)
        made = self.held[str(number)] = Glossary(str(number), name, EPOCH + timedelta(seconds=number))
        return made

    async def glossaries(self) -> list[Glossary]:
        if self.failing:
            raise self.failing
        return list(self.held.values())

    async def create(self, name: str, source: str, target: str, entries: dict[str, str]) -> Glossary:
        self.created.append(name)
        return self.add(name)

    async def delete(self, glossary_id: str) -> None:
        del self.held[glossary_id]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def terms(number: int) -> Terms:
    return ((f"term {number}", f"término {number}"),)


@pytest.fixture
def api() -> Api:
    return Api()


@virtual_time
async def test_no_more_than_its_number_lie_in_the_account(api: Api) -> None:
    foreign = api.add("made by hand")
    old = [api.add(f"{PREFIX}en-es-from-before-{number}") for number in range(3)]
    glossaries = Glossaries(api, 3, Clock())
    glossaries.start()
    for number in range(5):
        assert glossaries.find("EN", "ES", terms(number)) == (None, True)
        await settled()
        found, expected = glossaries.find("EN", "ES", terms(number))
        assert found in api.held and not expected
        assert len(api.held) <= 3 + 1
        glossaries.find("EN", "ES", terms(0))  # in use all the time
    assert foreign.id in api.held and not {each.id for each in old} & api.held.keys()
    assert len(api.created) == 5  # so the one in use was never among the deleted
    await glossaries.close()
    await glossaries.close()


@virtual_time
async def test_many_clauses_at_once_make_it_once(api: Api) -> None:
    glossaries = Glossaries(api, 3, Clock())
    glossaries.start()
    for _ in range(100):
        glossaries.find("EN", "ES", terms(1))
    await settled()
    assert len(api.created) == 1
    await glossaries.close()


@pytest.mark.parametrize(
    ("error", "again"),
    [(EngineCrashed("deepl", "no network"), True), (EngineRejected("deepl", "no such pair"), False)],
)
@virtual_time
async def test_a_failure_is_tried_again_later_or_never(api: Api, error: EngineError, again: bool) -> None:
    clock = Clock()
    glossaries = Glossaries(api, 3, clock)
    glossaries.start()
    api.failing = error
    glossaries.find("EN", "ES", terms(1))
    await settled()
    api.failing = None
    assert glossaries.find("EN", "ES", terms(1)) == (None, again)
    await settled()
    assert api.created == []
    clock.now += RETRY_S
    glossaries.find("EN", "ES", terms(1))
    await settled()
    assert bool(api.created) is again
    await glossaries.close()


@virtual_time
async def test_a_bug_in_between_does_not_end_it(api: Api) -> None:
    glossaries = Glossaries(api, 3, Clock())
    glossaries.start()
    api.failing = KeyError("glossary_id")
    glossaries.find("EN", "ES", terms(1))
    await settled()
    api.failing = None
    glossaries.find("EN", "ES", terms(2))
    await settled()
    assert glossaries.find("EN", "ES", terms(2))[0] in api.held
    await glossaries.close()


@virtual_time
async def test_none_are_made_where_none_are_wanted(api: Api) -> None:
    glossaries = Glossaries(api, 0, Clock())
    assert glossaries.find("EN", "ES", terms(1)) == (None, False)
    assert Glossaries(api, 3, Clock()).find("EN", "ES", ()) == (None, False)
    assert Glossaries(api, 3, Clock()).find("EN", "ES", (("", "x"), ("\t", "y"))) == (None, False)


def test_the_name_says_what_is_in_it() -> None:
    one, same, other = (plan("EN", "ES", each) for each in (terms(1), terms(1), terms(2)))
    assert one is not None and same is not None and other is not None
    assert one.name == same.name != other.name
    assert one.name.startswith("dragoman-en-es-")


TERM = st.text(max_size=8) | st.sampled_from(["a", "a", " a ", "a\tb", "x" * (MAX_TERM + 1), "é" * 600])


@given(st.lists(st.tuples(TERM, TERM), max_size=12).map(tuple))
def test_what_deepl_would_refuse_is_left_out(pairs: Terms) -> None:
    planned = plan("EN", "ES", pairs)
    if planned is None:
        return
    assert len({source for source, _ in planned.entries}) == len(planned.entries) > 0
    for term in (term for entry in planned.entries for term in entry):
        assert term == " ".join(term.split()) != "" and len(term.encode()) <= MAX_TERM and term.isprintable()
