"""When the media socket counts as lost, and when it is opened anew. Pure; one call per tick."""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import Final, Protocol

from dragoman.errors import MediaSocketError
from dragoman.recovery.backoff import Backoff
from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.recovery.telling import Tell

DEAD_S: Final = 0.5
"""s in which the kernel took no packet at all. One booth that is unreachable, or a full buffer, does not last so long
for all."""


class SocketWatch:
    """``now`` in s of one monotonic clock."""

    def __init__(self, chance: Callable[[], float] = random) -> None:
        """``chance`` gives a number in [0, 1)."""
        self._backoff = Backoff(chance)
        self._dead_since: float | None = None
        self._again_at = 0.0
        self.tries = 0
        """Times it was to be opened anew since packets went last."""

    def sent(self, taken: int, refused: int, now: float) -> bool:
        """Of what was to be sent in this tick, so many packets were taken and refused; True: open it anew now."""
        if taken:
            if self._dead_since is not None:
                self._backoff.up(now)
            self._dead_since = None
            self.tries = 0
            return False
        if not refused:
            return False  # nobody had anything to send
        if self._dead_since is None:
            self._dead_since = now
            self._again_at = max(self._again_at, now + DEAD_S)
        if now < self._again_at:
            return False
        self._again_at = now + self._backoff.failed(now)
        self.tries += 1
        return True

    def dead_s(self, now: float) -> float:
        """For how long no packet went, s."""
        return 0.0 if self._dead_since is None else now - self._dead_since


class Reopened(Protocol):
    """media.socket.MediaSocket."""

    def reopen(self) -> None:
        """Open it anew; raises MediaSocketError."""


def rescue(socket: Reopened, watch: SocketWatch, now: float, tell: Tell) -> bool:
    """Open the socket anew, and tell how that went; never raises. Returns whether it is open."""
    try:
        socket.reopen()
        status, detail = Status.RECOVERING, "opened anew"
    except MediaSocketError as error:
        status, detail = Status.FAILED, str(error)
    away = watch.dead_s(now)
    tell(
        Kind.SOCKET_LOST,
        Action.REOPEN,
        status,
        "media",
        lag_s=away,
        detail=f"{detail}; no packet went for {away:.1f} s",
    )
    return status is Status.RECOVERING
