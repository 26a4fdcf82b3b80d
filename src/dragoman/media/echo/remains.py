"""What filters left of a leg's echoes lately, beside these: does what was let through follow the echo? Pure.

Frame by frame a loudspeaker that distorts, or a way that is not learnt yet, cannot be told from a voice (``bands``).
Over a word or two it can: what is left of an echo rises and falls with it in each band, a voice does not.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.echo.bands import BANDS, Powers, powers, sounding_on
from dragoman.media.echo.history import BLOCK, Audio, Rows
from dragoman.media.format import FRAME_SAMPLES

KEPT: Final = 512
"""Frames kept per leg (10 s): a recogniser tells of an utterance of few words within that."""

LEAST: Final = 30.0
"""Power per bin (int16 units squared) below which nothing tells anything: three times ``bands.QUIETEST``."""

SECOND: Final = 50
"""Frames that are judged at once: within a long utterance somebody may speak for a word or two."""

ENOUGH: Final = 8
"""Frames (160 ms) without which nothing is told: a single syllable of anybody's may rise and fall as the echo does.
Of a shorter word what lies around it is judged as well."""

WEIGHT: Final = 0.5
"""Of the share that is left against the correlation: of an echo of which the filters take little (0.4 and more is left)
what is left follows it as much, of a voice over an echo that they take well (0.15 is left) it does not. Of 18 echoes
three look like a voice, with 0 five, with 1 seven, where as few of people's utterances look like an echo."""

MOST_LEFT: Final = 2.0
"""Share that counts at most: a filter that adds so much knows nothing."""

UNLIKE: Final = -2.0
"""Where nothing can be told: no more than what is most unlike an echo."""

KNOWN: Final = 0.8
"""Share of a stretch in which an echo must have been expected: in the rest somebody may have spoken."""


class RemainsBank:
    """By row of a leg.

    Args:
        legs: how many at most; 24 KB each once used.
    """

    def __init__(self, legs: int) -> None:
        self._powers = np.zeros((legs, KEPT, 2, BANDS), np.float16)  # natural logarithms: left, echo
        self._energy = np.zeros((legs, KEPT, 2), np.float32)  # mean squares: of the frame, and of what was left
        self._at: Rows = np.full((legs, KEPT), -1, np.int64)  # the frame's end in audio time

    def open(self, row: int) -> None:
        """A leg begins."""
        self._at[row] = -1

    def keep(
        self,
        rows: Rows,
        ends: Rows,
        left: Powers,
        echoes: Powers,
        whole: npt.NDArray[np.float32],
        rest: npt.NDArray[np.float32],
    ) -> None:
        """Frames, one of each leg or several of one.

        Args:
            rows: the legs, (n,).
            ends: the frames' ends in audio time, samples.
            left: (n, BANDS) what the filters left.
            echoes: (n, BANDS) the echoes that they expected, with what reverberates.
            whole: (n,) mean square of the frames.
            rest: (n,) mean square of what was left.
        """
        at = ends // FRAME_SAMPLES % KEPT
        self._powers[rows, at] = np.log(np.stack([left, echoes], axis=1) + np.float32(LEAST))
        self._energy[rows, at] = np.stack([whole, rest], axis=1)
        self._at[rows, at] = ends

    def look_back(self, row: int, end: int, said: Audio, echoes: Audio) -> None:
        """Frames that came before their echo was known, compared with it all the same.

        Args:
            row: the leg.
            end: audio time behind them.
            said: (n * BLOCK,) what the leg said in these frames and in one before them.
            echoes: (n * BLOCK,) what echo there was.
        """
        both = np.stack([said - echoes, echoes])
        left, heard = powers(
            np.lib.stride_tricks.sliding_window_view(both, 2 * BLOCK, axis=1)[:, ::BLOCK].reshape(-1, 2 * BLOCK)
        ).reshape(2, -1, BANDS)
        energy = np.square(np.stack([said, both[0]]).reshape(2, -1, BLOCK)).mean(axis=2)[:, 1:]
        sounds = sounding_on(heard)
        ends = end - FRAME_SAMPLES * np.arange(len(heard) - 1, -1, -1)
        some = sounds.mean(axis=1) > LEAST
        self.keep(np.full(int(some.sum()), row), ends[some], left[some], sounds[some], *energy[:, some])

    def likeness(self, row: int, start: int, stop: int) -> float:
        """How much what came between two audio times (samples) was nothing but the echoes expected then.

        Of each second or so the correlation of what the filters left with these echoes, in logarithms by band, less
        ``WEIGHT`` of the share of the energy that they left: 1 for what follows its echo and is gone without it, about
        0 and less for a voice; ``UNLIKE`` where too little was expected, or it is forgotten. Told is the least.
        """
        first, last = start // FRAME_SAMPLES, -(-stop // FRAME_SAMPLES)
        more = max(ENOUGH - (last - first), 0)
        ends = np.arange(first - more // 2, last + (more + 1) // 2) + 1
        if not stop > start or len(ends) > KEPT:
            return UNLIKE
        return min(self._likeness(row, part) for part in np.array_split(ends, max(round(len(ends) / SECOND), 1)))

    def _likeness(self, row: int, ends: Rows) -> float:
        at = ends % KEPT
        there = self._at[row, at] // FRAME_SAMPLES == ends
        if there.sum() < max(ENOUGH, KNOWN * len(ends)):
            return UNLIKE
        powers = self._powers[row, at[there]].astype(np.float64)
        powers -= powers.mean(axis=0)
        left, echo = powers[:, 0], powers[:, 1]
        size = float(np.sqrt(np.square(left).sum() * np.square(echo).sum()))
        whole, rest = self._energy[row, at[there]].sum(axis=0).tolist()
        following = float((left * echo).sum()) / max(size, 1e-9)
        return following - WEIGHT * min(float(rest) / max(float(whole), 1e-9), MOST_LEFT)
