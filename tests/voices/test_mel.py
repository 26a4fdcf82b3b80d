"""Pins the front end of the small encoders: frames, the place of a tone, features of a part being part of all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.media.format import SAMPLE_RATE
from dragoman.voices import mel


def tone(hz: float, seconds: float = 0.5, amplitude: float = 0.1) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype("f4")


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (799, 0), (800, 1), (999, 1), (1000, 2), (16_000, 77)])
def test_whole_frames_only(samples: int, frames: int) -> None:
    assert mel.frame_count(samples) == frames
    assert mel.log_mel(np.zeros(samples, np.float32)).shape == (frames, mel.BANDS)


@given(st.integers(0, 40), st.integers(1, 30), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_parts_features_are_a_part_of_the_features(first: int, count: int, seed: int) -> None:
    clip = np.random.default_rng(seed).normal(0, 0.05, SAMPLE_RATE).astype(np.float32)
    part = clip[first * mel.HOP : (first + count - 1) * mel.HOP + mel.WINDOW]
    np.testing.assert_allclose(mel.log_mel(part), mel.log_mel(clip)[first : first + count], atol=1e-5)


def test_a_higher_tone_lies_in_a_higher_band() -> None:
    loudest = [int(mel.log_mel(tone(hz)).mean(0).argmax()) for hz in (100, 300, 1000, 3000, 7000)]
    assert loudest == sorted(set(loudest))
    centre = mel.filterbank()[:, loudest[2]].argmax() * SAMPLE_RATE / mel.FFT
    assert abs(centre - 1000) < 40


def test_twice_as_loud_is_log_2_more() -> None:
    more = mel.log_mel(tone(440, amplitude=0.2)) - mel.log_mel(tone(440, amplitude=0.1))
    loud = mel.log_mel(tone(440)) > np.log(mel.FLOOR) + 3
    np.testing.assert_allclose(more[loud], np.log(2), atol=1e-3)


def test_silence_is_the_floor() -> None:
    assert np.allclose(mel.log_mel(np.zeros(4000, np.float32)), np.log(mel.FLOOR))


def test_each_band_hears_something() -> None:
    assert (mel.filterbank().max(axis=0) > 0.4).all()
