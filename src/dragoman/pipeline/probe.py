"""Brings a preferred recogniser back: asks it, beside the one in use, whether it opens streams again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import structlog

from dragoman.engines.availability import Availability
from dragoman.engines.base import Recognizer, StreamRequest
from dragoman.engines.faults import crashes_of, let_go
from dragoman.errors import EngineError, EngineRejected, EngineTimeout
from dragoman.pipeline.preference import Preference

log = structlog.get_logger(__name__)

OPEN_DEADLINE = 5.0
"""Seconds a recogniser may take to open a stream: a connection through a proxy, with its TLS, takes under two."""

NOT_OPEN = f"no stream within {OPEN_DEADLINE:g} s"

LOOK = 0.5
"""Seconds between two looks at whether a probe is due."""

T = TypeVar("T")


async def within(seconds: float, engine: str, doing: Awaitable[T], what: str) -> T:
    """Await what ``engine`` owes us; raises EngineTimeout with ``what`` when it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            with crashes_of(engine):
                return await doing
    except TimeoutError:
        raise EngineTimeout(engine, what) from None


class Prober:
    """One leg's; of the legs that use another recogniser than they would like, one probes for all."""

    def __init__(
        self,
        recognizers: Sequence[Recognizer],
        preference: Preference,
        circuits: Mapping[str, Availability],
        request: StreamRequest,
        clock: Callable[[], float],
    ) -> None:
        """``recognizers`` in the order of ``preference``; ``circuits`` by engine name."""
        self._recognizers = recognizers
        self._preference = preference
        self._circuits = circuits
        self._request = request
        self._clock = clock

    async def run(self, current: int) -> None:
        """Probe what is preferred to the recogniser of index ``current``, whenever it is due; until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            index = self._preference.probe_due(current, self._clock())
            if index is None:
                continue
            engine = self._recognizers[index]
            name, circuit = engine.info.name, self._circuits[engine.info.name]
            circuit.probing()
            failure: EngineError | None = EngineTimeout(name, "the probe was given up")
            try:
                failure = await self._probe(engine)
            finally:  # a speaker who leaves must not take the probe with him
                if failure is None:
                    circuit.succeeded()
                    log.info("recogniser is back", engine=name)
                else:
                    circuit.failed(failure, self._clock())

    async def _probe(self, engine: Recognizer) -> EngineError | None:
        """Open a stream and close it; what went wrong. One that only rejects this leg is there for others."""
        name = engine.info.name
        try:
            stream = await within(OPEN_DEADLINE, name, engine.open(self._request), NOT_OPEN)
        except EngineRejected:
            return None
        except EngineError as error:
            return error
        await let_go(name, lambda: stream.aclose())
        return None
