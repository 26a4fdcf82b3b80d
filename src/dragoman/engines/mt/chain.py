"""The ordered translators as one: the first that can, translates."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from dragoman.engines.base import Translation, TranslationRequest, Translator
from dragoman.engines.faults import crashes_of
from dragoman.errors import EngineError, EngineRejected, EngineTimeout

log = structlog.get_logger(__name__)

DEADLINE = 1.2
"""Seconds one translator may take for one try: a cloud translator answers a clause in 0.2 to 0.6 s, and each further
second is heard as delay by everybody who listens in that language."""


class TranslatorChain:
    """Asks each translator in order, twice where that may help; one that rejects or fails gives way to the next."""

    def __init__(self, translators: Sequence[Translator], deadline: float = DEADLINE) -> None:
        """The engines are somebody else's to start and close; ``deadline``: seconds per try."""
        self._translators = tuple(translators)
        self._deadline = deadline

    async def translate(self, request: TranslationRequest) -> Translation:
        """Translate by the first engine that can; takes at most two deadlines per engine.

        Raises:
            EngineRejected: none takes this pair or this text.
            EngineError: none could; the first failure that is ``retryable``, else the last one.
        """
        failure: EngineError | None = None
        for translator in self._translators:
            try:
                with crashes_of(translator.info.name):
                    if not translator.supports(request.source, request.target):
                        continue
                return await self._ask(translator, request)
            except EngineError as error:
                if not isinstance(error, EngineRejected):
                    log.warning("translator failed", engine=error.engine, error=str(error))
                if failure is None or not failure.retryable:
                    failure = error
        raise failure or EngineRejected("mt", f"no translator for {request.source}-{request.target}")

    async def _ask(self, translator: Translator, request: TranslationRequest) -> Translation:
        try:
            return await self._try(translator, request)
        except EngineError as error:
            if not error.retryable:
                raise
        return await self._try(translator, request)

    async def _try(self, translator: Translator, request: TranslationRequest) -> Translation:
        name = translator.info.name
        try:
            async with asyncio.timeout(self._deadline):
                with crashes_of(name):
                    return await translator.translate(request)
        except TimeoutError:
            raise EngineTimeout(name, f"no translation within {self._deadline:g} s") from None
