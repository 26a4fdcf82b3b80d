"""Health events: what recovery does, as it does it, for whoever watches. Bounded; a slow watcher loses the oldest."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.redaction import KNOWN
from dragoman.subscription import Subscription

log = structlog.get_logger(__name__)

HISTORY = 500
"""Events kept for one who comes late, or again (Last-Event-ID); the oldest goes."""

WATCHER_DEPTH = 256
"""Events a slow watcher may lag behind before its oldest are dropped, and counted."""


@dataclass(frozen=True, slots=True)
class HealthEvent:
    """Something broke, or was mended."""

    session: str
    """Whom it concerns: a leg's id, a room, or empty for the whole daemon."""
    component: str
    """What broke: ``asr:deepgram``, ``tts:xtts``, ``ari``, ``media``, ``voices``, ``ladder``."""
    kind: Kind
    action: Action
    status: Status
    """How the component stands after the action."""
    lag_ms: float | None
    """How far behind it is, or how long it was away, ms; None where that means nothing."""
    detail: str
    """In words, for people; no secret, nothing that was said."""
    time: float
    """Unix time, s."""


class HealthBus:
    """Takes what the parts tell, counts it and hands it to who watches. To be used from the event loop's thread."""

    def __init__(self, unix_clock: Callable[[], float], first: int = 0) -> None:
        """Events are numbered from ``first`` on: the time of day keeps a Last-Event-ID right over a restart."""
        self._unix_clock = unix_clock
        self._number = first
        self._history: deque[tuple[int, HealthEvent]] = deque(maxlen=HISTORY)
        self._watchers: list[Subscription[HealthEvent]] = []
        self._lost = 0
        self.counts: Counter[tuple[Kind, Action]] = Counter()
        """Of all events, by kind and action."""

    @property
    def dropped(self) -> int:
        """Events that watchers were too slow for."""
        return self._lost + sum(watcher.dropped for watcher in self._watchers)

    @property
    def history(self) -> tuple[HealthEvent, ...]:
        """The last events, the oldest first."""
        return tuple(event for _, event in self._history)

    def tell(
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
        """Something was done; never waits, never raises."""
        lag = None if lag_s is None else round(lag_s * 1000, 1)
        event = HealthEvent(session, component, kind, action, status, lag, KNOWN.without(detail), self._unix_clock())
        self.counts[kind, action] += 1
        self._number += 1
        self._history.append((self._number, event))
        for watcher in self._watchers:
            watcher.put(self._number, event)
        say = log.info if status is Status.OK else log.warning
        say("recovery", kind=str(kind), action=str(action), status=str(status), component=component, session=session)

    def watch(self, after: int | None = None) -> Subscription[HealthEvent]:
        """A new watcher; with ``after`` (an event's number) it first gets what it missed, as far as it is kept."""
        watcher: Subscription[HealthEvent] = Subscription(WATCHER_DEPTH, lambda: self._forget(watcher))
        if after is not None:
            for number, event in self._history:
                if number > after:
                    watcher.put(number, event)
        self._watchers.append(watcher)
        return watcher

    def _forget(self, watcher: Subscription[HealthEvent]) -> None:
        self._lost += watcher.dropped
        self._watchers.remove(watcher)
