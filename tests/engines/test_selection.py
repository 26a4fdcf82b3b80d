"""Engines per stage: which are used when some do not load."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.engines_scripted.engines import ScriptedSynthesizer, ScriptedTranslator

from dragoman.check.engines import judge_stage
from dragoman.check.finding import Verdict
from dragoman.engines.base import Stage, TranslationRequest
from dragoman.engines.selection import EngineSet
from dragoman.errors import EngineError, EngineUnavailable


class Broken(ScriptedTranslator):
    """Does not load; counts how often it was closed."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__({})
        self.error = error or EngineUnavailable("broken", "not installed: apt-get install what-it-needs")
        self.closed = 0

    async def start(self, languages: Sequence[str] = ()) -> None:
        raise self.error

    async def close(self) -> None:
        self.closed += 1
        raise RuntimeError("cannot even close")


class Works(ScriptedSynthesizer):
    def __init__(self) -> None:
        super().__init__({})
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("error", [None, KeyError("a bug of its own")])
async def test_a_broken_engine_is_not_used_where_another_works(error: Exception | None) -> None:
    broken, good = Broken(error), ScriptedTranslator({})
    engines = EngineSet([], [broken, good], [])
    await engines.start(Stage.MT, ["en", "es"])
    assert engines.names(Stage.MT) == (good.info.name,)
    translation = await engines.translator.translate(TranslationRequest("one", "en", "es"))
    assert translation.engine == good.info.name
    only = EngineSet([], [Broken(error)], [])
    with pytest.raises(EngineError):
        await only.start(Stage.MT, ["en", "es"])
    assert not only.translates("en", "es")


async def test_what_failed_to_load_is_closed_too_and_keeps_nothing_open() -> None:
    broken, voice = Broken(), Works()
    engines = EngineSet([], [broken], [voice])
    await engines.load(Stage.MT, ["en"])
    await engines.close()
    assert (broken.closed, voice.closed) == (1, 1)


async def test_the_doctor_names_each_engine_of_a_stage() -> None:
    both = EngineSet([], [Broken(), ScriptedTranslator({})], [])
    bad, good = judge_stage(Stage.MT, await both.load(Stage.MT, ["en"]))
    assert (bad.verdict, good.verdict) == (Verdict.WARN, Verdict.OK)
    assert "apt-get install what-it-needs" in bad.found and "not be used" in bad.remedy
    none = EngineSet([], [Broken(), Broken()], [])
    assert [found.verdict for found in judge_stage(Stage.MT, await none.load(Stage.MT, ["en"]))] == [Verdict.FAIL] * 2
