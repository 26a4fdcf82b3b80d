"""MP3 piece by piece: the same samples however it is cut, and junk is an error, not a crash."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.speaking import mp3

from dragoman.engines.tts.mp3 import Mp3Decoder, Mp3Error
from dragoman.media.format import SAMPLE_RATE, Pcm

TONE = (np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE) * 6000).astype(np.int16)
MADE = mp3(TONE)


def decode(data: bytes, cuts: list[int]) -> tuple[Pcm, int]:
    decoder = Mp3Decoder()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [decoder.push(data[a:b]) for a, b in pairwise(edges)]
    return np.concatenate([*pieces, decoder.flush()]), decoder.rate


@settings(deadline=None)
@given(st.lists(st.integers(0, len(MADE)), max_size=20))
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    whole, rate = decode(MADE, [])
    assert rate == 24_000
    assert len(whole) == pytest.approx(24_000, abs=3000)  # the coder's delay and its last frame
    assert np.abs(whole).max() == pytest.approx(6000, rel=0.1)
    assert np.array_equal(decode(MADE, cuts)[0], whole)


def test_samples_come_before_the_end() -> None:
    assert len(Mp3Decoder().push(MADE[: len(MADE) // 2])) > 8_000


@settings(deadline=None)
@given(st.binary(max_size=3000))
def test_junk_is_no_mp3(junk: bytes) -> None:
    try:
        samples, rate = decode(junk, [1000])
    except Mp3Error:
        return
    assert rate or not len(samples)


def test_junk_before_it_is_skipped() -> None:
    samples, _ = decode(b"<html>" * 50 + MADE, [])
    assert len(samples) > 20_000


def test_nothing_is_no_mp3() -> None:
    with pytest.raises(Mp3Error, match="no MP3 frame"):
        Mp3Decoder().flush()
