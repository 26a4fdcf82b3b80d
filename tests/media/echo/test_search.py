"""How a stretch is compared with what sounded: found at its delay, explained by its way; steady notes tell nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.media.echo.history import RATE, Audio
from dragoman.media.echo.search import (
    EARLIEST,
    EXPLAINED,
    LONGEST,
    SIMILAR,
    SIZE,
    STRETCH,
    TAPS,
    alike,
    fit,
    reference,
    steady,
    stretch,
)

REHEARSED = 24 * 160


def hiss(rng: np.random.Generator, samples: int) -> Audio:
    return (1000 * rng.standard_normal(samples)).astype(np.float32)


def notes(rng: np.random.Generator, samples: int, every: int) -> Audio:
    """Chords with overtones that fade, a new one every so many samples."""
    at = np.arange(every) / RATE
    chords: list[Audio] = []
    while sum(map(len, chords)) < samples:
        roots = 220 * 2 ** (rng.integers(12) / 12) * np.array([1, 1.25, 1.5])
        tones = [np.sin(2 * np.pi * root * k * at) / k for root in roots for k in (1, 2, 3)]
        chords.append((3000 * np.sum(tones, axis=0) * np.exp(-2 * at)).astype(np.float32))
    return np.concatenate(chords)[:samples]


@given(seed=st.integers(0, 2**32 - 1), lag=st.integers(0, LONGEST - 1))
@settings(max_examples=20, deadline=None)
def test_an_echo_is_found_at_its_delay_and_explained_by_its_way(seed: int, lag: int) -> None:
    rng = np.random.default_rng(seed)
    heard = hiss(rng, SIZE + EARLIEST)
    said = 0.3 * heard[len(heard) - lag - STRETCH : len(heard) - lag] + 0.1 * hiss(rng, STRETCH)
    spectrum, energy = stretch(said)
    likeness = alike(spectrum, energy, reference(heard))
    assert int(likeness.argmax()) + EARLIEST == lag and likeness.max() > SIMILAR
    before = np.concatenate([np.zeros(TAPS, np.float32), heard])
    end = len(before) - lag
    _, rest = fit(said, before[end - STRETCH - TAPS + 1 : end], TAPS)
    assert np.dot(rest, rest) < (1 - EXPLAINED) * np.dot(said, said)


@pytest.mark.parametrize("every", [RATE // 2, RATE])
def test_notes_are_steady_also_where_one_follows_another(every: int) -> None:
    rng = np.random.default_rng(3)
    tune = notes(rng, 40 * RATE, every)
    starts = range(0, len(tune) - REHEARSED, 1000)
    found = [steady(tune[at : at + REHEARSED]) for at in starts]
    assert sum(found) > 0.9 * len(found)


@given(seed=st.integers(0, 2**32 - 1), syllable=st.integers(RATE // 20, RATE // 4))
@settings(max_examples=20, deadline=None)
def test_sounds_that_change_as_a_voice_does_are_not(seed: int, syllable: int) -> None:
    rng = np.random.default_rng(seed)
    colour = rng.standard_normal(24) * 0.9 ** np.arange(24)
    sound = np.convolve(hiss(rng, REHEARSED), colour, "same") * (np.arange(REHEARSED) // syllable % 2)
    assert not steady(sound.astype(np.float32))


def test_two_notes_are_foreseen_each_by_itself() -> None:
    """By one fit for all of it the second note is not: it would look like a voice."""
    at = np.arange(REHEARSED) / RATE
    tones = [np.sum([np.sin(2 * np.pi * root * k * at) / k for k in (1, 2, 3)], axis=0) for root in (220.0, 311.0)]
    sound = 3000 * np.where(at < 0.24, *tones)
    assert steady(sound.astype(np.float32))


def test_silence_is_steady_and_so_tells_nothing() -> None:
    assert steady(np.zeros(REHEARSED, np.float32))
