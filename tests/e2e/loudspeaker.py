"""A phone on its loudspeaker: what it receives comes back, quieter and later, in what it sends.

The relay of the bad line, between the phone and the PBX, with a room's air in it: each packet that the phone sends
(G.711 mu-law) takes the next frame of those that it was sent. So the echo's delay does not depend on how busy the
machine is.
"""

from __future__ import annotations

from collections import deque
from random import Random

import numpy as np
from tests.e2e.impaired import Address, Line, Relay, Weather

from dragoman.media.codec import mulaw_decode, mulaw_encode
from dragoman.media.format import Pcm

FRAME = 160
"""Bytes of 20 ms."""

STRAY = 2
"""Frames that may wait beyond the delay: while a phone changes its microphone it sends nothing, and hears on."""

_HEADER = 12
"""Bytes of an RTP header without contributing sources or extension (RFC 3550 section 5.1)."""
_PCMU = 0


class Air:
    """The way from the loudspeaker to the microphone."""

    def __init__(self, frames: int, gain_db: float) -> None:
        """So many frames of 20 ms long."""
        self._frames = frames
        self._gain = 10 ** (gain_db / 20)
        self._under_way: deque[Pcm] = deque()
        self.mixed = 0
        """Packets with something of an echo in them."""

    def play(self, packet: bytes) -> None:
        """The phone received this."""
        if _is_audio(packet):
            self._under_way.append(mulaw_decode(packet[_HEADER:]))
            while len(self._under_way) > self._frames + STRAY:
                self._under_way.popleft()

    def record(self, packet: bytes) -> bytes:
        """What leaves in place of this packet, which the phone sends."""
        if not _is_audio(packet):
            return packet
        if not self._under_way:
            self._under_way.extend([np.zeros(FRAME, np.int16)] * self._frames)
        echo = self._under_way.popleft() * self._gain
        self.mixed += bool(echo.any())
        mixed = mulaw_decode(packet[_HEADER:]) + echo
        return packet[:_HEADER] + mulaw_encode(np.clip(mixed, -32768, 32767).astype(np.int16))


def _is_audio(packet: bytes) -> bool:
    return len(packet) == _HEADER + FRAME and packet[0] == 0x80 and packet[1] & 0x7F == _PCMU


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
    """Dial ``sip:...@127.0.0.1:{port}`` through it, with a phone that offers PCMU."""

    def __init__(self, sip_port: int, *, frames: int, gain_db: float) -> None:
        """Before the PBX at ``sip_port``; the echo is so many frames of 20 ms late, and so loud."""
        super().__init__(sip_port, seed=0, first=None)
        self.air = Air(frames, gain_db)
        self.up, self.down = _Microphone(self.air), _Loudspeaker(self.air)
