"""What is wrong with a clip is found, each fault alone, at every usual rate; a good clip has none; junk is judged."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.voices.vectors import PitchIdentity, noise, tone_voice

from dragoman.media.codec import mulaw_decode, mulaw_encode
from dragoman.media.resample import to_pcm
from dragoman.voices.clip import ClipReport, compare, examine, resample
from dragoman.voices.embedders import Samples
from dragoman.voices.fault import FaultKind

RATES = (8000, 16_000, 22_050, 24_000, 44_100, 48_000)


def kinds(report: ClipReport) -> list[FaultKind]:
    return [fault.kind for fault in report.faults]


def in_a_room(samples: Samples, snr_db: float = 40.0) -> Samples:
    level = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) * 10 ** (-snr_db / 20)
    return samples + noise(len(samples), level)


@pytest.mark.parametrize("rate", RATES)
def test_a_good_clip_has_no_fault(rate: int) -> None:
    report = examine(in_a_room(tone_voice(110, 6, rate)), rate, PitchIdentity())
    assert report.usable, report.faults
    assert report.seconds == pytest.approx(6, abs=0.1)
    assert 4.5 < report.speech_seconds <= 6
    assert report.identity is not None


def test_a_good_clip_over_a_phone_line_has_no_fault() -> None:
    narrow = resample(in_a_room(tone_voice(110, 6), 30), 16_000, 8000)
    coded = mulaw_decode(mulaw_encode(to_pcm(narrow * np.float32(32768))))
    assert examine(coded.astype(np.float32) / np.float32(32768), 8000).faults == ()


@pytest.mark.parametrize("snr", [20, 30, 45])
def test_the_ratio_to_noise_is_measured(snr: int) -> None:
    report = examine(in_a_room(tone_voice(110, 8), snr), 16_000)
    assert report.snr_db == pytest.approx(snr, abs=4)


def test_too_short() -> None:
    report = examine(in_a_room(tone_voice(110, 1)), 16_000)
    assert kinds(report) == [FaultKind.TOO_SHORT]
    assert "0.9 s of speech" in report.faults[0].text or "1.0 s of speech" in report.faults[0].text


def test_a_long_pause_is_no_speech() -> None:
    samples = np.concatenate([noise(80_000, 1e-4), tone_voice(110, 1.5), noise(80_000, 1e-4)])
    assert kinds(examine(samples, 16_000)) == [FaultKind.TOO_SHORT]


def test_too_long() -> None:
    assert FaultKind.TOO_LONG in kinds(examine(in_a_room(tone_voice(110, 121, 8000)), 8000))


@pytest.mark.parametrize(
    "samples", [np.zeros(0), np.zeros(1), np.zeros(96_000), np.full(96_000, 0.3), noise(96_000, 1e-4)]
)
def test_silent(samples: npt.NDArray[np.float32]) -> None:
    assert kinds(examine(samples, 16_000)) == [FaultKind.SILENT]


@pytest.mark.parametrize("volume", [1.0, 0.3])
def test_clipped_even_when_turned_down_afterwards(volume: float) -> None:
    loud = np.clip(3.0 * in_a_room(tone_voice(110, 6, level=1.0)), -1, 1)
    report = examine(volume * loud, 16_000)
    assert kinds(report) == [FaultKind.CLIPPED]
    assert report.clipped > 0.01


def test_full_scale_is_not_clipped() -> None:
    assert examine(tone_voice(110, 6, level=1.0), 16_000).clipped < 0.001


@pytest.mark.parametrize("snr", [0, 5, 10])
def test_noisy(snr: int) -> None:
    assert FaultKind.NOISY in kinds(examine(in_a_room(tone_voice(110, 6), snr), 16_000))


def test_noise_under_a_gate_is_found() -> None:
    """An echo canceller that sends zeros in the pauses must not make a noisy line look clean."""
    noisy = in_a_room(tone_voice(110, 6), 8)
    gated = noisy * np.repeat(np.abs(tone_voice(110, 6)).reshape(-1, 320).max(axis=1) > 1e-3, 320)
    assert FaultKind.NOISY in kinds(examine(gated, 16_000))


def test_two_speakers() -> None:
    both = np.concatenate([tone_voice(90, 5), tone_voice(210, 5)])
    report = examine(in_a_room(both), 16_000, PitchIdentity())
    assert kinds(report) == [FaultKind.TWO_SPEAKERS]
    assert examine(in_a_room(both), 16_000).usable, "without an encoder nobody can tell"


def test_a_voice_that_rises_a_little_is_one_speaker() -> None:
    one = np.concatenate([tone_voice(100, 5), tone_voice(120, 5)])
    assert examine(in_a_room(one), 16_000, PitchIdentity()).usable


def test_the_odd_one_out_is_named() -> None:
    encoder = PitchIdentity()
    reports = [examine(in_a_room(tone_voice(p, 4)), 16_000, encoder) for p in (100, 230, 105, 98)]
    found = compare(reports, encoder.threshold)
    assert [[fault.kind for fault in each] for each in found] == [[], [FaultKind.ANOTHER_SPEAKER], [], []]
    assert "0.80 is needed" in found[1][0].text


def test_of_two_who_disagree_neither_is_right() -> None:
    encoder = PitchIdentity()
    reports = [examine(in_a_room(tone_voice(p, 4)), 16_000, encoder) for p in (100, 230)]
    assert [len(each) for each in compare(reports, encoder.threshold)] == [1, 1]


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float32, st.integers(0, 4000), elements=st.floats(width=32)),
    st.sampled_from(RATES),
    st.booleans(),
)
def test_junk_is_judged_not_crashed_on(samples: npt.NDArray[np.float32], rate: int, ask: bool) -> None:
    report = examine(samples, rate, PitchIdentity() if ask else None)
    assert report.faults, "so short a clip cannot be good"
    assert all(fault.text for fault in report.faults)
    for figure in (report.level_dbfs, report.snr_db, report.clipped, report.speech_seconds):
        assert np.isfinite(figure)
