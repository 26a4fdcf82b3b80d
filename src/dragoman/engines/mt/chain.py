"""The ordered translators as one: the first that can, translates, within a bounded time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import structlog

from dragoman.engines.base import Attempt, Translation, TranslationRequest, Translator
from dragoman.engines.circuits import Circuits
from dragoman.engines.faults import crashes_of, text_of
from dragoman.errors import EngineBusy, EngineError, EngineRejected, EngineTimeout
from dragoman.recovery.mt import REQUEUE_S, STRIKES, Strikes

log = structlog.get_logger(__name__)

DEADLINE = 1.2
"""Seconds one translator may take for one try: a cloud translator answers a clause in 0.2 to 0.6 s, and each further
second is heard as delay by everybody who listens in that language."""

LEAST = 0.6
"""Seconds kept for each translator that is still in line, and the most for the second try of one before it: what
answers at all mostly answers within this (design: 350 ms at p95)."""

BUDGET = DEADLINE + LEAST + DEADLINE
"""Seconds for a clause, all tries of all translators: two late ones of the first (recovery.mt has its strikes), and a
whole one for the next. By then the speaker is a sentence further. One that retries by itself (``EngineInfo.retries``)
has only the first of the two."""

TOO_LITTLE = 0.5
"""With fewer seconds left than this nobody is asked: a timeout would say more of our haste than of the engine."""

Choice = Callable[[str, str], Sequence[Translator]]
"""The translators for (source, target), in the order of the settings."""


class TranslatorChain:
    """Asks each translator in order, up to three times where that may help; one that rejects gives way to the next.

    One that sends a clause twice by itself is asked once. The last one is asked for as long as there is time, ever more
    rarely. One whose circuit is not closed is not asked, unless nobody else is left.
    """

    def __init__(
        self,
        translators: Sequence[Translator] | Choice,
        circuits: Circuits | None = None,
        *,
        deadline: float = DEADLINE,
    ) -> None:
        """The engines are somebody else's to start and close.

        ``translators``: for every pair, or chosen by it. ``circuits``: those that all legs share; of its own, if not
        given. ``deadline``: seconds per try.
        """
        self._choose: Choice = translators if callable(translators) else _always(translators)
        self._circuits = circuits or Circuits()
        self._deadline = deadline
        self.on_failure: Callable[[EngineError], None] = lambda error: None
        """Called with each failure that cost no clause."""

    async def translate(self, request: TranslationRequest) -> Translation:
        """Translate by the first engine that can; takes BUDGET seconds at most.

        Raises:
            EngineRejected: none takes this pair or this text.
            EngineBusy: who may take it is not to be asked now.
            EngineError: none could; the first failure that is ``retryable``, else the first that is no rejection.
        """
        clock = asyncio.get_running_loop().time
        ends = clock() + BUDGET
        failures: list[EngineError] = []
        tried: list[Attempt] = []
        line = self._circuits.line(self._takers(request, failures))
        asked, refusal = line.order(), line.refusal()
        for i, translator in enumerate(asked):
            after = sum(self._circuits.usable(other) for other in asked[i + 1 :])
            once = translator.info.retries or not self._circuits.usable(translator)
            last = i + 1 == len(asked)  # those that rest are somebody too: better one of them than the same for ever
            strikes, wait = Strikes(1 if once else STRIKES, last=last), 0.0
            for again in itertools.chain((False,), itertools.repeat(True)):
                seconds = self._seconds(ends - clock() - wait, after, again)
                if not seconds:
                    break
                await asyncio.sleep(wait)
                began = clock()
                try:
                    translation = await self._try(translator, request, seconds)
                except EngineError as error:
                    failures.append(error)
                    tried.append(Attempt(translator.info.name, began, clock()))
                    line.failed(translator, error)
                    pause = strikes.failed(late=isinstance(error, EngineTimeout), took_s=clock() - began)
                    if pause is None or not self._may_mend(translator, error, after, last):
                        break
                    wait = pause
                else:
                    line.served(translator)
                    self._tell(failures)
                    return replace(translation, tried=tuple(tried)) if tried else translation
        failure = _gravest(failures, refusal)
        self._tell([error for error in failures if error is not failure])
        failure = failure or EngineRejected("mt", f"no translator for {request.source}-{request.target}")
        failure.tried = tuple(tried)
        raise failure

    def _takers(self, request: TranslationRequest, failures: list[EngineError]) -> list[Translator]:
        """The translators that take this pair; one that fails to say so is among ``failures``."""
        takers = []
        for translator in self._choose(request.source, request.target):
            try:
                with crashes_of(translator.info.name):
                    if translator.supports(request.source, request.target):
                        takers.append(translator)
            except EngineError as error:
                failures.append(error)
                self._circuits.failed(translator, error)
        return takers

    def _seconds(self, left: float, after: int, again: bool) -> float:
        """How long the next try may take, with ``after`` translators still in line; 0: there is no time for one."""
        spare = left - after * LEAST
        room = spare if again else min(left, max(spare, LEAST))
        if room < TOO_LITTLE:
            return 0.0
        return min(room, LEAST if again and after else self._deadline, self._deadline)

    def _may_mend(self, translator: Translator, error: EngineError, after: int, last: bool) -> bool:
        """Whether asking the same one again is better than going on; who asked for a longer rest is given it."""
        told = isinstance(error, EngineBusy) and (error.retry_after or 0.0) > REQUEUE_S
        circuit = self._circuits.of(translator)
        answers = circuit.usable_in_need() if last else circuit.usable()
        return error.retryable and not (after and told) and answers

    def _tell(self, failures: Iterable[EngineError]) -> None:
        for error in failures:
            if not isinstance(error, EngineRejected):
                log.warning("translator failed", engine=error.engine, error=str(error))
                self.on_failure(error)

    async def _try(self, translator: Translator, request: TranslationRequest, seconds: float) -> Translation:
        name = translator.info.name
        known = False
        try:
            async with asyncio.timeout(seconds):
                with crashes_of(name, said=(request.text, *request.context)):
                    translation = text_of(name, await translator.translate(request))
            known = translation.kept
            return translation
        except TimeoutError:
            raise EngineTimeout(name, f"no translation within {seconds:.3g} s") from None
        finally:  # what failed was asked for too
            if not known:
                self._circuits.of(translator).asked += len(request.text)


def _gravest(failures: Sequence[EngineError], refusal: EngineError | None) -> EngineError | None:
    """What kept the clause from being translated: a rejection only where nothing else did."""
    retryable = [error for error in failures if error.retryable]
    others = [error for error in failures if not isinstance(error, EngineRejected)]
    return next(iter((*retryable, *([refusal] if refusal else ()), *others, *failures)), None)


def _always(translators: Sequence[Translator]) -> Choice:
    line = tuple(translators)
    return lambda source, target: line
