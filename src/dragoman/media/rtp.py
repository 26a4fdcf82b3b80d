"""RTP packets (RFC 3550 section 5.1): one at a time, and a whole drained batch at once in numpy.

The scalar functions are the readable statement of the rules and what tests and prompts use; ``parse_batch`` is what the
20 ms tick uses, and a test holds the two to the same answers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dragoman.errors import MalformedPacket

HEADER_BYTES = 12
"""The fixed header, without CSRC list and extension (RFC 3550 section 5.1)."""

SEQUENCE_MODULUS = 1 << 16
TIMESTAMP_MODULUS = 1 << 32

_HEADER = struct.Struct("!BBHII")
_PLAIN = 0x80
"""First byte of nearly every packet: version 2, no padding, no extension, no CSRC."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet; what a header extension or CSRC list said is dropped, for nothing here reads it."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False


def sequence_delta(a: int, b: int) -> int:
    """How far sequence number ``a`` is ahead of ``b``, across the wrap: -32768 to 32767."""
    return ((a - b + 0x8000) & 0xFFFF) - 0x8000


def timestamp_delta(a: int, b: int) -> int:
    """How far timestamp ``a`` is ahead of ``b``, across the wrap: -2**31 to 2**31 - 1."""
    return ((a - b + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000


def build(packet: RtpPacket) -> bytes:
    """The packet's bytes on the wire, without padding, extension or CSRC list."""
    return (
        _HEADER.pack(
            _PLAIN,
            packet.marker << 7 | packet.payload_type,
            packet.sequence,
            packet.timestamp,
            packet.ssrc,
        )
        + packet.payload
    )


def payload_span(data: bytes) -> tuple[int, int]:
    """Where the payload of a packet lies, [start, stop) in bytes, behind CSRC list and extension and before padding.

    Raises:
        MalformedPacket: it is shorter than its header says, is not version 2, or its padding length is impossible.
    """
    if len(data) < HEADER_BYTES:
        raise MalformedPacket(f"{len(data)} bytes, an RTP header has {HEADER_BYTES}")
    flags = data[0]
    if flags >> 6 != 2:
        raise MalformedPacket(f"RTP version {flags >> 6}, not 2")
    start = HEADER_BYTES + 4 * (flags & 0x0F)
    if flags & 0x10:
        if len(data) < start + 4:
            raise MalformedPacket("header extension cut off")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    stop = len(data)
    if flags & 0x20:
        if data[-1] == 0:
            raise MalformedPacket("padding of 0 bytes: the count includes its own byte")
        stop -= data[-1]
    if stop < start:
        raise MalformedPacket(f"{len(data)} bytes are fewer than its header, extension and padding")
    return start, stop


def parse(data: bytes) -> RtpPacket:
    """Read one packet.

    Raises:
        MalformedPacket: as ``payload_span``.
    """
    start, stop = payload_span(data)
    _, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[start:stop], bool(second & 0x80))


@dataclass(frozen=True, slots=True)
class RtpBatch:
    """The headers of a drained batch, one entry per datagram; those not ``valid`` hold garbage."""

    valid: npt.NDArray[np.bool_]
    payload_type: npt.NDArray[np.uint8]
    sequence: npt.NDArray[np.uint16]
    timestamp: npt.NDArray[np.uint32]
    ssrc: npt.NDArray[np.uint32]
    payload_bytes: npt.NDArray[np.int64]
    moved: list[tuple[int, int]]
    """Datagrams whose payload does not lie behind the fixed header, and where it does; nearly always none."""


class BatchParser:
    """Reads RTP headers straight from the rows of a receive buffer, without copying the packets.

    Args:
        slots: the receive buffer, (datagrams, slot bytes) uint8, C-contiguous; a datagram starts where its row starts.
    """

    def __init__(self, slots: npt.NDArray[np.uint8]) -> None:
        self._slots = slots
        layout: Any = {
            "names": ["first", "second", "sequence", "timestamp", "ssrc"],
            "formats": ["u1", "u1", ">u2", ">u4", ">u4"],
            "offsets": [0, 1, 2, 4, 8],
            "itemsize": slots.shape[1],
        }
        headers = slots.reshape(-1).view(np.dtype(layout))
        self._first, self._second = headers["first"], headers["second"]
        self._sequence, self._timestamp, self._ssrc = headers["sequence"], headers["timestamp"], headers["ssrc"]

    def parse(self, lengths: npt.NDArray[np.int64]) -> RtpBatch:
        """Read the headers of the first ``len(lengths)`` rows, each a datagram of so many bytes."""
        count = len(lengths)
        size = lengths - HEADER_BYTES
        valid = size >= 0
        first = self._first[:count]
        moved: list[tuple[int, int]] = []
        odd = first != _PLAIN
        # Padding, extension and CSRC never come from Asterisk: only the rows that have them pay for them.
        if odd.any():
            valid &= first >> 6 == 2
            for row in np.flatnonzero(valid & odd).tolist():
                try:
                    begin, end = payload_span(self._slots[row, : lengths[row]].tobytes())
                except MalformedPacket:
                    valid[row] = False
                else:
                    size[row] = end - begin
                    if begin != HEADER_BYTES:
                        moved.append((row, begin))
        return RtpBatch(
            valid,
            self._second[:count] & 0x7F,
            self._sequence[:count].astype(np.uint16),
            self._timestamp[:count].astype(np.uint32),
            self._ssrc[:count].astype(np.uint32),
            size,
            moved,
        )
