"""What goes over the wire to Asterisk and back: G.722, G.711 and big-endian linear samples."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from G722 import G722

from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm

SLIN16_PAYLOAD_TYPE: Final = 118
"""What Asterisk 22 sends for slin16; it drops the same payload type in the other direction (measured)."""

G722_PAYLOAD_TYPE: Final = 9
"""RFC 3551 section 6."""

G722_CLOCK_STEP: Final = 160
"""RTP timestamp units of 20 ms of G.722: its clock says 8000 Hz though it samples 16000 (RFC 3551 section 4.5.2)."""

G722_FRAME_BYTES: Final = 160


class Encoder(Protocol):
    """What a stream to Asterisk needs of its codec: 20 ms frames of one size, an RTP clock of 8000 Hz."""

    payload_type: int

    def encode(self, frame: Pcm) -> bytes:
        """G722_FRAME_BYTES bytes of one frame of 320 samples."""


class G722Encoder:
    """ITU-T G.722 at 64 kbit/s; it remembers, so each stream has its own."""

    payload_type = G722_PAYLOAD_TYPE

    def __init__(self) -> None:
        self._codec = G722(SAMPLE_RATE, 64000)

    def encode(self, frame: Pcm) -> bytes:
        """160 bytes of one frame of 320 samples."""
        encoded: bytes = self._codec.encode(frame)
        return encoded


class G722Decoder:
    """The other direction; it remembers, so each stream has its own."""

    def __init__(self) -> None:
        self._codec = G722(SAMPLE_RATE, 64000)

    def decode(self, payload: bytes) -> Pcm:
        """Two samples for each byte."""
        return np.array(self._codec.decode(payload), np.int16)


def slin16_frames(payloads: npt.NDArray[np.uint8]) -> Pcm:
    """Native samples of slin16 payloads, (n, 640) bytes in network order, rows possibly apart: (n, 320)."""
    return payloads.view(">i2").astype(np.int16)


def slin16_payload(frame: Pcm) -> bytes:
    """A frame of 320 samples in network byte order.

    Raises:
        ValueError: it has another length.
    """
    if len(frame) != FRAME_SAMPLES:
        raise ValueError(f"a frame has {FRAME_SAMPLES} samples, not {len(frame)}")
    return frame.astype(">i2").tobytes()


def _mulaw_decode_table() -> Pcm:
    code = ~np.arange(256, dtype=np.uint8)
    magnitude = ((((code & 0x0F).astype(np.int32) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_decode_table() -> Pcm:
    code = np.arange(256, dtype=np.uint8) ^ np.uint8(0x55)
    segment = ((code >> 4) & 7).astype(np.int32)
    mantissa = ((code & 0x0F).astype(np.int32) << 4) + 8
    magnitude = np.where(segment == 0, mantissa, (mantissa + 0x100) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _mulaw_encode_table() -> npt.NDArray[np.uint8]:
    value = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 2
    magnitude = np.minimum(np.abs(value), 8159) + 33
    segment = np.searchsorted([0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000], magnitude, side="right")
    code = np.where(segment > 7, 0x7F, segment << 4 | magnitude >> (np.minimum(segment, 7) + 1) & 0x0F)
    return (code ^ np.where(value < 0, 0x7F, 0xFF)).astype(np.uint8)


def _alaw_encode_table() -> npt.NDArray[np.uint8]:
    value = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 3
    magnitude = np.where(value < 0, -value - 1, value)
    segment = np.searchsorted([0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800], magnitude, side="right")
    code = segment << 4 | magnitude >> np.maximum(segment, 1) & 0x0F
    return (code ^ np.where(value < 0, 0x55, 0xD5)).astype(np.uint8)


_MULAW_DECODE = _mulaw_decode_table()
_ALAW_DECODE = _alaw_decode_table()
_MULAW_ENCODE = _mulaw_encode_table()
_ALAW_ENCODE = _alaw_encode_table()


def mulaw_decode(payload: bytes) -> Pcm:
    """Samples (8 kHz) of G.711 mu-law, PT 0."""
    return _MULAW_DECODE[np.frombuffer(payload, np.uint8)]


def mulaw_encode(samples: Pcm) -> bytes:
    """G.711 mu-law of samples at 8 kHz."""
    return _MULAW_ENCODE[samples.view(np.uint16)].tobytes()


def alaw_decode(payload: bytes) -> Pcm:
    """Samples (8 kHz) of G.711 A-law, PT 8."""
    return _ALAW_DECODE[np.frombuffer(payload, np.uint8)]


def alaw_encode(samples: Pcm) -> bytes:
    """G.711 A-law of samples at 8 kHz."""
    return _ALAW_ENCODE[samples.view(np.uint16)].tobytes()
