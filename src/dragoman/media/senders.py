"""Everything we send: one RTP stream per booth or whisper, all encoded and sent together once per tick."""

from __future__ import annotations

import heapq
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import structlog

from dragoman.errors import MediaError
from dragoman.media.codec import G722_CLOCK_STEP, G722_FRAME_BYTES, Encoder
from dragoman.media.format import FRAME_SAMPLES, Pcm
from dragoman.media.mix import FloorMixer, limit
from dragoman.media.rtp import HEADER_BYTES
from dragoman.media.socket import MediaSocket
from dragoman.media.stats import MediaStats
from dragoman.telephony.model import Address

log = structlog.get_logger(__name__)

PACKET_BYTES: Final = HEADER_BYTES + G722_FRAME_BYTES

_FRAME_SHAPE: Final = (FRAME_SAMPLES,)


class FrameSource(Protocol):
    """What a stream says; asked once per tick."""

    def next_frame(self, now: float) -> Pcm | None:
        """The next 320 samples, or None for nothing to say."""

    def on_sent(self, at: float) -> None:
        """The frame that ``next_frame`` gave in this tick went to the network at monotonic time ``at``."""


@dataclass(slots=True)
class _Stream:
    row: int
    payload: slice
    """Where its packet's payload lies among all outgoing bytes."""
    source: FrameSource
    encoder: Encoder
    continuous: bool
    failed: bool = False


class SenderBank:
    """RTP streams of 20 ms packets; a stream keeps its SSRC for life and never sends two packets in a tick.

    Args:
        socket: where packets go; its ``outgoing`` rows are this bank's.
        floor: what is heard under the continuous streams, by row.
        stats: what is counted.
        encoder: makes one encoder per stream.
    """

    def __init__(
        self, socket: MediaSocket, floor: FloorMixer, stats: MediaStats, encoder: Callable[[], Encoder]
    ) -> None:
        self._socket = socket
        self._floor = floor
        self._stats = stats
        self._encoder = encoder
        rows, size = socket.outgoing.shape
        layout: Any = {
            "names": ["first", "second", "sequence", "timestamp", "ssrc"],
            "formats": ["u1", "u1", ">u2", ">u4", ">u4"],
            "offsets": [0, 1, 2, 4, 8],
            "itemsize": size,
        }
        self._headers = socket.outgoing.reshape(-1).view(np.dtype(layout))
        self._sequences, self._timestamps = self._headers["sequence"], self._headers["timestamp"]
        self._bytes = memoryview(socket.outgoing.reshape(-1))  # type: ignore[arg-type]  # an array is a buffer
        self._mix = np.zeros((rows, FRAME_SAMPLES), np.float32)
        self._sequence = np.zeros(rows, np.uint16)
        self._timestamp = np.zeros(rows, np.uint32)
        self._free = list(range(rows))
        self._streams: dict[str, _Stream] = {}
        self._active: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._top = 0
        self.said: Pcm = np.zeros((rows, FRAME_SAMPLES), np.int16)
        """(rows, 320) what every stream's own source said in the latest step, without the floor beneath it."""
        self._saying: list[int] = []

    def add(self, name: str, remote: Address, source: FrameSource, continuous: bool) -> int:
        """Begin a stream; one that is not continuous sends only what its source gives.

        Returns:
            Its row, which is also its row in the floor mixer.

        Raises:
            MediaError: the name is taken, there is no room, or the address is no IPv4 address and port.
        """
        if name in self._streams:
            raise MediaError(f"a stream to {name!r} exists already")
        if not self._free:
            raise MediaError(f"no room for {name!r}: {len(self._streams)} streams are being sent")
        row = self._free[0]
        self._socket.set_destination(row, remote)
        heapq.heappop(self._free)
        encoder = self._encoder()
        payload = slice(row * PACKET_BYTES + HEADER_BYTES, (row + 1) * PACKET_BYTES)
        self._streams[name] = _Stream(row, payload, source, encoder, continuous)
        # RFC 3550 section 5.1: all three begin at random.
        self._headers[row] = (0x80, encoder.payload_type, 0, 0, secrets.randbits(32))
        self._sequence[row] = secrets.randbits(16)
        self._timestamp[row] = secrets.randbits(32)
        self._update()
        return row

    def remove(self, name: str) -> None:
        """End a stream; idempotent."""
        stream = self._streams.pop(name, None)
        if stream is not None:
            heapq.heappush(self._free, stream.row)
            self._floor.remove_booth(stream.row)
            self._update()

    def row(self, name: str) -> int | None:
        """The stream's row, or None if there is no such stream."""
        stream = self._streams.get(name)
        return None if stream is None else stream.row

    def _update(self) -> None:
        self._active = np.array(sorted(stream.row for stream in self._streams.values()), np.int64)
        self._top = int(self._active[-1]) + 1 if len(self._active) else 0

    def step(self, now: float, skipped: int, clock: Callable[[], float]) -> None:
        """Send every stream's next frame: ``skipped`` slots lie between it and the one before.

        Args:
            now: monotonic seconds, passed to the sources.
            skipped: slots over which timestamps advance unsent.
            clock: asked for the time after the packets were handed to the kernel.
        """
        if self._saying:
            self.said[self._saying] = 0
            self._saying = []
        if not self._top:
            return
        mix = self._mix[: self._top]
        self._floor.step(mix)
        streams, rows = tuple(self._streams.values()), self._active  # as they are now: a source may end itself
        speaking: list[_Stream] = []
        spoken: list[Pcm] = []
        sending: list[_Stream] = []
        for stream in streams:
            try:
                frame = stream.source.next_frame(now)
                if frame is not None:
                    spoken.append(frame if frame.shape == _FRAME_SHAPE else frame.reshape(FRAME_SAMPLES))
                    speaking.append(stream)
            except Exception:
                frame = None
                self._failed(stream, "next_frame")
            if frame is not None or stream.continuous:
                sending.append(stream)
        if speaking:
            # One frame of each in one piece: a numpy call per stream would cost more than all that is done with them.
            self._saying = [stream.row for stream in speaking]
            self.said[self._saying] = np.concatenate(spoken).reshape(-1, FRAME_SAMPLES)
            mix += self.said[: len(mix)]
        frames = list(limit(mix))
        out = self._bytes
        for stream in sending:
            out[stream.payload] = stream.encoder.encode(frames[stream.row])
        if len(sending) < len(streams):
            rows = np.array([stream.row for stream in sending], np.int64)
        self._timestamp[self._active] += np.uint32(G722_CLOCK_STEP * (1 + skipped))
        self._sequence[rows] += np.uint16(1)
        self._sequences[: self._top] = self._sequence[: self._top]
        self._timestamps[: self._top] = self._timestamp[: self._top]
        sent = self._socket.send(rows)
        self._stats.packets_out += sent
        self._stats.send_errors += len(rows) - sent
        if speaking:
            at = clock()
            for stream in speaking:
                try:
                    stream.source.on_sent(at)
                except Exception:
                    self._failed(stream, "on_sent")

    def _failed(self, stream: _Stream, what: str) -> None:
        """Count a source's exception and log a stream's first: a broken source must not silence the others."""
        self._stats.callback_errors += 1
        if not stream.failed:
            stream.failed = True
            log.exception("frame source failed", call=what, row=stream.row)
