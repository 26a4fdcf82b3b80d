"""The ordered translators as one: the first that can, translates."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from dragoman.engines.base import Translation, TranslationRequest, Translator
from dragoman.errors import EngineError, EngineRejected

log = structlog.get_logger(__name__)


class TranslatorChain:
    """Asks each translator in order; one that rejects the text or fails gives way to the next."""

    def __init__(self, translators: Sequence[Translator]) -> None:
        """The engines are somebody else's to start and close, and to take out of the sequence."""
        self._translators = translators

    async def translate(self, request: TranslationRequest) -> Translation:
        """Translate by the first engine that can.

        Raises:
            EngineRejected: none takes this pair or this text.
            EngineError: none could; the first failure that a retry may mend, else the last one.
        """
        failure: EngineError | None = None
        for translator in self._translators:
            if not translator.supports(request.source, request.target):
                continue
            try:
                return await translator.translate(request)
            except EngineError as error:
                if not isinstance(error, EngineRejected):
                    log.warning("translator failed", engine=error.engine, error=str(error))
                if failure is None or not failure.retryable:
                    failure = error
        raise failure or EngineRejected("mt", f"no translator for {request.source}-{request.target}")
