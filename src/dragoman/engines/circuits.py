"""The circuits of all engines of this daemon: who is asked now, what that changes, and probes in the background.

One ``Availability`` per engine, shared by all legs, so that what one clause found out spares all the others. Whoever
asks engines goes along a ``Line``: first those that work, in the configured order, then those that rest, for want of
another. ``Circuits.run`` brings back what rests; without it nothing but such a need does.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from dragoman.engines.availability import Availability, Circuit
from dragoman.engines.base import Counting, Engine, Stage
from dragoman.engines.faults import crashes_of
from dragoman.engines.probes import probe
from dragoman.errors import EngineBusy, EngineError, EngineRejected, EngineTimeout
from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.recovery.telling import Tell, nobody

log = structlog.get_logger(__name__)

PROBE_DEADLINE = 5.0
"""Seconds a probe may take. Nobody waits for it, and what answers a handshake slowly may serve well afterwards; one
that takes longer would miss every clause's deadline."""

E = TypeVar("E", bound=Engine)

Change = tuple[str, str, str]
"""(stage, engine that was in use, engine that took over)."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """One engine, now; for metrics and the REST interface."""

    stage: Stage
    engine: str
    circuit: Circuit
    reason: str
    """Why its circuit is not closed; empty while it is."""
    since: float
    """Unix time (s) of the circuit's last change; of its first use where it never changed."""
    opened: int
    """Times its circuit opened."""
    probes: int
    """Probes sent."""
    counts: Mapping[str, int]
    """What the engine itself counted (``Counting``)."""
    asked: int = 0
    """Samples or characters that it was given (``Availability.asked``)."""


class _Entry:
    """One engine (or several of one stage that call themselves the same) and its circuit."""

    def __init__(self, stage: Stage, name: str, since: float) -> None:
        self.stage = stage
        self.name = name
        self.engines: list[Engine] = []
        self.circuit = Availability()
        self.since = since
        self.down_since = 0.0
        self.probes = 0
        self.probed = False
        """Whether a probe is under way."""
        self.stand_ins: set[str] = set()
        """Engines that took over from this one since its circuit opened."""

    def counts(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for engine in self.engines:
            if isinstance(engine, Counting):
                with crashes_of(self.name):
                    found.update(engine.counts())
        return dict(found)


class Circuits:
    """See the module. To be used from the event loop's thread."""

    def __init__(self, clock: Callable[[], float] | None = None, unix_clock: Callable[[], float] = time.time) -> None:
        """``clock``: monotonic seconds, the running event loop's own when not given."""
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._unix_clock = unix_clock
        self._entries: dict[tuple[Stage, str], _Entry] = {}
        self._known: dict[int, _Entry] = {}  # by the identity of the engines in the entries
        self._changed = asyncio.Event()
        self.tell: Tell = nobody
        """Told when an engine is given up for a while, another takes over, and when it is back."""
        self.languages: tuple[str, ...] = ()
        """ISO 639-1 codes that the site offers: what a probe may ask for."""
        self.changes: Counter[Change] = Counter()
        """Times that another engine took over since a circuit opened, and that the first one came back."""
        self.fallbacks: Counter[Change] = Counter()
        """Requests that another engine served than the one that is asked first."""

    def of(self, engine: Engine) -> Availability:
        """The circuit of this engine; the same for all that call themselves the same."""
        return self._entry(engine).circuit

    def usable(self, engine: Engine) -> bool:
        """Whether to ask it for something that somebody waits for."""
        return self.of(engine).usable()

    def failed(self, engine: Engine, error: EngineError) -> None:
        """A request to it failed."""
        self.of(engine).failed(error, self._clock())

    def line(self, engines: Iterable[E]) -> Line[E]:
        """One request's way along these engines, which are in the order of the settings."""
        return Line(self, engines)

    def named(self, stage: Stage) -> Mapping[str, Availability]:
        """The circuits of one stage by the names of their engines, now and later; one asked for by name is made."""
        return _Named(self, stage)

    def took_over(self, stage: Stage, before: str, after: str) -> None:
        """``after`` served a request in place of ``before``, which failed or rests."""
        self.fallbacks[stage, before, after] += 1
        entry = self._by_name(stage, before)
        if entry.circuit.state is not Circuit.CLOSED and after not in entry.stand_ins:
            entry.stand_ins.add(after)
            self._change(stage, before, after)
            self._tell(entry, Action.FALLBACK, Status.DEGRADED, f"{after} does its work")

    def moved(self, stage: str, before: str, after: str) -> None:
        """A stream moved from one engine to another: away from one that failed, or back to it.

        The way back is no use of a fallback; that the change is over is known when the circuit closes.
        """
        stage = Stage(stage)
        away = self._by_name(stage, before).circuit.state is not Circuit.CLOSED
        if away or (stage, after, before) not in self.fallbacks:
            self.took_over(stage, before, after)

    def states(self) -> tuple[EngineState, ...]:
        """Every engine, by stage, in the order in which they were named."""
        order = list(Stage)
        return tuple(
            EngineState(
                entry.stage,
                entry.name,
                entry.circuit.state,
                entry.circuit.reason,
                entry.since,
                entry.circuit.opened,
                entry.probes,
                _counts(entry),
                entry.circuit.asked,
            )
            for entry in sorted(self._entries.values(), key=lambda entry: order.index(entry.stage))
        )

    async def run(self) -> None:
        """Probe what rests, each when its rest is over, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                now = self._clock()
                for entry in self._entries.values():
                    if entry.engines and entry.circuit.probe_due(now) and not entry.probed:
                        entry.probed = True
                        entry.circuit.probing()
                        group.create_task(self._probe(entry))
                times = [
                    at
                    for entry in self._entries.values()
                    if entry.engines and not entry.probed and (at := entry.circuit.probe_at) is not None
                ]
                try:
                    async with asyncio.timeout(max(min(times) - now, 0.0) if times else None):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    async def _probe(self, entry: _Entry) -> None:
        entry.probes += 1
        engine = entry.engines[-1]
        try:
            async with asyncio.timeout(PROBE_DEADLINE):
                with crashes_of(entry.name):
                    await probe(engine, self.languages)
        except TimeoutError:
            self.failed(engine, EngineTimeout(entry.name, f"no answer to a probe within {PROBE_DEADLINE:g} s"))
        except EngineRejected:
            entry.circuit.succeeded()  # it answers
        except EngineError as error:
            self.failed(engine, error)
        else:
            entry.circuit.succeeded()
        finally:
            entry.probed = False
            self._changed.set()

    def _entry(self, engine: Engine) -> _Entry:
        if known := self._known.get(id(engine)):
            return known
        info = engine.info
        entry = self._known[id(engine)] = self._by_name(info.stage, info.name)
        entry.engines.append(engine)
        return entry

    def _by_name(self, stage: Stage, name: str) -> _Entry:
        entry = self._entries.get((stage, name))
        if entry is None:
            entry = self._entries[stage, name] = _Entry(stage, name, self._unix_clock())
            entry.circuit.on_change = lambda before, after: self._on_change(entry, before, after)
        return entry

    def _on_change(self, entry: _Entry, before: Circuit, after: Circuit) -> None:
        circuit, now = entry.circuit, self._clock()
        entry.since = self._unix_clock()
        self._changed.set()
        rest = None if circuit.probe_at is None else round(circuit.probe_at - now, 3)
        about = {"stage": str(entry.stage), "engine": entry.name}
        if before is Circuit.CLOSED:
            entry.down_since = now
            self._tell(entry, Action.REST, Status.DEGRADED, circuit.reason)
            if circuit.denied:
                log.error("engine refuses us and is not asked", **about, error=circuit.reason, next_probe_s=rest)
            else:
                log.warning("engine fails and is not asked", **about, error=circuit.reason, next_probe_s=rest)
        elif after is Circuit.CLOSED:
            log.info("engine works again", **about, after_s=round(now - entry.down_since, 1))
            self._tell(entry, Action.RETURN, Status.OK, "it answers again", now - entry.down_since)
            for stand_in in sorted(entry.stand_ins):
                self._change(entry.stage, stand_in, entry.name)
            entry.stand_ins.clear()
        elif after is Circuit.OPEN:
            log.info("engine still fails", **about, error=circuit.reason, next_probe_s=rest)

    def _tell(self, entry: _Entry, action: Action, status: Status, why: str, away_s: float | None = None) -> None:
        component = f"{entry.stage}:{entry.name}"
        self.tell(Kind.ENGINE_DOWN, action, status, component, lag_s=away_s, detail=why)

    def _change(self, stage: Stage, before: str, after: str) -> None:
        self.changes[stage, before, after] += 1
        log.warning("engine changed", stage=str(stage), before=before, after=after)


class _Named(Mapping[str, Availability]):
    def __init__(self, circuits: Circuits, stage: Stage) -> None:
        self._circuits = circuits
        self._stage = stage

    def __getitem__(self, name: str) -> Availability:
        return self._circuits._by_name(self._stage, name).circuit

    def __iter__(self) -> Iterator[str]:
        return (name for stage, name in tuple(self._circuits._entries) if stage is self._stage)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Line(Generic[E]):
    """One request's way along the engines of its language: told what became of each, it tells their circuits."""

    def __init__(self, circuits: Circuits, engines: Iterable[E]) -> None:
        """``engines`` in the order of the settings; made by ``Circuits.line``."""
        self._circuits = circuits
        self._engines = tuple(engines)
        self._failed: list[E] = []

    def order(self) -> list[E]:
        """Whom to ask, in order: those that work, then those that rest and did not tell us to stay away."""
        circuits = [(engine, self._circuits.of(engine)) for engine in self._engines]
        works = [engine for engine, circuit in circuits if circuit.usable()]
        rests = [engine for engine, circuit in circuits if not circuit.usable() and circuit.usable_in_need()]
        return works + rests

    def failed(self, engine: E, error: EngineError) -> None:
        """It did not serve this request."""
        if not isinstance(error, EngineRejected):
            self._failed.append(engine)
        self._circuits.failed(engine, error)

    def served(self, engine: E) -> None:
        """It served this request; those before it that failed or rest gave way to it."""
        self._circuits.of(engine).succeeded()
        for other in self._engines:
            if other is engine:
                break
            if not self._circuits.usable(other) or any(other is failed for failed in self._failed):
                info = engine.info
                self._circuits.took_over(info.stage, other.info.name, info.name)

    def refusal(self) -> EngineError | None:
        """Why an engine is not in ``order``; None if they all are."""
        for engine in self._engines:
            circuit = self._circuits.of(engine)
            if not circuit.usable() and not circuit.usable_in_need():
                name = engine.info.name
                return EngineBusy(name, f"not asked: {circuit.reason.removeprefix(f'{name}: ')}")
        return None


def _counts(entry: _Entry) -> Mapping[str, int]:
    try:
        return entry.counts()
    except EngineError as error:
        log.warning("engine does not count", engine=entry.name, error=str(error))
        return {}
