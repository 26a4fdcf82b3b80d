"""Is this an echo of that? Finds how much later a stretch of audio came back, and fits the way it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.echo.history import RATE, Audio

Spectrum = npt.NDArray[np.complex64]
"""(SIZE / 2 + 1,) of a stretch of audio."""

LONGEST: Final = 640 * RATE // 1000
"""Samples: the longest echo that is looked for. 400 ms of phone and network, twice Asterisk's way (61 ms), our ticks,
and some more for jitter buffers that grow."""

EARLIEST: Final = -100 * RATE // 1000
"""Samples: two phones in one room hear a voice at once, but their networks bring it one after the other."""

STRETCH: Final = 8 * 160
"""Samples (160 ms) that are compared. Measured on four voices with G.711, -10 dB and reverberation: of other people's
speech 99.5 % look less alike than 0.40, of echoes 95 % more than 0.55."""

SIZE: Final = STRETCH + LONGEST - EARLIEST
"""Samples of the other side's audio that are looked through (7200, which an FFT likes)."""

SIMILAR: Final = 0.3
"""How alike a stretch must be to something for it to be worth fitting (see ``STRETCH``)."""

PLAINLY: Final = 0.42
"""How alike it must be for the way it took to be kept, though somebody speaks over it."""

EXPLAINED: Final = 0.6
"""Share of a stretch's energy that a fit must explain for it to be an echo. Two voices of one level leave half."""

CHANGED: Final = 2.5
"""How many times as much the filters must leave as a new fit of everything does, for the way to have changed: what a
voice over the echo adds, both leave."""

YOUNG: Final = 1.3
"""The same while a filter is new: it was made of a vowel, and may be made better of two."""

HALF: Final = 0.3
"""Share that a fit must explain for the way to be kept while somebody speaks over the echo."""

MAYBE: Final = 0.2
"""How alike it must be at a first look to be looked at again."""

TAPS: Final = 96
"""Length of a fit (12 ms): direct sound and first reflections. More would begin to explain anything."""

ITSELF: Final = 40 * RATE // 1000
"""Samples (40 ms) behind themselves at which steady sounds go on as they were."""

PART: Final = STRETCH
"""Samples (160 ms) of a sound that are foreseen at once: notes on hold are longer."""

STEADY: Final = 0.45
"""Share that a sound may leave of itself, foreseen from ``ITSELF`` ago, to be steady. Measured over 480 ms:
chords on hold that look like those at another phone leave 0.41 and less, most 0.2; of 343 finds of a voice's echo one
leaves less than 0.45, nine of ten more than 0.67."""

_SMOOTH: Final = round(100 / (RATE / SIZE))  # bins in 100 Hz
_WHITE: Final = 0.35  # exponent of the smoothed power: 0.5 would lift what is only noise
_BAND: Final = np.zeros(SIZE // 2 + 1, np.float32)
_BAND[round(200 / (RATE / SIZE)) : round(3500 / (RATE / SIZE))] = 1.0


@dataclass(frozen=True, slots=True)
class Reference:
    """What could be echoed, ready to be compared with."""

    spectrum: Spectrum
    energy: Audio
    """(LONGEST - EARLIEST,) of the stretch at each lag, the latest lag last."""


def _whiten(spectrum: Spectrum) -> None:
    """Level a spectrum in place, so that a loud vowel does not outweigh all else."""
    power = np.square(spectrum.real, dtype=np.float64) + np.square(spectrum.imag, dtype=np.float64)
    summed = np.concatenate([np.zeros(_SMOOTH // 2), np.cumsum(power), np.full(_SMOOTH - _SMOOTH // 2, power.sum())])
    smooth = summed[_SMOOTH:] - summed[:-_SMOOTH]
    smooth = np.maximum(smooth, 1e-4 * smooth.max() + 1e-9)
    spectrum *= (_BAND * smooth**-_WHITE).astype(np.float32)


def reference(samples: Audio) -> Reference:
    """Prepare the last SIZE + EARLIEST samples of a source, (6400,)."""
    padded = np.concatenate([samples, np.zeros(-EARLIEST, np.float32)])
    spectrum = np.fft.rfft(padded).astype(np.complex64, copy=False)
    _whiten(spectrum)
    white = np.fft.irfft(spectrum, SIZE)
    summed = np.concatenate([[0.0], np.cumsum(np.square(white, dtype=np.float64))])
    energy = summed[STRETCH:] - summed[:-STRETCH]
    return Reference(spectrum, energy[1:].astype(np.float32))


def stretch(samples: Audio) -> tuple[Spectrum, float]:
    """Prepare the last STRETCH samples of a leg: its spectrum and energy."""
    padded = np.concatenate([np.zeros(SIZE + EARLIEST - STRETCH, np.float32), samples, np.zeros(-EARLIEST, np.float32)])
    spectrum = np.fft.rfft(padded).astype(np.complex64, copy=False)
    _whiten(spectrum)
    power = np.square(spectrum.real, dtype=np.float64) + np.square(spectrum.imag, dtype=np.float64)
    return spectrum, float(power.sum()) * 2 / SIZE


def alike(said: Spectrum, energy: float, heard: Reference) -> Audio:
    """How alike they are at every lag from EARLIEST on, (LONGEST - EARLIEST,) in 0 to 1."""
    product = np.conj(heard.spectrum) * said
    cross = np.fft.irfft(product, SIZE)
    cross = np.abs(np.concatenate([cross[EARLIEST:], cross[:LONGEST]]))
    power = heard.energy[::-1]
    return np.asarray(cross / np.sqrt(energy * np.maximum(power, 0.05 * power.max()) + 1e-9), np.float32)


def fit(said: Audio, heard: Audio, taps: int) -> tuple[Audio, Audio]:
    """The filter of ``taps`` that makes the most of ``said`` out of ``heard``, by least squares.

    Args:
        said: (n,) samples.
        heard: (n + taps - 1,) samples; said[i] may be made of heard[i : i + taps].
        taps: length of the filter.

    Returns:
        (taps,) the filter, first tap first, and (n,) what it does not explain.
    """
    columns = np.lib.stride_tricks.sliding_window_view(heard, taps)[:, ::-1]
    matrix = np.ascontiguousarray(columns, np.float32)
    square = matrix.T @ matrix
    square[np.diag_indices(taps)] += 5e-3 * square.trace() / taps + 1e-3
    filtered = np.linalg.solve(square, matrix.T @ said).astype(np.float32)
    return filtered, said - matrix @ filtered


def steady(said: Audio) -> bool:
    """Whether a sound foresees itself, as notes do: it tells nothing, for it looks like the echo of any such sound.

    Each part is foreseen on its own: a note foresees itself, but not the next one.

    Args:
        said: (n,) samples, at least ``PART``; as many whole parts are looked at as there are.
    """
    left = whole = 0.0
    for part in said[-(len(said) // PART * PART) :].reshape(-1, PART):
        later = part[ITSELF + TAPS - 1 :]
        _, rest = fit(later, part[:-ITSELF], TAPS)
        left += float(np.dot(rest, rest))
        whole += float(np.dot(later, later))
    return left <= STEADY * whole
