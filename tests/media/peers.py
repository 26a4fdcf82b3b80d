"""Stand-ins for Asterisk's side of the media path, and for what listens and speaks."""

from __future__ import annotations

import select
import socket

import numpy as np

from dragoman.media.codec import SLIN16_PAYLOAD_TYPE, slin16_payload
from dragoman.media.format import FRAME_SAMPLES, Pcm
from dragoman.media.rtp import RtpPacket, build, parse

DEADLINE_S = 5.0


class Peer:
    """A UDP socket that sends slin16 like a tap and takes what a booth is sent."""

    def __init__(self, media: tuple[str, int], ssrc: int = 1) -> None:
        self.media = media
        self.ssrc = ssrc
        self.sequence = 65530
        self.timestamp = 2**32 - 1000
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)

    @property
    def address(self) -> tuple[str, int]:
        return self._socket.getsockname()

    def say(self, frame: Pcm, payload_type: int = SLIN16_PAYLOAD_TYPE) -> None:
        self.send(build(RtpPacket(payload_type, self.sequence, self.timestamp, self.ssrc, slin16_payload(frame))))
        self.sequence = (self.sequence + 1) % 2**16
        self.timestamp = (self.timestamp + FRAME_SAMPLES) % 2**32

    def send(self, data: bytes) -> None:
        self._socket.sendto(data, self.media)

    def heard(self, count: int) -> list[RtpPacket]:
        """The next ``count`` packets; fails when they do not come before the deadline."""
        packets = []
        while len(packets) < count:
            ready, _, _ = select.select([self._socket], [], [], DEADLINE_S)
            assert ready, f"{len(packets)} of {count} packets came"
            packets.append(parse(self._socket.recv(2048)))
        return packets

    def nothing_more(self) -> bool:
        try:
            self._socket.recv(2048)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


def ramp(index: int) -> Pcm:
    """A frame that says which it is."""
    return (np.arange(FRAME_SAMPLES) + 1 + index * FRAME_SAMPLES).astype(np.int16)


def tone(frames: int, hertz: float = 440.0, amplitude: float = 8000.0) -> Pcm:
    at = np.arange(frames * FRAME_SAMPLES) / 16000
    return np.rint(amplitude * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


class Listener:
    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def on_audio(self, end: int) -> None:
        self.calls.append(("audio", end))

    def on_speech_start(self, at: int) -> None:
        self.calls.append(("start", at))

    def on_speech_end(self, at: int) -> None:
        self.calls.append(("end", at))


class Script:
    """A source that says these frames (None: nothing) and then nothing."""

    def __init__(self, frames: list[Pcm | None]) -> None:
        self.frames = frames
        self.sent: list[float] = []

    def next_frame(self, now: float) -> Pcm | None:
        return self.frames.pop(0) if self.frames else None

    def on_sent(self, at: float) -> None:
        self.sent.append(at)
