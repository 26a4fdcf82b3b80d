"""The translation cache in front of any translator: what it answers itself, what it shares, what it never keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.engines.conformance import TranslatorConformance
from tests.engines_scripted.engines import ScriptedTranslator
from tests.virtual_time import settled, virtual_time

from dragoman import config
from dragoman.config.cache import CacheSettings
from dragoman.engines.base import Counting, EngineInfo, Stage, Translation, TranslationRequest, Translator
from dragoman.engines.mt.cache import CachedTranslator, remembering
from dragoman.engines.mt.deepl import DeepLTranslator
from dragoman.engines.mt.phrasebook import PhraseBook
from dragoman.engines.selection import EngineSet
from dragoman.errors import ConfigError, EngineBusy, EngineError

LONG = "We will sign the contract with the customer on Thursday morning, number {}."


class Slow:
    """Takes a second by default; ``failing`` is raised instead of an answer."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.asked: list[TranslationRequest] = []
        self.failing: EngineError | None = None
        self.settings = ("ES",)
        self.provisional = False
        self.closed = 0

    info = EngineInfo("slow", Stage.MT, ("en-es",), False, "Apache-2.0", True, "for tests")

    def supports(self, source: str, target: str) -> bool:
        return (source, target) == ("en", "es")

    async def start(self, languages: Sequence[str] = ()) -> None:
        pass

    async def translate(self, request: TranslationRequest) -> Translation:
        self.asked.append(request)
        await asyncio.sleep(self.seconds)
        if self.failing is not None:
            raise self.failing
        return Translation(request.text.upper(), "slow", provisional=self.provisional)

    def variant(self, request: TranslationRequest) -> tuple[str, ...]:
        return self.settings

    def counts(self) -> Mapping[str, int]:
        return {"requests": len(self.asked)}

    async def close(self) -> None:
        self.closed += 1


def request(number: int = 0, **options: Any) -> TranslationRequest:
    return TranslationRequest(LONG.format(number), "en", "es", **options)


@pytest.fixture
def inner() -> Slow:
    return Slow()


@pytest.fixture
def cached(inner: Slow) -> CachedTranslator:
    return CachedTranslator(inner, 3)


class TestConformance(TranslatorConformance):
    crashes = False
    has_options = False

    @pytest.fixture
    def engine(self) -> Translator:
        return CachedTranslator(PhraseBook({}), 10)

    @pytest.fixture
    def fresh(self) -> Any:
        return lambda: CachedTranslator(PhraseBook({}), 10)

    @pytest.fixture
    def known(self) -> TranslationRequest:
        return TranslationRequest("how are you today", "en", "es")


@virtual_time
async def test_the_second_time_costs_nothing(inner: Slow, cached: CachedTranslator) -> None:
    loop = asyncio.get_running_loop()
    first = await cached.translate(request(context=("Before.",)))
    begun = loop.time()
    assert await cached.translate(request(context=("In another room.",))) == first
    assert (loop.time(), len(inner.asked)) == (begun, 1)
    assert isinstance(cached, Counting)
    assert cached.counts() == {
        "requests": 1,
        "cache_hits": 1,
        "cache_misses": 1,
        "redis_hits": 0,
        "redis_errors": 0,
        "redis_dropped": 0,
    }


@virtual_time
async def test_what_was_not_asked_for_the_longest_goes(inner: Slow, cached: CachedTranslator) -> None:
    for number in (0, 1, 2, 0, 3, 0, 1):  # the fourth pushes out 1
        await cached.translate(request(number))
    assert [int(asked.text.split()[-1].rstrip(".")) for asked in inner.asked] == [0, 1, 2, 3, 1]


@virtual_time
async def test_the_same_at_the_same_time_is_asked_once(inner: Slow, cached: CachedTranslator) -> None:
    answers = await asyncio.gather(*(cached.translate(request(number % 2)) for number in range(20)))
    assert len(inner.asked) == 2 and len(set(answers)) == 2
    assert cached.counts()["cache_hits"] == 18


@virtual_time
async def test_a_failure_is_shared_and_not_kept(inner: Slow, cached: CachedTranslator) -> None:
    inner.failing = EngineBusy("slow", "503")
    failures = await asyncio.gather(*(cached.translate(request()) for _ in range(3)), return_exceptions=True)
    assert failures == [inner.failing] * 3 and len(inner.asked) == 1
    inner.failing = None
    assert (await cached.translate(request())).text == request().text.upper()


@virtual_time
async def test_who_asked_first_may_go_and_the_others_are_served(inner: Slow, cached: CachedTranslator) -> None:
    tasks = [asyncio.ensure_future(cached.translate(request())) for _ in range(3)]
    await asyncio.sleep(0.5)
    tasks[0].cancel()
    tasks[1].cancel()
    await settled()
    assert len(inner.asked) == 2  # the third asked anew
    assert (await tasks[2]).text == request().text.upper()
    assert tasks[0].cancelled() and tasks[1].cancelled()


@virtual_time
async def test_all_gone_nothing_runs(inner: Slow, cached: CachedTranslator) -> None:
    tasks = [asyncio.ensure_future(cached.translate(request())) for _ in range(3)]
    await settled()
    for task in reversed(tasks):
        task.cancel()
    await settled()
    assert len(inner.asked) == 1 and all(task.cancelled() for task in tasks)


@virtual_time
async def test_what_is_provisional_is_not_kept(inner: Slow, cached: CachedTranslator) -> None:
    inner.provisional = True
    await cached.translate(request())
    inner.provisional = False
    await cached.translate(request())
    await cached.translate(request())
    assert len(inner.asked) == 2


@virtual_time
async def test_other_settings_are_another_translation(inner: Slow, cached: CachedTranslator) -> None:
    await cached.translate(request())
    inner.settings = ("ES-419",)
    await cached.translate(request())
    await cached.translate(request(careful=True))
    assert len(inner.asked) == 3


async def test_it_is_closed_with_its_translator(inner: Slow, cached: CachedTranslator) -> None:
    await cached.close()
    assert inner.closed == 1 and cached.info is inner.info


def test_only_what_is_worth_it_is_remembered(inner: Slow) -> None:
    plain = ScriptedTranslator({})
    assert remembering(plain, CacheSettings()) is plain
    assert remembering(inner, CacheSettings(entries=0)) is inner
    assert isinstance(remembering(inner, CacheSettings()), CachedTranslator)
    assert remembering(DeepLTranslator({}), CacheSettings()).info.name == "deepl"


async def test_the_settings_turn_it_on() -> None:
    given = {"engines": {"translators": ["phrasebook", "deepl"], "cache": {"entries": 7}}}
    engines = EngineSet.build(config.validate(given, environ={}).engines)
    assert engines.names(Stage.MT) == ("phrasebook", "deepl")
    assert engines.translates("en", "ja")
    await engines.close()


@pytest.mark.parametrize(
    ("cache", "said"),
    [
        ({"entries": -1}, r"engines\.cache\.entries"),
        ({"entrys": 1}, "did you mean entries"),
        ({"ttl_s": 0}, r"engines\.cache\.ttl_s"),
    ],
)
def test_a_wrong_setting_is_named(cache: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        config.validate({"engines": {"cache": cache}}, environ={})
