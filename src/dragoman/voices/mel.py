"""Log-mel features of speech, the one front end of the small encoders: the same numpy code in training and at run time.

A frame depends on nothing but its own 50 ms, so the features of a part of a clip are a part of the clip's features.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.format import SAMPLE_RATE

WINDOW: Final = 800
"""Samples of a frame, 50 ms: two periods of the lowest voices (Tacotron's choice; GST's reference encoder took it)."""

HOP: Final = 200
"""Samples from frame to frame, 12.5 ms: 80 frames a second."""

FFT: Final = 1024
"""Points: bins of 15.6 Hz, fine enough to tell the harmonics of a low voice apart."""

BANDS: Final = 80
"""Mel bands."""

LOWEST, HIGHEST = 50.0, 7600.0
"""Hz: edges of the first and the last band."""

FLOOR: Final = 1e-3
"""Smallest amplitude told apart: white noise of some -85 dBFS, just above what rounding to 16 bits leaves."""

FRAMES_PER_SECOND: Final = SAMPLE_RATE / HOP

Features = npt.NDArray[np.float32]
"""Natural logarithms of band amplitudes, shape (frames, BANDS)."""


def frame_count(samples: int) -> int:
    """Whole frames in so many samples."""
    return max(0, (samples - WINDOW) // HOP + 1)


def _mel(hz: npt.NDArray[np.float64] | float) -> npt.NDArray[np.float64]:
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hz) / 700.0))


@lru_cache(maxsize=1)
def filterbank() -> npt.NDArray[np.float32]:
    """Triangles of height 1, evenly spaced in mel (O'Shaughnessy's formula), shape (FFT // 2 + 1, BANDS)."""
    edges = np.linspace(_mel(LOWEST), _mel(HIGHEST), BANDS + 2)
    at = _mel(np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT)[:, None]
    rising = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


@lru_cache(maxsize=1)
def _window() -> npt.NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


def log_mel(samples: npt.NDArray[np.float32]) -> Features:
    """Features of a clip at 16 kHz.

    Args:
        samples: shape (n,), full scale 1.0.

    Returns:
        Shape (frame_count(n), BANDS): none of a clip shorter than one window.
    """
    count = frame_count(len(samples))
    if not count:
        return np.zeros((0, BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, np.float32), WINDOW)[::HOP]
    spectrum = np.abs(np.fft.rfft(frames * _window(), FFT)).astype(np.float32)
    features: Features = np.log(np.maximum(spectrum @ filterbank(), np.float32(FLOOR)))
    return features
