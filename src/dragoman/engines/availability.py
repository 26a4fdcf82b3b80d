"""Whether an engine is worth asking now: a circuit breaker per engine. Pure.

Nygard, Release It! (2nd ed.), chapter 5: after some failures in a row the engine is not asked for a while, so that no
clause waits for what fails anyway; then one request probes it, and its success brings the engine back.
"""

from __future__ import annotations

from enum import StrEnum

from dragoman.errors import EngineBusy, EngineDenied, EngineError, EngineRejected, EngineUnavailable, IllegalTransition

FAILURES = 3
"""Failures in a row that open the circuit: one or two are weather, and each costs a clause its deadline."""

FIRST_REST = 2.0
"""Seconds an engine rests when its circuit opens for the first time; twice as long after each probe that fails."""

LONGEST_REST = 60.0
"""Seconds between probes at most: an engine that is back is noticed within a minute."""

DENIED_REST = 300.0
"""Seconds between probes of a provider that refuses us (key, payment, quota): only the operator can change that."""


class Circuit(StrEnum):
    """State of one engine's circuit; also the label of its metric."""

    CLOSED = "closed"
    """It works: ask it."""
    OPEN = "open"
    """It failed too often: do not ask it before its rest is over."""
    PROBING = "probing"
    """Its rest is over and one request is under way to find out."""


_TRANSITIONS: dict[tuple[Circuit, str], Circuit] = {
    (Circuit.CLOSED, "trip"): Circuit.OPEN,
    (Circuit.OPEN, "probe"): Circuit.PROBING,
    (Circuit.OPEN, "trip"): Circuit.OPEN,
    (Circuit.OPEN, "succeed"): Circuit.CLOSED,
    (Circuit.PROBING, "trip"): Circuit.OPEN,
    (Circuit.PROBING, "succeed"): Circuit.CLOSED,
    (Circuit.CLOSED, "succeed"): Circuit.CLOSED,
}


class Availability:
    """One engine's circuit. ``failed`` and ``succeeded`` are told of every request; times are monotonic seconds."""

    def __init__(self) -> None:
        self.state = Circuit.CLOSED
        self.reason = ""
        """Why it is not closed."""
        self.opened = 0
        """Times the circuit opened from closed."""
        self.denied = False
        """Whether it is not closed because the provider refuses us."""
        self._failures = 0
        self._rest = FIRST_REST
        self._until = 0.0

    def usable(self, now: float) -> bool:
        """Whether to ask it for something that somebody waits for."""
        return self.state is Circuit.CLOSED

    def probe_due(self, now: float) -> bool:
        """Whether its rest is over and nobody probes it yet."""
        return self.state is Circuit.OPEN and now >= self._until

    @property
    def probe_at(self) -> float | None:
        """When ``probe_due`` becomes true; None while nothing is to be probed."""
        return self._until if self.state is Circuit.OPEN else None

    def probing(self) -> None:
        """A probe is under way; ``failed`` or ``succeeded`` ends it.

        Raises:
            IllegalTransition: the circuit is not open.
        """
        self._go("probe")

    def succeeded(self) -> bool:
        """A request was answered; True if that closed the circuit."""
        was = self.state
        self._go("succeed")
        self._failures = 0
        self._rest = FIRST_REST
        self.reason = ""
        self.denied = False
        return was is not Circuit.CLOSED

    def failed(self, error: EngineError, now: float) -> bool:
        """A request failed; True if that opened the circuit from closed. A rejected input is no failure."""
        if isinstance(error, EngineRejected):
            return False
        was = self.state
        self._failures += 1
        denied = isinstance(error, EngineDenied | EngineUnavailable)
        if was is Circuit.CLOSED and self._failures < FAILURES and not denied:
            return False
        if was is not Circuit.CLOSED:
            self._rest = min(self._rest * 2, LONGEST_REST) if was is Circuit.PROBING else self._rest
        rest = DENIED_REST if denied else self._rest
        if isinstance(error, EngineBusy) and error.retry_after is not None:
            rest = max(rest, min(error.retry_after, DENIED_REST))
        self._until = now + rest
        self._go("trip")
        self.reason = str(error)
        self.denied = denied
        self.opened += was is Circuit.CLOSED
        return was is Circuit.CLOSED

    def _go(self, event: str) -> None:
        after = _TRANSITIONS.get((self.state, event))
        if after is None:
            raise IllegalTransition("circuit", self.state, event)
        self.state = after
