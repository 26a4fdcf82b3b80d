"""What the ARI side counts, as metrics: events, taps and booths, the heartbeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from dragoman.observe.quantiles import histogram


class ConnectionView(Protocol):
    """Counters of the event stream of Asterisk."""

    reconnects: int
    received: int
    unknown: int
    malformed: int


class AttachView(Protocol):
    """Counters of what was made in Asterisk."""

    attached: int
    booths: int
    swept: int
    rejoined: int
    failed: int
    heartbeats_failed: int
    latency_sum: float
    latency_counts: list[int]
    """As MediaStatsView.lateness_counts."""

    @property
    def latency_bounds(self) -> tuple[float, ...]: ...  # noqa: D102  # told where it is defined


class QueueView(Protocol):
    """A bounded queue."""

    dropped: int

    def __len__(self) -> int: ...


class AriView(Protocol):
    """What is read of the ARI side (the attacher); all counters only grow."""

    @property
    def stats(self) -> AttachView: ...  # noqa: D102  # told where it is defined
    @property
    def connection(self) -> ConnectionView: ...  # noqa: D102  # told where it is defined
    @property
    def queue(self) -> QueueView: ...  # noqa: D102  # told where it is defined
    @property
    def disagreements(self) -> int: ...  # noqa: D102  # told where it is defined


ARI_COUNTERS: tuple[tuple[str, str, Callable[[AriView], int]], ...] = (
    ("ari_reconnects", "Times the event stream of Asterisk came back", lambda a: a.connection.reconnects),
    ("ari_events", "Events from Asterisk", lambda a: a.connection.received),
    ("ari_unknown_events", "Events of a type not used", lambda a: a.connection.unknown),
    ("ari_malformed_events", "Messages that could not be read", lambda a: a.connection.malformed),
    ("ari_dropped_events", "Events dropped because too many waited; stock was taken anew", lambda a: a.queue.dropped),
    ("attach_taps", "Taps that came up", lambda a: a.stats.attached),
    ("attach_booths", "Booths that came up", lambda a: a.stats.booths),
    ("attach_swept", "Orphans deleted in Asterisk", lambda a: a.stats.swept),
    ("attach_rejoined", "Callers sent into their conference anew", lambda a: a.stats.rejoined),
    ("attach_failures", "Actions on Asterisk that failed, to be tried again", lambda a: a.stats.failed),
    ("attach_disagreements", "Callers whose variables do not fit their conference", lambda a: a.disagreements),
    ("heartbeat_failures", "Heartbeats to Asterisk that failed", lambda a: a.stats.heartbeats_failed),
)


class AriCollector(Collector):
    """Shows the counters of the attacher and its connection, read when a scrape asks."""

    def __init__(self, ari: AriView) -> None:
        self._ari = ari

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        for name, text, read in ARI_COUNTERS:
            yield CounterMetricFamily(f"dragoman_{name}", text, value=read(self._ari))
        stats = self._ari.stats
        yield histogram(
            "dragoman_attach_seconds",
            "From a caller's entering a conference to his tap carrying audio",
            stats.latency_bounds,
            stats.latency_counts,
            stats.latency_sum,
        )
