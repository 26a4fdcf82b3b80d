"""Counters as the media plane and the ARI client keep them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass
class MediaView:
    packets_in: int = 0
    packets_out: int = 0
    lost: int = 0
    reordered: int = 0
    late: int = 0
    duplicate: int = 0
    unknown_source: int = 0
    malformed: int = 0
    concealed: int = 0
    send_errors: int = 0
    ticks: int = 0
    late_ticks: int = 0
    skipped_slots: int = 0
    lateness_bounds: tuple[float, ...] = (0.001, 0.002, 0.01)
    lateness_counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(4, dtype=np.int64))
    lateness_sum: float = 0.0


@dataclass
class AriView:
    requests: int = 0
    request_errors: int = 0
    events: int = 0
    malformed_events: int = 0
    connects: int = 0
    disconnects: int = 0
