"""How a part tells what it does to recover: the call that ``HealthBus.tell`` is, and one that nobody hears. Pure."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from dragoman.recovery.kinds import Action, Kind, Status


class Tell(Protocol):
    """Something was done; never waits, never raises; to be called in the event loop's thread."""

    def __call__(
        self,
        kind: Kind,
        action: Action,
        status: Status,
        component: str,
        *,
        session: str = "",
        lag_s: float | None = None,
        detail: str = "",
    ) -> None:
        """See recovery.events.HealthEvent."""


@runtime_checkable
class Telling(Protocol):
    """A part, an engine for one, that tells what it does; whoever builds the daemon sets ``tell``."""

    tell: Tell


def nobody(
    kind: Kind,
    action: Action,
    status: Status,
    component: str,
    *,
    session: str = "",
    lag_s: float | None = None,
    detail: str = "",
) -> None:
    """Tell nobody."""
