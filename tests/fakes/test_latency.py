"""The fakes' latencies have the two quantiles they were given, and the same seed gives the same ones."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fakes.latency import Latency


def test_the_quantiles_are_those_asked_for() -> None:
    latency = Latency(120, 200, seed=1)
    drawn = np.array([latency.sample() for _ in range(20_000)]) * 1000
    assert np.quantile(drawn, 0.5) == pytest.approx(120, rel=0.02)
    assert np.quantile(drawn, 0.95) == pytest.approx(200, rel=0.02)
    assert drawn.min() > 0


def test_a_seed_repeats() -> None:
    one, other = Latency(150, 350, seed=7), Latency(150, 350, seed=7)
    assert [one.sample() for _ in range(5)] == [other.sample() for _ in range(5)]
    assert Latency(150, 350, seed=8).sample() != Latency(150, 350, seed=7).sample()


def test_equal_quantiles_are_a_constant() -> None:
    assert Latency(80, 80).sample() == pytest.approx(0.08)


@pytest.mark.parametrize(("p50", "p95"), [(0, 10), (20, 10), (-1, 1)])
def test_quantiles_out_of_order_are_refused(p50: float, p95: float) -> None:
    with pytest.raises(ValueError, match="should be positive"):
        Latency(p50, p95)
