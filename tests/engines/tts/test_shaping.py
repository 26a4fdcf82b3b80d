from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.tts.shaping import LEAD, PEAK, TAIL, TARGET_RMS, Shaper, measure_gain
from dragoman.media.format import SAMPLE_RATE, Pcm

RATE = 22_050


def clip(lead: float, sound: float, tail: float, level: float = 3000) -> Pcm:
    at = np.arange(int(RATE * sound))
    tone = np.sin(at * 2 * np.pi * 300 / RATE) * level
    return np.concatenate([np.zeros(int(RATE * lead)), tone, np.zeros(int(RATE * tail))]).astype(np.int16)


def shape(pcm: Pcm, cuts: list[int]) -> Pcm:
    shaper = Shaper(RATE, 1.0)
    edges = [0, *sorted(cut % (len(pcm) + 1) for cut in cuts), len(pcm)]
    pieces = [shaper.push(pcm[a:b]) for a, b in pairwise(edges)]
    return np.concatenate([*pieces, shaper.flush()])


@given(st.lists(st.integers(0, 100_000), max_size=6))
def test_silence_at_the_ends_goes_whatever_the_pieces(cuts: list[int]) -> None:
    shaped = shape(clip(0.3, 0.5, 0.4), cuts)
    assert np.argmax(np.abs(shaped) > 300) <= LEAD + 10
    assert abs(len(shaped) - (SAMPLE_RATE // 2 + LEAD + TAIL)) < 100


@given(st.lists(st.integers(0, 100_000), max_size=6))
def test_a_pause_inside_stays(cuts: list[int]) -> None:
    pcm = np.concatenate([clip(0, 0.2, 0.5), clip(0, 0.2, 0)])
    assert abs(len(shape(pcm, cuts)) - SAMPLE_RATE * 0.9) < TAIL + 100


@pytest.mark.parametrize("pcm", [np.zeros(0, np.int16), np.zeros(RATE, np.int16)])
def test_nothing_but_silence_is_nothing(pcm: Pcm) -> None:
    assert len(shape(pcm, [])) == 0
    assert measure_gain(pcm) == 1.0


@pytest.mark.parametrize("level", [500, 3000, 20_000])
def test_gain_brings_a_voice_to_its_level(level: float) -> None:
    pcm = clip(0.5, 1.0, 0.5, level)
    gain = measure_gain(pcm)
    assert gain * level / np.sqrt(2) == pytest.approx(TARGET_RMS, rel=0.02)


def test_gain_never_clips() -> None:
    pcm = clip(0, 1.0, 0, 200)
    pcm[1000] = 30_000
    assert measure_gain(pcm) * 30_000 <= PEAK
