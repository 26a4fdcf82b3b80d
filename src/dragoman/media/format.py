"""The one audio format inside Dragoman: 16 kHz mono int16, in frames of 20 ms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
"""Hz. slin16 is what Asterisk sends us and what recognisers are trained on."""

FRAME_MS = 20
"""ms. Asterisk's ExternalMedia always sends 20 ms packets: it puts a smoother before it, whatever was asked for."""

FRAME_SAMPLES = SAMPLE_RATE * FRAME_MS // 1000
"""Samples of one frame (320)."""

Pcm = npt.NDArray[np.int16]
"""Linear PCM at SAMPLE_RATE, native byte order, shape (samples,)."""


def samples_to_ms(samples: int) -> float:
    """Length in ms of so many samples."""
    return samples * 1000 / SAMPLE_RATE


def ms_to_samples(ms: float) -> int:
    """Samples in so many ms, rounded to the nearest."""
    return round(ms * SAMPLE_RATE / 1000)
