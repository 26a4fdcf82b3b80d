"""Pins what a line does to speech: length and level kept, high tones cut, noise as loud as asked, same by seed."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.media.format import SAMPLE_RATE
from dragoman.voices.training import line


def tone(hz: float, amplitude: float = 0.1) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)


def db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-20))


@pytest.mark.parametrize("law", ["mu", "a"])
@pytest.mark.parametrize("length", [1, 319, 16_000, 16_123])
def test_a_line_keeps_length_and_level(law: str, length: int) -> None:
    clip = np.resize(tone(500), length)
    heard = line.g711(clip, law)
    assert heard.shape == clip.shape and heard.dtype == np.float32
    if length > 1000:
        assert db(heard) == pytest.approx(db(clip), abs=0.3)


def test_a_line_is_narrow() -> None:
    assert db(line.g711(tone(6000))) < db(tone(6000)) - 35


@pytest.mark.parametrize("snr", [0.0, 15.0, 30.0])
def test_noise_is_as_loud_as_asked(snr: float) -> None:
    clip = tone(500)
    noise = line.noisy(clip, snr, np.random.default_rng(3)) - clip
    assert db(clip) - db(noise) == pytest.approx(snr, abs=0.2)


def test_the_same_seed_gives_the_same_hearing_and_another_another() -> None:
    one, same, other = (line.vary(tone(300), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.samples, same.samples) and one.gain_db == same.gain_db
    assert not np.array_equal(one.samples, other.samples)


def test_nothing_is_clipped() -> None:
    for seed in range(20):
        assert line.vary(tone(300, 0.9), np.random.default_rng(seed)).gain_db <= 1.0
