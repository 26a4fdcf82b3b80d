"""What a recording has in it: tones and prompts."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 16_000

Sound = npt.NDArray[np.float64]


def tone_file(path: Path, hertz: float, seconds: float = 60.0) -> Path:
    """A microphone that hums: -10 dBFS."""
    samples = 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE)
        target.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def load(path: Path) -> Sound:
    """Samples from -1 to 1 of a 16 kHz mono file."""
    with wave.open(str(path), "rb") as source:
        assert (source.getframerate(), source.getnchannels()) == (RATE, 1)
        return np.frombuffer(source.readframes(source.getnframes()), "<i2") / 32768


def tone_seconds(sound: Sound, hertz: float) -> float:
    """Seconds of the recording in which a tone of about this frequency is loud: 100 ms windows, at least -26 dBFS."""
    size = RATE // 10
    windows = sound[: len(sound) // size * size].reshape(-1, size)
    reference = np.exp(-2j * np.pi * hertz * np.arange(size) / RATE)
    amplitude = 2 * np.abs(windows @ reference) / size
    return float(np.count_nonzero(amplitude > 0.05)) / 10


def likeness(sound: Sound, prompt: Sound) -> float:
    """How much of ``prompt`` is somewhere in ``sound``: the greatest normalized correlation, 1 for a faithful copy.

    Its first and last quarter second do not count: a phone may open late and hang up early.
    """
    wanted = prompt[RATE // 4 : len(prompt) - RATE // 4]
    if len(sound) < len(wanted):
        return 0.0
    length = len(sound) + len(wanted)
    product = np.fft.irfft(np.fft.rfft(sound, length) * np.conj(np.fft.rfft(wanted, length)), length)
    energy = np.concatenate([[0.0], np.cumsum(sound**2)])
    local = energy[len(wanted) :] - energy[: len(energy) - len(wanted)]
    scale = np.sqrt(np.maximum(local, 1e-6) * np.sum(wanted**2))
    return float(np.max(product[: len(local)] / scale))


def prompt_heard(recording: Path, prompts: Path, *names: str) -> str | None:
    """Which one of the prompts (``es/notice``) the recording has in it, if any."""
    sound = load(recording)
    scores = {name: likeness(sound, load(prompts / f"{name}.wav16")) for name in names}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > 0.6 else None
