"""A sound is followed along another voice's reading of its text: which word is said when, in voices of buzzes.

Each word has spectra of its own; the two voices differ in pace, loudness, pitch and length of the vocal tract.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.engines.tts.xtts.align import HOP, MIDDLE, RATE, Reference, Track, follow

WORDS = tuple("alpha beta gamma delta epsilon zeta eta theta iota kappa".split())

Pcm = npt.NDArray[np.int16]


def said(
    pace: float, tract: float, hz: float, pauses: dict[int, float] | None = None, seed: int = 0
) -> tuple[Pcm, list[tuple[int, int]]]:
    """The words in one voice, and where each begins and ends: four sounds each, of two formants."""
    pace_of = np.random.default_rng(seed)
    parts, spans, at = [np.zeros(2400)], [], 2400
    for number, _ in enumerate(WORDS):
        formants = np.random.default_rng(1000 + number)
        begin = at
        for _ in range(4):
            low, high = formants.uniform(250, 900) * tract, formants.uniform(1000, 3500) * tract
            length = int(0.08 * RATE / pace * pace_of.uniform(0.8, 1.25))
            harmonics = np.arange(hz, 6000, hz)
            strengths = sum(1 / (1 + ((harmonics - f) / 90) ** 2) for f in (low, high)) + 1e-3
            t = np.arange(length) / RATE
            parts.append(4000 * np.sin(2 * np.pi * np.outer(t, harmonics)) @ strengths)
            at += length
        spans.append((begin, at))
        pause = int((pauses or {}).get(number, 0.0) * RATE)
        parts.append(np.zeros(pause))
        at += pause
    sound = np.concatenate(parts)
    sound += np.random.default_rng(seed).normal(0, 3, len(sound))
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16), spans


@pytest.fixture(scope="module")
def reference() -> Reference:
    sound, spans = said(1.0, 1.0, 120.0)
    return Reference(sound, tuple(begin for begin, _ in spans))


def followed(sound: Pcm, reference: Reference) -> Track:
    track = follow(sound, reference, WORDS, " ")
    assert track is not None
    return track


@pytest.mark.parametrize(("pace", "tract", "hz"), [(0.6, 1.0, 120.0), (1.0, 1.15, 210.0), (1.5, 0.88, 90.0)])
def test_it_ends_with_a_word_and_goes_on_with_the_next(
    reference: Reference, pace: float, tract: float, hz: float
) -> None:
    sound, spans = said(pace, tract, hz, {2: 0.3, 5: 0.1}, seed=1)
    for wrong in range(2, len(WORDS)):
        begin, end = spans[wrong]
        track = followed(sound[: (begin + end) // 2], reference)
        cut = track.cut(begin - 4800)
        gap = [at for at in range(begin - 4800, (begin + end) // 2, HOP) if abs(at - cut.at) < HOP]
        assert gap, "behind what was played, before it goes wrong"
        number = len(WORDS) - len(cut.rest.split())
        assert cut.rest.split() == list(WORDS[number:])
        assert abs(cut.at - spans[number - 1][1]) < 0.05 * RATE or spans[number - 1][1] <= cut.at <= spans[number][0]
        assert cut.certain > 0.5


def test_a_pause_is_cut_where_it_is_played(reference: Reference) -> None:
    sound, spans = said(1.0, 1.0, 120.0, {4: 0.6}, seed=2)
    played = spans[4][1] + 7200
    cut = followed(sound[: spans[4][1] + 12_000], reference).cut(played)
    assert cut.at >= played and cut.rest.split() == list(WORDS[5:]) and cut.certain > 0.5


def test_within_a_word_of_which_most_was_heard_it_goes_on_with_the_next_else_it_says_it_again(
    reference: Reference,
) -> None:
    sound, spans = said(1.0, 1.0, 120.0, seed=3)
    begin, end = spans[5]
    for share, rest in ((0.3, WORDS[5:]), (0.95, WORDS[6:])):
        at = begin + round(share * (end - begin))
        cut = followed(sound[:at], reference).cut(at)
        assert (cut.at, cut.rest.split()) == (at, list(rest))


def test_what_was_not_heard_at_all_is_said_whole(reference: Reference) -> None:
    sound, _ = said(1.0, 1.0, 120.0)
    track = followed(sound[:40_000], reference)
    for played in (0, -500):
        assert track.cut(played).rest == " ".join(WORDS) and track.cut(played).at == 0


def test_a_sound_that_is_no_speech_is_not_followed(reference: Reference) -> None:
    noise = np.random.default_rng(0).normal(0, 3000, 2 * RATE).astype(np.int16)
    assert follow(noise, reference, WORDS, " ") is None
    assert follow(np.zeros(RATE, np.int16), reference, WORDS, " ") is None
    assert follow(np.zeros(0, np.int16), reference, WORDS, " ") is None


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30_000), st.integers(-100, 40_000), st.integers(0, 99), st.integers(1, 9))
def test_whatever_comes_the_rest_is_an_end_of_the_text_and_the_cut_is_behind_what_was_played(
    length: int, played: int, seed: int, scale: int
) -> None:
    sound, spans = said(1.0, 1.0, 120.0)
    made = np.random.default_rng(seed).normal(0, 10**scale / 1e5, length) + sound[:length] * (seed % 2)
    reference = Reference(sound, tuple(begin for begin, _ in spans))
    track = follow(np.clip(made, -32768, 32767).astype(np.int16), reference, WORDS, " ")
    if track is None:
        return
    cut = track.cut(played)
    assert " ".join(WORDS).endswith(cut.rest)
    assert cut.at >= played if played > 0 else cut.at == 0
    assert 0.0 <= cut.certain <= 1.0 + 1e-6
    assert len(track.cost) == max(0, (length - 2 * MIDDLE) // HOP + 1) and np.isfinite(track.cost).all()
