"""Whether what filters leave of an echo is somebody's voice: a voice over it is seen, an echo alone is not for long."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman.media.echo.bands import BANDS, LEAST_GAIN, LEAST_NEAR, BandBank, powers
from dragoman.media.echo.history import BLOCK, Audio

ONE = np.zeros(1, np.int64)


def noise(rng: np.random.Generator, level: float) -> Audio:
    return (level * rng.standard_normal((1, BLOCK))).astype(np.float32)


def verdicts(bank: BandBank, levels: list[tuple[float, float, float]], begin: int, seed: int = 1) -> list[bool]:
    """Per frame: level of the echo, share of it that filters leave (of its amplitude), level of a voice."""
    rng = np.random.default_rng(seed)
    found = []
    for number, (echo, share, voice) in enumerate(levels, begin):
        left = noise(rng, echo * share) + noise(rng, voice) + noise(rng, 5)
        near = np.array([bool(found and found[-1])])
        found.append(bool(bank.judge(ONE, ONE + number * BLOCK, left, noise(rng, echo), near)[0]))
    return found


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_a_voice_as_loud_as_the_echo_is_seen_at_once_and_the_echo_alone_is_not(share: float) -> None:
    bank = BandBank(1)
    bank.open(0)
    alone = verdicts(bank, [(1000, share, 0)] * 300, 1)
    assert sum(alone[100:]) < 10
    over = verdicts(bank, [(1000, share, 1000)] * 20, 301, seed=2)
    assert any(over[:5]) and sum(over) >= 15


def test_where_no_echo_sounds_a_voice_is_a_voice() -> None:
    bank = BandBank(1)
    bank.open(0)
    assert not any(verdicts(bank, [(0, 0, 0)] * 50, 1)[5:])
    assert sum(verdicts(bank, [(0, 0, 500)] * 10, 51)) >= 8


def test_a_voice_that_lasts_is_not_learnt_away_within_a_sentence() -> None:
    bank = BandBank(1)
    bank.open(0)
    verdicts(bank, [(1000, 0.1, 0)] * 200, 1)
    assert sum(verdicts(bank, [(1000, 0.1, 1000)] * 100, 201)) > 90


def test_a_new_filter_may_leave_more_again() -> None:
    bank = BandBank(1)
    bank.open(0)
    verdicts(bank, [(1000, 0.1, 0)] * 200, 1)
    bank.learn(0)
    assert bank.score[0] == 0
    assert sum(verdicts(bank, [(1000, 0.4, 0)] * 20, 201)) < 5


@pytest.mark.parametrize("hz", [300, 700, 1400, 3000])
def test_a_tone_lies_in_one_band(hz: float) -> None:
    tone = np.sin(2 * np.pi * hz * np.arange(2 * BLOCK) / 8000, dtype=np.float32)[None]
    found = powers(tone)[0]
    assert found.shape == (BANDS,) and found.max() > 10 * np.sort(found)[-2]


def test_an_echo_alone_is_taken_down_and_a_voice_over_it_is_not() -> None:
    bank = BandBank(1)
    bank.open(0)
    assert np.array_equal(bank.gains[0], np.ones(BANDS + 1, np.float32))
    verdicts(bank, [(1000, 0.2, 0)] * 300, 1)
    alone = bank.gains[0].copy()
    verdicts(bank, [(1000, 0.2, 1000)] * 3, 301)
    over = bank.gains[0, :BANDS]
    assert np.square(alone).mean() < 0.1 < 0.5 < np.square(over).mean()
    assert bank.gains.min() >= LEAST_GAIN and bank.gains.max() <= 1


@pytest.mark.parametrize("near", [False, True])
def test_between_the_syllables_of_who_speaks_an_echo_is_not_taken_down_as_far(near: bool) -> None:
    bank, rng = BandBank(1), np.random.default_rng(3)
    bank.open(0)
    verdicts(bank, [(1000, 0.2, 0)] * 300, 1)
    lowest = []
    for number in range(301, 321):
        left = noise(rng, 100) + noise(rng, 5)
        voice = bank.judge(ONE, ONE + number * BLOCK, left, noise(rng, 1000), np.array([near]))
        assert not voice[0], "it is quieter than what is left at other times"
        lowest.append(bank.gains[0, :BANDS].min())
    assert np.allclose(lowest, LEAST_NEAR if near else LEAST_GAIN)
