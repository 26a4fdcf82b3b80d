"""Levelling a stream: -20 dBFS without holding audio back, steps or clipping; what a clause taught is remembered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.tts.loudness import MAX_VOICES, RISE, Leveller, StreamShaper, VoiceLevels
from dragoman.engines.tts.shaping import PEAK
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm, ms_to_samples

FRAME = FRAME_SAMPLES


def speech(seconds: float, level_db: float, lead_s: float = 0.0, rate: int = SAMPLE_RATE) -> Pcm:
    """A voice-like sound: a tone in syllables of 200 ms, after silence."""
    time = np.arange(round(seconds * rate)) / rate
    syllables = 0.2 + 0.8 * np.sin(np.pi * time / 0.2) ** 2
    wave = np.sin(2 * np.pi * 180 * time) * syllables
    wave *= 32768 * 10 ** (level_db / 20) / np.sqrt(np.mean(wave**2))
    return np.concatenate([np.zeros(round(lead_s * rate)), wave]).round().astype(np.int16)


def level_db(pcm: Pcm) -> float:
    return float(10 * np.log10(np.mean(pcm.astype(float) ** 2) / 32768**2))


def shape(pcm: Pcm, levels: VoiceLevels, size: int = 1000, rate: int = SAMPLE_RATE) -> list[Pcm]:
    shaper = StreamShaper(rate, "voice", levels)
    return [*(shaper.push(pcm[at : at + size]) for at in range(0, len(pcm), size)), shaper.flush()]


@pytest.mark.parametrize("level", [-38, -30, -20, -12])
def test_an_unknown_voice_is_soon_right_and_a_known_one_at_once(level: float) -> None:
    levels = VoiceLevels()
    first = np.concatenate(shape(speech(3, level), levels))
    assert level_db(first[SAMPLE_RATE:]) == pytest.approx(-20, abs=1.5)
    again = np.concatenate(shape(speech(3, level), levels))
    assert level_db(again[: SAMPLE_RATE // 2]) == pytest.approx(-20, abs=2)


def test_nothing_is_held_back() -> None:
    """Each piece comes out with the piece that completes its frame, up to the last loud sample."""
    pcm = speech(1, -25)
    shaper = StreamShaper(SAMPLE_RATE, "voice", VoiceLevels())
    given_, got = 0, 0
    for at in range(0, len(pcm), 800):
        given_ += len(pcm[at : at + 800])
        got += len(shaper.push(pcm[at : at + 800]))
        assert given_ - got < FRAME + ms_to_samples(5)


def test_silence_at_both_ends_is_cut() -> None:
    pcm = np.concatenate([speech(1, -20, lead_s=0.4), np.zeros(8000, np.int16)])
    audio = np.concatenate(shape(pcm, VoiceLevels()))
    assert len(audio) == pytest.approx(SAMPLE_RATE, abs=ms_to_samples(80))
    assert np.argmax(np.abs(audio) > 300) < ms_to_samples(10)


def test_other_rates_are_converted() -> None:
    audio = np.concatenate(shape(speech(2, -28, rate=24_000), VoiceLevels(), rate=24_000))
    assert len(audio) == pytest.approx(2 * SAMPLE_RATE, abs=ms_to_samples(80))
    assert level_db(audio[SAMPLE_RATE:]) == pytest.approx(-20, abs=1.5)


def test_only_silence_gives_nothing_and_teaches_nothing() -> None:
    levels = VoiceLevels()
    assert sum(map(len, shape(np.zeros(SAMPLE_RATE, np.int16), levels))) == 0
    assert levels.get("voice") is None


def test_the_voice_silent_for_longest_is_forgotten() -> None:
    levels = VoiceLevels()
    for number in range(MAX_VOICES + 1):
        levels.learn(str(number), 1.0)
    assert levels.get("0") is None
    assert levels.get("1") == 1.0


@given(st.lists(st.floats(0, 32767), min_size=1, max_size=60), st.one_of(st.none(), st.floats(1, 1e9)))
def test_the_gain_makes_no_step_and_nothing_clips(peaks: list[float], known: float | None) -> None:
    leveller = Leveller(known)
    wave = np.sin(2 * np.pi * 200 * np.arange(FRAME) / SAMPLE_RATE).astype(np.float32)
    before: float | None = None
    for peak in peaks:
        frame = wave * np.float32(peak)
        out = leveller(frame)
        assert np.max(np.abs(out)) <= max(PEAK * 1.001, peak * (leveller.power is None))
        loud = np.abs(frame) > 10
        if not loud.any() or leveller.power is None:
            before = None
            continue
        gains = out[loud] / frame[loud]
        assert gains.max() / gains.min() <= RISE * 1.001  # within a frame
        if before is not None:  # up slowly; down at once where it would clip
            assert gains[0] <= before * RISE * 1.001
        before = float(gains[-1])
