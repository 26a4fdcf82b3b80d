"""What the media plane counts: plain integers, read when somebody scrapes."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

LATENESS_BOUNDS: Final = (0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Seconds: upper bounds of the tick lateness histogram. The design's targets, 2 and 10 ms, are bounds."""


@dataclass(slots=True)
class MediaStats:
    """Counters of one media plane since it began; all only grow."""

    packets_in: int = 0
    """Datagrams received, whatever they were."""
    packets_out: int = 0
    lost: int = 0
    """Packets given up: missing when their wait was over. One that comes after all is ``late`` too."""
    reordered: int = 0
    """Packets that came before one they should have followed."""
    late: int = 0
    """Packets dropped because their audio time had passed."""
    duplicate: int = 0
    unknown_source: int = 0
    """Datagrams from an address that belongs to no leg and no booth, or with another SSRC than the leg's own."""
    resting_source: int = 0
    """Datagrams of a leg that was just removed."""
    malformed: int = 0
    """Datagrams of a leg that are no RTP packet, or not 20 ms of slin16."""
    concealed: int = 0
    """20 ms frames made up because no packet came."""
    resyncs: int = 0
    """Times a leg's sequence or timestamps began anew: a new SSRC, or a jump too wide to be a gap."""
    ticks: int = 0
    last_tick: float = 0.0
    """Monotonic s at which the latest tick began, or the clock was started."""
    late_ticks: int = 0
    skipped_slots: int = 0
    send_errors: int = 0
    """Packets that the kernel did not take."""
    callback_errors: int = 0
    """Exceptions out of listeners and sources."""
    vad_windows: int = 0
    """Windows that the VAD model was run on; idle legs add none."""
    vad_skipped: int = 0
    """Windows that an overloaded VAD never looked at."""
    echo_frames: int = 0
    """20 ms frames written as silence because they were an echo of what the leg heard."""
    echo_legs: int = 0
    """Legs that were found to be on a loudspeaker."""
    lateness_sum: float = 0.0
    """Seconds, over all ticks."""
    lateness_counts: list[int] = field(default_factory=lambda: [0] * (len(LATENESS_BOUNDS) + 1))
    """Ticks per bucket (not cumulative); the last is what was later than every bound."""

    @property
    def lateness_bounds(self) -> tuple[float, ...]:
        """Upper bounds of ``lateness_counts``, seconds."""
        return LATENESS_BOUNDS

    def count_tick(self, lateness: float, skipped: int, late: bool) -> None:
        """Count one tick; ``lateness`` in seconds."""
        self.ticks += 1
        self.late_ticks += late
        self.skipped_slots += skipped
        self.lateness_sum += lateness
        self.lateness_counts[bisect_left(LATENESS_BOUNDS, lateness)] += 1
