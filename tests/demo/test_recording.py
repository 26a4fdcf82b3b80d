from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dragoman.demo.recording import RecordingClock, read_wav
from dragoman.errors import DemoError
from dragoman.media.format import SAMPLE_RATE


def test_a_recording_that_stood_still_is_mapped_in_both_directions() -> None:
    # 2 s recorded from 100.0 on, nothing for 3 s, 4 s more
    clock = RecordingClock.of(
        lambda sample: 100.0 + sample / SAMPLE_RATE + (3.0 if sample >= 2 * SAMPLE_RATE else 0.0), 6 * SAMPLE_RATE
    )
    assert [clock.unix(second) for second in (0.0, 1.0, 2.0, 5.0, 6.5)] == pytest.approx([100, 101, 105, 108, 109.5])
    assert [clock.second(unix) for unix in (99.0, 101.0, 108.0)] == pytest.approx([-1, 1, 5])
    assert 1.8 <= clock.second(103.5) <= 2.0


def test_other_rates_are_resampled(tmp_path: Path) -> None:
    tone = np.round(8000 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(np.int16)
    soundfile.write(tmp_path / "narrow.wav", tone, 8000)
    pcm = read_wav(tmp_path / "narrow.wav")
    assert (pcm.dtype, len(pcm)) == (np.int16, SAMPLE_RATE)
    assert np.abs(np.fft.rfft(pcm)).argmax() == 440


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    for name in ("broken.wav", "nowhere.wav"):
        with pytest.raises(DemoError, match=name):
            read_wav(tmp_path / name)
