"""What Prometheus reads: one registry per daemon, every name ``dragoman_*``, no label that grows with callers.

Stages, engines, languages, queues and reasons are labels; rooms, legs and people never are. What the 20 ms tick, the
ARI client and the conference count stays plain integers there: ``Metrics.watch_media``, ``watch_ari`` and
``watch_conference`` read them when a scrape asks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from dragoman import __version__
from dragoman.observe.ari import AriCollector, AriView
from dragoman.observe.conference import ConferenceCollector, ConferenceCounts
from dragoman.observe.cores import CoreCollector
from dragoman.observe.engines import EngineCollector, EnginesView
from dragoman.observe.gpu import GpuCollector
from dragoman.observe.lag import LagMetrics
from dragoman.observe.media import MediaCollector, MediaStatsView
from dragoman.observe.phones import PhoneMetrics
from dragoman.observe.quantiles import Quantiles, summaries
from dragoman.observe.recovery import RecoveryMetrics
from dragoman.observe.voices import VoiceMetrics
from dragoman.pipeline.degradation import CAPTIONS_ONLY
from dragoman.pipeline.pending import BEHIND, CUT_OFF, NOBODY

SPAN_BUCKETS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
"""Seconds. The ear-voice span's targets, 0.7 (p50) and 0.9 (p95), are bounds, so that meeting them is exact."""

STAGE_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.04, *SPAN_BUCKETS)
"""Seconds. Local engines answer in a few ms, and our own share has its target at 0.04."""


DROP_REASONS = ("mt", "tts", "no-voice", NOBODY, CUT_OFF, BEHIND, CAPTIONS_ONLY)
"""Shown from 0 on: of a counter that appears with its first event, Prometheus sees no increase."""


class WritesView(Protocol):
    """What waits for a database (the administration)."""

    on_drop: Callable[[str], None]
    """Called with the queue's name when its oldest was dropped."""

    @property
    def waiting(self) -> Mapping[str, int]: ...  # noqa: D102  # told where it is defined


class Metrics:
    """The daemon's metrics: prometheus_client objects, to be incremented and observed where things happen."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry(auto_describe=True)
        self.stage_seconds = Histogram(
            "dragoman_stage_seconds",
            "Time a clause spent in a stage on its way; engine is dragoman where none is involved",
            ["stage", "engine", "source", "target"],
            buckets=STAGE_BUCKETS,
            registry=registry,
        )
        self.ear_voice_span_seconds = Histogram(
            "dragoman_ear_voice_span_seconds",
            "Acoustic end of a clause to the first translated sample on the booth's wire",
            ["source", "target", "asr", "mt", "tts"],
            buckets=SPAN_BUCKETS,
            registry=registry,
        )
        self.own_share_seconds = Histogram(
            "dragoman_own_share_seconds",
            "The part of the ear-voice span that is neither engines, Asterisk nor the end-of-speech hangover",
            buckets=STAGE_BUCKETS,
            registry=registry,
        )
        self.clauses_committed = Counter("dragoman_clauses_committed", "Clauses committed", registry=registry)
        self.clauses_translated = Counter("dragoman_clauses_translated", "Clauses translated", registry=registry)
        self.clauses_spoken = Counter("dragoman_clauses_spoken", "Clauses spoken at a booth", registry=registry)
        self.clauses_dropped = Counter(
            "dragoman_clauses_dropped", "Clauses that were not spoken, and why", ["reason"], registry=registry
        )
        for reason in DROP_REASONS:
            self.clauses_dropped.labels(reason)
        self.engine_errors = Counter(
            "dragoman_engine_errors", "Failures of an engine", ["stage", "engine", "kind"], registry=registry
        )
        self.leg_crashes = Counter("dragoman_leg_crashes", "Legs that ended by a bug of ours", registry=registry)
        self.glossary_reads = Counter(
            "dragoman_glossary_reads", "Versions of glossary files, read or not", ["outcome"], registry=registry
        )
        self.trace_spans = Counter(
            "dragoman_trace_spans", "Spans handed to the collector, or not taken by it", ["outcome"], registry=registry
        )
        self.queue_drops = Counter(
            "dragoman_queue_drops", "What a full queue dropped by its policy", ["queue"], registry=registry
        )
        self.queue_depth = Gauge("dragoman_queue_depth", "What waits in a queue now", ["queue"], registry=registry)
        self.rooms = Gauge("dragoman_rooms", "Rooms somebody is in", registry=registry)
        self.legs = Gauge("dragoman_legs", "People in rooms", registry=registry)
        self.booths = Gauge("dragoman_booths", "Booths that are up", registry=registry)
        self.tasks = Gauge("dragoman_tasks", "Asyncio tasks that have not ended", registry=registry)
        self.recognizer_streams = Gauge("dragoman_recognizer_streams", "Open recognizer streams", registry=registry)
        self.caption_readers = Gauge("dragoman_caption_readers", "Readers of captions", registry=registry)
        self.ari_connected = Gauge(
            "dragoman_ari_connected",
            "1 while Asterisk's events come in; no number before that was tried, which models that load put off",
            registry=registry,
        )
        self.ari_connected.set(math.nan)
        self.ready = Gauge("dragoman_ready", "1 while calls can be interpreted", registry=registry)
        self.draining = Gauge("dragoman_draining", "1 while no new room may begin", registry=registry)
        self.store_up = Gauge(
            "dragoman_store_up",
            "1 while a database of ours answers: voices, admin; absent where none is set",
            ["store"],
            registry=registry,
        )
        Info("dragoman_build", "Which Dragoman this is", registry=registry).info({"version": __version__})
        ProcessCollector(registry=registry)
        registry.register(CoreCollector())
        registry.register(GpuCollector())
        self.voices = VoiceMetrics(registry)
        self.recovery = RecoveryMetrics(registry)
        self.phones = PhoneMetrics(registry)
        self.lag = LagMetrics(registry)
        self._refreshers: list[Callable[[], None]] = []

    def watch_media(self, stats: MediaStatsView) -> None:
        """Read these counters at every scrape; once per registry."""
        self.registry.register(MediaCollector(stats))

    def watch_ari(self, ari: AriView) -> None:
        """Read the attacher's counters at every scrape; once per registry."""
        self.registry.register(AriCollector(ari))
        self._refreshers.append(lambda: self.queue_depth.labels("ari").set(len(ari.queue)))

    def watch_conference(self, conference: ConferenceCounts) -> None:
        """Read the conference's counters and queues at every scrape; once per registry."""
        collector = ConferenceCollector(conference)
        self.registry.register(collector)

        def refresh() -> None:
            collector.refresh()
            for queue, depth in conference.queue_depths().items():
                self.queue_depth.labels(queue).set(depth)

        self._refreshers.append(refresh)
        self._refreshers.append(self.lag.watch(conference))

    def watch_engines(self, engines: EnginesView) -> None:
        """Read the engines' states and counters at every scrape; once per registry."""
        collector = EngineCollector(engines)
        self.registry.register(collector)
        self._refreshers.append(collector.refresh)

    def watch_store(self, writes: WritesView) -> None:
        """Read at every scrape what waits for a database, and count what its queues drop; once per registry."""
        writes.on_drop = lambda queue: self.queue_drops.labels(queue).inc()
        for queue in writes.waiting:
            self.queue_drops.labels(queue)

        def refresh() -> None:
            for queue, depth in writes.waiting.items():
                self.queue_depth.labels(queue).set(depth)

        self._refreshers.append(refresh)

    def glossary_read(self, ok: bool) -> None:
        """A version of a glossary file was read, or could not be."""
        self.glossary_reads.labels("ok" if ok else "failed").inc()

    def spans_exported(self, outcome: str, spans: int) -> None:
        """So many spans were sent to a collector, or failed to be; from any thread."""
        self.trace_spans.labels(outcome).inc(spans)

    def watch_guard(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Read at every scrape what the numbers and names guard did; once per registry."""
        self.registry.register(_GuardCollector(counts))

    def on_scrape(self, refresh: Callable[[], None]) -> None:
        """Call ``refresh`` in the event loop before every scrape, to set what only it may read."""
        self._refreshers.append(refresh)

    def refresh(self) -> None:
        """Read what only the event loop may read; call it there, before the registry is read in a thread."""
        for refresh in self._refreshers:
            refresh()

    def stages(self) -> dict[tuple[str, str], Quantiles]:
        """Time per (stage, engine), seconds, within the width of a bucket."""
        return {(stage, engine): found for (stage, engine), found in summaries(self.stage_seconds, ("stage", "engine"))}

    def ear_voice_spans(self) -> dict[tuple[str, str], Quantiles]:
        """Ear-voice span per (source, target) language, seconds, within the width of a bucket."""
        spans = summaries(self.ear_voice_span_seconds, ("source", "target"))
        return {(source, target): found for (source, target), found in spans}


class _GuardCollector(Collector):
    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        text = "Translated clauses, by what the numbers and names guard found and did"
        family = CounterMetricFamily("dragoman_guard", text, labels=["outcome"])
        for outcome, count in self._counts().items():
            family.add_metric([outcome], count)
        yield family
