"""Resampling: what scipy's polyphase filter gives in one go, in frames of exact size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.media.resample import Resampler, resample

PAIRS = [(22050, 16000), (24000, 16000), (8000, 16000), (16000, 8000), (48000, 16000), (16000, 24000), (16000, 16000)]


def sine(hertz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return (10000 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_frames_are_exact_and_without_seams(source: int, target: int) -> None:
    noise = np.random.default_rng(1).standard_normal(source // 2).astype(np.float32)
    stream = Resampler(source, target)
    frames = [stream.frame(frame) for frame in noise.reshape(-1, stream.frame_in)]
    assert {len(frame) for frame in frames} == {target // 50}
    # Another phase of the framing must give the same samples: a seam would move with the frames.
    shifted = Resampler(source, target)
    frames_of_three = np.concatenate([np.zeros(3 * stream.frame_in, np.float32), noise])
    other = [shifted.frame(frame) for frame in frames_of_three.reshape(-1, stream.frame_in)]
    np.testing.assert_allclose(np.concatenate(other)[3 * stream.frame_out :], np.concatenate(frames), atol=1e-5)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_it_is_a_polyphase_filter(source: int, target: int) -> None:
    signal = pytest.importorskip("scipy.signal")
    common = np.gcd(source, target)
    up, down = target // common, source // common
    impulse = np.zeros(source // 50, np.float32)
    noise = np.random.default_rng(2).standard_normal(source // 5).astype(np.float32)
    if source != target:
        steps = max(up, down)
        taps = signal.firwin(24 * steps + 1, 0.94 / steps, window=("kaiser", 8.0), scale=False) * up
    else:
        taps = np.ones(1)
    stream = Resampler(source, target)
    got = np.concatenate([stream.frame(frame) for frame in noise.reshape(-1, len(impulse))])
    np.testing.assert_allclose(got, signal.upfirdn(taps, noise, up, down)[: len(got)], atol=2e-4)


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("hertz", [300, 1000, 3000])
def test_speech_passes_unchanged(source: int, target: int, hertz: float) -> None:
    got = resample(sine(hertz, source), source, target).astype(float)
    want = sine(hertz, target)
    middle = slice(target // 10, -target // 10)
    assert len(got) == len(want)
    assert np.abs(got - want)[middle].max() < 100  # 1 % of the amplitude: gain and phase are right


@pytest.mark.parametrize(("source", "target"), [(24000, 16000), (22050, 16000), (16000, 8000)])
def test_what_would_alias_is_gone(source: int, target: int) -> None:
    got = resample(sine(target / 2 * 1.15, source), source, target).astype(float)
    assert 20 * np.log10(np.std(got[500:-500]) / 7071) < -60


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 1500), max_size=12), st.sampled_from(PAIRS))
def test_chunks_of_any_length_give_the_same_stream(lengths: list[int], pair: tuple[int, int]) -> None:
    source, target = pair
    clip = np.random.default_rng(3).integers(-20000, 20000, sum(lengths)).astype(np.int16)
    whole, pieces = Resampler(source, target), Resampler(source, target)
    cuts = np.cumsum(lengths)[:-1] if lengths else []
    got = np.concatenate([*(pieces.push(piece) for piece in np.split(clip, cuts)), pieces.flush()])
    want = np.concatenate([whole.push(clip), whole.flush()])
    assert (got == want).all()
    assert len(got) % (target // 50) == 0


def test_after_a_flush_a_stream_begins_anew() -> None:
    stream = Resampler(24000, 16000)
    clip = sine(500, 24000, 0.1)
    first = np.concatenate([stream.push(clip), stream.flush()])
    assert (np.concatenate([stream.push(clip), stream.flush()]) == first).all()


def test_loud_samples_are_clipped_not_wrapped() -> None:
    square = np.where(sine(100, 24000) > 0, 32767, -32768).astype(np.int16)
    got = resample(square, 24000, 16000)
    assert (got[200:-200] * np.where(sine(100, 16000) > 0, 1, -1)[200:-200] > 0).mean() > 0.97


@pytest.mark.parametrize("length", [0, 1, 100, 481])
def test_a_clip_keeps_its_length(length: int) -> None:
    assert len(resample(np.ones(length, np.int16), 24000, 16000)) == round(length * 2 / 3)


def test_rates_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="11025 Hz"):
        Resampler(11025, 16000)
