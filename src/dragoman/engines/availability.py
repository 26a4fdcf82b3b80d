"""Whether an engine is worth asking now: a circuit breaker per engine. Pure.

Nygard, Release It! (2nd ed.), chapter 5: after some failures in a row the engine is not asked for a while, so that no
clause waits for what fails anyway; then one request probes it, and its success brings the engine back, on parole: an
engine that answers a probe and fails its next clause would else cost a clause its deadline every few seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from dragoman.errors import EngineBusy, EngineDenied, EngineError, EngineRejected, EngineUnavailable, IllegalTransition

FAILURES = 3
"""Failures in a row that open the circuit: one or two are weather, and each costs a clause its deadline."""

FIRST_REST = 2.0
"""Seconds an engine rests when its circuit opens for the first time; twice as long after each probe that fails, and
when it opens again while on parole."""

PAROLE = 5
"""Answers after which an engine that came back is as good as new. Until then one failure opens its circuit again: what
flaps costs one clause its deadline per rest, and the rests grow."""

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
        """Whether it is not closed because the provider refuses us: only the operator can help."""
        self.told = False
        """Whether the provider itself told us to stay away: it refuses us, or said how long to wait."""
        self.asked = 0
        """What it was asked for so far, in what providers charge for, counted when it is asked: samples of a
        recogniser, characters of a translator or a synthesizer. Answers from a cache are not among it."""
        self.on_change: Callable[[Circuit, Circuit], None] = lambda before, after: None
        """Called with the state before and after each change."""
        self._failures = 0
        self._parole = 0  # answers it still owes
        self._rest = FIRST_REST
        self._until = 0.0
        self._failed_at = 0.0

    def usable(self) -> bool:
        """Whether to ask it for something that somebody waits for."""
        return self.state is Circuit.CLOSED

    def usable_in_need(self) -> bool:
        """Whether to ask it where no other engine is left: better a poor chance than none, unless it told us not to."""
        return not self.told

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

    def succeeded(self, asked: float | None = None) -> bool:
        """A request was answered, that was made at ``asked`` (None: unknown); True if that closed the circuit."""
        if self.state is Circuit.OPEN and self.told and (asked is None or asked <= self._failed_at):
            return False  # it was asked before it told us to stay away
        self._failures = 0
        if self.state is Circuit.CLOSED:
            self._parole = max(self._parole - 1, 0)
            return False
        self._parole = PAROLE
        self.reason = ""
        self.denied = self.told = False
        self._go("succeed")
        return True

    def failed(self, error: EngineError, now: float) -> bool:
        """A request failed; True if that opened the circuit from closed. A rejected input is no failure."""
        if isinstance(error, EngineRejected):
            return False
        was, wait = self.state, _told_to_wait(error)
        self._failures += 1
        self._failed_at = now
        if was is Circuit.CLOSED and wait is None and self._failures < FAILURES and not self._parole:
            return False
        if was is Circuit.OPEN and wait is None:
            return False  # asked before it opened, or in need: its rest goes on, so that a probe becomes due
        if was is Circuit.CLOSED and not self._parole:
            self._rest = FIRST_REST
        elif was is not Circuit.OPEN:
            self._rest = min(self._rest * 2, LONGEST_REST)
        until = now + max(self._rest, wait or 0.0)
        self._until = max(self._until, until) if was is Circuit.OPEN else until
        self.denied = _denies(error) or (self.denied and was is Circuit.OPEN)
        self.told = wait is not None
        self.reason = str(error)
        self.opened += was is Circuit.CLOSED
        self._go("trip")
        return was is Circuit.CLOSED

    def _go(self, event: str) -> None:
        before, after = self.state, _TRANSITIONS.get((self.state, event))
        if after is None:
            raise IllegalTransition("circuit", before, event)
        self.state = after
        if after is not before:
            self.on_change(before, after)


def _denies(error: EngineError) -> bool:
    return isinstance(error, EngineDenied | EngineUnavailable)


def _told_to_wait(error: EngineError) -> float | None:
    """Seconds that the provider wants us to stay away; None: it did not say."""
    if _denies(error):
        return DENIED_REST
    if isinstance(error, EngineBusy) and error.retry_after is not None:
        return min(max(error.retry_after, 0.0), DENIED_REST)
    return None
