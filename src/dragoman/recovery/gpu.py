"""What is done when a model of our own fails while it computes: out of memory, an error of CUDA, or else. Pure."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from dragoman.recovery.kinds import Action

WINDOW_S = 60.0
"""s in which failures belong together."""

FAILURES = 3
"""Failures in WINDOW_S that emptying the model's state did not cure: then it is loaded anew."""

CALM_S = 600.0
"""s without a failure after which twice as many clauses are spoken at once as before, up to all."""

RESTARTS_S = 600.0
"""s in which restarts belong together."""

RESTARTS = 2
"""Restarts in RESTARTS_S that did not cure it: then another device has to do."""

LOADS = 3
"""Loads in a row that fail by an error of CUDA: its context in this process is lost, and no later one would succeed."""


class Trouble(StrEnum):
    """What kind of failure it was."""

    MEMORY = "out of memory"
    DEVICE = "the device failed"
    """CUDA keeps such an error: nothing works in this process's context any more."""
    OTHER = "the model failed"


class Mend(StrEnum):
    """What is done."""

    CLEAR = "clear"
    """All clauses begin anew, on an empty state."""
    SHED = "shed"
    """As CLEAR; half as many clauses at once, with the memory that others hold, until that is CALM_S ago."""
    RESTART = "restart"
    """The model is loaded anew on its device."""
    MOVE = "move"
    """It is loaded on the CPU; where that is too slow, its circuit opens and the fallback voice speaks."""
    GIVE_UP = "give up"
    """Only another process could use the device, and the operator wants no other one: the fallback voice speaks."""

    @property
    def action(self) -> Action:
        """As events and metrics call it."""
        return {
            Mend.CLEAR: Action.RETRY,
            Mend.SHED: Action.SHED,
            Mend.RESTART: Action.RESTART,
            Mend.MOVE: Action.MOVE,
            Mend.GIVE_UP: Action.GIVE_UP,
        }[self]


class ModelPolicy:
    """One model's. ``now`` in s of one monotonic clock."""

    def __init__(self, slots: int, *, may_move: bool) -> None:
        """``slots``: clauses at once; ``may_move``: it runs on a GPU, and the CPU is allowed."""
        self.slots = slots
        """How many clauses it may speak at once by now."""
        self._all = slots
        self._calm_since = 0.0
        self._may_move = may_move
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._restarts: deque[float] = deque(maxlen=RESTARTS + 1)
        self._loads = 0

    def at_once(self, now: float) -> int:
        """How many clauses it may speak at once: fewer after it ran out of memory, more again when that is long ago."""
        if self.slots < self._all and now - self._calm_since >= CALM_S:
            self.slots = min(self._all, 2 * self.slots)
            self._calm_since = now
        return self.slots

    def failed(self, trouble: Trouble, now: float) -> Mend:
        """It failed; what to do."""
        self._calm_since = now
        if trouble is Trouble.DEVICE:
            return self._move() if self._may_move else self._restart(now, then=Mend.GIVE_UP)
        if trouble is Trouble.MEMORY and self.slots > 1:
            self.slots //= 2
            return Mend.SHED
        self._failures.append(now)
        often = len(self._failures) == FAILURES and now - self._failures[0] < WINDOW_S
        if trouble is Trouble.OTHER and not often:
            return Mend.CLEAR
        return self._restart(now)

    def not_loaded(self, trouble: Trouble) -> Mend:
        """It could not be loaded anew; what to do: RESTART (once more), MOVE or GIVE_UP."""
        self._loads = self._loads + 1 if trouble is Trouble.DEVICE else 0
        if trouble is not Trouble.DEVICE:
            return Mend.RESTART
        if self._may_move:
            return self._move()
        return Mend.GIVE_UP if self._loads >= LOADS else Mend.RESTART

    def loaded(self) -> None:
        """It was loaded anew, and all clauses at once were tried."""
        self._loads = 0
        self.slots = self._all

    def _restart(self, now: float, then: Mend = Mend.RESTART) -> Mend:
        """Load it anew; where that was done too often, move it, or else ``then``."""
        self._failures.clear()
        self._restarts.append(now)
        if len(self._restarts) > RESTARTS and now - self._restarts[0] < RESTARTS_S:
            return self._move() if self._may_move else then
        return Mend.RESTART

    def _move(self) -> Mend:
        self._may_move = False
        self._failures.clear()
        self._restarts.clear()
        self._loads = 0
        return Mend.MOVE
