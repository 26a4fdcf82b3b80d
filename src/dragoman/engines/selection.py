"""The configured engines, built once and chosen by language."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self, cast

import structlog

from dragoman.config.engines import EnginesSettings
from dragoman.engines import registry
from dragoman.engines.base import Engine, Recognizer, Stage, Synthesizer, Translator
from dragoman.engines.circuits import Circuits
from dragoman.engines.faults import loading
from dragoman.engines.mt.cache import remembering
from dragoman.engines.mt.chain import TranslatorChain
from dragoman.engines.mt.guarded import GuardedTranslator
from dragoman.errors import EngineError
from dragoman.guard.mend import warm_up
from dragoman.recovery.telling import Tell, Telling

log = structlog.get_logger(__name__)

CLOSE_S = 5.0
"""Seconds the engines may take to close, all at once: a worker process ends in less, and somebody waits for the end."""

HEED_S = 0.5
"""Seconds that one which is late has to heed its cancellation; then it is left behind."""

EVERY = ""
"""Key of the line of every language and pair that has none of its own."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of loading one engine; ``problem`` (None: none) says what to install or set."""

    engine: str
    problem: EngineError | None


Lines = Mapping[tuple[Stage, str], Sequence[Engine]]
"""Engines in the order in which they are asked, for a stage and a language (``vi``) or, of translators, a pair
(``en-vi``)."""


class EngineSet:
    """Ordered engines per stage, for some languages and pairs in an order of their own.

    Of those that know a language, the next ones are the fallback. A line of a language's own is all there is for it: an
    engine that it does not name never hears that language.
    """

    def __init__(
        self,
        recognizers: Sequence[Recognizer],
        translators: Sequence[Translator],
        synthesizers: Sequence[Synthesizer],
        own: Lines = MappingProxyType({}),
    ) -> None:
        """``own``: the lines of languages and pairs that have one; the others use the first three."""
        self.circuits = Circuits()
        """One circuit per engine, for all legs; somebody must ``run`` them."""
        self.on_failure: Callable[[Stage, EngineError], None] = lambda stage, error: None
        """Called with each failure of a translator that cost no clause."""
        self._lines: dict[tuple[Stage, str], list[Engine]] = {
            (Stage.ASR, EVERY): list(recognizers),
            (Stage.MT, EVERY): list(translators),
            (Stage.TTS, EVERY): list(synthesizers),
            **{key: list(line) for key, line in own.items()},
        }
        self._by_stage = {
            stage: _once(e for (s, _), line in self._lines.items() if s is stage for e in line) for stage in Stage
        }
        self._all = [engine for engines in self._by_stage.values() for engine in engines]
        self._problems: dict[Stage, list[EngineError]] = {stage: [] for stage in Stage}
        self._languages: tuple[str, ...] = ()
        chain = TranslatorChain(lambda source, target: self._line(Stage.MT, f"{source}-{target}"), self.circuits)
        chain.on_failure = lambda error: self.on_failure(Stage.MT, error)
        self.translator = GuardedTranslator(chain, self._translators_without)

    def tell_by(self, tell: Tell) -> None:
        """Have the circuits, and the engines that do so, tell what they do to recover."""
        self.circuits.tell = tell
        for engine in self._all:
            if isinstance(engine, Telling):
                engine.tell = tell

    @classmethod
    def build(cls, settings: EnginesSettings) -> Self:
        """Build what the settings name, each once.

        Raises:
            ConfigError: an engine is unknown, of another stage, or one of its options is wrong.
        """
        built: dict[tuple[Stage, str], Engine] = {}
        lines: dict[tuple[Stage, str], list[Engine]] = {}
        for stage, key, where, names in _named(settings):
            new = [name for name in names if (stage, name) not in built]
            engines = registry.build(stage, new, settings.options, where)
            if stage is Stage.MT:
                engines = [remembering(cast("Translator", engine), settings.cache) for engine in engines]
            built.update(((stage, name), engine) for name, engine in zip(new, engines, strict=True))
            if names:
                lines[stage, key] = [built[stage, name] for name in names]
        first = [lines.pop((stage, EVERY)) for stage in Stage]
        return cls(
            cast("list[Recognizer]", first[0]),
            cast("list[Translator]", first[1]),
            cast("list[Synthesizer]", first[2]),
            lines,
        )

    def recognizers(self, language: str) -> tuple[Recognizer, ...]:
        """The recognisers that hear this language, in order."""
        line = cast("list[Recognizer]", self._line(Stage.ASR, language))
        return tuple(engine for engine in line if engine.supports(language))

    def translators(self, source: str, target: str) -> tuple[Translator, ...]:
        """The translators that take this pair, in order."""
        line = self._line(Stage.MT, f"{source}-{target}")
        return tuple(engine for engine in line if engine.supports(source, target))

    def synthesizers(self, language: str) -> tuple[Synthesizer, ...]:
        """The synthesizers that speak this language, in order."""
        line = cast("list[Synthesizer]", self._line(Stage.TTS, language))
        return tuple(engine for engine in line if engine.supports(language))

    def translates(self, source: str, target: str) -> bool:
        """Whether some translator takes this pair."""
        return bool(self.translators(source, target))

    def _translators_without(self, engine: str) -> TranslatorChain:
        """The chain without one engine, for a second opinion."""

        def line(source: str, target: str) -> list[Translator]:
            every = cast("list[Translator]", self._line(Stage.MT, f"{source}-{target}"))
            return [each for each in every if each.info.name != engine]

        return TranslatorChain(line, self.circuits)

    def of(self, stage: Stage) -> tuple[Engine, ...]:
        """The engines of one stage that are used, in the order in which they are named."""
        return tuple(self._by_stage[stage])

    def names(self, stage: Stage) -> tuple[str, ...]:
        """The engines of one stage that are used, in the order in which they are named."""
        return tuple(engine.info.name for engine in self._by_stage[stage])

    async def load(self, stage: Stage, languages: Sequence[str]) -> list[Loaded]:
        """Load the engines of one stage, and warm them up for the languages offered; those that fail are not used."""
        self._languages = self.circuits.languages = tuple(languages)
        loaded = []
        for engine in tuple(self._by_stage[stage]):
            name = engine.info.name
            try:
                with loading(name):
                    await engine.start(languages)
            except EngineError as error:
                self._forget(stage, engine)
                self._problems[stage].append(error)
                loaded.append(Loaded(name, error))
            else:
                self.circuits.of(engine)
                loaded.append(Loaded(name, None))
        return loaded

    async def start(self, stage: Stage, languages: Sequence[str]) -> None:
        """Load the engines of one stage; a broken one is logged and not used, as long as another one works.

        Raises:
            EngineError: none works; the first one's failure, which says what to install or set.
        """
        if stage is Stage.MT:
            await asyncio.to_thread(warm_up, languages)
        problems = [each.problem for each in await self.load(stage, languages) if each.problem is not None]
        if problems and not self._by_stage[stage]:
            raise problems[0]
        for problem in problems:
            log.error("engine not used", stage=str(stage), engine=problem.engine, error=str(problem))

    def trouble(self, stage: Stage) -> str:
        """For which of the languages offered no engine of this stage works now, and why; empty where one does.

        A reason is told once, of all languages together: nine languages have 72 pairs.
        """
        if all(self.circuits.usable(engine) for engine in self._by_stage[stage]):
            return ""
        why: dict[str, list[str]] = {}
        for key, line in self._offered(stage):
            if line and not any(self.circuits.usable(engine) for engine in line):
                why.setdefault(self.circuits.of(line[0]).reason, []).append(key)
        return "; ".join(f"{', '.join(keys)}: {reason}" for reason, keys in why.items())

    def degraded(self, stage: Stage) -> str:
        """Which engines of this stage do not work now, and why; empty while all do."""
        resting = [circuit.reason for e in self._by_stage[stage] if (circuit := self.circuits.of(e)).reason]
        return "; ".join((*map(str, self._problems[stage]), *resting))

    async def close(self) -> None:
        """Free all, those that are not used too; one that fails or hangs keeps neither the others open nor us."""
        late = {asyncio.create_task(_closed(engine), name=f"close {engine.info.name}") for engine in self._all}
        try:
            if late:
                _, late = await asyncio.wait(late, timeout=CLOSE_S)
        finally:
            for task in late:
                task.cancel()
        if late:
            log.error("engines not closed in time", seconds=CLOSE_S, engines=sorted(task.get_name() for task in late))
            await asyncio.wait(late, timeout=HEED_S)

    def _line(self, stage: Stage, key: str) -> list[Any]:
        return self._lines.get((stage, key), self._lines[stage, EVERY])

    def _offered(self, stage: Stage) -> Iterator[tuple[str, Sequence[Engine]]]:
        """Each language, or pair, that the site offers, with its engines."""
        for language in self._languages:
            match stage:
                case Stage.ASR:
                    yield language, self.recognizers(language)
                case Stage.TTS:
                    yield language, self.synthesizers(language)
                case Stage.MT:
                    for target in self._languages:
                        if target != language:
                            yield f"{language}-{target}", self.translators(language, target)

    def _forget(self, stage: Stage, engine: Engine) -> None:
        for line in (self._by_stage[stage], *self._lines.values()):
            line[:] = [other for other in line if other is not engine]


def _named(settings: EnginesSettings) -> Iterator[tuple[Stage, str, str, Sequence[str]]]:
    """(stage, language or pair, the setting that names them, names) of every list of engines."""
    yield Stage.ASR, EVERY, "engines.recognizers", settings.recognizers
    yield Stage.MT, EVERY, "engines.translators", settings.translators
    yield Stage.TTS, EVERY, "engines.synthesizers", settings.synthesizers
    for language, own in settings.languages.items():
        yield Stage.ASR, language, f"engines.languages.{language}.recognizers", own.recognizers
        yield Stage.TTS, language, f"engines.languages.{language}.synthesizers", own.synthesizers
    for pair, chosen in settings.pairs.items():
        yield Stage.MT, pair, f"engines.pairs.{pair}.translators", chosen.translators


async def _closed(engine: Engine) -> None:
    try:
        await engine.close()
    except Exception:
        log.exception("engine not closed", engine=engine.info.name)


def _once(engines: Iterable[Engine]) -> list[Engine]:
    """Each engine once, in the order of its first place; by identity, as an engine may compare as it likes."""
    return list({id(engine): engine for engine in engines}.values())
