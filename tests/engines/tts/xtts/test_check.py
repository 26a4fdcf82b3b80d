"""The self-check: what it finds, how soon, and that good speech passes."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.engines.tts.xtts.check import (
    LOOP,
    MAX_PERIOD,
    OPENING_LOOP,
    TOKEN_S,
    Expected,
    Fault,
    SelfCheck,
)

SECOND = 24_000


def tone(seconds: float, rms: float = 0.1) -> np.ndarray:
    at = np.arange(round(seconds * SECOND))
    return (np.sin(at * 2 * np.pi * 200 / SECOND) * rms * np.sqrt(2)).astype(np.float32)


def check(seconds: float = 60.0) -> SelfCheck:
    return SelfCheck(Expected(0.0, seconds))


@pytest.mark.parametrize("period", range(1, MAX_PERIOD + 1))
def test_a_repeated_pattern_is_found_within_its_bound(period: int) -> None:
    pattern = list(range(100, 100 + period))
    found = check()
    tokens = [1, 2, 3, *pattern * LOOP]
    at = next(n for n, token in enumerate(tokens) if found.token(token) is Fault.REPETITION)
    assert at - 3 + 1 == max(LOOP, 3 * period)


def test_before_anything_is_heard_repetition_is_found_sooner() -> None:
    found = check()
    faults = [found.token(5, heard=False) for _ in range(OPENING_LOOP)]
    assert faults == [None] * (OPENING_LOOP - 1) + [Fault.REPETITION]


@given(st.integers(0, 1000))
def test_speech_without_loops_passes(seed: int) -> None:
    tokens = random.Random(seed)
    found = check()
    assert all(found.token(tokens.randrange(1000), heard=n > 10) is None for n in range(300))


def test_a_piece_without_an_end_is_stopped() -> None:
    expected = Expected.of("forty characters of a rather plain text.", "en")
    found = SelfCheck(expected)
    faults = [found.token(n) for n in range(400)]
    assert faults.index(Fault.TOO_LONG) * TOKEN_S == pytest.approx(expected.longest, abs=2 * TOKEN_S)
    assert found.overdue


@pytest.mark.parametrize(
    ("text", "language", "seconds", "fault"),
    [
        ("forty characters of a rather plain text.", "en", 2.7, None),
        ("forty characters of a rather plain text.", "en", 1.4, None),
        ("forty characters of a rather plain text.", "en", 6.0, None),
        ("forty characters of a rather plain text.", "en", 0.8, Fault.TOO_SHORT),
        ("no...", "en", 0.3, None),
        ("no...", "en", 0.05, Fault.TOO_SHORT),
        ("今日は天気がとてもいいですね", "ja", 2.5, None),
        ("今日は天気がとてもいいですね", "ja", 0.6, Fault.TOO_SHORT),
    ],
)
def test_how_long_a_text_may_take(text: str, language: str, seconds: float, fault: Fault | None) -> None:
    found = SelfCheck(Expected.of(text, language))
    assert all(found.token(n) is None for n in range(round(seconds / TOKEN_S)))
    assert found.end() is fault


def test_no_more_than_there_is_room_for() -> None:
    expected = Expected(1.0, 100.0).within(50)
    assert expected.most_tokens < 50
    assert Expected(1.0, 1.5).within(50) == Expected(1.0, 1.5)


@given(st.lists(st.integers(200, 5000), min_size=1, max_size=30))
@settings(deadline=None)  # a busy machine
def test_silence_is_found_however_the_sound_comes(sizes: list[int]) -> None:
    found = check()
    sound = np.concatenate([tone(0.5), np.zeros(4 * SECOND, np.float32)])
    fault, start = None, 0
    while fault is None and start < len(sound):
        size = sizes[start % len(sizes)]
        fault = found.audio(sound[start : start + size])
        start += size
    assert fault is Fault.SILENCE
    assert 0.5 + 1.2 <= start / SECOND + 0.02 <= 0.5 + 1.2 + 0.3


def test_pauses_pass() -> None:
    found = check()
    for _ in range(5):
        assert found.audio(tone(0.5)) is None
        assert found.audio(np.zeros(SECOND, np.float32)) is None


@pytest.mark.parametrize("sound", [tone(0.1, 0.9), np.full(100, np.nan, np.float32), np.full(100, np.inf, np.float32)])
def test_noise_is_found(sound: np.ndarray) -> None:
    assert check().audio(sound) is Fault.NOISE
