"""Which of the ordered recognisers serves a leg now, and when a lost one is asked again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dragoman.engines.availability import FIRST_REST, Availability
from dragoman.errors import EngineBusy, EngineError, EngineRejected

RESTART_DELAYS = (0.0, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds before a lost stream is opened again; the first time at once, then slower, the last for ever. Streams that
open, but die this many times in a row without a final, may die of what they hear: each further one costs an utterance.
"""

REJECTED_REST = 60.0
"""Seconds in which a recogniser that rejected this leg is passed over, if there is another."""

LONGEST_RETRY_AFTER = 60.0
"""Seconds a provider may ask us to wait: a speaker waits too."""

MISSING_AFTER = 3.0
"""Seconds without a stream, and without another engine to ask, after which the readers are told: a reconnect is over in
less, and what he says meanwhile comes late but comes."""

SECOND_LOSS = 2
"""Streams lost in a row, each after it had opened, by which the next recogniser takes over: one loss is a reconnect."""


@dataclass(slots=True)
class _Engine:
    """What this leg knows of one of them. Times are monotonic seconds."""

    name: str
    failures: int = 0
    """In a row, without a final."""
    ready_at: float = 0.0
    """Before then it is not asked, unless nobody else is left: after that it may be."""
    rests_until: float = 0.0
    """Before then another one is asked first."""


class Preference:
    """One leg's. The circuits are shared by all legs: what one leg learned of an engine, the others need not."""

    def __init__(self, names: Sequence[str], circuits: Mapping[str, Availability]) -> None:
        """``names`` in order of preference; each of them is in ``circuits``."""
        self._engines = [_Engine(name) for name in names]
        self._circuits = circuits

    def choose(self, now: float) -> tuple[int, float]:
        """The index of the engine to ask next, and how many seconds to wait before."""
        for i in range(len(self._engines)):
            if self._good(i, now):
                return i, 0.0
        times = [self._last_resort(i) for i in range(len(self._engines))]
        best = min(range(len(times)), key=times.__getitem__)
        return best, max(times[best] - now, 0.0)

    def better(self, current: int, now: float) -> bool:
        """Whether one that is preferred to ``current`` can be had again."""
        return any(self._good(i, now) for i in range(current))

    def probe_due(self, current: int, now: float) -> int | None:
        """One that is preferred to ``current`` and should be probed now."""
        for i, engine in enumerate(self._engines[:current]):
            if self._circuits[engine.name].probe_due(now) and now >= engine.rests_until:
                return i
        return None

    def lost(self, index: int, error: EngineError, now: float, *, opened: bool) -> bool:
        """It failed, after a stream had ``opened`` or before; True if that opened its circuit for all."""
        engine = self._engines[index]
        engine.failures += 1
        delay = RESTART_DELAYS[min(engine.failures, len(RESTART_DELAYS)) - 1]
        rest = 0.0 if opened and engine.failures < SECOND_LOSS else FIRST_REST
        if isinstance(error, EngineRejected):
            rest = REJECTED_REST
        if isinstance(error, EngineBusy) and error.retry_after is not None:
            delay = max(delay, min(error.retry_after, LONGEST_RETRY_AFTER))
        engine.ready_at = now + delay
        engine.rests_until = now + max(rest, delay)
        return self._circuits[engine.name].failed(error, now)

    def failures(self, index: int) -> int:
        """How often this engine failed this leg in a row."""
        return self._engines[index].failures

    def progressed(self, index: int) -> None:
        """Its stream was lost, but had told something new: the next try may come soon."""
        engine = self._engines[index]
        engine.failures = min(engine.failures, 1)
        engine.ready_at = 0.0

    def alone(self, now: float) -> bool:
        """Whether no engine is fit to be asked now: what comes next is a try."""
        return not self.better(len(self._engines), now)

    def heard(self, index: int, asked: float) -> None:
        """It gave a final, on a stream that it was asked for at ``asked``."""
        engine = self._engines[index]
        engine.failures = 0
        engine.ready_at = engine.rests_until = 0.0
        self._circuits[engine.name].succeeded(asked)

    def _good(self, index: int, now: float) -> bool:
        engine = self._engines[index]
        return self._circuits[engine.name].usable() and now >= max(engine.ready_at, engine.rests_until)

    def _last_resort(self, index: int) -> float:
        """When to ask it though it failed; one that refuses to serve us is not worth it before its rest is over."""
        engine = self._engines[index]
        circuit = self._circuits[engine.name]
        if circuit.denied and circuit.probe_at is not None:
            return max(engine.ready_at, circuit.probe_at)
        return engine.ready_at
