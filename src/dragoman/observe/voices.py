"""What Prometheus reads of voices: what happened to them, the cache of profiles, how much clones sound like people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

LIKENESS_BUCKETS: Final = (0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Cosines. 0.25 is ECAPA's threshold (voices/ecapa.py)."""


class VoiceMetrics:
    """Part of the daemon's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.likeness = Histogram(
            "dragoman_voice_likeness",
            "Cosine of what a cloned voice said with the owner of its profile, by the identity encoder",
            buckets=LIKENESS_BUCKETS,
            registry=registry,
        )

    def watch(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Read at every scrape what happened to voices (voices.voicing.Voicing.counts); once per registry."""
        self._registry.register(_VoiceCollector(counts))


class _VoiceCollector(Collector):
    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        text = "What happened to speakers' voices, clauses cloned or neutral, and the cache of profiles"
        family = CounterMetricFamily("dragoman_voices", text, labels=["what"])
        for what, count in self._counts().items():
            family.add_metric([what], count)
        yield family
