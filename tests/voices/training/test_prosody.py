"""Pins the labels: F0, spread, syllable rate and level of sounds whose truth is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.media.format import SAMPLE_RATE
from dragoman.voices import mel
from dragoman.voices.training import line, prosody

SECONDS = 2.0
TIME = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE


def voice(f0: np.ndarray | float, amplitude: float = 0.1) -> np.ndarray:
    """A buzz of 12 harmonics, each weaker, as a glottis makes."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0, TIME.shape)) / SAMPLE_RATE
    buzz = sum(np.sin(n * phase) / n for n in range(1, 13))
    return (amplitude * buzz / np.sqrt(np.mean(buzz**2))).astype(np.float32)


def told(samples: np.ndarray, gain_db: float = 0.0) -> dict[str, float]:
    found = prosody.labels(prosody.track(samples, mel.log_mel(samples)), gain_db)
    return dict(zip(prosody.TARGETS, map(float, found), strict=True))


def syllables(rate: float, f0: float = 140.0) -> np.ndarray:
    """A buzz that swells ``rate`` times a second."""
    swell = 0.5 - 0.5 * np.cos(2 * np.pi * rate * TIME)
    return (voice(f0) * (0.08 + 0.92 * swell)).astype(np.float32)


@given(st.floats(70, 420))
@settings(max_examples=25, deadline=None)
def test_f0_of_a_steady_voice(hz: float) -> None:
    found = told(voice(hz))
    assert 2 ** found["log2_f0"] == pytest.approx(hz, rel=0.01)
    assert found["f0_spread"] < 0.2


@pytest.mark.parametrize("hz", [90.0, 180.0, 260.0])
def test_f0_over_a_noisy_line(hz: float) -> None:
    """A line cuts off the fundamental of a low voice; the period stays."""
    heard = line.g711(line.noisy(voice(hz), 15.0, np.random.default_rng(1)))
    assert 2 ** told(heard)["log2_f0"] == pytest.approx(hz, rel=0.02)


@pytest.mark.parametrize("semitones", [2.0, 6.0])
def test_spread_of_a_glide(semitones: float) -> None:
    glide = 150 * 2 ** (semitones / 12 * (TIME / SECONDS - 0.5))
    assert told(voice(glide))["f0_spread"] == pytest.approx(0.7 * semitones, rel=0.1)  # 15th to 85th percentile


def test_octave_errors_do_not_spread() -> None:
    """Every fifth frame an octave down, as a tracker errs: the spread stays that of the rest."""
    f0 = np.full(160, 200, np.float32)
    f0[::5] = 100
    made = prosody.Track(f0, np.full(160, 0.01, np.float32), np.zeros(160, np.bool_))
    assert prosody.labels(made)[1] == pytest.approx(0, abs=0.01)


@given(
    st.lists(st.sampled_from([np.nan, 70.0, 100.0, 141.0, 200.0, 283.0, 400.0]), max_size=80),
    st.lists(st.sampled_from([0.0, 1e-9, 1e-3, 0.1]), min_size=80, max_size=80),
)
def test_any_track_has_labels_that_are_numbers_or_unknown(f0: list[float], power: list[float]) -> None:
    count = len(f0)
    made = prosody.Track(np.array(f0, np.float32), np.array(power[:count], np.float32), np.ones(count, np.bool_))
    found = prosody.labels(made)
    assert not np.isinf(found).any() and not found[1] < 0 and not found[2] < 0


def test_half_an_octave_off_has_no_spread() -> None:
    """The median lies between the two halves: no frame is near it."""
    made = prosody.Track(np.repeat(np.float32([100, 300]), 40), np.full(80, 0.01, np.float32), np.zeros(80, np.bool_))
    assert np.isnan(prosody.labels(made)[1])


@pytest.mark.parametrize("rate", [2.0, 3.0, 4.0, 6.0, 8.0])
def test_syllable_rate(rate: float) -> None:
    assert told(syllables(rate))["syllable_rate"] == pytest.approx(rate, rel=0.15, abs=0.5)


@given(st.floats(-45, -15), st.floats(-20, 20))
@settings(max_examples=20, deadline=None)
def test_level_and_gain(level: float, gain: float) -> None:
    samples = voice(150, 10 ** (level / 20))
    assert told(samples, gain)["level"] == pytest.approx(level + gain, abs=0.1)


def test_pauses_do_not_lower_the_level() -> None:
    half = voice(150)
    half[len(half) // 2 :] = 0
    assert told(half)["level"] == pytest.approx(-20, abs=0.5)


def test_silence_has_no_prosody() -> None:
    assert np.isnan(list(told(np.zeros(len(TIME), np.float32)).values())).all()


def test_noise_has_a_level_and_no_pitch() -> None:
    found = told(np.random.default_rng(0).normal(0, 0.1, len(TIME)).astype(np.float32))
    assert np.isnan(found["log2_f0"]) and found["level"] == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize("samples", [0, 1, 799, 800, 900, 1700])
def test_short_clips_do_not_fail(samples: int) -> None:
    told(voice(150)[:samples])


def test_a_part_has_the_labels_of_the_part() -> None:
    """What a batch takes is labelled by itself: low half, high half."""
    samples = voice(np.where(TIME < SECONDS / 2, 110.0, 220.0))
    whole = prosody.track(samples, mel.log_mel(samples))
    low, high = prosody.cut(whole, 0, 70), prosody.cut(whole, 85, len(whole))
    assert 2 ** prosody.labels(low)[0] == pytest.approx(110, rel=0.02)
    assert 2 ** prosody.labels(high)[0] == pytest.approx(220, rel=0.02)


@given(st.lists(st.floats(-60, 0, width=32), max_size=60), st.floats(0.5, 10))
def test_peaks_stand_out(curve: list[float], dip: float) -> None:
    values = np.array(curve, np.float32)
    found = prosody.peaks(values, dip)
    assert found == sorted(set(found))
    for left, right in pairwise(found):
        low = values[left : right + 1].min()
        assert values[left] - low > dip and values[right] - low > dip
