"""What a phone recorded, and at what time of day each sample of it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from dragoman.errors import DemoError
from dragoman.media.format import SAMPLE_RATE, Pcm

WAV_HEADER = 44
"""Bytes before the samples in what libsndfile writes for 16-bit PCM."""

CALM_S = 1.0
"""A recorder writes every 20 ms, so a length is up to 20 ms behind when it is read: the least lag within this many
seconds either side is the true one."""


@dataclass(frozen=True, slots=True)
class RecordingClock:
    """Maps seconds in a recording to seconds since the epoch, from its length as it was seen to grow.

    Needed because a recording begins at no known time and stands still while nothing arrives.
    """

    seconds: np.ndarray[tuple[int], np.dtype[np.float64]]
    offset: np.ndarray[tuple[int], np.dtype[np.float64]]
    """Time of day less seconds in the recording, per entry of ``seconds``."""

    @classmethod
    def of(cls, seen: Sequence[tuple[float, float]]) -> RecordingClock:
        """From (seconds since the epoch, length in seconds) pairs in order of time.

        Raises:
            DemoError: the recording was never seen to hold anything.
        """
        grown = [(unix, length) for unix, length in seen if length > 0]
        if not grown:
            raise DemoError("a phone recorded nothing")
        unix = np.array([pair[0] for pair in grown])
        length = np.array([pair[1] for pair in grown])
        lag = unix - length
        calm = np.array([lag[np.abs(unix - at) <= CALM_S].min() for at in unix])
        keep = np.concatenate(([True], np.diff(length) > 0))
        return cls(length[keep], calm[keep])

    def unix(self, second: float) -> float:
        """Time of day of a place in the recording."""
        return second + float(np.interp(second, self.seconds, self.offset))


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


def length_of(path: Path, rate: int = SAMPLE_RATE) -> float:
    """Seconds of audio that a growing 16-bit mono WAV file holds by now, by its size; its header is written last."""
    return max(0, path.stat().st_size - WAV_HEADER) / 2 / rate


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
