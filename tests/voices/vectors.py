"""Embedders that hear what a test put into the audio, and voices made of tones: no model, no randomness."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dragoman.media.format import SAMPLE_RATE
from dragoman.voices.embedders import Samples
from dragoman.voices.profile import (
    Clip,
    Consent,
    Latents,
    Models,
    Prosody,
    Style,
    Vector,
    VoiceProfile,
    new_id,
)

CONSENT = Consent("Ada Lovelace", 1_764_000_000.0, "My voice may be cloned to interpret me in this conference.")


def tone_voice(pitch: float, seconds: float, rate: int = SAMPLE_RATE, level: float = 0.3) -> Samples:
    """A buzz of syllables: harmonics of ``pitch`` Hz, 4 syllables a second, a pause after every eighth."""
    at = np.arange(round(seconds * rate)) / rate
    harmonics = range(1, max(2, int(min(3800, rate / 2.2) / pitch)))
    buzz = sum(np.sin(2 * np.pi * pitch * k * at + k * k) / k for k in harmonics)
    syllables = np.clip(np.sin(2 * np.pi * 4 * at) + 0.6, 0, 1) * (np.floor(at * 4) % 9 != 8)
    made = np.asarray(buzz * syllables)
    return (level * made / np.max(np.abs(made))).astype(np.float32)


def noise(samples: int, level: float, seed: int = 0) -> Samples:
    return (level * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def pitch_of(samples: Samples) -> float:
    """Hz of the strongest period between 60 and 400 Hz."""
    spectrum = np.abs(np.fft.rfft(samples, 4 * len(samples))) ** 2
    lags = np.fft.irfft(spectrum)
    low, high = SAMPLE_RATE // 400, SAMPLE_RATE // 60
    return SAMPLE_RATE / (low + int(np.argmax(lags[low:high])))


class PitchIdentity:
    """Tells voices apart by their pitch: one octave is a quarter of a turn."""

    name = "pitch-1"
    dimension = 3
    threshold = 0.8

    def __init__(self) -> None:
        self.calls = 0

    def embed(self, samples: Samples) -> Vector:
        self.calls += 1
        turn = np.log2(pitch_of(samples) / 60) * np.pi / 2
        return np.array([np.cos(turn), np.sin(turn), 0.0], np.float32)


class LevelStyle:
    """Style is how loud and how low somebody speaks."""

    name = "level-1"
    dimension = 2

    def embed(self, samples: Samples) -> Style:
        level = 10 * float(np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-10))
        pitch = float(np.log2(pitch_of(samples)))
        return Style(np.array([level / 10, pitch], np.float32), Prosody(pitch, 0.1, 4.0, level))


class FlatLatents:
    """Latents that hold the clip's level, of XTTS's rank but small."""

    name = "flat-1"

    def latents(self, samples: Samples, rate: int) -> Latents:
        speaker = np.zeros(8, np.float32)
        speaker[0] = 1.0
        return Latents(np.full((4, 6), np.abs(samples).mean(), np.float32), speaker)


def a_clip(number: int, **changes: object) -> Clip:
    fields: dict[str, object] = {"id": f"{number:064x}", "seconds": 6.0, "snr_db": 30.0, "weight": 0.25}
    return Clip(**{**fields, **changes})  # type: ignore[arg-type]  # a test's own fields


def latents(value: float, turn: float = 0.0) -> Latents:
    return Latents(np.full((4, 6), value, np.float32), np.array([np.cos(turn), np.sin(turn)], np.float32))


def a_profile(count: int = 3, seed: int = 0, **changes: object) -> VoiceProfile:
    """A profile with all vectors, as enrolment makes it."""
    rng = np.random.default_rng(seed)

    def some(*shape: int) -> npt.NDArray[np.float32]:
        return rng.standard_normal(shape).astype(np.float32)

    fields: dict[str, object] = {
        "id": new_id(),
        "name": "Ada Lovelace",
        "consent": CONSENT,
        "clips": tuple(
            a_clip(
                seed * 1000 + number + 1,
                weight=1 / count,
                identity=some(192),
                style=some(64),
                prosody=Prosody(6.9, 3.0, 4.0, -20.0),
                latents=Latents(some(32, 1024), some(512)),
            )
            for number in range(count)
        ),
        "models": Models("ecapa-1", "gst-1", "xtts-1"),
        "identity": some(192),
        "style": some(64),
        "created": 1_764_000_000.0,
        "changed": 1_764_000_000.0,
    }
    return VoiceProfile(**{**fields, **changes})  # type: ignore[arg-type]  # a test's own fields
