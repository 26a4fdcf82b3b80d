"""What the 20 ms tick counts, as metrics: RTP, the media clock, the voice activity detector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from dragoman.observe.quantiles import histogram


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
    echo_frames: int
    echo_legs: int

    @property
    def lateness_bounds(self) -> Iterable[float]:
        """Upper bounds of the lateness histogram, seconds, ascending, without infinity."""

    @property
    def lateness_counts(self) -> Iterable[int]:
        """Ticks per bucket (not cumulative): one more than the bounds, the last is what was later than all."""

    @property
    def lateness_sum(self) -> float:
        """Seconds, over all ticks."""


MEDIA_COUNTERS: tuple[tuple[str, str, Callable[[MediaStatsView], int]], ...] = (
    ("rtp_packets_in", "RTP packets taken in", lambda s: s.packets_in),
    ("rtp_packets_out", "RTP packets sent", lambda s: s.packets_out),
    ("rtp_lost", "RTP packets that never came", lambda s: s.lost),
    ("rtp_reordered", "RTP packets that came after a later one, in time to be used", lambda s: s.reordered),
    ("rtp_late", "RTP packets that came after their slot was played", lambda s: s.late),
    ("rtp_duplicate", "RTP packets that came twice", lambda s: s.duplicate),
    (
        "rtp_unknown_source",
        "Datagrams from an address, or with an SSRC, that is no leg's and no booth's",
        lambda s: s.unknown_source,
    ),
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
    ("echo_suppressed_frames", "20 ms frames written as silence because they were an echo", lambda s: s.echo_frames),
    ("echo_legs", "Legs that were found to be on a loudspeaker", lambda s: s.echo_legs),
)


class MediaCollector(Collector):
    """Shows the counters of the media plane: plain integers, read when a scrape asks."""

    def __init__(self, stats: MediaStatsView) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        for name, text, read in MEDIA_COUNTERS:
            yield CounterMetricFamily(f"dragoman_{name}", text, value=read(self._stats))
        stats = self._stats
        yield histogram(
            "dragoman_media_tick_lateness_seconds",
            "How late ticks began",
            stats.lateness_bounds,
            stats.lateness_counts,
            stats.lateness_sum,
        )
