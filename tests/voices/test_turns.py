"""Pins when a clip is two people's: turns are found where they are, a mixed window is nobody's, pitch counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.voices.vectors import PitchIdentity, tone_voice

from dragoman.voices.conditioning import unit
from dragoman.voices.turns import (
    HOP_S,
    MIN_WINDOWS,
    OTHER_PITCH,
    SAME_PITCH,
    SAME_PITCH_SHARE,
    TURN,
    WINDOW_S,
    Groups,
    grouped,
    split,
    turns,
)

Array = npt.NDArray[np.float64]


def windows(whose: list[float], noise: float = 0.5, seed: int = 0) -> Array:
    """Of two people at right angles: 0 the first, 1 the second, between them a window that holds both."""
    rng = np.random.default_rng(seed)
    two = np.linalg.qr(rng.standard_normal((64, 2)))[0].T
    share = np.array(whose)[:, None]
    pure = (1 - share) * two[0] + share * two[1]
    return unit(pure + noise * unit(rng.standard_normal((len(whose), 64))))


def spoken(turns_s: list[float], total_s: float) -> list[float]:
    """How much of each window is the second's, when the two change after each of ``turns_s`` seconds, over and over."""
    at = np.arange(0, total_s, 0.01)
    changes = np.cumsum(np.resize(turns_s, round(total_s / min(turns_s)) + 1))
    second = np.searchsorted(changes, at, side="right") % 2
    size, hop = round(WINDOW_S * 100), round(HOP_S * 100)
    return [float(second[start : start + size].mean()) for start in range(0, len(at) - size + 1, hop)]


def runs(second: npt.NDArray[np.bool_]) -> list[int]:
    edges = np.flatnonzero(np.diff(second.astype(int))) + 1
    return [len(run) for run in np.split(second, edges)]


@pytest.mark.parametrize("turn_s", [2.0, 3.0, 5.0])
@pytest.mark.parametrize("total_s", [10.0, 20.0])
def test_turns_are_found_and_windows_across_a_change_do_not_count(turn_s: float, total_s: float) -> None:
    shares = spoken([turn_s], total_s)
    found = split(windows(shares))
    assert found is not None
    second, alike = found
    wrong = np.mean((np.array(shares) > 0.5) != second)
    assert min(wrong, 1 - wrong) < 0.15
    assert alike < 0.2, "the means hold windows of both"


def test_a_short_interjection_is_found() -> None:
    shares = spoken([9.0, 2.0, 9.0], 20.0)
    found = split(windows(shares))
    assert found is not None
    second, alike = found
    assert 0.05 < min(second.mean(), 1 - second.mean()) < 0.2
    assert alike < 0.2


@pytest.mark.parametrize("seed", range(5))
def test_one_voice_does_not_fall_into_unlike_groups(seed: int) -> None:
    found = split(windows([0.0] * 60, seed=seed))
    assert found is None or found[1] > 0.6


@given(st.lists(st.floats(-1, 1), max_size=40), st.integers(1, 7))
def test_no_turn_is_too_short(gains: list[float], shortest: int) -> None:
    second = turns(np.array(gains), shortest)
    assert len(second) == len(gains)
    if second.any() or not second.all():
        assert len(runs(second)) == 1 or min(runs(second)) >= shortest


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=12), st.integers(1, 3))
def test_no_other_turns_are_better(gains: list[float], shortest: int) -> None:
    gained = np.array(gains)
    every = (np.array([bits >> at & 1 for at in range(len(gains))], np.bool_) for bits in range(1 << len(gains)))
    best = max(float(gained[each].sum()) for each in every if min(runs(each)) >= shortest)
    assert float(gained[turns(gained, shortest)].sum()) == pytest.approx(best, abs=1e-9)


def test_too_few_windows_for_two_turns_are_one() -> None:
    assert not turns(np.array([1.0] * (2 * TURN - 1))).any()


def test_the_farther_apart_the_pitches_the_more_likeness_is_needed() -> None:
    needed = [Groups(0.5, 0.3, apart).needed(0.4) for apart in (0.0, SAME_PITCH, 0.2, 0.3, OTHER_PITCH, 1.0)]
    assert needed == sorted(needed)
    assert needed[0] == needed[1] == pytest.approx(0.4 * SAME_PITCH_SHARE)
    assert needed[-2] == needed[-1] == pytest.approx(0.4)
    assert Groups(0.5, 0.3, 1.0).are_two(0.4) and not Groups(0.5, 0.3, 0.0).are_two(0.4)


def test_how_far_apart_the_groups_speak() -> None:
    found = grouped(np.concatenate([tone_voice(100, 6), tone_voice(200, 6)]), PitchIdentity())
    assert found is not None
    assert found.apart == pytest.approx(1.0, abs=0.02)
    assert found.share == pytest.approx(0.5, abs=0.06)


def test_pitch_is_not_asked_of_two_sentences() -> None:
    found = grouped(np.concatenate([tone_voice(100, 3), tone_voice(200, 3)]), PitchIdentity())
    assert found is not None and found.apart == 0.0


def test_pitch_is_not_asked_of_one_person() -> None:
    encoder = PitchIdentity()
    encoder.threshold = -1.0
    found = grouped(np.concatenate([tone_voice(100, 6), tone_voice(200, 6)]), encoder)
    assert found is not None and found.apart == 0.0 and not found.are_two(encoder.threshold)


def test_it_is_asked_of_enough_speech_only() -> None:
    encoder = PitchIdentity()
    least = WINDOW_S + (MIN_WINDOWS - 1) * HOP_S
    assert grouped(tone_voice(100, least - 0.01), encoder) is None and encoder.calls == 0
    grouped(tone_voice(100, least), encoder)
    assert encoder.calls == MIN_WINDOWS


def test_silence_has_no_pitch_and_is_nobody() -> None:
    class Deaf(PitchIdentity):
        def embed(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
            self.calls += 1
            return np.array([self.calls > 12, self.calls <= 12, 0.0], np.float32)

    found = grouped(np.zeros(16_000 * 8, np.float32), Deaf())
    assert found is not None and found.apart == 0.0
