"""How something is said, by signal processing alone: pitch, its spread, syllable rate, level.

These four are what the style encoder learns to tell, so that it can be trained on any speech, without transcripts or
annotators. ``Track`` holds what is known of each 12.5 ms of a clip; ``labels`` sums up any part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.format import SAMPLE_RATE
from dragoman.voices import mel

TARGETS: Final = ("log2_f0", "f0_spread", "syllable_rate", "level")
"""Names of the labels, in their order."""

UNITS: Final = ("octaves re 1 Hz", "semitones", "1/s", "dBFS")
"""Median of log2 F0; from its 15th to its 85th percentile; syllable nuclei a second; RMS of what sounds."""

LOWEST_F0, HIGHEST_F0 = 60.0, 500.0
"""Hz: from a creaking man to a child."""

SUMMED: Final = 640
"""Samples over which lags are compared, 40 ms: more than two periods of the lowest F0."""

PERIODIC: Final = 0.15
"""YIN's absolute threshold: the first lag that differs less is the period (de Cheveigne and Kawahara 2002)."""

VOICED: Final = 0.3
"""A frame whose best lag differs more than this, relative to the mean of the lags before, has no pitch."""

ACTIVE_DB: Final = 25.0
"""A frame sounds when it is no further below the clip's 95th percentile: pauses lie lower, soft consonants do not."""

SILENT_DBFS: Final = -70.0
"""Below this nothing sounds, whatever the rest of the clip does."""

DIP_DB: Final = 2.0
"""A syllable's loudness stands out this much from the dips beside it (de Jong and Wempe 2009 use 2 dB)."""

MIN_VOICED: Final = 20
"""Frames with a pitch (250 ms) below which a clip has no pitch worth the name."""

OCTAVE_ERROR: Final = 9.0
"""Semitones from a clip's median F0 at which a frame is more likely an octave off than spoken so. With those frames 1
spread in 50 was over a whole octave, and the encoder learned nothing of spreads; few people speak so lively."""

_BAND: Final = (300.0, 3000.0)
"""Hz: where vowels are loud and hiss is not."""


@dataclass(frozen=True, slots=True)
class Track:
    """Prosody of a clip, frame by frame of ``mel``.

    Attributes:
        f0: Hz, NaN where there is none; shape (frames,).
        power: mean square, full scale 1; shape (frames,).
        nucleus: whether a syllable's loudest moment lies here; shape (frames,).
    """

    f0: npt.NDArray[np.float32]
    power: npt.NDArray[np.float32]
    nucleus: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.f0)


def fundamental(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """F0 of every frame by YIN, Hz, NaN where there is none; shape (mel.frame_count(n),)."""
    count = mel.frame_count(len(samples))
    if not count:
        return np.zeros(0, np.float32)
    # The frame that is looked at lies around the middle of the mel frame of the same number.
    before = (mel.FFT - mel.WINDOW) // 2
    padded = np.pad(np.asarray(samples, np.float64), (before, mel.FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, mel.FFT)[:: mel.HOP][:count]
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
    row = np.arange(count)
    left, middle, right = normal[row, lag - 1], normal[row, lag], normal[row, lag + 1]
    bend = left - 2 * middle + right
    shift = np.zeros(count)
    np.divide(0.5 * (left - right), bend, out=shift, where=bend > 1e-9)
    f0 = SAMPLE_RATE / (lag + np.clip(shift, -0.5, 0.5))
    loud = frames.var(axis=1) > 10 ** (SILENT_DBFS / 10)
    voiced = (middle < VOICED) & loud & (f0 >= LOWEST_F0) & (f0 <= HIGHEST_F0)
    return _without_jumps(np.where(voiced, f0, np.nan)).astype(np.float32)


def _without_jumps(f0: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Take out frames that lie over 4 semitones from the median of the five around them: octave errors, mostly."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(f0, 2, constant_values=np.nan), 5)
    empty = np.asarray(np.isnan(around).all(axis=1), np.bool_)
    filled = np.where(empty[:, None], 1.0, around)
    return np.asarray(np.where(np.abs(12 * np.log2(f0 / np.nanmedian(filled, axis=1))) > 4.0, np.nan, f0))


def peaks(curve: npt.NDArray[np.floating], dip: float) -> list[int]:
    """Where ``curve`` has maxima that stand out by ``dip`` from the lows on both sides."""
    found: list[int] = []
    low, high, at = np.inf, -np.inf, -1
    rising = True
    for place, value in enumerate(curve):
        if rising:
            if value > high:
                high, at = float(value), place
            low = min(low, float(value))
            if value < high - dip:
                found.append(at)
                rising, low = False, float(value)
        else:
            low = min(low, float(value))
            if value > low + dip:
                rising, high, at = True, float(value), place
    if rising and high > low + dip and found:
        found.append(at)
    return found


def active(power: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Which frames sound."""
    if not len(power):
        return np.zeros(0, np.bool_)
    threshold = max(np.percentile(power, 95) / 10 ** (ACTIVE_DB / 10), 10 ** (SILENT_DBFS / 10))
    return np.asarray(power > threshold)


def track(samples: npt.NDArray[np.float32], features: mel.Features) -> Track:
    """Prosody of a clip.

    Args:
        samples: 16 kHz, full scale 1.0; shape (n,).
        features: ``mel.log_mel`` of it.
    """
    count = len(features)
    if not count:
        return Track(np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(0, np.bool_))
    total = np.pad(np.cumsum(np.asarray(samples, np.float64) ** 2), (1, 0))
    start = np.arange(count) * mel.HOP
    power = (total[start + mel.WINDOW] - total[start]) / mel.WINDOW
    f0 = fundamental(samples)
    centres = _centres()
    band = (centres > _BAND[0]) & (centres < _BAND[1])
    loudness = 10 * np.log10(np.exp(2 * features[:, band].astype(np.float64)).sum(axis=1) + 1e-12)
    smooth = np.convolve(np.pad(loudness, 2, mode="edge"), np.hanning(7)[1:-1] / np.hanning(7).sum(), "valid")
    sounding = active(power)
    nucleus = np.zeros(count, np.bool_)
    for at in peaks(smooth, DIP_DB):
        nucleus[at] = sounding[at] and not np.isnan(f0[max(at - 2, 0) : at + 3]).all()
    return Track(f0, power.astype(np.float32), nucleus)


def _centres() -> npt.NDArray[np.float64]:
    """Hz at which each mel band is most open."""
    low, high = (2595.0 * np.log10(1.0 + hz / 700.0) for hz in (mel.LOWEST, mel.HIGHEST))
    return np.asarray(700.0 * (10.0 ** (np.linspace(low, high, mel.BANDS + 2)[1:-1] / 2595.0) - 1.0))


def labels(part: Track, gain_db: float = 0.0) -> npt.NDArray[np.float32]:
    """The four targets of a clip or a part of one, in the order of TARGETS; NaN where it does not have one.

    Args:
        part: frames.
        gain_db: what the clip was amplified by since.
    """
    found = np.full(len(TARGETS), np.nan, np.float32)
    sounding = active(part.power)
    if not sounding.any():
        return found
    voiced = np.log2(part.f0[~np.isnan(part.f0)])
    if len(voiced) >= MIN_VOICED:
        found[0] = middle = np.median(voiced)
        near = voiced[np.abs(12 * (voiced - middle)) < OCTAVE_ERROR]
        if len(near):  # none where half of the frames are an octave off and the median lies between
            low, high = np.percentile(near, (15, 85))
            found[1] = 12 * (high - low)
    first, last = np.flatnonzero(sounding)[[0, -1]]
    if (seconds := (last - first + 1) / mel.FRAMES_PER_SECOND) >= 0.5:
        found[2] = np.count_nonzero(part.nucleus[first : last + 1]) / seconds
    found[3] = 10 * np.log10(part.power[sounding].mean()) + gain_db
    return found


def cut(whole: Track, start: int, stop: int) -> Track:
    """Some frames of it."""
    return Track(whole.f0[start:stop], whole.power[start:stop], whole.nucleus[start:stop])
