"""A clause under way to one language, and whom its chain tells what becomes of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from dragoman.engines.base import Translation
from dragoman.errors import EngineError
from dragoman.pipeline.clause import Clause, merge
from dragoman.pipeline.lag import Load
from dragoman.pipeline.latency import ClauseTimes

if TYPE_CHECKING:
    from dragoman.pipeline.speculation import Ahead


NOBODY = "nobody-listens"
CUT_OFF = "cut-off"
"""Reasons why clauses are not heard, or not whole: who listened went, or what speaks them ended while they listened."""

BEHIND = "behind"
"""Reason for which clauses are not spoken that would be heard too late."""


@dataclass(slots=True)
class Pending:
    """A clause under way to one language."""

    clause: Clause
    times: ClauseTimes
    translation: Translation | None = None
    voice: str | None = None
    """The synthesizer that was asked last."""
    ahead: Ahead | None = None
    """What was begun of it before it was committed."""
    load: Load = field(default_factory=Load)
    """How much audio of it is still to be spoken."""
    given_up: bool = False
    """Whether it is only to be read, because what waits before it would make it too late."""
    dropped: bool = False
    """Whether it was told that it will not be heard, or not all of it."""
    hush: float = 0.0
    """Seconds of silence that its sound ended with."""

    def release(self) -> None:
        """End what was begun ahead of it; idempotent."""
        if self.ahead is not None:
            self.ahead.cancel()
            self.ahead = None


def merge_pending(first: Pending, second: Pending) -> Pending:
    """Two neighbours as one: the later one's times, because that is when all of it had been said."""
    first.release()
    second.release()
    first.load.source += second.load.source
    second.load.close()
    return Pending(merge(first.clause, second.clause), second.times, load=first.load)


class ChainReports(Protocol):
    """Whom the chain tells what became of a clause."""

    def translated(self, target: str, pending: Pending) -> None:
        """The clause has a translation."""

    def spoken(self, target: str, pending: Pending) -> None:
        """Its first sound left the booth; all times up to that are set."""

    def played(self, target: str, pending: Pending) -> None:
        """It will not sound any more: it sounded whole, was cut off, or (``sent`` not set) never sounded."""

    def read(self, target: str, pending: Pending) -> None:
        """It is translated, and nobody listens: readers of captions have it."""

    def dropped(self, target: str, pending: Pending, reason: str, error: EngineError | None) -> None:
        """It will not be heard; an ``error`` that is told here is not told by ``engine_failed`` too."""

    def engine_failed(self, stage: str, error: EngineError) -> None:
        """An engine failed, which cost no clause."""

    def pressed(self, target: str, stage: str, seconds: float) -> None:
        """A stage fell behind by so much, and what comes before or after it is held back for that."""
