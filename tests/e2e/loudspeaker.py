"""A phone on its loudspeaker: what it receives comes back, quieter and later, in what it sends.

The relay of the bad line, between the phone and the PBX, with a room's air in it: each packet that the phone sends
(G.722) takes the next frame of those that it was sent. So no word is torn however busy the machine is; what the
delay has lost or gained is made good in silence.
"""

from __future__ import annotations

from collections import deque
from random import Random

import numpy as np
from tests.e2e.impaired import Address, Line, Relay, Weather

from dragoman.media.codec import G722_FRAME_BYTES, G722_PAYLOAD_TYPE, G722Decoder, G722Encoder
from dragoman.media.format import FRAME_SAMPLES, Pcm

STRAY = 1
"""Frames by which the delay may be off before it is put right: a phone that changes its microphone sends nothing, and
hears on."""

QUIET = 64
"""Peak of a frame that holds nothing."""

_HEADER = 12
"""Bytes of an RTP header without contributing sources or extension (RFC 3550 section 5.1)."""


class Air:
    """The way from the loudspeaker to the microphone."""

    def __init__(self, frames: int, gain_db: float) -> None:
        """So many frames of 20 ms long."""
        self._frames = frames
        self._gain = 10 ** (gain_db / 20)
        self._under_way: deque[Pcm] = deque(maxlen=10 * frames)
        self._received, self._spoken, self._sent = G722Decoder(), G722Decoder(), G722Encoder()
        self.mixed = 0
        """Packets with something of an echo in them."""

    def play(self, packet: bytes) -> None:
        """The phone received this."""
        if not _is_audio(packet):
            return
        frame = self._received.decode(packet[_HEADER:])
        if np.abs(frame).max() < QUIET:
            off = len(self._under_way) - self._frames
            if off > STRAY:
                return
            if off < -STRAY:
                self._under_way.append(frame)
        self._under_way.append(frame)

    def record(self, packet: bytes) -> bytes:
        """What leaves in place of this packet, which the phone sends."""
        if not _is_audio(packet):
            return packet
        frame = self._under_way.popleft() if self._under_way else np.zeros(FRAME_SAMPLES, np.int16)
        self.mixed += bool(np.abs(frame).max() >= QUIET)
        mixed = self._spoken.decode(packet[_HEADER:]) + frame * self._gain
        return packet[:_HEADER] + self._sent.encode(np.clip(mixed, -32768, 32767).astype(np.int16))


def _is_audio(packet: bytes) -> bool:
    return len(packet) == _HEADER + G722_FRAME_BYTES and packet[0] == 0x80 and packet[1] & 0x7F == G722_PAYLOAD_TYPE


class _Loudspeaker(Line):
    def __init__(self, air: Air) -> None:
        super().__init__(Random(0), Weather(), None)
        self._air = air

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._air.play(data)
        super().datagram_received(data, addr)


class _Microphone(Line):
    def __init__(self, air: Air) -> None:
        super().__init__(Random(0), Weather(), None)
        self._air = air

    def datagram_received(self, data: bytes, addr: Address) -> None:
        super().datagram_received(self._air.record(data), addr)


class Speakerphone(Relay):
    """Dial ``sip:...@127.0.0.1:{port}`` through it, with a phone that offers G.722."""

    def __init__(self, sip_port: int, *, frames: int, gain_db: float) -> None:
        """Before the PBX at ``sip_port``; the echo is so many frames of 20 ms late, and so loud."""
        super().__init__(sip_port, seed=0, first=None)
        self.air = Air(frames, gain_db)
        self.up, self.down = _Microphone(self.air), _Loudspeaker(self.air)
