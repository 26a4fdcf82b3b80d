"""The audio of every leg over the last 20 s: one row of samples per leg, addressed by audio time."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm

RING_SAMPLES: Final = 20 * SAMPLE_RATE
"""Samples kept per leg. A recogniser that is restarted gets its stream again from here: 20 s outlast its retries.
It is a multiple of both a frame (320) and a VAD window (512), so that these never straddle the end of a row."""


class RingBank:
    """Rings for so many legs in one array; memory is only touched (hence only spent) by rows in use.

    Args:
        rows: how many legs at most; 640 KB each once they were full.
        samples: kept per leg, a multiple of a frame.
    """

    def __init__(self, rows: int, samples: int = RING_SAMPLES) -> None:
        self.samples = samples
        self.end: npt.NDArray[np.int64] = np.zeros(rows, np.int64)
        """(rows,) samples written so far: the audio time of the next one."""
        self._flat: Pcm = np.zeros(rows * self.samples, np.int16)
        self._frames = self.windows(FRAME_SAMPLES)

    def windows(self, length: int) -> Pcm:
        """Every stretch of ``length`` samples as a row, without a copy: what vectorised reads and writes index."""
        shape = (self._flat.size - length + 1, length)
        return np.lib.stride_tricks.as_strided(self._flat, shape, (self._flat.itemsize, self._flat.itemsize))

    def open(self, row: int) -> None:
        """Begin an empty timeline; what the row's former leg said is wiped."""
        written = min(int(self.end[row]), self.samples)
        start = row * self.samples
        self._flat[start : start + written] = 0
        self.end[row] = 0

    def offsets(self, rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where these audio times lie in the rows of ``windows``."""
        return rows * self.samples + positions % self.samples

    def append(self, rows: npt.NDArray[np.int64], frames: Pcm) -> None:
        """Add one frame to each of these legs: (len(rows),) distinct rows and (len(rows), 320) samples."""
        ends = self.end[rows]
        within = ends % self.samples
        fits = within <= self.samples - FRAME_SAMPLES
        if fits.all():
            self._frames[rows * self.samples + within] = frames
            self.end[rows] = ends + FRAME_SAMPLES
        else:
            for row, frame in zip(rows.tolist(), frames, strict=True):
                self.extend(row, frame)

    def extend(self, row: int, samples: Pcm) -> None:
        """Add any number of samples to one leg."""
        position = int(self.end[row])
        self.end[row] += len(samples)
        kept = samples[-self.samples :]
        at = (position + len(samples) - len(kept)) % self.samples
        start = row * self.samples
        head = kept[: self.samples - at]
        self._flat[start + at : start + at + len(head)] = head
        self._flat[start : start + len(kept) - len(head)] = kept[len(head) :]

    def silence(self, row: int, samples: int) -> None:
        """Add so many zeros to one leg; however many, it costs no more than one ring."""
        self.extend(row, np.zeros(min(samples, self.samples), np.int16))
        self.end[row] += max(samples - self.samples, 0)

    def read(self, row: int, start: int, stop: int) -> Pcm:
        """Samples [start, stop) of one leg, a copy; zeros where they left the ring or are not there yet."""
        end = int(self.end[row])
        at = start % self.samples
        if max(end - self.samples, 0) <= start < stop <= end and at + stop - start <= self.samples:
            at += row * self.samples
            return self._flat[at : at + stop - start].copy()
        out = np.zeros(max(stop - start, 0), np.int16)
        first = max(start, end - self.samples, 0)
        last = min(stop, end)
        if first < last:
            base = row * self.samples
            at = first % self.samples
            head = min(last - first, self.samples - at)
            out[first - start : first - start + head] = self._flat[base + at : base + at + head]
            out[first - start + head : last - start] = self._flat[base : base + last - first - head]
        return out

    def frames(self, rows: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> Pcm:
        """A frame of each of these rows, from where it is told, (n, 320), a copy; all of it must be there."""
        if not (starts % FRAME_SAMPLES).any():
            return self._frames[self.offsets(rows, starts)]
        pairs = np.column_stack([rows, starts]).tolist()
        return np.stack([self.read(row, at, at + FRAME_SAMPLES) for row, at in pairs])
