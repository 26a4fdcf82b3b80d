"""The last second of everything that is said and played in the rooms, at 8 kHz, for the echo guard to look back on."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.format import FRAME_SAMPLES, Pcm

RATE: Final = 8000
"""Hz. What an ordinary phone sends back has nothing above 4 kHz, and half the samples cost half."""

BLOCK: Final = FRAME_SAMPLES // 2
"""Samples of one frame (160)."""

KEPT: Final = 72 * BLOCK
"""Samples kept (1.44 s): the longest echo, the stretch that is compared, and the frames that may be held."""

PRE_EMPHASIS: Final = 0.9
"""Speech falls by 6 dB an octave and more; levelled, a consonant counts as a vowel does."""

HALF_BAND: Final = ((1, 0.3072), (3, -0.0760), (5, 0.0232), (7, -0.0052))
"""Taps of a half-band low-pass at odd distances from its centre (0.5): Hamming window, 15 taps."""

REACH: Final = 14
"""Samples of the frame before that the low-pass needs."""

Rows = npt.NDArray[np.int64]
Audio = npt.NDArray[np.float32]
"""Samples at RATE, pre-emphasised, in int16 units."""


class HistoryBank:
    """One row of past audio per source; each row has a time of its own, counted in samples since it began.

    Args:
        rows: how many sources at most; 92 KB each once they sounded.
    """

    def __init__(self, rows: int) -> None:
        self.end: Rows = np.zeros(rows, np.int64)
        """(rows,) samples written so far, a multiple of BLOCK."""
        self._kept = np.zeros((rows, 2, KEPT), np.float32)  # twice, so that every stretch lies in one piece
        self._flat = self._kept.reshape(-1)
        self._tail = np.zeros((rows, REACH), np.float32)
        self._last = np.zeros(rows, np.float32)
        self._dirty = np.zeros(rows, np.int64)  # blocks written since which a row is all zeros again

    def open(self, row: int) -> None:
        """Begin a row anew, in silence; its time goes on."""
        self._kept[row] = 0
        self._tail[row] = 0
        self._last[row] = 0
        self._dirty[row] = 0

    def write(self, rows: Rows, frames: Pcm | npt.NDArray[np.float32]) -> None:
        """Append a frame, (n, 320) at 16 kHz, to each of these distinct rows."""
        if not len(rows):
            return
        whole = np.empty((len(rows), REACH + FRAME_SAMPLES), np.float32)
        whole[:, :REACH] = self._tail[rows]
        whole[:, REACH:] = frames
        self._tail[rows] = whole[:, FRAME_SAMPLES:]
        half = whole[:, 7 : 7 + FRAME_SAMPLES : 2] * np.float32(0.5)
        for distance, tap in HALF_BAND:
            before, behind = 7 - distance, 7 + distance
            pair = whole[:, before : before + FRAME_SAMPLES : 2] + whole[:, behind : behind + FRAME_SAMPLES : 2]
            pair *= np.float32(tap)
            half += pair
        level = half.copy()
        level[:, 1:] -= np.float32(PRE_EMPHASIS) * half[:, :-1]
        level[:, 0] -= np.float32(PRE_EMPHASIS) * self._last[rows]
        self._last[rows] = half[:, -1]
        self._put(rows, level)
        self._dirty[rows] = KEPT // BLOCK

    def silence(self, rows: Rows) -> None:
        """Append a frame of zeros to each of these distinct rows."""
        self._tail[rows] = 0
        self._last[rows] = 0
        stale = rows[self._dirty[rows] > 0]
        if len(stale):
            at = self.end[stale] % KEPT // BLOCK
            self._blocks()[stale, :, at] = 0
            self._dirty[stale] -= 1
        self.end[rows] += BLOCK

    def skip(self, row: int, blocks: int) -> None:
        """Append so many frames of zeros to one row."""
        self.open(row)
        self.end[row] += blocks * BLOCK

    def _blocks(self) -> Audio:
        return self._kept.reshape(len(self.end), 2, KEPT // BLOCK, BLOCK)

    def _put(self, rows: Rows, blocks: Audio) -> None:
        at = self.end[rows] % KEPT // BLOCK
        self._blocks()[rows, :, at] = blocks[:, None]
        self.end[rows] += BLOCK

    def read(self, rows: Rows, ends: Rows, length: int) -> Audio:
        """The ``length`` samples before each of ``ends``, (n, length), a copy; zeros where nothing is (yet).

        ``ends`` may lie up to ``length`` ahead of what was written.
        """
        known = np.minimum(ends, self.end[rows])
        starts = known - length
        # Rows begin at time 0 in silence, so that what lies before it is zeros all the same.
        at = rows * (2 * KEPT) + starts % KEPT
        shape = (self._flat.size - length + 1, length)
        step = self._flat.itemsize
        out: Audio = np.lib.stride_tricks.as_strided(self._flat, shape, (step, step))[at]
        ahead = ends - known
        for n in np.flatnonzero(ahead).tolist():
            missing = min(int(ahead[n]), length)
            out[n] = np.concatenate([out[n, missing:], np.zeros(missing, np.float32)])
        return out

    def energy(self, row: int, end: int, length: int) -> float:
        """Of the ``length`` samples of a row before ``end``."""
        samples = self.read(np.array([row]), np.array([end]), length)[0]
        return float(np.dot(samples, samples))
