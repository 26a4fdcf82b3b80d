"""A leg's audio that grows by 20 ms every 20 ms, with speech found by level."""

from __future__ import annotations

import asyncio
import itertools

import numpy as np

from dragoman.media.format import FRAME_SAMPLES, Pcm, ms_to_samples
from dragoman.pipeline.ports import LegAudioListener

HANGOVER = ms_to_samples(400)
ONSET = 2
"""Frames with speech before the VAD is sure."""
RING = ms_to_samples(20_000)


class GrowingAudio:
    """A LegAudio."""

    def __init__(self, origin: float, listener: LegAudioListener) -> None:
        self._origin = origin
        self._listener = listener
        self._samples: Pcm = np.zeros(0, np.int16)
        self.coming: Pcm = np.zeros(0, np.int16)
        self.end = 0
        self.gated = False
        self.loudspeaker = False
        self.echo_delay: float | None = None
        self.echo: Pcm | None = None  # nothing comes back to it
        self._wake_at: int | None = None
        self._loud = 0
        self._speaking = False
        self._last_speech = 0

    @property
    def heard_until(self) -> int:
        return self._last_speech

    def echo_likeness(self, start: int, stop: int) -> float:
        return 0.0

    def read(self, start: int, stop: int) -> Pcm:
        out = np.zeros(max(stop - start, 0), np.int16)
        first = max(start, self.end - RING, 0)
        there = self._samples[first : min(stop, self.end)]
        if len(there):
            out[first - start : first - start + len(there)] = there
        return out

    def time_of(self, sample: int) -> float:
        return self._origin + sample / 16_000

    def wake_when(self, sample: int) -> None:
        self._wake_at = sample

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for tick in itertools.count(1):
            await asyncio.sleep(self._origin + tick * 0.02 - loop.time())
            self.tick()

    def tick(self) -> None:
        frame = np.zeros(FRAME_SAMPLES, np.int16)
        said, self.coming = self.coming[:FRAME_SAMPLES], self.coming[FRAME_SAMPLES:]
        frame[: len(said)] = said
        if len(self._samples) < self.end + FRAME_SAMPLES:
            self._samples = np.concatenate((self._samples, np.zeros(RING, np.int16)))
        self._samples[self.end : self.end + FRAME_SAMPLES] = frame
        self.end += FRAME_SAMPLES
        loud = bool(np.abs(frame).max() > 200)
        self._loud = self._loud + 1 if loud else 0
        if loud:
            self._last_speech = self.end
            if not self._speaking and self._loud >= ONSET:
                self._speaking = True
                self._listener.on_speech_start(self.end - ONSET * FRAME_SAMPLES)
        elif self._speaking and self.end - self._last_speech >= HANGOVER:
            self._speaking = False
            self._listener.on_speech_end(self._last_speech)
        if self._wake_at is not None and self.end >= self._wake_at:
            self._wake_at = None
            self._listener.on_audio(self.end)
