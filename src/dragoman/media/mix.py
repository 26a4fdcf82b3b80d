"""Mixing: the floor (the legs' originals) under what a booth says, and a limiter instead of clipping."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.format import FRAME_SAMPLES, Pcm
from dragoman.media.ring import RingBank

FULL_SCALE: Final = 32768.0

KNEE: Final = 0.75 * FULL_SCALE
"""Where the limiter begins. Below it (-2.5 dBFS) nothing is touched; above, the sum bends towards full scale."""

FLOOR_LAG: Final = FRAME_SAMPLES
"""Samples that the floor keeps in reserve when it starts: one packet that comes a tick late must not tear it."""

FLOOR_MAX_LAG: Final = 3 * FRAME_SAMPLES
"""Samples behind (60 ms) beyond which the floor jumps ahead, cross-faded."""

Rows = npt.NDArray[np.int64]
Mix = npt.NDArray[np.float32]
"""Samples in int16 units, not yet limited."""

_RISE = np.linspace(0.0, 1.0, FRAME_SAMPLES, endpoint=False, dtype=np.float32)


def gain(db: float) -> float:
    """The factor of so many dB."""
    return float(10.0 ** (db / 20.0))


def limit(mix: Mix) -> Pcm:
    """16-bit samples of a mix, (rows, 320): unchanged below the knee, bent to stay in range above.

    The mix itself is used up.
    """
    if mix.size and (mix.max() > KNEE or mix.min() < -KNEE):
        loud = np.flatnonzero((mix.max(axis=1) > KNEE) | (mix.min(axis=1) < -KNEE))
        room = FULL_SCALE - 1 - KNEE
        over = np.maximum(np.abs(mix[loud]) - KNEE, 0)
        mix[loud] = np.clip(mix[loud], -KNEE, KNEE) + np.copysign(room * np.tanh(over / room), mix[loud])
    return np.rint(mix, out=mix).astype(np.int16)


def _runs(booths: Rows) -> tuple[Rows, Rows]:
    """Where each booth's entries begin, and how many they are, in entries that are laid out booth by booth."""
    first = np.flatnonzero(np.diff(booths, prepend=-1))
    return first, np.diff(first, append=len(booths))


class FloorMixer:
    """Plays legs under booths: one cursor per leg that any booth hears, one weighted sum per booth.

    Args:
        ring: the legs' audio.
        legs: rows of the ring.
    """

    def __init__(self, ring: RingBank, legs: int) -> None:
        self._ring = ring
        self._windows = ring.windows(FRAME_SAMPLES)
        self._cursor = np.full(legs, -1, np.int64)
        self._frames: Mix = np.zeros((legs, FRAME_SAMPLES), np.float32)
        self._audible = np.zeros(legs, np.bool_)
        self._changed = False
        self._playing: Rows = np.zeros(0, np.int64)
        self._entry_booth: Rows = self._playing
        self._entry_leg: Rows = self._playing
        self._entry_factor: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        self._first, self._legs_of = _runs(self._entry_booth)
        self._booths: dict[int, tuple[Rows, npt.NDArray[np.float32]]] = {}
        self._before: dict[int, tuple[Rows, npt.NDArray[np.float32]]] = {}

    def set(self, booth: int, legs: Rows, factors: npt.NDArray[np.float32] | float) -> None:
        """Play these legs under a booth, each by its factor; the change is faded over its next frame."""
        nothing = (np.zeros(0, np.int64), np.zeros(0, np.float32))
        self._before.setdefault(booth, self._booths.get(booth, nothing))
        self._booths[booth] = (legs, np.full(len(legs), factors, np.float32))
        self._changed = True

    def remove_booth(self, booth: int) -> None:
        """Forget the booth; idempotent."""
        self._booths.pop(booth, None)
        self._before.pop(booth, None)
        self._changed = True

    def remove_leg(self, leg: int) -> None:
        """Take the leg out of every floor at once; its row may be another's from now on."""
        for floors in (self._booths, self._before):
            for booth, (legs, factors) in floors.items():
                if leg in legs:
                    floors[booth] = (legs[legs != leg], factors[legs != leg])
        self._stop(leg)
        self._changed = True

    def _stop(self, legs: Rows | int) -> None:
        self._cursor[legs] = -1
        self._audible[legs] = False
        self._frames[legs] = 0

    def _update(self) -> None:
        """Lay all (booth, leg, factor) out in arrays, booth by booth."""
        floors = sorted(self._booths.items())
        empty = np.zeros(0, np.int64)
        self._entry_booth = np.concatenate([empty, *(np.full(len(legs), booth) for booth, (legs, _) in floors)])
        self._entry_leg = np.concatenate([empty, *(legs for _, (legs, _) in floors)])
        self._entry_factor = np.concatenate([np.zeros(0, np.float32), *(factors for _, (_, factors) in floors)])
        self._first, self._legs_of = _runs(self._entry_booth)
        fading = [legs for legs, _ in self._before.values()]
        playing = np.unique(np.concatenate([self._entry_leg, *fading]))
        self._stop(np.setdiff1d(self._playing, playing))
        self._playing = playing
        self._changed = bool(fading)

    def step(self, mix: Mix) -> None:
        """Move 20 ms on: write each booth's floor into its row of ``mix``, (booth rows, 320)."""
        mix[:] = 0
        if self._changed:
            self._update()
        if len(self._playing) and self._advance():
            self._add(mix)
            for booth, (old, old_factors) in self._before.items():
                legs, factors = self._booths[booth]
                mix[booth] += (1 - _RISE) * (old_factors @ self._frames[old] - factors @ self._frames[legs])
        self._before.clear()

    def _add(self, mix: Mix) -> None:
        heard = self._audible[self._entry_leg]
        booth, leg, factor = self._entry_booth, self._entry_leg, self._entry_factor
        if heard.all():
            first, legs_of = self._first, self._legs_of
        else:
            booth, leg, factor = booth[heard], leg[heard], factor[heard]
            first, legs_of = _runs(booth)
        if not len(booth):  # all that is heard is fading out
            return
        # One numpy call per booth, or one per n-th leg of all booths: whichever is fewer.
        if legs_of.max() <= len(first):
            for nth in range(legs_of.max()):
                at = first[legs_of > nth] + nth if nth else first
                weighted = self._frames[leg[at]]
                weighted *= factor[at, None]
                if nth:
                    weighted += mix[booth[at]]
                mix[booth[at]] = weighted
        else:
            for start, count in zip(first.tolist(), legs_of.tolist(), strict=True):
                part = slice(start, start + count)
                mix[booth[start]] += factor[part] @ self._frames[leg[part]]

    def _advance(self) -> bool:
        """Fetch every playing leg's next frame; whether there is anything to hear in any booth."""
        rows = self._playing
        ends = self._ring.end[rows]
        cursors = self._cursor[rows]
        lag = ends - cursors
        # Nearly always every leg has its next frame and none is too far behind: then nothing else is to be looked at.
        if cursors.min() >= 0 and lag.min() >= FRAME_SAMPLES and lag.max() <= FLOOR_MAX_LAG + FRAME_SAMPLES:
            frames = self._windows[self._ring.offsets(rows, cursors)]
            self._cursor[rows] = cursors + FRAME_SAMPLES
        else:
            frames = self._seek(rows, ends, cursors)
        audible = frames.any(axis=1)
        self._audible[rows] = audible
        self._frames[rows] = frames
        return bool(audible.any())

    def _seek(self, rows: Rows, ends: Rows, cursors: Rows) -> Pcm:
        """The next frame of each leg, where some begin, have nothing ready, or are behind and jump ahead."""
        # Cursors stay on the frame grid, so that no frame straddles the end of its ring.
        fresh = np.maximum(ends - FLOOR_LAG - FRAME_SAMPLES, -1) // FRAME_SAMPLES * FRAME_SAMPLES
        starting = cursors < 0
        cursors = np.where(starting, fresh, cursors)
        ready = (cursors >= 0) & (ends - cursors >= FRAME_SAMPLES)
        behind = ready & ~starting & (ends - cursors > FLOOR_MAX_LAG + FRAME_SAMPLES)
        frames = self._windows[self._ring.offsets(rows, np.maximum(cursors, 0))]
        frames[~ready] = 0
        if behind.any():
            late = rows[behind]
            ahead = self._windows[self._ring.offsets(late, fresh[behind])]
            frames[behind] = (frames[behind] * (1 - _RISE) + ahead * _RISE).astype(np.int16)
            cursors[behind] = fresh[behind]
        self._cursor[rows] = np.where(ready, cursors + FRAME_SAMPLES, np.where(starting, -1, cursors))
        return frames
