"""The arithmetic of conditioning: bounds, invariances and what a wrong clip can do, whatever the vectors are."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.voices.vectors import a_clip, a_profile, latents

from dragoman.voices.conditioning import (
    STYLE_GAIN_DB,
    condition,
    cosine,
    gain_of,
    mean_prosody,
    quality,
    robust_centroid,
    shares,
    speed_of,
    style_weights,
    unit,
)
from dragoman.voices.profile import GAIN_RANGE, SPEED_RANGE, Clip, Defaults, Models, Prosody, Style, VoiceProfile

NUMBERS = st.floats(-1e6, 1e6, width=32)
VECTORS = hnp.arrays(np.float32, st.tuples(st.integers(1, 8), st.integers(1, 6)), elements=NUMBERS)
PROSODY = st.builds(
    Prosody, st.floats(3, 7), st.floats(0, 2), st.floats(-5, 30), st.floats(-90, 0)
)  # a probe extrapolates: rates below 0 happen
DEFAULTS = st.builds(Defaults, st.floats(*SPEED_RANGE), st.floats(-6, 6), st.floats(*GAIN_RANGE))


def around(axis: int, count: int, spread: float, seed: int, dimension: int = 16) -> npt.NDArray[np.float64]:
    """``count`` vectors near one axis."""
    rng = np.random.default_rng(seed)
    return np.eye(dimension)[axis] + spread * rng.standard_normal((count, dimension)) / math.sqrt(dimension)


@given(hnp.arrays(np.float64, 5, elements=st.floats(-1e300, 1e300)))
def test_units_have_length_one_or_are_zero(vector: npt.NDArray[np.float64]) -> None:
    length = float(np.linalg.norm(unit(vector)))
    assert length == pytest.approx(1.0, abs=1e-9) if np.any(vector) else length == 0


@given(VECTORS, st.floats(-1, 1), st.integers(0, 2**32))
def test_a_centroid_is_sound_whatever_the_clips(vectors: npt.NDArray[np.float32], threshold: float, seed: int) -> None:
    worth = np.random.default_rng(seed).uniform(0, 1, len(vectors))
    found = robust_centroid(vectors, threshold, worth)
    assert np.isfinite(found.vector).all()
    assert found.weights.sum() == pytest.approx(1.0)
    assert (found.weights >= 0).all() and (found.weights > 0).any()
    assert (np.abs(found.cosines) <= 1).all()


@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_a_centroid_does_not_depend_on_length_or_order(seed: int, scale: float) -> None:
    vectors = np.concatenate([around(0, 4, 0.3, seed), around(1, 2, 0.3, seed + 1)])
    order = np.random.default_rng(seed).permutation(len(vectors))
    one, other = robust_centroid(vectors, 0.6), robust_centroid(scale * vectors[order], 0.6)
    assert one.vector == pytest.approx(other.vector, abs=1e-5)
    assert one.weights[order] == pytest.approx(other.weights, abs=1e-6)


@pytest.mark.parametrize("wrong", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_a_minority_of_another_speaker_is_rejected_and_moves_nothing(wrong: int, seed: int) -> None:
    right = around(0, wrong + 2, 0.4, seed)
    alone = robust_centroid(right, 0.5)
    mixed = robust_centroid(np.concatenate([around(3, wrong, 0.4, seed + 9), right]), 0.5)
    assert mixed.rejected == tuple(range(wrong))
    assert mixed.vector == pytest.approx(alone.vector, abs=1e-6)


def test_quality_decides_between_two_who_disagree() -> None:
    found = robust_centroid([[1, 0], [0, 1]], 0.5, [0.2, 0.9])
    assert found.rejected == (0,)


def test_a_clip_that_is_nearer_and_better_weighs_more() -> None:
    found = robust_centroid([[1, 0.1], [1, 0], [1, -0.1], [1, 0.9]], 0.5, [1, 1, 1, 1])
    assert found.weights[3] == min(found.weights)
    better = robust_centroid([[1, 0], [1, 0]], 0.5, [1, 3])
    assert better.weights == pytest.approx([0.25, 0.75])


@given(st.floats(0, 1000), st.floats(-60, 120))
def test_quality_is_a_share(seconds: float, snr: float) -> None:
    assert 0 <= quality(seconds, snr) <= 1
    assert quality(seconds + 1, snr) >= quality(seconds, snr)
    assert quality(seconds, snr + 1) >= quality(seconds, snr)


@given(VECTORS, st.integers(0, 1000), st.none() | st.floats(1e-6, 1e6))
def test_style_weights_are_shares(styles: npt.NDArray[np.float32], seed: int, temperature: float | None) -> None:
    live = np.random.default_rng(seed).standard_normal(styles.shape[1]) * 100
    weights = style_weights(live, styles, temperature)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()
    order = np.argsort(((styles.astype(np.float64) - live) ** 2).sum(axis=1), kind="stable")
    assert (np.diff(weights[order]) <= 1e-9).all(), "a nearer style must not weigh less"


def test_the_softmax_is_the_written_one() -> None:
    weights = style_weights([0.0, 0.0], [[1.0, 0.0], [0.0, 2.0]], 2.0)
    powers = np.exp([-1 / 2, -4 / 2])
    assert weights == pytest.approx(powers / powers.sum())


@given(st.floats(0.1, 50))
def test_without_a_temperature_the_scale_of_the_encoder_does_not_matter(scale: float) -> None:
    styles = np.array([[1.0, 0.5], [-0.5, 1.0], [3.0, -1.0]])
    live = np.array([0.9, 0.4])
    assert style_weights(scale * live, scale * styles) == pytest.approx(style_weights(live, styles), abs=1e-6)


def test_clips_all_alike_weigh_alike() -> None:
    assert style_weights([5.0], [[1.0], [1.0]]) == pytest.approx([0.5, 0.5])


@given(st.none() | PROSODY, st.none() | PROSODY, DEFAULTS)
def test_speed_and_gain_stay_in_bounds(live: Prosody | None, usual: Prosody | None, defaults: Defaults) -> None:
    assert SPEED_RANGE[0] <= speed_of(live, usual, defaults) <= SPEED_RANGE[1]
    gain = gain_of(live, usual, defaults)
    assert GAIN_RANGE[0] <= gain <= GAIN_RANGE[1]
    assert abs(gain - defaults.gain_db) <= STYLE_GAIN_DB + 1e-9
    if live is None or usual is None:
        assert (speed_of(live, usual, defaults), gain) == (defaults.speed, defaults.gain_db)


def test_who_speaks_faster_and_louder_than_in_his_clips_is_spoken_so() -> None:
    usual = Prosody(6.9, 3.0, 4.0, -20.0)
    assert speed_of(Prosody(6.9, 3.0, 4.4, -20.0), usual, Defaults()) == pytest.approx(1.1)
    assert speed_of(Prosody(6.9, 3.0, 9.0, -20.0), usual, Defaults()) == 1.2
    assert gain_of(Prosody(6.9, 3.0, 4.0, -17.0), usual, Defaults()) == pytest.approx(3.0)
    assert gain_of(Prosody(6.9, 3.0, 4.0, -60.0), usual, Defaults(gain_db=1.0)) == pytest.approx(1.0 - STYLE_GAIN_DB)


def of_clips(clips: tuple[Clip, ...]) -> VoiceProfile:
    return a_profile(clips=clips, models=Models(None, "style", "xtts"), identity=None, style=None)


def test_latents_are_the_written_sum() -> None:
    """L = sum norm(w v) L; d = the weighted mean of the embeddings, renormalised, whatever the style."""
    clips = tuple(
        a_clip(i + 1, weight=w, style=np.array([s, 0.0]), latents=latents(value, turn))
        for i, (w, s, value, turn) in enumerate([(0.5, 0.0, 1.0, 0.0), (0.25, 1.0, 10.0, 0.5), (0.25, 2.0, 100.0, 1.0)])
    )
    profile = of_clips(clips)
    made = condition(profile, Style(np.array([1.0, 0.0], np.float32)), temperature=1.0)
    assert made is not None
    near = np.exp([-1.0, 0.0, -1.0])
    share = np.array([0.5, 0.25, 0.25]) * near / near.sum()
    share /= share.sum()
    assert made.shares == pytest.approx(share)
    assert made.gpt == pytest.approx(np.full((4, 6), share @ [1.0, 10.0, 100.0]), rel=1e-6)
    who = np.array([0.5, 0.25, 0.25]) @ [[math.cos(t), math.sin(t)] for t in (0.0, 0.5, 1.0)]
    assert made.speaker == pytest.approx(who / np.linalg.norm(who), abs=1e-6)
    plain = condition(profile)
    assert plain is not None
    assert plain.gpt == pytest.approx(np.full((4, 6), 0.5 * 1 + 0.25 * 10 + 0.25 * 100), rel=1e-6)
    assert plain.speaker == pytest.approx(made.speaker)


@given(st.lists(st.tuples(st.floats(0, 1), NUMBERS, st.booleans()), min_size=1, max_size=6), st.none() | NUMBERS)
def test_conditioning_stays_within_what_the_clips_span(
    clips: list[tuple[float, float, bool]], live: float | None
) -> None:
    made_of = tuple(
        a_clip(i + 1, weight=w, style=np.array([value]) if styled else None, latents=latents(value))
        for i, (w, value, styled) in enumerate(clips)
    )
    profile = of_clips(made_of)
    made = condition(profile, None if live is None else Style(np.array([live], np.float32)))
    counting = [value for w, value, _ in clips if w > 0]
    if not counting:
        assert made is None
        return
    assert made is not None
    room = 1e-5 * max(1.0, *map(abs, counting))
    assert min(counting) - room <= made.gpt.min() <= made.gpt.max() <= max(counting) + room
    assert float(np.linalg.norm(made.speaker)) == pytest.approx(1.0, abs=1e-5)
    assert made.shares.sum() == pytest.approx(1.0)


def test_a_clip_that_was_rejected_is_never_heard() -> None:
    good, bad = a_clip(1, weight=1.0, latents=latents(1.0)), a_clip(2, weight=0.0, latents=latents(1e6))
    profile = of_clips((good, bad))
    made = condition(profile)
    assert made is not None and made.gpt.max() == 1.0


def test_a_style_of_another_encoder_is_not_compared() -> None:
    clips = (a_clip(1, style=np.array([1.0, 2.0])), a_clip(2, style=np.array([2.0, 1.0])))
    assert shares(clips, Style(np.zeros(3, np.float32))) == pytest.approx([0.5, 0.5])


def test_opposite_embeddings_leave_a_voice() -> None:
    clips = (a_clip(1, weight=0.5, latents=latents(1.0)), a_clip(2, weight=0.5, latents=latents(1.0, math.pi)))
    profile = of_clips(clips)
    made = condition(profile)
    assert made is not None and float(np.linalg.norm(made.speaker)) == pytest.approx(1.0, abs=1e-5)


def test_prosody_is_averaged_by_weight() -> None:
    clips = (
        a_clip(1, weight=0.75, prosody=Prosody(4.0, 0.0, 4.0, -20.0)),
        a_clip(2, weight=0.25, prosody=Prosody(5.0, 1.0, 8.0, -40.0)),
        a_clip(3, weight=0.0, prosody=Prosody(50.0, 1.0, 80.0, 0.0)),
    )
    assert mean_prosody(clips) == Prosody(4.25, 0.25, 5.0, -25.0)
    assert mean_prosody((a_clip(1),)) is None


@given(VECTORS)
def test_cosines_are_cosines(vectors: npt.NDArray[np.float32]) -> None:
    one, other = vectors[0], vectors[-1]
    assert -1 <= cosine(one, other) <= 1
    assert cosine(one, one) == pytest.approx(1.0 if np.any(one) else 0.0)
    assert cosine(one, -one.astype(np.float64)) == pytest.approx(-cosine(one, one))
