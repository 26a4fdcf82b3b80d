"""Answer times of a cloud service, seeded: lognormal, as measured services are, through two given quantiles."""

from __future__ import annotations

import math
import random
from statistics import NormalDist

Z95 = NormalDist().inv_cdf(0.95)


class Latency:
    """Seconds, half of them below ``p50_ms``, 95 in 100 below ``p95_ms``; the same ones for the same ``seed``."""

    def __init__(self, p50_ms: float, p95_ms: float, seed: int = 0) -> None:
        if not 0 < p50_ms <= p95_ms and (p50_ms, p95_ms) != (0, 0):
            raise ValueError(f"p50 {p50_ms} ms, p95 {p95_ms} ms: should be positive, and in this order, or both 0")
        self._p50_ms, self._p95_ms = p50_ms, p95_ms
        self._sigma = math.log(p95_ms / p50_ms) / Z95 if p50_ms else 0.0
        self._random = random.Random(seed)

    def sample(self, source: random.Random | None = None) -> float:
        """The next one, seconds; drawn from ``source`` instead of its own seed where one is given."""
        return self._p50_ms / 1000 * math.exp(self._sigma * (source or self._random).gauss(0.0, 1.0))

    def reseeded(self, seed: int) -> Latency:
        """The same distribution, for another connection."""
        return Latency(self._p50_ms, self._p95_ms, seed)

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> Latency:
        """From ``p50/p95`` in milliseconds, as a command line has it: ``250/300``; ``250`` alone does not vary."""
        p50, _, p95 = text.partition("/")
        return cls(float(p50), float(p95 or p50), seed)
