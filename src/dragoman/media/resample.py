"""Sample rate conversion without seams: a low-pass filter as one precomputed matrix per pair of rates.

Every 20 ms of output is ``matrix @ [history | 20 ms of input]``: 5 to 10 us, exact frame sizes, and the same samples as
one polyphase filter over everything (streaming soxr holds audio back and lets it go in bursts: measured).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.format import FRAME_MS, Pcm

TAPS: Final = 24
"""Filter length in samples of the lower rate: -76 dB stop band, ripple 0.02 dB to 3 kHz at 8 kHz (delay: 1.5 ms)."""

BETA: Final = 8.0
"""Kaiser window: side lobes below -80 dB (Oppenheim and Schafer, section 7.5.3)."""

CUTOFF: Final = 0.94
"""Of the lower rate's Nyquist frequency."""

Samples = npt.NDArray[np.float32] | Pcm


@dataclass(frozen=True, slots=True)
class _Filter:
    matrix: npt.NDArray[np.float32]
    """(samples out, history + samples in) of 20 ms."""
    history: int
    delay: int
    """Samples of output by which sound comes later."""


@lru_cache(maxsize=32)
def _filter(source: int, target: int) -> _Filter:
    for rate in (source, target):
        if rate <= 0 or rate * FRAME_MS % 1000:
            raise ValueError(f"{rate} Hz: {FRAME_MS} ms of it are no whole number of samples")
    size_in, size_out = source * FRAME_MS // 1000, target * FRAME_MS // 1000
    if source == target:
        return _Filter(np.eye(size_out, dtype=np.float32), 0, 0)
    common = gcd(source, target)
    up, down = target // common, source // common
    steps = max(up, down)
    at = np.arange(TAPS * steps + 1) - TAPS * steps / 2
    taps = up * CUTOFF / steps * np.sinc(CUTOFF / steps * at) * np.kaiser(len(at), BETA)
    history = -(-len(taps) // up) - 1
    matrix = np.zeros((size_out, size_in + history), np.float32)
    tap = np.arange(len(taps))
    for out in range(size_out):
        position = out * down - tap  # in the signal stuffed with up - 1 zeros between samples
        column = position // up + history
        real = (position % up == 0) & (column >= 0) & (column < matrix.shape[1])
        matrix[out, column[real]] = taps[real]
    return _Filter(matrix, history, round(TAPS * steps / 2 / down))


def to_pcm(samples: npt.NDArray[np.float32]) -> Pcm:
    """Round to 16 bits; what exceeds them is clipped."""
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


class Resampler:
    """Converts a stream.

    Args:
        source: Hz of what comes in.
        target: Hz of what goes out.

    Raises:
        ValueError: 20 ms of a rate are no whole number of samples.
    """

    def __init__(self, source: int, target: int) -> None:
        self._filter = _filter(source, target)
        self.frame_in = source * FRAME_MS // 1000
        """Samples that ``frame`` takes."""
        self.frame_out = target * FRAME_MS // 1000
        """Samples that ``frame`` gives."""
        self.delay = self._filter.delay
        """Samples of output by which sound comes later (0.75 ms from 24 kHz, 1.5 ms from 8 kHz)."""
        self._window = np.zeros(self._filter.matrix.shape[1], np.float32)
        self._rest: Samples = np.zeros(0, np.float32)

    def frame(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Convert exactly 20 ms: (frame_in,) to (frame_out,), neither rounded nor clipped."""
        window, history = self._window, self._filter.history
        window[:history] = window[len(window) - history :]
        window[history:] = samples
        converted: npt.NDArray[np.float32] = self._filter.matrix @ window
        return converted

    def push(self, chunk: Samples) -> Pcm:
        """Convert a chunk of any length; gives whole frames, and keeps what does not fill one for the next chunk."""
        waiting = np.concatenate([self._rest, chunk])
        whole = len(waiting) // self.frame_in * self.frame_in
        self._rest = waiting[whole:]
        frames = [self.frame(waiting[at : at + self.frame_in]) for at in range(0, whole, self.frame_in)]
        return to_pcm(np.concatenate(frames)) if frames else np.zeros(0, np.int16)

    def flush(self) -> Pcm:
        """End the stream: gives what is left, its last frame filled with silence; then a new stream may begin."""
        ending = self._filter.history + len(self._rest)
        fill = -(-ending // self.frame_in) * self.frame_in - len(self._rest)
        left = self.push(np.zeros(fill, np.float32))
        self._window[:] = 0
        return left


def resample(clip: Samples, source: int, target: int) -> Pcm:
    """Convert a whole clip: nothing is delayed, and the length is ``len(clip) * target / source``, rounded.

    Raises:
        ValueError: 20 ms of a rate are no whole number of samples.
    """
    resampler = Resampler(source, target)
    length = round(len(clip) * target / source)
    converted = np.concatenate([resampler.push(clip), resampler.flush()])[resampler.delay :]
    return np.pad(converted[:length], (0, max(length - len(converted), 0)))
