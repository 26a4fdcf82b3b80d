"""Seeded latencies: the same by the same seed, with the median and the 95th percentile that were asked for."""

from __future__ import annotations

import pytest
from tests.fakes.latency import Latency


def test_median_and_95th_percentile() -> None:
    latency = Latency(0.25, 0.30, seed=3)
    drawn = sorted(latency.next() for _ in range(20_000))
    assert drawn[10_000] == pytest.approx(0.25, rel=0.01)
    assert drawn[19_000] == pytest.approx(0.30, rel=0.01)


def test_the_seed_decides() -> None:
    def draw(seed: int) -> list[float]:
        latency = Latency.parse("247/298", seed)
        return [latency.next() for _ in range(5)]

    assert draw(1) == draw(1) != draw(2)
    assert Latency.parse("150").next() == 0.15
    with pytest.raises(ValueError, match="not a median"):
        Latency(0.3, 0.25)
