"""From what a synthesizer makes to what a booth plays: rate, loudness, no silence at the ends. Pure."""

from __future__ import annotations

import numpy as np

from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples
from dragoman.media.resample import Resampler, to_pcm

TARGET_RMS = 3277.0
"""-20 dBFS, the loudness of all engines."""

PEAK = 29_000
"""-1 dBFS: a voice is left quieter rather than clipped."""

SILENCE = 100
"""-50 dBFS, after levelling: quieter samples at the ends are silence (espeak-ng's are nearly zeros)."""

LEAD = ms_to_samples(5)
"""Kept before the first sound, so that it is not cut off hard."""

TAIL = ms_to_samples(40)
"""Kept behind the last sound: its decay, and a breath before the next clause."""


def measure_gain(pcm: Pcm) -> float:
    """The factor that brings a voice to TARGET_RMS, by a sample of its speech; pauses do not count."""
    samples = pcm.astype(np.float32)
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak == 0.0:
        return 1.0
    frame = ms_to_samples(20)
    power = np.mean(samples[: len(samples) // frame * frame].reshape(-1, frame) ** 2, axis=1)
    loud = power[power > np.max(power, initial=0.0) / 100]
    rms = float(np.sqrt(np.mean(loud))) if len(loud) else peak
    return min(TARGET_RMS / rms, PEAK / peak)


class Trimmer:
    """Cuts the silence at both ends of a clause that comes piece by piece, levelled already."""

    def __init__(self) -> None:
        self._held = np.zeros(0, np.int16)
        self._speaking = False

    def push(self, pcm: Pcm) -> Pcm:
        """What there is up to the last sound so far; silence is held back until sound follows it."""
        pcm = np.concatenate([self._held, pcm])
        sound = np.flatnonzero(np.abs(pcm.astype(np.int32)) > SILENCE)
        if not len(sound):
            self._held = pcm if self._speaking else pcm[-LEAD:]
            return np.zeros(0, np.int16)
        start = 0 if self._speaking else max(0, int(sound[0]) - LEAD)
        self._speaking = True
        stop = int(sound[-1]) + 1
        self._held = pcm[stop:]
        return pcm[start:stop]

    def flush(self, pcm: Pcm) -> Pcm:
        """The last piece, up to the last sound and its tail."""
        rest = self.push(pcm)
        return np.concatenate([rest, self._held[:TAIL]]) if self._speaking else rest


class Shaper:
    """One clause's audio, piece by piece."""

    def __init__(self, rate: int, gain: float) -> None:
        """``rate`` of what comes in, Hz; ``gain`` of its voice."""
        self._resampler = Resampler(rate, SAMPLE_RATE)
        self._gain = gain
        self._trim = Trimmer()

    def push(self, pcm: Pcm) -> Pcm:
        """Levelled audio at 16 kHz up to the last sound so far; silence is held back until sound follows it."""
        return self._trim.push(self._level(self._resampler.push(pcm)))

    def flush(self) -> Pcm:
        """What is left: the last sound and its tail."""
        return self._trim.flush(self._level(self._resampler.flush()))

    def _level(self, pcm: Pcm) -> Pcm:
        return to_pcm(pcm.astype(np.float32) * np.float32(self._gain))
