"""Whether a figure that was taken again and again stays flat. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WARM_UP = 0.25
"""Share of the samples at the beginning that do not count: what is made once and kept is made then."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """By how much a figure may have grown at the end, by a straight line through its samples."""

    least: float
    """However short it took: an allocator takes its memory in large pieces."""
    an_hour: float
    """Or so much for each hour, where that is more."""

    def over(self, seconds: float) -> float:
        """In so many seconds."""
        return max(self.least, self.an_hour * seconds / 3600)


@dataclass(frozen=True, slots=True)
class Trend:
    """A figure over time."""

    first: float
    last: float
    growth: float
    """From the first sample that counts to the last, by the line that fits them best (least squares)."""
    allowed: float

    @property
    def flat(self) -> bool:
        """Whether it grew by no more than it may. Falling is no fault."""
        return self.growth <= self.allowed


def trend(times: Sequence[float], values: Sequence[float], tolerance: Tolerance) -> Trend:
    """The line through what was sampled after the warm-up; two samples at least.

    Raises:
        ValueError: there are fewer.
    """
    skip = int(len(times) * WARM_UP)
    at, taken = np.asarray(times[skip:], float), np.asarray(values[skip:], float)
    if len(at) < 2:
        raise ValueError(f"{len(times)} samples are too few for a trend")
    slope = float(np.polyfit(at - at[0], taken, 1)[0])
    span = float(at[-1] - at[0])
    return Trend(float(taken[0]), float(taken[-1]), slope * span, tolerance.over(span))
