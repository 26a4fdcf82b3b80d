"""How long a provider takes, drawn from a distribution that has the two quantiles which people publish."""

from __future__ import annotations

import math
import random

_Z95 = 1.6448536269514722
"""The 95 % quantile of the standard normal distribution."""


class Latency:
    """Log-normal: the usual shape of response times, many a little below the median and a long tail above.

    Args:
        p50_ms: the median.
        p95_ms: what 95 of 100 stay below.
        seed: the same seed gives the same delays.
    """

    def __init__(self, p50_ms: float, p95_ms: float, seed: int = 0) -> None:
        if not 0 < p50_ms <= p95_ms:
            raise ValueError(f"p50 {p50_ms} ms, p95 {p95_ms} ms: should be positive, and in this order")
        self._mu = math.log(p50_ms / 1000)
        self._sigma = math.log(p95_ms / p50_ms) / _Z95
        self._random = random.Random(seed)

    def sample(self) -> float:
        """The next delay, in seconds."""
        return self._random.lognormvariate(self._mu, self._sigma)
