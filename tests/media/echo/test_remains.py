"""What was let through is like its echo where it rises and falls with it, and like nothing where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.media.echo.bands import BANDS, powers, sounding_on
from dragoman.media.echo.history import BLOCK, Audio
from dragoman.media.echo.remains import ENOUGH, KEPT, UNLIKE, WEIGHT, RemainsBank
from dragoman.media.format import FRAME_SAMPLES

ROW = np.array([1])


def syllables(frames: int, seed: int) -> Audio:
    """Noise that rises and falls every 100 ms, and moves from band to band."""
    rng, out = np.random.default_rng(seed), []
    for _ in range(-(-frames // 5)):
        tone = np.sin(2 * np.pi * rng.uniform(200, 3000) / 8000 * np.arange(5 * BLOCK))
        out.append(rng.uniform(50, 3000) * (tone + 0.3 * rng.standard_normal(5 * BLOCK)))
    return np.concatenate(out)[: frames * BLOCK].astype(np.float32)


def heard(echo: Audio, left: Audio) -> RemainsBank:
    """A bank in which one leg sent back this and the filters left that, from audio time 0 on."""
    bank = RemainsBank(2)
    bank.open(1)
    bank.look_back(1, (len(echo) // BLOCK - 1) * FRAME_SAMPLES, echo + left, echo)
    return bank


def test_the_remains_of_an_echo_are_like_it_and_a_voice_is_not() -> None:
    echo, voice = syllables(31, 1), syllables(31, 2)
    whole = 30 * FRAME_SAMPLES
    assert heard(echo, 0.3 * echo).likeness(1, 0, whole) > 0.7
    assert heard(echo, voice).likeness(1, 0, whole) < 0.2
    assert heard(echo, 0.3 * voice).likeness(1, 0, whole) < 0.3
    half = np.concatenate([0.3 * echo[: 16 * BLOCK], voice[16 * BLOCK :]])
    assert 0.0 < heard(echo, half).likeness(1, 0, whole) < 0.7


def test_a_word_that_somebody_says_within_a_long_echo_is_heard() -> None:
    echo, voice = syllables(151, 10), syllables(151, 11)
    left = 0.3 * echo
    left[60 * BLOCK : 90 * BLOCK] = voice[60 * BLOCK : 90 * BLOCK]
    assert heard(echo, 0.3 * echo).likeness(1, 0, 150 * FRAME_SAMPLES) > 0.5
    assert heard(echo, left).likeness(1, 0, 150 * FRAME_SAMPLES) < 0.3
    assert heard(echo, left).likeness(1, 0, 50 * FRAME_SAMPLES) > 0.5


def test_what_is_left_counts_half() -> None:
    echo = syllables(31, 8)
    few, much = (heard(echo, share * echo).likeness(1, 0, 30 * FRAME_SAMPLES) for share in (0.25, 4.0))
    # Of an echo e that leaves s * e the tap had (1 + s) * e.
    assert few - much == pytest.approx(WEIGHT * ((4 / 5) ** 2 - (0.25 / 1.25) ** 2), abs=0.02)


def test_it_is_told_of_the_stretch_that_is_asked_for() -> None:
    echo, voice = syllables(61, 4), syllables(61, 5)
    bank = heard(echo, np.concatenate([0.3 * echo[: 31 * BLOCK], voice[31 * BLOCK :]]))
    assert bank.likeness(1, 0, 30 * FRAME_SAMPLES) > 0.7
    assert bank.likeness(1, 32 * FRAME_SAMPLES, 60 * FRAME_SAMPLES) < 0.3


@pytest.mark.parametrize("known", [0, ENOUGH - 1, 23])
def test_nothing_is_told_where_in_a_fifth_or_more_no_echo_was_expected(known: int) -> None:
    echo = syllables(known + 1, 8)
    bank = RemainsBank(2)
    if known:
        bank.look_back(1, known * FRAME_SAMPLES, echo, 0.9 * echo)
    assert bank.likeness(1, 0, 30 * FRAME_SAMPLES) == UNLIKE
    if known > ENOUGH:
        assert bank.likeness(1, 0, 28 * FRAME_SAMPLES) > UNLIKE


def test_a_new_leg_knows_nothing_of_the_one_before_and_other_legs_neither() -> None:
    bank = heard(syllables(31, 6), syllables(31, 7))
    assert bank.likeness(0, 0, 30 * FRAME_SAMPLES) == UNLIKE
    bank.open(1)
    assert bank.likeness(1, 0, 30 * FRAME_SAMPLES) == UNLIKE


def test_what_is_older_than_ten_seconds_is_forgotten_and_not_mistaken() -> None:
    echo = syllables(31, 8)
    bank = heard(echo, 0.3 * echo)
    bank.look_back(1, (KEPT + 30) * FRAME_SAMPLES, echo, 0.7 * echo)
    assert bank.likeness(1, 0, 30 * FRAME_SAMPLES) == UNLIKE
    assert bank.likeness(1, KEPT * FRAME_SAMPLES, (KEPT + 30) * FRAME_SAMPLES) > 0.7
    assert bank.likeness(1, 0, (KEPT + 30) * FRAME_SAMPLES) == UNLIKE


@given(st.integers(-(10**6), 10**9), st.integers(-(10**6), 10**9))
def test_no_times_trouble_it(start: int, stop: int) -> None:
    bank = heard(syllables(31, 2), syllables(31, 3))
    assert -2 <= bank.likeness(1, start, stop) <= 1


def test_what_came_tick_by_tick_and_what_is_looked_back_on_is_the_same() -> None:
    echo = syllables(21, 8)
    left = 0.2 * echo + 0.1 * syllables(21, 9)
    at_once, by_tick = heard(echo, left), RemainsBank(2)
    parts = [each.reshape(-1, BLOCK) for each in (echo, left, echo + left)]
    pairs = [np.concatenate([each[:-1], each[1:]], axis=1) for each in parts[:2]]
    sounds = sounding_on(powers(pairs[0]))
    for number, rest in enumerate(powers(pairs[1])):
        squares = [np.square(parts[which][number + 1]).mean(keepdims=True) for which in (2, 1)]
        by_tick.keep(ROW, np.array([(number + 1) * FRAME_SAMPLES]), rest[None], sounds[number][None], *squares)
    for start in (0, 3 * FRAME_SAMPLES + 7):
        both = [bank.likeness(1, start, 20 * FRAME_SAMPLES) for bank in (at_once, by_tick)]
        assert both[0] == pytest.approx(both[1], abs=1e-4)


def test_an_echo_sounds_on_for_a_while() -> None:
    clap = np.zeros((20, BANDS), np.float32)
    clap[0] = 1000
    on = sounding_on(clap)
    assert np.all(np.diff(on, axis=0) < 0) and on[1, 0] > 600 and 10 < on[19, 0] < 50
