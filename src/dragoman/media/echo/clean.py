"""Takes an echo out of what is let through: what somebody says over his loudspeaker is heard without it. Pure.

The filters work at 8 kHz on pre-emphasised audio; what they expect is brought back to 16 kHz and subtracted. What they
leave is taken down band by band (``bands``): an echo alone sinks below what anybody takes for speech.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from dragoman.media.echo.bands import BANDS, EDGES_HZ, Powers
from dragoman.media.echo.history import BLOCK, HALF_BAND, PRE_EMPHASIS, REACH, Audio, Rows
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm

KEPT: Final = 24
"""Frames of echo kept per leg: what may wait (``track.MOST_KNOWN``), and some more."""

HELPS: Final = 0.8
"""Share of the energy that filters must leave at most, over the last frames, to be trusted with the audio."""

_SHIFT: Final = REACH // 2
"""Samples at 16 kHz by which the history lies behind the audio."""

_SIDE: Final = 8
"""Samples at 8 kHz that are needed on either side of a stretch."""

_BACK: Final = (PRE_EMPHASIS ** np.arange(BLOCK)).astype(np.float32)
_INDEX: Final = np.arange(BLOCK)[:, None] - np.arange(BLOCK)[None, :]
_DE_EMPHASIS: Final = np.where(_INDEX >= 0, PRE_EMPHASIS ** np.maximum(_INDEX, 0), 0).astype(np.float32).T
"""(BLOCK, BLOCK): a block times this is the block without pre-emphasis."""

_HZ: Final = np.fft.rfftfreq(2 * FRAME_SAMPLES, 1 / SAMPLE_RATE)
_CENTRES: Final = np.array([(low + high) / 2 for low, high in pairwise(EDGES_HZ)] + [EDGES_HZ[-1] + 400])
_SPREAD: Final = np.stack([np.interp(_HZ, _CENTRES, one) for one in np.eye(BANDS + 1)]).astype(np.float32)
"""(BANDS + 1, bins): gains by band times this are gains by bin."""

_WINDOW: Final = (0.5 - 0.5 * np.cos(np.pi * np.arange(2 * FRAME_SAMPLES) / FRAME_SAMPLES)).astype(np.float32)
"""Hann's: a frame later it adds up to one."""

_BETWEEN: Final = 2 * np.array([tap for _, tap in (*reversed(HALF_BAND), *HALF_BAND)], np.float32)
"""What lies half way between two samples at 8 kHz, of those around it."""

_RAMP: Final = np.linspace(0, 1, BLOCK, dtype=np.float32)


class CleanBank:
    """The latest echoes of every leg, as they lie in its audio.

    Args:
        legs: how many at most; 15 KB each once used.
    """

    def __init__(self, legs: int) -> None:
        self._echoes = np.zeros((legs, KEPT, BLOCK), np.float32)
        self._gains = np.ones((legs, KEPT, BANDS + 1), np.float32)
        self._at = np.full((legs, KEPT), -1, np.int64)  # the frame's end, in the leg's own time
        self._last = np.zeros(legs, np.float32)
        self._trust = np.zeros(legs, np.float32)
        self._energy = np.zeros((legs, 2), np.float32)

    def open(self, row: int) -> None:
        """A leg begins, or its time jumped."""
        self._at[row] = -1
        self._last[row] = self._trust[row] = 0
        self._energy[row] = 0

    def keep(self, rows: Rows, ends: Rows, echoes: Audio, whole: Audio, left: Audio, gains: Powers) -> None:
        """What the filters expect in the frames before ``ends``.

        Args:
            rows: the legs, (n,).
            ends: the legs' own time, in samples at 8 kHz.
            echoes: (n, BLOCK) what the filters expect.
            whole: (n,) energy of the frames.
            left: (n,) and of what the filters leave.
            gains: (n, BANDS + 1) for what is left of these frames and those before.
        """
        before = (ends // BLOCK - 1) % KEPT
        fresh = self._at[rows, before] != ends - BLOCK
        self._last[rows[fresh]] = 0
        self._trust[rows[fresh]] = 0
        energy = self._energy[rows]
        energy = np.float32(0.7) * energy + np.stack([whole, left], axis=1)
        self._energy[rows] = energy
        trust = (energy[:, 1] < HELPS * energy[:, 0]).astype(np.float32)
        plain = echoes @ _DE_EMPHASIS + np.float32(PRE_EMPHASIS) * self._last[rows][:, None] * _BACK
        self._last[rows] = plain[:, -1]
        was = self._trust[rows]
        plain *= was[:, None] + (trust - was)[:, None] * _RAMP
        self._trust[rows] = trust
        at = ends // BLOCK % KEPT
        self._echoes[rows, at] = plain
        self._gains[rows, at] = gains
        self._at[rows, at] = ends

    def clean(self, row: int, end: int, samples: Pcm) -> Pcm:
        """Audio of a leg without its echo.

        Args:
            row: the leg.
            end: the leg's own time behind the audio, in samples at 8 kHz.
            samples: (n,) at 16 kHz, whole frames: those wanted, one before them and one after.

        Returns:
            (n - 2 * FRAME_SAMPLES,) the frames that are wanted.
        """
        wanted = samples[FRAME_SAMPLES:-FRAME_SAMPLES]
        frames = len(samples) // FRAME_SAMPLES
        ends = end + BLOCK * np.arange(-frames, 2)
        slots = ends // BLOCK % KEPT
        known = self._at[row, slots] == ends
        if frames < 3 or len(samples) % FRAME_SAMPLES or not known.any():
            return wanted
        echo = np.where(known[:, None], self._echoes[row, slots], 0).reshape(-1)
        # echo[i] lies at sample 2 * i - _SHIFT of the audio that begins one block later: at odd places of it.
        double = np.empty(2 * len(echo), np.float32)
        double[::2] = echo
        double[1::2] = np.convolve(echo, _BETWEEN)[len(_BETWEEN) // 2 :][: len(echo)]
        first = 2 * BLOCK + _SHIFT
        left = samples - double[first : first + len(samples)]
        # A frame's gains are for it and the one before; audio frame k ends at ends[k + 1].
        gains = np.where(known[2:-1, None], self._gains[row, slots[2:-1]], np.float32(1))
        pairs = np.lib.stride_tricks.sliding_window_view(left, 2 * FRAME_SAMPLES)[::FRAME_SAMPLES]
        shaped = np.fft.irfft(np.fft.rfft(pairs * _WINDOW) * (gains @ _SPREAD)).astype(np.float32)
        out = (shaped[:-1, FRAME_SAMPLES:] + shaped[1:, :FRAME_SAMPLES]).reshape(-1)
        return np.asarray(np.maximum(np.minimum(np.rint(out), 32767), -32768), np.int16)
