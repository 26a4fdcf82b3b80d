from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.asr.level import MAX_GAIN, Leveller
from dragoman.media.format import SAMPLE_RATE


def rms(pcm: np.ndarray) -> float:
    return float(np.sqrt(np.mean(pcm.astype(np.float64) ** 2)))


def tone(level: float, seconds: float = 2.0) -> np.ndarray:
    at = np.arange(int(SAMPLE_RATE * seconds))
    return (np.sin(at * 0.2) * level * np.sqrt(2)).astype(np.int16)


@pytest.mark.parametrize("level", [600, 3000, 12000])
def test_speech_comes_to_minus_20_dbfs(level: float) -> None:
    levelled = np.concatenate([(lev := Leveller())(tone(level)), lev(tone(level))])
    assert rms(levelled[-SAMPLE_RATE:]) == pytest.approx(3277, rel=0.05)


def test_silence_is_neither_zeros_nor_lifted() -> None:
    lev = Leveller()
    quiet = lev(np.zeros(SAMPLE_RATE, np.int16))
    assert 4 < rms(quiet) < 16
    assert 4 < rms(lev.silence(SAMPLE_RATE)) < 16


def test_gain_has_a_limit() -> None:
    lev = Leveller()
    assert rms(lev(tone(70))) <= 70 * MAX_GAIN * 1.05
    assert lev(np.zeros(0, np.int16)).shape == (0,)


@given(st.lists(st.integers(0, 1000), max_size=5))
def test_length_is_kept_and_the_same_audio_gives_the_same(lengths: list[int]) -> None:
    one, other = Leveller(), Leveller()
    for length in lengths:
        pcm = (np.arange(length) * 7 % 4000 - 2000).astype(np.int16)
        levelled = one(pcm)
        assert len(levelled) == length
        np.testing.assert_array_equal(levelled, other(pcm))
