"""Speech for the tests, made by flite and espeak-ng: synthetic, the same every time."""

from __future__ import annotations

import io
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples


@lru_cache
def say(text: str, voice: str) -> Pcm:
    """``text`` by ``flite:slt`` or ``espeak:es``, -20 dBFS, 300 ms before and 100 ms behind, as the feed pushes it."""
    engine, _, name = voice.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.wav"
        command = {
            "flite": ["flite", "-voice", name, "-t", text, "-o", str(out)],
            "espeak": ["espeak-ng", "-v", name, "-s", "150", "-w", str(out), "--", text],
        }[engine]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        audio, rate = soundfile.read(io.BytesIO(out.read_bytes()))
    audio = resample_poly(audio, SAMPLE_RATE, rate)
    sound = np.flatnonzero(np.abs(audio) > np.max(np.abs(audio)) / 100)
    audio = audio[sound[0] : sound[-1] + 1]
    audio *= 0.1 / np.sqrt(np.mean(audio[np.abs(audio) > np.max(np.abs(audio)) / 30] ** 2))
    padded = np.pad(audio, (ms_to_samples(300), ms_to_samples(100)))
    padded += np.random.default_rng(1).standard_normal(len(padded)) * 2e-4
    return np.clip(np.round(padded * 32768), -32768, 32767).astype(np.int16)
