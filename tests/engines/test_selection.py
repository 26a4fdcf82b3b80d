"""Engines per stage: which are used when some do not load, for which language, and what is said of those that fail."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import pytest
from tests.engines.scripted import MoodySynthesizer
from tests.engines_scripted.engines import ScriptedRecognizer, ScriptedSynthesizer, ScriptedTranslator
from tests.virtual_time import settled, virtual_time

from dragoman.check.engines import judge_stage
from dragoman.check.finding import Verdict
from dragoman.config.engines import EnginesSettings
from dragoman.engines.availability import FAILURES
from dragoman.engines.base import Engine, Stage, TranslationRequest
from dragoman.engines.selection import CLOSE_S, HEED_S, EngineSet
from dragoman.errors import ConfigError, EngineCrashed, EngineError, EngineUnavailable


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


class Hangs(Works):
    """Its close does not end; ``deaf``: nor does it heed a cancellation before the test lets it."""

    def __init__(self, deaf: bool) -> None:
        super().__init__()
        self.deaf = deaf
        self.released = asyncio.Event()

    async def close(self) -> None:
        try:
            await self.released.wait()
        finally:
            while self.deaf and not self.released.is_set():
                with suppress(asyncio.CancelledError):
                    await self.released.wait()
            await super().close()


@virtual_time
@pytest.mark.parametrize("deaf", [False, True])
async def test_an_engine_whose_close_hangs_does_not_hold_up_the_end(
    deaf: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    hangs, voice = Hangs(deaf), Works()
    engines = EngineSet([], [], [hangs, voice])
    began = asyncio.get_running_loop().time()
    await engines.close()
    assert asyncio.get_running_loop().time() - began <= CLOSE_S + HEED_S
    assert (hangs.closed, voice.closed) == (not deaf, 1)
    assert "engines not closed in time" in capsys.readouterr().out
    hangs.released.set()
    await settled()
    assert hangs.closed == 1


async def test_the_doctor_names_each_engine_of_a_stage() -> None:
    both = EngineSet([], [Broken(), ScriptedTranslator({})], [])
    bad, good = judge_stage(Stage.MT, await both.load(Stage.MT, ["en"]))
    assert (bad.verdict, good.verdict) == (Verdict.WARN, Verdict.OK)
    assert "apt-get install what-it-needs" in bad.found and "it is not used" in bad.remedy
    none = EngineSet([], [Broken(), Broken()], [])
    assert [found.verdict for found in judge_stage(Stage.MT, await none.load(Stage.MT, ["en"]))] == [Verdict.FAIL] * 2


def settings(**given: object) -> EnginesSettings:
    scripted = "tests.engines_scripted.engines:Scripted"
    names = {
        "recognizers": [f"{scripted}Recognizer"],
        "translators": [f"{scripted}Translator"],
        "synthesizers": [f"{scripted}Synthesizer"],
    }
    return EnginesSettings.model_validate(names | given)


HERE = f"{__name__}:"


class Ears(ScriptedRecognizer):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.info = dataclasses.replace(self.info, name="ears")
        self.started = 0

    async def start(self, languages: Sequence[str] = ()) -> None:
        self.started += 1


class Brain(ScriptedTranslator):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.info = dataclasses.replace(self.info, name="brain")


class Mouth(ScriptedSynthesizer):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.info = dataclasses.replace(self.info, name="mouth")


def names(engines: Iterable[Engine]) -> list[str]:
    return [engine.info.name for engine in engines]


async def test_a_language_and_a_pair_can_have_engines_of_their_own() -> None:
    scripted = "tests.engines_scripted.engines:Scripted"
    engines = EngineSet.build(
        settings(
            languages={
                "vi": {
                    "recognizers": [f"{HERE}Ears", f"{scripted}Recognizer"],
                    "synthesizers": f"{HERE}Mouth",
                },
                "es": {"recognizers": [f"{HERE}Ears"]},
            },
            pairs={"en-vi": {"translators": [f"{HERE}Brain", f"{scripted}Translator"]}},
        )
    )
    assert names(engines.recognizers("vi")) == ["ears", "scripted-asr"]
    assert names(engines.recognizers("en")) == ["scripted-asr"]
    assert engines.recognizers("es")[0] is engines.recognizers("vi")[0]  # one engine, however often it is named
    assert names(engines.synthesizers("vi")) == ["mouth"]
    assert names(engines.synthesizers("es")) == ["scripted-tts"]
    assert names(engines.translators("en", "vi")) == ["brain", "scripted-mt"]
    assert names(engines.translators("vi", "en")) == ["scripted-mt"]
    asked = [
        await engines.translator.translate(TranslationRequest("x", *pair)) for pair in (("en", "vi"), ("vi", "en"))
    ]
    assert [translation.engine for translation in asked] == ["brain", "scripted-mt"]


async def test_an_engine_named_for_one_language_only_is_started_too_once() -> None:
    own = {"recognizers": [f"{HERE}Ears"]}
    engines = EngineSet.build(settings(languages={"vi": own, "es": own}))
    assert [each.engine for each in await engines.load(Stage.ASR, ["vi", "es"])] == ["scripted-asr", "ears"]
    (ears,) = engines.recognizers("vi")
    assert isinstance(ears, Ears) and ears.started == 1
    assert engines.names(Stage.ASR) == ("scripted-asr", "ears")


async def test_a_language_whose_own_engines_do_not_load_goes_to_nobody_else() -> None:
    engines = EngineSet([], [ScriptedTranslator({})], [], {(Stage.MT, "en-vi"): [Broken()]})
    await engines.start(Stage.MT, ["en", "vi"])
    assert engines.translates("vi", "en")
    assert not engines.translates("en", "vi")
    assert "apt-get install what-it-needs" in engines.degraded(Stage.MT)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"languages": {"vi": {"recognizers": ["pocketsfinx"]}}},
            "engines.languages.vi.recognizers: no engine is called 'pocketsfinx', did you mean 'pocketsphinx'?",
        ),
        (
            {"pairs": {"en-vi": {"translators": ["espeak"]}}},
            "engines.pairs.en-vi.translators: espeak is no engine for mt but for tts",
        ),
    ],
)
def test_a_wrong_name_is_told_with_where_it_stands(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        EngineSet.build(settings(**given))


async def test_a_stage_is_in_trouble_only_for_languages_nobody_serves_and_degraded_before() -> None:
    first, second, vi = (MoodySynthesizer(name) for name in ("first", "second", "vi"))
    engines = EngineSet([], [], [first, second], {(Stage.TTS, "vi"): [vi]})
    await engines.start(Stage.TTS, ["en", "es", "vi"])

    def open_(engine: MoodySynthesizer) -> None:
        for _ in range(FAILURES):
            engines.circuits.failed(engine, EngineCrashed(engine.name, "gone"))

    assert (engines.trouble(Stage.TTS), engines.degraded(Stage.TTS)) == ("", "")
    open_(first)
    assert (engines.trouble(Stage.TTS), engines.degraded(Stage.TTS)) == ("", "first: gone")
    open_(vi)
    assert engines.trouble(Stage.TTS) == "vi: vi: gone"
    open_(second)
    assert engines.trouble(Stage.TTS) == "en, es: first: gone; vi: vi: gone"
    assert engines.trouble(Stage.MT) == engines.degraded(Stage.MT) == ""
    engines.circuits.of(first).succeeded()
    assert engines.trouble(Stage.TTS) == "vi: vi: gone"


async def test_what_did_not_load_is_no_longer_asked() -> None:
    broken = Broken()
    engines = EngineSet([], [broken, ScriptedTranslator({})], [])
    await engines.start(Stage.MT, ["en", "es"])
    await engines.translator.translate(TranslationRequest("one", "en", "es"))
    assert broken.requests == []
