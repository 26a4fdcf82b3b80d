"""What a phone recorded, and at what time of day each sample of it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import resample_poly

from dragoman.errors import DemoError
from dragoman.media.format import SAMPLE_RATE, Pcm

GRID_S = 0.1
"""Seconds between the points at which a recording's time is asked; it may jump only where a recorder stood still."""


@dataclass(frozen=True, slots=True)
class RecordingClock:
    """Maps seconds in a recording to seconds since the epoch and back, by straight lines between points.

    A recording begins at no known time and stands still while nothing arrives.
    """

    seconds: npt.NDArray[np.float64]
    times: npt.NDArray[np.float64]
    """Seconds since the epoch, per entry of ``seconds``."""

    @classmethod
    def of(cls, unix_of: Callable[[int], float], samples: int) -> RecordingClock:
        """From a function that tells when a sample was written (seconds since the epoch)."""
        grid = np.arange(0, max(samples, 1), int(GRID_S * SAMPLE_RATE))
        times = np.array([unix_of(int(sample)) for sample in grid])
        return cls(grid / SAMPLE_RATE, np.maximum.accumulate(times))

    def unix(self, second: float) -> float:
        """Time of day of a place in the recording."""
        return _line(second, self.seconds, self.times)

    def second(self, unix: float) -> float:
        """Place in the recording of a time of day; where it stood still, between the places around."""
        return _line(unix, self.times, self.seconds)


def _line(at: float, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """Interpolated within, at slope 1 beyond the ends."""
    beyond = min(0.0, at - float(x[0])) + max(0.0, at - float(x[-1]))
    return float(np.interp(at, x, y)) + beyond


@dataclass(frozen=True, slots=True)
class Track:
    """One direction of one phone's call."""

    pcm: Pcm
    clock: RecordingClock

    @property
    def start_unix(self) -> float:
        """Time of day of the first sample."""
        return self.clock.unix(0.0)


@dataclass(frozen=True, slots=True)
class Recording:
    """A person's call: what he said (as the phone sent it) and what he heard."""

    person: str
    spoke: Track
    heard: Track


def read_wav(path: Path) -> Pcm:
    """A WAV file as Pcm; other rates are resampled.

    Raises:
        DemoError: it cannot be read.
    """
    try:
        audio, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise DemoError(f"{path}: {error}") from None
    mono: Pcm = np.ascontiguousarray(audio[:, 0])
    if rate == SAMPLE_RATE:
        return mono
    common = int(np.gcd(rate, SAMPLE_RATE))
    resampled = resample_poly(mono.astype(np.float64), SAMPLE_RATE // common, rate // common)
    return np.clip(np.round(resampled), -32768, 32767).astype(np.int16)
