"""The counters of the real media plane and the real attacher, without those."""

from __future__ import annotations

from dataclasses import dataclass, field

from dragoman.media.stats import MediaStats as MediaView
from dragoman.telephony.ari.connection import ConnectionStats
from dragoman.telephony.ari.queue import EventQueue
from dragoman.telephony.attacher import AttachStats

__all__ = ["AriView", "MediaView"]


@dataclass
class AriView:
    """As the Attacher shows its counters."""

    stats: AttachStats = field(default_factory=AttachStats)
    connection: ConnectionStats = field(default_factory=ConnectionStats)
    queue: EventQueue = field(default_factory=EventQueue)
    disagreements: int = 0
