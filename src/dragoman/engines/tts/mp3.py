"""Decodes an MP3 that comes piece by piece; the only module that imports av (FFmpeg)."""

from __future__ import annotations

from typing import Any

import av
import numpy as np

from dragoman.media.format import Pcm
from dragoman.media.resample import to_pcm


class Mp3Error(ValueError):
    """Bytes that are no MP3."""


class Mp3Decoder:
    """Bytes in, mono samples out; ``rate`` is known from the first samples on. What is no frame is skipped."""

    def __init__(self) -> None:
        self._codec: Any = av.CodecContext.create("mp3float", "r")
        self.rate = 0
        """Hz; 0 before the first samples."""

    def push(self, data: bytes) -> Pcm:
        """Samples of the frames that are whole by now.

        Raises:
            Mp3Error: its rate changes.
        """
        return self._decode(data) if data else np.zeros(0, np.int16)  # no bytes would mean the end

    def flush(self) -> Pcm:
        """Samples of what is left.

        Raises:
            Mp3Error: there was no frame in all the data.
        """
        rest = self._decode(None)
        if not self.rate:
            raise Mp3Error("no MP3 frame in it")
        return rest

    def _decode(self, data: bytes | None) -> Pcm:
        pieces = []
        for packet in self._codec.parse(data):
            try:
                frames = self._codec.decode(packet)
            except av.InvalidDataError:
                continue
            for frame in frames:
                if self.rate not in (0, frame.sample_rate):
                    raise Mp3Error(f"from {self.rate} to {frame.sample_rate} Hz within a clause")
                self.rate = frame.sample_rate
                pieces.append(frame.to_ndarray().mean(axis=0))
        if not pieces:
            return np.zeros(0, np.int16)
        return to_pcm(np.concatenate(pieces) * np.float32(32768))
