"""The counters of the real media plane and the real attacher, without those."""

from __future__ import annotations

from dataclasses import dataclass, field

from dragoman.media.stats import MediaStats as MediaView
from dragoman.pipeline.standing import TOTALS, Lag
from dragoman.telephony.ari.connection import ConnectionStats
from dragoman.telephony.ari.queue import EventQueue
from dragoman.telephony.attacher import AttachStats

__all__ = ["AriView", "ConferenceView", "MediaView"]


@dataclass
class AriView:
    """As the Attacher shows its counters."""

    stats: AttachStats = field(default_factory=AttachStats)
    connection: ConnectionStats = field(default_factory=ConnectionStats)
    queue: EventQueue = field(default_factory=EventQueue)
    disagreements: int = 0


class ConferenceView:
    """As the Conference shows its counters."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(TOTALS, 0)
        self.waiting = {"mt": 0}
        self.behind: list[Lag] = []

    def totals(self) -> dict[str, int]:
        return dict(self.counts)

    def lags(self) -> list[Lag]:
        return self.behind

    def queue_depths(self) -> dict[str, int]:
        return self.waiting
