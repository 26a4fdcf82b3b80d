"""Choosing among the engines of one stage, which are in order of preference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import structlog

from dragoman.engines.base import Translation, TranslationRequest, Translator
from dragoman.errors import EngineError, EngineRejected

log = structlog.get_logger(__name__)


class _Speaks(Protocol):
    def supports(self, language: str) -> bool: ...


E_co = TypeVar("E_co", bound=_Speaks)


def by_language(engines: Sequence[E_co], language: str) -> E_co | None:
    """The first recogniser or synthesizer that supports the language; None: none does."""
    return next((engine for engine in engines if engine.supports(language)), None)


class TranslatorChain:
    """The ordered translators as one: what one cannot translate, or fails at, the next one is asked."""

    def __init__(self, translators: Sequence[Translator]) -> None:
        """The engines are somebody else's: he starts and closes them."""
        self._translators = tuple(translators)
        self.fallbacks: dict[str, int] = {translator.info.name: 0 for translator in translators}
        """How often each engine failed (not: rejected) so that the next one was asked."""

    def supports(self, source: str, target: str) -> bool:
        """Whether any engine takes this pair."""
        return any(translator.supports(source, target) for translator in self._translators)

    async def translate(self, request: TranslationRequest) -> Translation:
        """Translate by the first engine that can.

        Raises:
            EngineError: no engine could; what the last one that failed said, else that all rejected it. It is retryable
                if a retry may help.
        """
        failure: EngineError | None = None
        for translator in self._translators:
            if not translator.supports(request.source, request.target):
                continue
            try:
                return await translator.translate(request)
            except EngineRejected as error:
                failure = failure or error
            except EngineError as error:
                self.fallbacks[translator.info.name] += 1
                log.warning("translator failed", engine=error.engine, error=str(error))
                failure = error
        if failure is None:
            raise EngineRejected("mt", f"no engine translates {request.source} to {request.target}")
        raise failure
