"""The ordered translators with a guard behind them: the figures and names of a clause are in its translation.

If some are not: one more try while there is time, with the engine's other mode or with the next engine; then what is
still missing is put into the text, told to the readers of the captions and counted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

import structlog

from dragoman.engines.base import Translation, TranslationRequest
from dragoman.engines.mt.chain import DEADLINE
from dragoman.errors import EngineError
from dragoman.guard.mend import Clause, Lack, check, mend

log = structlog.get_logger(__name__)

LATE = DEADLINE / 2
"""Seconds after which the first answer was so late that a second would be too: then it is mended at once."""

OUTCOMES = ("ok", "retried", "mended", "missing")
"""What became of a clause: nothing was missing; a second answer had all; figures or names were put in; they could not
be, and the clause goes on without them."""


class Translates(Protocol):
    """The ordered translators, as one (as in pipeline.chain)."""

    async def translate(self, request: TranslationRequest) -> Translation:
        """Translate by the first engine that can, within a bounded time; raises EngineError when none can."""


class GuardedTranslator:
    """pipeline.chain.Translates over another one; all in all it takes no longer than one DEADLINE beyond that one."""

    def __init__(
        self,
        translator: Translates,
        without: Callable[[str], Translates] | None = None,
        clock: Callable[[], float] | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        """``without`` gives the translators but for one engine, by its name; ``deadline``: seconds for all tries."""
        self._translator = translator
        self._without = without
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._deadline = deadline
        self._late = deadline * (LATE / DEADLINE)
        self._counts: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))

    def counts(self) -> Mapping[str, int]:
        """Clauses by outcome, see OUTCOMES."""
        return self._counts

    async def translate(self, request: TranslationRequest) -> Translation:
        """Translate, check, and mend where something is missing.

        Raises:
            EngineError: none could translate; what is missing raises nothing.
        """
        began = self._clock()
        first = await self._translator.translate(request)
        clause = Clause(request.text, request.source, request.target, request.terms)
        try:
            lack = check(clause, first.text)
            if not lack:
                return self._done("ok", first)
            best, lack = await self._again(request, clause, first, lack, began)
            if not lack:
                return self._done("retried", best)
            mended = mend(clause, best.text)
        except Exception:  # a bug in a language's tables must not cost the clause that was translated
            log.exception("guard failed", source=request.source, target=request.target)
            return self._done("missing", first)
        if not mended.put:
            return self._done("missing", best)
        note = f"put in from the original: {', '.join(mended.put)}"
        best = replace(best, text=mended.text, note="; ".join(each for each in (best.note, note) if each))
        log.info("translation mended", engine=best.engine, target=request.target, put=len(mended.put))
        return self._done("mended" if mended.whole else "missing", best)

    def _done(self, outcome: str, translation: Translation) -> Translation:
        self._counts[outcome] += 1
        return translation

    async def _again(
        self, request: TranslationRequest, clause: Clause, first: Translation, lack: Lack, began: float
    ) -> tuple[Translation, Lack]:
        """Whichever answer lacks least; a second one is asked for only while the first came in time."""
        if self._clock() - began > self._late:
            return first, lack
        try:
            async with asyncio.timeout(max(0.0, began + self._deadline - self._clock())):
                second = await self._second(request, first)
        except TimeoutError:
            log.debug("no second translation in time", engine=first.engine)
            return first, lack
        if second is None:
            return first, lack
        other = check(clause, second.text)
        return (second, other) if len(other) < len(lack) else (first, lack)

    async def _second(self, request: TranslationRequest, first: Translation) -> Translation | None:
        """The other mode's answer, or the next engine's where that fails or says the same."""
        asked: list[tuple[Translates, TranslationRequest]] = []
        if not request.careful:
            asked.append((self._translator, replace(request, careful=True)))
        if self._without is not None:
            asked.append((self._without(first.engine), request))
        for translator, again in asked:
            try:
                second = await translator.translate(again)
            except EngineError as error:
                log.debug("no second translation", engine=error.engine, error=str(error))
                continue
            if second != first:
                return second
        return None
