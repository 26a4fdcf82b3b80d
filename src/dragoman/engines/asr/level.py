"""Brings a leg's speech to the level the acoustic model likes, and never gives it digital silence. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dragoman.media.format import FRAME_SAMPLES, Pcm, ms_to_samples

TARGET_RMS = 3277.0
"""-20 dBFS: the level for which the decoders' starting cepstral mean was taken; other levels were not compared."""

GATE_RMS = 60.0
"""-55 dBFS: quieter frames are room noise and say nothing of how loud one speaks."""

MAX_GAIN = 8.0
"""+18 dB: a far phone. More would lift the line's noise to the level of speech."""

MEMORY = ms_to_samples(3000)
"""Speech over which the level is averaged; less at a stream's beginning, so that its first words are right too."""

NOISE_RMS = 8.0
"""-72 dBFS of white noise under everything: the logarithm of digital zeros upsets the cepstra."""


class Leveller:
    """One stream's automatic gain; slow, so that a sentence keeps its accents."""

    def __init__(self, seed: int = 0) -> None:
        """``seed`` of the comfort noise: the same audio always gives the same result."""
        self._noise = np.random.default_rng(seed)
        self._power = TARGET_RMS**2
        self._heard = 0
        self._gain = 1.0

    def __call__(self, pcm: Pcm) -> Pcm:
        """Levelled audio of the same length."""
        samples = pcm.astype(np.float32)
        for start in range(0, len(samples), FRAME_SAMPLES):
            self._hear(samples[start : start + FRAME_SAMPLES])
        gain = min(MAX_GAIN, TARGET_RMS / float(np.sqrt(self._power)))
        ramp = np.linspace(self._gain, gain, len(samples), dtype=np.float32)
        self._gain = gain
        return self._finish(samples * ramp)

    def silence(self, samples: int) -> Pcm:
        """So many samples of comfort noise."""
        return self._finish(np.zeros(samples, np.float32))

    def _hear(self, frame: npt.NDArray[np.float32]) -> None:
        power = float(np.mean(frame**2))
        if power < GATE_RMS**2:
            return
        self._heard = min(self._heard + len(frame), MEMORY)
        self._power += (power - self._power) * len(frame) / self._heard

    def _finish(self, samples: npt.NDArray[np.float32]) -> Pcm:
        samples = samples + self._noise.standard_normal(len(samples), np.float32) * NOISE_RMS
        return np.clip(np.round(samples), -32768, 32767).astype(np.int16)
