"""Is a stretch of audio the test tone? Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm

TONE_HZ = 1000
"""20 periods in a frame, so that every frame is the same and the tone has no seams."""

PURITY = 0.8
"""Share of the power that must be at the tone: G.722 leaves 0.99; bytes in the wrong order are noise, under 0.1."""


def tone_frame() -> Pcm:
    """20 ms of the tone at -10 dBFS."""
    phase = 2 * np.pi * TONE_HZ * np.arange(FRAME_SAMPLES) / SAMPLE_RATE
    return np.asarray(32767 * 10 ** (-10 / 20) * np.sin(phase), dtype=np.int16)


def purity(samples: npt.NDArray[np.int16]) -> float:
    """Share of the power within 30 Hz of the tone, 0 to 1; 0 for silence."""
    if len(samples) < SAMPLE_RATE // 10:
        return 0.0
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    whole = float(power[hz > 50].sum())
    if whole < 1e6:  # below one bit of amplitude
        return 0.0
    return float(power[np.abs(hz - TONE_HZ) < 30].sum()) / whole
