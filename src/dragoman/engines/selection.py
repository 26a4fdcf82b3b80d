"""The configured engines, built once and chosen by language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, cast

from dragoman.config import EnginesSettings
from dragoman.engines import registry
from dragoman.engines.base import Engine, Recognizer, Stage, Synthesizer, Translator
from dragoman.engines.mt.chain import TranslatorChain


class EngineSet:
    """Ordered engines per stage; the first that knows a language takes it."""

    def __init__(
        self,
        recognizers: Sequence[Recognizer],
        translators: Sequence[Translator],
        synthesizers: Sequence[Synthesizer],
    ) -> None:
        self._recognizers = tuple(recognizers)
        self._translators = tuple(translators)
        self._synthesizers = tuple(synthesizers)
        self._by_stage: dict[Stage, tuple[Engine, ...]] = {
            Stage.ASR: self._recognizers,
            Stage.MT: self._translators,
            Stage.TTS: self._synthesizers,
        }
        self.translator = TranslatorChain(translators)

    @classmethod
    def build(cls, settings: EnginesSettings) -> Self:
        """Build what the settings name.

        Raises:
            ConfigError: an engine is unknown, of another stage, or one of its options is wrong.
        """
        return cls(
            cast("list[Recognizer]", registry.build(Stage.ASR, settings.recognizers, settings.options)),
            cast("list[Translator]", registry.build(Stage.MT, settings.translators, settings.options)),
            cast("list[Synthesizer]", registry.build(Stage.TTS, settings.synthesizers, settings.options)),
        )

    def recognizer(self, language: str) -> Recognizer | None:
        """The first recogniser that hears this language."""
        return next((engine for engine in self._recognizers if engine.supports(language)), None)

    def synthesizer(self, language: str) -> Synthesizer | None:
        """The first synthesizer that speaks this language."""
        return next((engine for engine in self._synthesizers if engine.supports(language)), None)

    def translates(self, source: str, target: str) -> bool:
        """Whether some translator takes this pair."""
        return any(engine.supports(source, target) for engine in self._translators)

    def names(self, stage: Stage) -> tuple[str, ...]:
        """The engines of one stage, in the order in which they are asked."""
        return tuple(engine.info.name for engine in self._by_stage[stage])

    async def start(self, stage: Stage, languages: Sequence[str]) -> None:
        """Load the engines of one stage, and warm them up for the languages offered.

        Raises:
            EngineUnavailable: one lacks something; says what to install or set.
        """
        for engine in self._by_stage[stage]:
            await engine.start(languages)

    async def close(self) -> None:
        """Free all; one that fails to close does not keep the others open."""
        for engines in self._by_stage.values():
            for engine in engines:
                await engine.close()
