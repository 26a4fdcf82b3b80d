"""Real (synthetic) speech for tests that a tone cannot satisfy."""

from __future__ import annotations

import functools
import io
import shutil
import subprocess
import wave

import numpy as np
import pytest

from dragoman.media.format import SAMPLE_RATE, Pcm


@functools.cache
def spoken(text: str = "good morning, the meeting starts at nine", voice: str = "rms") -> Pcm:
    """What flite says, 16 kHz, without the silence around it; skips the test where flite is not installed."""
    if shutil.which("flite") is None:
        pytest.skip("flite is not installed")
    made = subprocess.run(["flite", "-voice", voice, "-t", text, "-o", "/dev/stdout"], capture_output=True, check=True)
    with wave.open(io.BytesIO(made.stdout)) as clip:
        assert clip.getframerate() == SAMPLE_RATE
        samples = np.frombuffer(clip.readframes(-1), np.int16)
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 300)
    return samples[loud[0] : loud[-1] + 1]
