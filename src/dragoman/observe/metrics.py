"""What Prometheus reads: one registry per daemon, every name ``dragoman_*``, no label that grows with callers.

Stages, engines, languages, queues and reasons are labels; rooms, legs and people never are. What the 20 ms tick, the
ARI client and the conference count stays plain integers there: ``Metrics.watch_media``, ``watch_ari`` and
``watch_conference`` read them when a scrape asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from dragoman import __version__
from dragoman.observe.engines import EngineCollector, EnginesView
from dragoman.observe.recovery import RecoveryMetrics
from dragoman.observe.voices import VoiceMetrics

SPAN_BUCKETS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
"""Seconds. The ear-voice span's targets, 0.7 (p50) and 0.9 (p95), are bounds, so that meeting them is exact."""

STAGE_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.04, *SPAN_BUCKETS)
"""Seconds. Local engines answer in a few ms, and our own share has its target at 0.04."""


class MediaStatsView(Protocol):
    """What is read of the media plane's counters; all of them only grow."""

    packets_in: int
    packets_out: int
    lost: int
    reordered: int
    late: int
    duplicate: int
    unknown_source: int
    resting_source: int
    malformed: int
    concealed: int
    resyncs: int
    send_errors: int
    ticks: int
    late_ticks: int
    skipped_slots: int
    callback_errors: int
    vad_windows: int
    vad_skipped: int

    @property
    def lateness_bounds(self) -> Iterable[float]:
        """Upper bounds of the lateness histogram, seconds, ascending, without infinity."""

    @property
    def lateness_counts(self) -> Iterable[int]:
        """Ticks per bucket (not cumulative): one more than the bounds, the last is what was later than all."""

    @property
    def lateness_sum(self) -> float:
        """Seconds, over all ticks."""


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


class ConferenceCounts(Protocol):
    """What is read of the conference."""

    def totals(self) -> Mapping[str, int]:
        """Counters by name, those of CONFERENCE_COUNTERS among them."""

    def queue_depths(self) -> Mapping[str, int]:
        """What waits now, by queue."""


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


MEDIA_COUNTERS: tuple[tuple[str, str, Callable[[MediaStatsView], int]], ...] = (
    ("rtp_packets_in", "RTP packets taken in", lambda s: s.packets_in),
    ("rtp_packets_out", "RTP packets sent", lambda s: s.packets_out),
    ("rtp_lost", "RTP packets that never came", lambda s: s.lost),
    ("rtp_reordered", "RTP packets that came after a later one, in time to be used", lambda s: s.reordered),
    ("rtp_late", "RTP packets that came after their slot was played", lambda s: s.late),
    ("rtp_duplicate", "RTP packets that came twice", lambda s: s.duplicate),
    ("rtp_unknown_source", "Datagrams from an address that is no leg's and no booth's", lambda s: s.unknown_source),
    ("rtp_resting_source", "Datagrams of a leg that was just removed", lambda s: s.resting_source),
    ("rtp_resyncs", "Times a leg's sequence or timestamps began anew", lambda s: s.resyncs),
    ("rtp_malformed", "Datagrams that are no RTP packet", lambda s: s.malformed),
    ("rtp_send_errors", "Datagrams the socket refused", lambda s: s.send_errors),
    ("media_concealed_frames", "20 ms frames written as silence because no packet came", lambda s: s.concealed),
    ("media_ticks", "Ticks of the media clock", lambda s: s.ticks),
    ("media_late_ticks", "Ticks that began late", lambda s: s.late_ticks),
    ("media_skipped_slots", "20 ms slots not sent because the tick came too late for them", lambda s: s.skipped_slots),
    ("media_callback_errors", "Failures of what the tick calls: a bug of ours", lambda s: s.callback_errors),
    ("vad_windows", "Windows the voice activity detector looked at", lambda s: s.vad_windows),
    ("vad_skipped_windows", "Windows it was too busy to look at", lambda s: s.vad_skipped),
)

ARI_COUNTERS: tuple[tuple[str, str, Callable[[AriView], int]], ...] = (
    ("ari_reconnects", "Times the event stream of Asterisk came back", lambda a: a.connection.reconnects),
    ("ari_events", "Events from Asterisk", lambda a: a.connection.received),
    ("ari_unknown_events", "Events of a type not used", lambda a: a.connection.unknown),
    ("ari_malformed_events", "Messages that could not be read", lambda a: a.connection.malformed),
    ("ari_dropped_events", "Events dropped because too many waited; stock was taken anew", lambda a: a.queue.dropped),
    ("attach_taps", "Taps that came up", lambda a: a.stats.attached),
    ("attach_booths", "Booths that came up", lambda a: a.stats.booths),
    ("attach_swept", "Orphans deleted in Asterisk", lambda a: a.stats.swept),
    ("attach_failures", "Actions on Asterisk that failed, to be tried again", lambda a: a.stats.failed),
    ("attach_disagreements", "Callers whose variables do not fit their conference", lambda a: a.disagreements),
    ("heartbeat_failures", "Heartbeats to Asterisk that failed", lambda a: a.stats.heartbeats_failed),
)


CONFERENCE_COUNTERS: tuple[tuple[str, str, Callable[[Mapping[str, int]], float]], ...] = (
    ("clauses_merged", "Clauses merged into the one before, not to be late", lambda c: c["merged_clauses"]),
    ("recognizer_restarts", "Recognizer streams lost, each replaced by another", lambda c: c["recognizer_restarts"]),
    (
        "recognizer_dropped_seconds",
        "Speech given up because the recognizer fell behind",
        lambda c: c["recognizer_dropped_ms"] / 1000,
    ),
    ("booth_underruns", "Times a booth had nothing to say in the middle of a clause", lambda c: c["booth_underruns"]),
    ("repeated_words", "Words that a new stream heard again, not used again", lambda c: c["repeated_words"]),
    ("speculations_made", "Clauses translated before they were certain", lambda c: c["speculations_made"]),
    ("speculations_confirmed", "Of those, clauses spoken as they were", lambda c: c["speculations_confirmed"]),
    ("speculations_dropped", "Of those, clauses that the recognizer revised", lambda c: c["speculations_dropped"]),
    ("early_words", "Words used before the recognizer called them final", lambda c: c["early_words"]),
    ("revised_words", "Of those, words that the recognizer then revised", lambda c: c["revised_words"]),
)


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A histogram in short: how many, and the median and 95th percentile in seconds (None when there are none)."""

    count: int
    p50: float | None
    p95: float | None


class Metrics:
    """The daemon's metrics: prometheus_client objects, to be incremented and observed where things happen."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry(auto_describe=True)
        self.stage_seconds = Histogram(
            "dragoman_stage_seconds",
            "Time a clause spent in a stage on its way; engine is dragoman where none is involved",
            ["stage", "engine"],
            buckets=STAGE_BUCKETS,
            registry=registry,
        )
        self.ear_voice_span_seconds = Histogram(
            "dragoman_ear_voice_span_seconds",
            "Acoustic end of a clause to the first translated sample on the booth's wire",
            ["source", "target"],
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
        self.engine_errors = Counter(
            "dragoman_engine_errors", "Failures of an engine", ["stage", "engine", "kind"], registry=registry
        )
        self.leg_crashes = Counter("dragoman_leg_crashes", "Legs that ended by a bug of ours", registry=registry)
        self.glossary_reads = Counter(
            "dragoman_glossary_reads", "Versions of glossary files, read or not", ["outcome"], registry=registry
        )
        self.queue_drops = Counter(
            "dragoman_queue_drops", "What a full queue dropped by its policy", ["queue"], registry=registry
        )
        self.queue_depth = Gauge("dragoman_queue_depth", "What waits in a queue now", ["queue"], registry=registry)
        self.rooms = Gauge("dragoman_rooms", "Rooms somebody is in", registry=registry)
        self.legs = Gauge("dragoman_legs", "People in rooms", registry=registry)
        self.booths = Gauge("dragoman_booths", "Booths that are up", registry=registry)
        self.recognizer_streams = Gauge("dragoman_recognizer_streams", "Open recognizer streams", registry=registry)
        self.caption_readers = Gauge("dragoman_caption_readers", "Readers of captions", registry=registry)
        self.ari_connected = Gauge("dragoman_ari_connected", "1 while Asterisk's events come in", registry=registry)
        self.ready = Gauge("dragoman_ready", "1 while calls can be interpreted", registry=registry)
        Info("dragoman_build", "Which Dragoman this is", registry=registry).info({"version": __version__})
        ProcessCollector(registry=registry)
        self.voices = VoiceMetrics(registry)
        self.recovery = RecoveryMetrics(registry)
        self._refreshers: list[Callable[[], None]] = []

    def watch_media(self, stats: MediaStatsView) -> None:
        """Read these counters at every scrape; once per registry."""
        self.registry.register(_MediaCollector(stats))

    def watch_ari(self, ari: AriView) -> None:
        """Read the attacher's counters at every scrape; once per registry."""
        self.registry.register(_AriCollector(ari))
        self._refreshers.append(lambda: self.queue_depth.labels("ari").set(len(ari.queue)))

    def watch_conference(self, conference: ConferenceCounts) -> None:
        """Read the conference's counters and queues at every scrape; once per registry."""
        collector = _ConferenceCollector(conference)
        self.registry.register(collector)

        def refresh() -> None:
            collector.refresh()
            for queue, depth in conference.queue_depths().items():
                self.queue_depth.labels(queue).set(depth)

        self._refreshers.append(refresh)

    def watch_engines(self, engines: EnginesView) -> None:
        """Read the engines' states and counters at every scrape; once per registry."""
        collector = EngineCollector(engines)
        self.registry.register(collector)
        self._refreshers.append(collector.refresh)

    def glossary_read(self, ok: bool) -> None:
        """A version of a glossary file was read, or could not be."""
        self.glossary_reads.labels("ok" if ok else "failed").inc()

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
        return {(labels["stage"], labels["engine"]): found for labels, found in _summaries(self.stage_seconds)}

    def ear_voice_spans(self) -> dict[tuple[str, str], Quantiles]:
        """Ear-voice span per (source, target) language, seconds, within the width of a bucket."""
        return {
            (labels["source"], labels["target"]): found for labels, found in _summaries(self.ear_voice_span_seconds)
        }


class _MediaCollector(Collector):
    def __init__(self, stats: MediaStatsView) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        for name, text, read in MEDIA_COUNTERS:
            yield CounterMetricFamily(f"dragoman_{name}", text, value=read(self._stats))
        stats = self._stats
        yield _histogram(
            "dragoman_media_tick_lateness_seconds",
            "How late ticks began",
            stats.lateness_bounds,
            stats.lateness_counts,
            stats.lateness_sum,
        )


class _AriCollector(Collector):
    def __init__(self, ari: AriView) -> None:
        self._ari = ari

    def collect(self) -> Iterator[Metric]:
        for name, text, read in ARI_COUNTERS:
            yield CounterMetricFamily(f"dragoman_{name}", text, value=read(self._ari))
        stats = self._ari.stats
        yield _histogram(
            "dragoman_attach_seconds",
            "From a caller's entering a conference to his tap carrying audio",
            stats.latency_bounds,
            stats.latency_counts,
            stats.latency_sum,
        )


class _ConferenceCollector(Collector):
    def __init__(self, conference: ConferenceCounts) -> None:
        self._conference = conference
        self.refresh()

    def refresh(self) -> None:
        self._totals = self._conference.totals()

    def collect(self) -> Iterator[Metric]:
        for name, text, read in CONFERENCE_COUNTERS:
            yield CounterMetricFamily(f"dragoman_{name}", text, value=read(self._totals))


class _GuardCollector(Collector):
    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        text = "Translated clauses, by what the numbers and names guard found and did"
        family = CounterMetricFamily("dragoman_guard", text, labels=["outcome"])
        for outcome, count in self._counts().items():
            family.add_metric([outcome], count)
        yield family


def _histogram(
    name: str, text: str, bounds: Iterable[float], counts: Iterable[int], total: float
) -> HistogramMetricFamily:
    """A histogram of ascending upper ``bounds`` and ``counts`` per bucket, one more than bounds; ``total``: the sum."""
    labels = [*(format(float(bound), "g") for bound in bounds), "+Inf"]
    family = HistogramMetricFamily(name, text)
    family.add_metric([], list(zip(labels, accumulate(int(count) for count in counts), strict=True)), total)
    return family


def totals(counter: Counter) -> dict[str, int]:
    """What a counter stands at, by the values of its labels joined by spaces ("" where it has none)."""
    samples = (sample for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total"))
    return {" ".join(sample.labels.values()): int(sample.value) for sample in samples}


def quantile(q: float, bounds: Iterable[float], counts: Iterable[int]) -> float | None:
    """The ``q`` quantile of a histogram: ascending upper ``bounds``, ``counts`` per bucket (one more than bounds).

    Linear within the bucket, from 0 in the first; the last bound for what lies beyond it: the rule of Prometheus's
    ``histogram_quantile`` (Prometheus documentation, "Query functions"). None when nothing was counted.
    """
    bounds, counts = list(bounds), list(counts)
    rank = q * sum(counts)
    below, lower = 0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count and below + count >= rank:
            return lower + (bound - lower) * max(0.0, rank - below) / count
        below, lower = below + count, bound
    return lower if sum(counts) else None


def _summaries(histogram: Histogram) -> Iterator[tuple[dict[str, str], Quantiles]]:
    """Labels and quantiles of each child of a histogram."""
    children: dict[tuple[tuple[str, str], ...], list[tuple[float, int]]] = {}
    for sample in next(iter(histogram.collect())).samples:
        if sample.name.endswith("_bucket"):
            key = tuple((name, value) for name, value in sample.labels.items() if name != "le")
            children.setdefault(key, []).append((float(sample.labels["le"]), int(sample.value)))
    for key, buckets in children.items():
        bounds = [bound for bound, _ in buckets[:-1]]
        cumulated = [0, *(count for _, count in buckets)]
        counts = [after - before for before, after in pairwise(cumulated)]
        yield dict(key), Quantiles(cumulated[-1], quantile(0.5, bounds, counts), quantile(0.95, bounds, counts))
