"""Clips as people send them: synthetic speech-like sound, in any format, and files that are none."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile


def voiced(seconds: float = 4.0, rate: int = 16_000, pitch: float = 120.0, seed: int = 1) -> Any:
    """Float samples, shape (n,): syllables of a harmonic tone with pauses; another ``pitch`` is another voice."""
    rng = np.random.default_rng(seed)
    at = np.arange(int(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * pitch * k * at) / k for k in range(1, 12))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * at + rng.uniform(0, 6)), 0, 1)
    return (0.2 * tone * syllables + 0.0005 * rng.standard_normal(len(at))).astype(np.float32)


def encoded(samples: Any, rate: int = 16_000, kind: str = "WAV", subtype: str | None = None) -> bytes:
    """Samples, shape (n,) or (n, channels), as a file of libsndfile's ``kind``."""
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=kind, subtype=subtype)
    return out.getvalue()


def wav(**changes: Any) -> bytes:
    """A good clip."""
    return encoded(voiced(**changes), changes.get("rate", 16_000))
