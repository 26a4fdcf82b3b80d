"""Pitch by signal processing: F0 of every 12.5 ms of a clip (YIN, de Cheveigne and Kawahara 2002). Pure numpy."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.format import SAMPLE_RATE
from dragoman.voices import mel

LOWEST_F0, HIGHEST_F0 = 60.0, 500.0
"""Hz: from a creaking man to a child."""

SUMMED: Final = 640
"""Samples over which lags are compared, 40 ms: more than two periods of the lowest F0."""

PERIODIC: Final = 0.15
"""YIN's absolute threshold: the first lag that differs less is the period (de Cheveigne and Kawahara 2002)."""

VOICED: Final = 0.3
"""A frame whose best lag differs more than this, relative to the mean of the lags before, has no pitch."""

SILENT_DBFS: Final = -70.0
"""Below this nothing sounds, whatever the rest of the clip does."""

AT_ONCE: Final = 800
"""Frames looked at together, 10 s: some 40 MB of work, and not a quarter of a gigabyte for a minute."""


def fundamental(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """F0 of every frame by YIN, Hz, NaN where there is none; shape (mel.frame_count(n),)."""
    count = mel.frame_count(len(samples))
    if not count:
        return np.zeros(0, np.float32)
    # The frame that is looked at lies around the middle of the mel frame of the same number.
    before = (mel.FFT - mel.WINDOW) // 2
    padded = np.pad(np.asarray(samples, np.float64), (before, mel.FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, mel.FFT)[:: mel.HOP][:count]
    f0 = np.concatenate([_periods(frames[at : at + AT_ONCE]) for at in range(0, count, AT_ONCE)])
    return _without_jumps(f0).astype(np.float32)


def _periods(frames: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shortest, longest = int(SAMPLE_RATE / HIGHEST_F0), int(SAMPLE_RATE / LOWEST_F0) + 1
    lags = np.arange(longest + 2)
    spectrum = np.fft.rfft(frames)
    # No lag reaches around the transform's end: SUMMED + longest lag < FFT.
    correlation = np.fft.irfft(spectrum * np.conj(np.fft.rfft(frames[:, :SUMMED], mel.FFT)), mel.FFT)[:, lags]
    energy = np.pad(np.cumsum(frames**2, axis=1), ((0, 0), (1, 0)))
    difference = energy[:, SUMMED, None] + energy[:, lags + SUMMED] - energy[:, lags] - 2 * correlation
    difference = np.maximum(difference, 0.0)
    running = np.cumsum(difference[:, 1:], axis=1) / lags[1:]
    normal = np.ones_like(difference)
    np.divide(difference[:, 1:], running, out=normal[:, 1:], where=running > 1e-12)
    inside = normal[:, shortest : longest + 1]
    dip = (inside < PERIODIC) & (inside <= normal[:, shortest + 1 : longest + 2])
    lag = np.where(dip.any(axis=1), dip.argmax(axis=1), inside.argmin(axis=1)) + shortest
    row = np.arange(len(frames))
    left, middle, right = normal[row, lag - 1], normal[row, lag], normal[row, lag + 1]
    bend = left - 2 * middle + right
    shift = np.zeros(len(frames))
    np.divide(0.5 * (left - right), bend, out=shift, where=bend > 1e-9)
    f0 = SAMPLE_RATE / (lag + np.clip(shift, -0.5, 0.5))
    loud = frames.var(axis=1) > 10 ** (SILENT_DBFS / 10)
    voiced = (middle < VOICED) & loud & (f0 >= LOWEST_F0) & (f0 <= HIGHEST_F0)
    return np.where(voiced, f0, np.nan)


def _without_jumps(f0: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Take out frames that lie over 4 semitones from the median of the five around them: octave errors, mostly."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(f0, 2, constant_values=np.nan), 5)
    empty = np.asarray(np.isnan(around).all(axis=1), np.bool_)
    filled = np.where(empty[:, None], 1.0, around)
    return np.asarray(np.where(np.abs(12 * np.log2(f0 / np.nanmedian(filled, axis=1))) > 4.0, np.nan, f0))
