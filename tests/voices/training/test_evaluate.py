"""Pins the measures of the model cards on data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.voices.training import evaluate

RNG = np.random.default_rng(0)


def test_r_squared() -> None:
    true = RNG.normal(0, 2, (500, 2)).astype(np.float32)
    assert evaluate.r_squared(true, true) == pytest.approx((1, 1))
    assert evaluate.r_squared(np.broadcast_to(true.mean(0), true.shape), true) == pytest.approx((0, 0), abs=1e-4)
    noised = true + RNG.normal(0, 1, true.shape).astype(np.float32)
    assert evaluate.r_squared(noised, true) == pytest.approx((0.75, 0.75), abs=0.06)


def test_r_squared_leaves_out_what_is_not_known() -> None:
    true = RNG.normal(0, 1, (50, 1)).astype(np.float32)
    said = true.copy()
    true[:10], said[:10] = np.nan, 1e6
    assert evaluate.r_squared(said, true) == pytest.approx((1.0,))
    assert np.isnan(evaluate.r_squared(said[:0], true[:0])[0])


def test_the_probe_finds_what_is_linear_and_no_more() -> None:
    vectors = RNG.normal(0, 1, (400, 6)).astype(np.float32)
    linear = vectors @ RNG.normal(0, 1, (6, 1)) + 3
    square = vectors[:, :1] ** 2
    true = np.concatenate([linear, square], 1).astype(np.float32)
    true[:7, 0] = np.nan
    probe = evaluate.fit_probe(vectors[:200], true[:200])
    said = np.concatenate([vectors[200:], np.ones((200, 1))], 1) @ probe
    first, second = evaluate.r_squared(said.astype(np.float32), true[200:])
    assert first > 0.999 and second < 0.2


def test_equal_error_of_what_is_apart_and_of_what_is_not() -> None:
    error, at = evaluate.equal_error(np.array([0.8, 0.9]), np.array([0.1, 0.2]))
    assert error == 0 and 0.2 < at <= 0.8
    error, _ = evaluate.equal_error(RNG.normal(0, 1, 4000), RNG.normal(0, 1, 4000))
    assert error == pytest.approx(0.5, abs=0.03)
    error, at = evaluate.equal_error(RNG.normal(1, 1, 4000), RNG.normal(-1, 1, 4000))
    assert error == pytest.approx(0.159, abs=0.02) and at == pytest.approx(0, abs=0.1)  # one sigma beyond the middle


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=40),
    st.lists(st.floats(-1, 1), min_size=1, max_size=40),
)
@settings(max_examples=60, deadline=None)
def test_the_threshold_gives_the_error(same: list[float], other: list[float]) -> None:
    error, at = evaluate.equal_error(np.array(same), np.array(other))
    refused = np.mean(np.array(same) < at)
    accepted = np.mean(np.array(other) >= at)
    assert error == pytest.approx((refused + accepted) / 2)


def test_pairs_leave_out_a_piece_with_itself() -> None:
    vectors = np.eye(3, dtype=np.float32)
    same, other = evaluate.pairs(vectors, vectors, ["a", "a", "b"])
    assert same.tolist() == [0, 0] and other.tolist() == [0, 0, 0, 0]
