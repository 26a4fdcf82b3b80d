"""The ordered translators as one: the first that can, translates."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.engines.base import Translation, TranslationRequest, Translator
from dragoman.errors import EngineError, EngineRejected


class TranslatorChain:
    """Asks each translator in order; one that rejects the text or fails gives way to the next."""

    def __init__(self, translators: Sequence[Translator]) -> None:
        self._translators = tuple(translators)

    async def translate(self, request: TranslationRequest) -> Translation:
        """Translate by the first engine that can.

        Raises:
            EngineRejected: none takes this pair.
            EngineError: what the last one asked said, when none could.
        """
        last: EngineError | None = None
        for translator in self._translators:
            if not translator.supports(request.source, request.target):
                continue
            try:
                return await translator.translate(request)
            except EngineError as error:
                last = error
        raise last or EngineRejected("mt", f"no translator for {request.source}-{request.target}")
