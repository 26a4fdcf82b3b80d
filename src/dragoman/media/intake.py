"""From the socket into the jitter buffers: what has come since the last tick, of all legs at once."""

from __future__ import annotations

from typing import Final

import numpy as np

from dragoman.media.codec import SLIN16_PAYLOAD_TYPE, slin16_frames
from dragoman.media.format import FRAME_SAMPLES
from dragoman.media.jitter import JitterBank
from dragoman.media.rtp import HEADER_BYTES, BatchParser
from dragoman.media.socket import BATCH, MediaSocket
from dragoman.media.sources import RESTING, UNKNOWN, SourceTable
from dragoman.media.stats import MediaStats

FRAME_BYTES: Final = 2 * FRAME_SAMPLES

DRAIN_BATCHES: Final = 8
"""Receive calls in one tick: 4096 datagrams, more packets of taps than the socket's buffer holds (3600 where the kernel
charges 2.3 KB for each), so one tick catches up on any stall of theirs, and a flood cannot keep it from sending. Of
smaller datagrams, which are none of ours, the buffer holds more: behind a flood of them it takes further ticks."""


class Intake:
    """Sorts packets by leg; what is nobody's, or no packet of a tap, is counted and dropped.

    Args:
        socket: where packets come in.
        sources: whose they are.
        jitter: where they go.
        stats: what is counted.
    """

    def __init__(self, socket: MediaSocket, sources: SourceTable, jitter: JitterBank, stats: MediaStats) -> None:
        self._socket = socket
        self._sources = sources
        self._jitter = jitter
        self._stats = stats
        self._parser = BatchParser(socket.slots)
        self._payloads = socket.slots[:, HEADER_BYTES : HEADER_BYTES + FRAME_BYTES]
        """(BATCH, 640) where an ordinary packet's payload lies in the receive buffer."""

    def drain(self, now: float) -> None:
        """Take in what waits; ``now`` in monotonic s."""
        for _ in range(DRAIN_BATCHES):
            count = self._socket.receive()
            if count:
                self._take(count, now)
            if count < BATCH:
                return

    def _take(self, count: int, now: float) -> None:
        stats = self._stats
        stats.packets_in += count
        socket = self._socket
        batch = self._parser.parse(socket.lengths[:count])
        rows = self._sources.lookup(socket.sources[:count])
        arrivals = now - socket.ages[:count]
        good = batch.valid & (batch.payload_type == SLIN16_PAYLOAD_TYPE) & (batch.payload_bytes == FRAME_BYTES)
        known = rows >= 0
        accepted = good & known
        payloads = self._payloads[:count]
        for at, start in batch.moved:
            if accepted[at]:
                payloads[at] = socket.slots[at, start : start + FRAME_BYTES].copy()
        if accepted.all():
            self._jitter.insert(rows, batch.ssrc, batch.sequence, batch.timestamp, arrivals, slin16_frames(payloads))
            return
        stats.unknown_source += int((rows == UNKNOWN).sum())
        stats.resting_source += int((rows == RESTING).sum())
        stats.malformed += int((known & ~good).sum())
        keep = np.flatnonzero(accepted)
        self._jitter.insert(
            rows[keep],
            batch.ssrc[keep],
            batch.sequence[keep],
            batch.timestamp[keep],
            arrivals[keep],
            slin16_frames(payloads[keep]),
        )
