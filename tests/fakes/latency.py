"""Latencies as a provider has them: seeded, log-normal, given by their median and their 95th percentile."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

Z95 = 1.6448536269514722
"""Standard deviations of a normal distribution up to its 95th percentile."""


@dataclass
class Latency:
    """Seconds that something takes. ``Latency(0.25, 0.30)`` has median 250 ms and 95th percentile 300 ms."""

    p50: float
    p95: float
    seed: int = 0
    _random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.p50 <= self.p95:
            raise ValueError(f"not a median and its 95th percentile: {self.p50} and {self.p95} s")
        self._random = Random(self.seed)

    def next(self) -> float:
        """The next one, seconds."""
        if not self.p50:
            return 0.0
        return self.p50 * math.exp(self._random.gauss(0.0, math.log(self.p95 / self.p50) / Z95))

    def reseeded(self, seed: int) -> Latency:
        """The same distribution, for another connection."""
        return Latency(self.p50, self.p95, seed)

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> Latency:
        """From ``p50/p95`` in milliseconds, as a command line has it: ``250/300``; ``250`` alone does not vary."""
        p50, _, p95 = text.partition("/")
        return cls(float(p50) / 1000, float(p95 or p50) / 1000, seed)
