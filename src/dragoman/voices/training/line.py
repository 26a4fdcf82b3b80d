"""What a phone call does to speech: level, noise, the narrow band and coding of G.711; deterministic by generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.codec import alaw_decode, alaw_encode, mulaw_decode, mulaw_encode
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.media.resample import resample, to_pcm

LINE_RATE: Final = 8_000
"""Hz of a G.711 line."""

CARD_SNR_DB: Final = 15.0
"""Noise of the condition that model cards call a phone line: a car or an open-plan office."""

Wave = npt.NDArray[np.float32]
"""16 kHz, full scale 1.0, shape (samples,)."""


def g711(samples: Wave, law: str = "mu") -> Wave:
    """What comes out of an 8 kHz line of mu-law or A-law."""
    narrow: Pcm = resample(to_pcm(samples * np.float32(32768)), SAMPLE_RATE, LINE_RATE)
    heard = mulaw_decode(mulaw_encode(narrow)) if law == "mu" else alaw_decode(alaw_encode(narrow))
    wide = resample(heard, LINE_RATE, SAMPLE_RATE).astype(np.float32)[: len(samples)] / np.float32(32768)
    return np.pad(wide, (0, len(samples) - len(wide)))  # an odd number of samples has no half


def noisy(samples: Wave, snr_db: float, rng: np.random.Generator) -> Wave:
    """Add noise that falls by 3 dB an octave (rooms and cars do), ``snr_db`` below the RMS of the clip."""
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    hiss = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 8)), len(samples))
    loudness = np.sqrt(np.mean(samples.astype(np.float64) ** 2)) * 10 ** (-snr_db / 20)
    noised: Wave = (samples + hiss * (loudness / max(float(hiss.std()), 1e-12))).astype(np.float32)
    return noised


def phone(samples: Wave, rng: np.random.Generator) -> Wave:
    """The cards' phone line: noise of CARD_SNR_DB, then mu-law."""
    return g711(noisy(samples, CARD_SNR_DB, rng))


@dataclass(frozen=True, slots=True)
class Heard:
    """A clip as it may arrive, and by how much it was amplified."""

    samples: Wave
    gain_db: float


def vary(samples: Wave, rng: np.random.Generator) -> Heard:
    """One way of many a clip may arrive: any level, often noisy, half of the time over a phone line.

    Raises nothing: it is quieter rather than clipped.
    """
    room = -20 * np.log10(max(float(np.abs(samples).max()), 1e-6))
    gain = min(float(rng.uniform(-12.0, 9.0)), float(room))
    heard = (samples * np.float32(10 ** (gain / 20))).astype(np.float32)
    if rng.random() < 0.6:
        heard = noisy(heard, float(rng.uniform(10.0, 40.0)), rng)
    if rng.random() < 0.5:
        heard = g711(heard, "mu" if rng.random() < 0.7 else "a")
    return Heard(heard, gain)
