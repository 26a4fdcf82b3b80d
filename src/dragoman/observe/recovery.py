"""Recoveries and the degradation ladder, as metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dragoman.recovery.kinds import Action, Kind
from dragoman.recovery.ladder import Change, Rung


class RecoveryMetrics:
    """Of one daemon."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.changes = Counter(
            "dragoman_ladder_changes",
            "Times what a speaker's listeners get stepped down or up, by rung before and after",
            ["from", "to"],
            registry=registry,
        )

    def changed(self, change: Change) -> None:
        """A ladder moved."""
        self.changes.labels(change.before, change.after).inc()

    def watch(
        self, counts: Callable[[], Mapping[tuple[Kind, Action], int]], rungs: Callable[[], Mapping[Rung, int]]
    ) -> Callable[[], None]:
        """Show recoveries by kind and action, and speakers by rung; once per registry.

        Returns what must be called in the event loop before each scrape.
        """
        collector = _RecoveryCollector(counts, rungs)
        self._registry.register(collector)
        return collector.refresh


class _RecoveryCollector(Collector):
    def __init__(
        self, counts: Callable[[], Mapping[tuple[Kind, Action], int]], rungs: Callable[[], Mapping[Rung, int]]
    ) -> None:
        self._read = counts, rungs
        self.refresh()

    def refresh(self) -> None:
        counts, rungs = self._read
        self._counts, self._rungs = dict(counts()), dict(rungs())

    def collect(self) -> Iterator[Metric]:
        recoveries = CounterMetricFamily(
            "dragoman_recoveries", "What was done when something broke (docs/recovery.md)", labels=["kind", "action"]
        )
        for (kind, action), count in self._counts.items():
            recoveries.add_metric([kind, action], count)
        rungs = GaugeMetricFamily(
            "dragoman_ladder_speakers",
            "Speakers, once per language of listeners, by what these get",
            labels=["rung"],
        )
        for rung, count in self._rungs.items():
            rungs.add_metric([rung], count)
        yield from (recoveries, rungs)
