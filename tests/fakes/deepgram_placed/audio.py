"""Audio of which each frame tells where on the leg's timeline it was taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dragoman.media.format import FRAME_SAMPLES, Pcm

_LOUD = 4000
"""What speech is louder by; what carries the place is below 128, silence to any VAD."""
_MARK = 100
"""First sample of each group of four; the others hold six bits each of the group's number."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word, and the frames (20 ms) in which it is said."""

    text: str
    start: int
    end: int


def placed(words: Sequence[Spoken], pause: int = 100) -> Pcm:
    """The words' audio from the leg's beginning, with so many frames of silence behind the last."""
    loud = np.zeros(words[-1].end + pause, bool)
    for word in words:
        loud[word.start : word.end] = True
    group = np.arange(len(loud) * FRAME_SAMPLES // 4)
    marks = np.full_like(group, _MARK)
    pcm = np.stack([marks, group & 63, (group >> 6) & 63, (group >> 12) & 63], axis=1).reshape(-1)
    return (pcm + np.repeat(loud, FRAME_SAMPLES) * _LOUD).astype(np.int16)


def place(frame: Pcm) -> int | None:
    """The leg's frame in the middle of these samples; None: they are none of the leg's."""
    middle = frame[FRAME_SAMPLES // 2 - 4 :][:8].astype(int)
    middle = np.where(middle >= _LOUD - 1, middle - _LOUD, middle)
    for i in range(4):
        if middle[i] == _MARK:
            group = middle[i + 1] | middle[i + 2] << 6 | middle[i + 3] << 12
            return int(group * 4 - i + 4) // FRAME_SAMPLES
    return None
