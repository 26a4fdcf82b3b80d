"""One clause's way to the listeners of one language: whose, where, by which engines, and when what happened. Pure.

It holds no word of what was said, so that metrics, traces and logs may have all of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from dragoman.pipeline.latency import ClauseTimes

TRACE_ID_BYTES = 16
"""Length of a trace id (W3C Trace Context, section 3.2.2.3)."""


class Outcome(StrEnum):
    """What became of it."""

    SPOKEN = "spoken"
    READ = "read"
    """Nobody listened: its translation went to the readers of captions alone."""
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Journey:
    """A clause and one target language. ``times`` goes on being filled in while it is under way."""

    trace_id: str
    """32 hexadecimal digits; see ``trace_id_of``."""
    clause: str
    room: str
    leg: str
    source: str
    target: str
    begun: float
    """Monotonic seconds: acoustic start of its first word."""
    times: ClauseTimes
    engines: Mapping[str, str] = field(default_factory=dict)
    """Engine by stage (asr, mt, tts), of those that were asked."""
    merged: tuple[str, ...] = ()
    """Ids of the clauses that were merged into it, not to be late."""

    @property
    def ahead(self) -> bool:
        """Whether its translation was begun before it was committed."""
        begin = self.times.mt_begin
        return begin is not None and begin < self.times.committed


class Traces(Protocol):
    """Where the ways of single clauses are kept (observe.trace)."""

    def begun(self, journey: Journey) -> None:
        """It was translated; more of its times follow."""

    def ended(self, journey: Journey, outcome: Outcome, why: str = "") -> None:
        """Nothing more happens to it; of one that was told before, this counts."""


class Untraced:
    """Traces of who wants none."""

    def begun(self, journey: Journey) -> None:
        """Traces."""

    def ended(self, journey: Journey, outcome: Outcome, why: str = "") -> None:
        """Traces."""


def trace_id_of(clause: str, target: str, salt: str) -> str:
    """The same for the same clause and language; ``salt`` tells daemons and their restarts apart.

    A clause that goes into two languages has two: from the translator on, the two ways have nothing in common.
    """
    return hashlib.blake2b(f"{salt} {clause} {target}".encode(), digest_size=TRACE_ID_BYTES).hexdigest()
