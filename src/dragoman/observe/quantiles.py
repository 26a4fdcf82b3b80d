"""Histograms and counters in short: what ``/api/stats`` shows of them, and plain counts as a histogram. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from prometheus_client import Counter, Histogram
from prometheus_client.core import HistogramMetricFamily


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A histogram in short: how many, and the median and 95th percentile in seconds (None when there are none)."""

    count: int
    p50: float | None
    p95: float | None


def histogram(
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


def summaries(histogram: Histogram, by: Sequence[str]) -> Iterator[tuple[tuple[str, ...], Quantiles]]:
    """Quantiles of a histogram by the values of these labels, over all values of its others."""
    found: dict[tuple[str, ...], dict[float, int]] = {}
    for sample in next(iter(histogram.collect())).samples:
        if sample.name.endswith("_bucket"):
            buckets = found.setdefault(tuple(sample.labels[name] for name in by), {})
            bound = float(sample.labels["le"])
            buckets[bound] = buckets.get(bound, 0) + int(sample.value)
    for key, buckets in found.items():
        bounds = sorted(buckets)
        cumulated = [0, *(buckets[bound] for bound in bounds)]
        counts = [after - before for before, after in pairwise(cumulated)]
        yield key, Quantiles(cumulated[-1], quantile(0.5, bounds[:-1], counts), quantile(0.95, bounds[:-1], counts))
