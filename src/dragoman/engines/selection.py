"""The configured engines, built once and chosen by language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import structlog

from dragoman.config import EnginesSettings
from dragoman.engines import registry
from dragoman.engines.base import Engine, Recognizer, Stage, Synthesizer, Translator
from dragoman.engines.faults import crashes_of
from dragoman.engines.mt.cache import remembering
from dragoman.engines.mt.chain import TranslatorChain
from dragoman.errors import EngineError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of loading one engine; ``problem`` (None: none) says what to install or set."""

    engine: str
    problem: EngineError | None


class EngineSet:
    """Ordered engines per stage.

    Of the translators and synthesizers that know a language, the next ones are the fallback; of the recognizers the
    first is used.
    """

    def __init__(
        self,
        recognizers: Sequence[Recognizer],
        translators: Sequence[Translator],
        synthesizers: Sequence[Synthesizer],
    ) -> None:
        self._recognizers = list(recognizers)
        self._translators = list(translators)
        self._synthesizers = list(synthesizers)
        self._by_stage: dict[Stage, list[Any]] = {
            Stage.ASR: self._recognizers,
            Stage.MT: self._translators,
            Stage.TTS: self._synthesizers,
        }
        self._all: tuple[Engine, ...] = (*recognizers, *translators, *synthesizers)
        self.translator = TranslatorChain(self._translators)

    @classmethod
    def build(cls, settings: EnginesSettings) -> Self:
        """Build what the settings name.

        Raises:
            ConfigError: an engine is unknown, of another stage, or one of its options is wrong.
        """
        return cls(
            cast("list[Recognizer]", registry.build(Stage.ASR, settings.recognizers, settings.options)),
            [
                remembering(translator, settings.cache)
                for translator in cast(
                    "list[Translator]", registry.build(Stage.MT, settings.translators, settings.options)
                )
            ],
            cast("list[Synthesizer]", registry.build(Stage.TTS, settings.synthesizers, settings.options)),
        )

    def recognizers(self, language: str) -> tuple[Recognizer, ...]:
        """The recognisers that hear this language, in order."""
        return tuple(engine for engine in self._recognizers if engine.supports(language))

    def synthesizers(self, language: str) -> tuple[Synthesizer, ...]:
        """The synthesizers that speak this language, in order."""
        return tuple(engine for engine in self._synthesizers if engine.supports(language))

    def translates(self, source: str, target: str) -> bool:
        """Whether some translator takes this pair."""
        return any(engine.supports(source, target) for engine in self._translators)

    def names(self, stage: Stage) -> tuple[str, ...]:
        """The engines of one stage that are used, in the order in which they are asked."""
        return tuple(engine.info.name for engine in self._by_stage[stage])

    async def load(self, stage: Stage, languages: Sequence[str]) -> list[Loaded]:
        """Load the engines of one stage, and warm them up for the languages offered; those that fail are not used."""
        loaded = []
        for engine in tuple(self._by_stage[stage]):
            name = engine.info.name
            try:
                with crashes_of(name):
                    await engine.start(languages)
            except EngineError as error:
                self._by_stage[stage].remove(engine)
                loaded.append(Loaded(name, error))
            else:
                loaded.append(Loaded(name, None))
        return loaded

    async def start(self, stage: Stage, languages: Sequence[str]) -> None:
        """Load the engines of one stage; a broken one is logged and not used, as long as another one works.

        Raises:
            EngineError: none works; the first one's failure, which says what to install or set.
        """
        problems = [each.problem for each in await self.load(stage, languages) if each.problem is not None]
        if problems and not self._by_stage[stage]:
            raise problems[0]
        for problem in problems:
            log.error("engine not used", stage=str(stage), engine=problem.engine, error=str(problem))

    async def close(self) -> None:
        """Free all, those that are not used too; one that fails to close does not keep the others open."""
        for engine in self._all:
            try:
                await engine.close()
            except Exception:
                log.exception("engine not closed", engine=engine.info.name)
