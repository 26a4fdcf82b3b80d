"""How something is said, by signal processing alone: pitch, its spread, syllable rate, level.

These four are what the style encoder learns to tell, so that it can be trained on any speech, without transcripts or
annotators. ``Track`` holds what is known of each 12.5 ms of a clip; ``labels`` sums up any part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.voices import mel
from dragoman.voices.pitch import SILENT_DBFS, fundamental

TARGETS: Final = ("log2_f0", "f0_spread", "syllable_rate", "level")
"""Names of the labels, in their order."""

UNITS: Final = ("octaves re 1 Hz", "semitones", "1/s", "dBFS")
"""Median of log2 F0; from its 15th to its 85th percentile; syllable nuclei a second; RMS of what sounds."""

ACTIVE_DB: Final = 25.0
"""A frame sounds when it is no further below the clip's 95th percentile: pauses lie lower, soft consonants do not."""

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
