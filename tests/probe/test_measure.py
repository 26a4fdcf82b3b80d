"""What a test call's recordings say: where the sentence ended, and whether and when another voice began behind it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.media.format import Pcm
from dragoman.probe.measure import ALIKE, FRAME_S, heard_after, last_sound, likeness, sentence_end

RATES = st.sampled_from([8000, 16_000])


def sound(seconds: float, db: float, rate: int, seed: int = 1) -> Pcm:
    """Noise of this level, dBFS RMS."""
    noise = np.random.default_rng(seed).normal(size=round(seconds * rate))
    return np.asarray(np.clip(noise * 32768 * 10 ** (db / 20), -32768, 32767), np.int16)


def joined(*parts: Pcm) -> Pcm:
    return np.concatenate(parts)


@given(st.floats(0.5, 3), st.floats(0.3, 2), RATES)
def test_the_end_of_the_sentence_is_where_the_last_sound_was(lead: float, length: float, rate: int) -> None:
    spoken = joined(sound(lead, -70, rate), sound(length, -20, rate), sound(2.0, -70, rate))
    end = sentence_end(spoken, rate)
    assert end == pytest.approx(lead + length, abs=2 * FRAME_S)
    assert sentence_end(spoken, rate, since_s=lead + length + 0.1) is None


@given(st.floats(0.3, 3), st.floats(-40, -6), RATES)
def test_a_voice_behind_the_sentence_is_found_where_it_begins(gap: float, db: float, rate: int) -> None:
    heard = joined(sound(1.0, -38, rate), sound(gap, -70, rate), sound(1.5, db, rate), sound(1.0, -70, rate))
    ear = heard_after(heard, rate, 1.0 + 0.1)
    assert ear is not None
    assert ear.onset_s == pytest.approx(1.0 + gap, abs=2 * FRAME_S)
    assert ear.sound_s == pytest.approx(1.5, abs=4 * FRAME_S)
    assert ear.level_db == pytest.approx(db, abs=1)


@given(RATES, st.floats(0.0, 0.08))
def test_clicks_and_hiss_are_no_voice(rate: int, click: float) -> None:
    heard = joined(sound(1.0, -20, rate), sound(1.0, -58, rate), sound(click, -10, rate), sound(2.0, -58, rate))
    assert heard_after(heard, rate, 1.25) is None


@given(RATES, st.floats(-30, 0), st.integers(0, 20), st.booleans())
def test_a_prompt_is_known_among_other_sound_and_nothing_else_is(rate: int, db: float, lead: int, cut: bool) -> None:
    prompt, other = sound(1.5, -20, rate), sound(1.5, -20, rate, seed=2)
    louder = np.asarray(prompt * 10 ** (db / 20), np.int16)
    whole = joined(other, np.zeros(lead * rate // 50, np.int16), louder[rate // 5 if cut else 0 :])
    assert likeness(joined(whole, sound(1.0, -60, rate, seed=3)), prompt, rate) >= ALIKE
    assert likeness(joined(other, other), prompt, rate) < ALIKE / 2
    assert likeness(prompt[:rate], prompt, rate) < ALIKE  # it lacks too much
    assert likeness(np.zeros(0, np.int16), prompt, rate) == likeness(prompt, prompt[: rate // 2], rate) == 0.0


def test_of_nothing_nothing_is_heard() -> None:
    empty = np.zeros(0, np.int16)
    assert sentence_end(empty, 16_000) is None
    assert heard_after(empty, 16_000, 0.0) is None
    assert last_sound(np.zeros(16_000, np.int16), 16_000) == 0.0
    assert last_sound(joined(sound(1.0, -20, 16_000), np.zeros(16_000, np.int16)), 16_000) == pytest.approx(1.0)


@given(st.binary(max_size=4000), st.floats(-1, 2), RATES)
def test_no_recording_breaks_it(data: bytes, since: float, rate: int) -> None:
    pcm = np.frombuffer(data[: len(data) & ~1], "<i2").astype(np.int16)
    found = heard_after(pcm, rate, since)
    assert found is None or found.onset_s >= since - FRAME_S
    sentence_end(pcm, rate, since)
