"""Is what an echo's filters leave somebody's voice? Foreseen by frequency band, for all legs at once. Pure.

Filters leave some of an echo: what reverberates longer than they span, what the loudspeaker distorts, what they have
not learnt. How much that is differs by band and changes slowly. A voice over the echo lifts what is left above the sum
of that, for several frames; an echo alone does not for long.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.echo.history import BLOCK, RATE, Audio, Rows

EDGES_HZ: Final = (200, 400, 600, 850, 1150, 1550, 2050, 2700, 3500)
"""Bounds of the bands: a fifth of a decade or so each, over what a telephone carries."""

QUIETEST: Final = 10.0
"""Power per bin (int16 units squared) of what is nothing: the rounding of G.711."""

NOISE_UP: Final = 1.006
NOISE_DOWN: Final = 0.3
ABOVE: Final = 2.0
"""How fast the noise of a band is believed to rise per frame (a third per second), to fall (to what is measured), and
how far the mean of noise lies above such a low mark."""

FADE: Final = 0.6
"""Share of an echo's power that is left a frame later, at least, in a reverberant room (RT60 0.55 s)."""

FADE_LATE: Final = 0.93
LATE: Final = 0.1
"""What reverberates for long: so much of the loudest echo, fading by 16 dB a second."""

SPREAD: Final = 0.15
"""Share of an echo's mean power over all bands that a loudspeaker which distorts may put into any of them."""

FIRST: Final = 0.4
FURTHER: Final = 0.2
LEAST: Final = 0.01
MOST: Final = 1.5
"""Share of an echo's power that filters leave: of a leg's first, of a further one, and the bounds of what is learnt."""

FALL: Final = 0.1
RISE: Final = 0.04
RISE_OVER: Final = 0.02
"""How much nearer the usual share comes to a frame's that is lower or higher, in natural logarithms, and to a higher
one while a voice is over it. What is usual is what lies low: a voice only ever adds to it, also while it is learnt."""

HEARD: Final = 2.0
"""How far above the noise what filters leave must be for its share to be learnt from it."""

HIGHEST: Final = 3.0
"""Natural logarithm up to which one frame counts; below what is expected it counts as 0."""

PACE: Final = 0.35
"""How fast the score follows: half in 32 ms, as syllables do."""

BEGINS: Final = 0.8
VOICE: Final = 0.4
"""Score from which it is a voice: of somebody who begins to speak, and of one who spoke just now. By all bands' energy,
for a vowel fills few of them: by the mean of the bands' own logarithms twice as many frames of a voice are missed. In
five calls, talked over and clipped, 0.65 and 0.3 take 0.2 % of speech and let 55 of 100 frames of an echo alone be more
than nothing; with these it is 0.6 % and 46 of 100. What passes is taken down by band, and of its words the second line
(``pipeline.echoed``) leaves out those that are known."""

OVER: Final = 1.0
"""How many times what filters are expected to leave is taken away by the gains: it varies by a few dB."""

LEAST_GAIN: Final = 0.03
"""Gain (-30 dB) below which no band goes: an echo that is 10 dB down by its filters is then below what the VAD hears,
and what is left does not flutter between something and nothing."""

LEAST_SPOKEN: Final = 0.4
"""The same (-8 dB) of frames with a voice: where that is taken for the echo's remains, it is still understood. Not so
above the bands, where no filter works and all of it may be echo."""

LEAST_NEAR: Final = 0.35
"""The same (-9 dB) of frames without one while somebody speaks: between his syllables he is weaker than what filters
leave, and without these he is not understood."""

_WINDOW: Final = np.hanning(2 * BLOCK).astype(np.float32)
_HZ: Final = np.fft.rfftfreq(2 * BLOCK, 1 / RATE)
_MEMBERS: Final = np.stack([(low <= _HZ) & (high > _HZ) for low, high in pairwise(EDGES_HZ)])
_MEAN: Final = (_MEMBERS / _MEMBERS.sum(axis=1, keepdims=True)).T.astype(np.float32)

BANDS: Final = len(EDGES_HZ) - 1

Powers = npt.NDArray[np.float32]
"""(n, BANDS) mean power per bin."""


def powers(blocks: Audio) -> Powers:
    """Of two frames each, (n, 2 * BLOCK), seen through a window."""
    spectrum = np.fft.rfft(blocks * _WINDOW)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return np.asarray(power @ _MEAN / np.float32(2 * BLOCK), np.float32)


class BandBank:
    """What is usual of each leg's residue, by row.

    Args:
        legs: how many at most.
    """

    def __init__(self, legs: int) -> None:
        self._early = np.zeros((legs, BANDS), np.float32)
        self._late = np.zeros((legs, BANDS), np.float32)
        self._noise = np.full((legs, BANDS), QUIETEST, np.float32)
        self._share = np.full((legs, BANDS), FIRST, np.float32)
        self._before = np.zeros((legs, 2, BLOCK), np.float32)
        self._at: Rows = np.full(legs, -1, np.int64)
        self.score = np.zeros(legs, np.float32)
        """(legs,) how far the residue lies above what is usual, lately: natural logarithm."""
        self.gains = np.ones((legs, BANDS + 1), np.float32)
        """(legs, BANDS + 1) what the latest two frames of a residue are to be multiplied by, so that what is expected
        of the echo goes and a voice over it stays; the last for what lies above the bands, where no filter works."""
        self.left = np.zeros((legs, BANDS), np.float32)
        self.echoes = np.zeros((legs, BANDS), np.float32)
        """(legs, BANDS) power of the latest residue, and of the echo with what reverberates of it."""

    def open(self, row: int) -> None:
        """A leg begins."""
        self._early[row] = self._late[row] = 0
        self._noise[row] = QUIETEST
        self._share[row] = FIRST
        self._at[row] = -1
        self.score[row] = 0
        self.gains[row] = 1

    def learn(self, row: int, least: float = FIRST) -> None:
        """A filter of the leg is new: what it leaves is not known yet, but taken to be no less than ``least``."""
        self._share[row] = np.maximum(self._share[row], least)
        self.score[row] = 0

    def judge(
        self, rows: Rows, ends: Rows, left: Audio, echoes: Audio, near: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Whether there is a voice in the latest frame of each of these distinct legs.

        Args:
            rows: the legs, (n,).
            ends: each leg's time, in samples.
            left: (n, BLOCK) what the filters leave.
            echoes: (n, BLOCK) what they took away.
            near: (n,) whether somebody spoke over the echo just now: he goes on more often than another begins.
        """
        fresh = self._at[rows] != ends - BLOCK
        self._before[rows[fresh]] = 0
        pairs = np.stack([left, echoes], axis=1)
        joined = np.concatenate([self._before[rows], pairs], axis=2)
        self._before[rows] = pairs
        self._at[rows] = ends
        both = powers(joined.reshape(-1, 2 * BLOCK)).reshape(len(rows), 2, BANDS)
        rest, echo = both[:, 0], both[:, 1]
        noise = self._noise[rows]
        noise = np.where(rest < noise, noise + np.float32(NOISE_DOWN) * (rest - noise), noise * np.float32(NOISE_UP))
        self._noise[rows] = noise = np.maximum(noise, np.float32(QUIETEST))
        share = self._share[rows]
        self.left[rows] = rest
        self._early[rows], self._late[rows], linear = _fading(echo, self._early[rows], self._late[rows])
        self.echoes[rows] = linear
        whole = linear + np.float32(SPREAD) * linear.mean(axis=1, keepdims=True)
        expected = share * whole
        excess = np.log((rest + np.float32(QUIETEST)) / (expected + np.float32(ABOVE) * noise))
        score = self.score[rows]
        over = (rest + np.float32(QUIETEST)).sum(axis=1) / (expected + np.float32(ABOVE) * noise).sum(axis=1)
        score += PACE * (np.clip(np.log(over), 0, HIGHEST) - score)
        self.score[rows] = score
        voice = np.asarray(score > np.where(near, VOICE, BEGINS))
        least = np.where(voice, LEAST_SPOKEN, np.where(near, LEAST_NEAR, LEAST_GAIN))
        self.gains[rows] = _gains(rest, expected, linear, least)
        pace = np.where(excess <= 0, FALL, np.where(voice[:, None], RISE_OVER, RISE))
        step = pace * np.clip(excess, -1, 1)
        heard = whole * np.maximum(share, 0.05) > HEARD * noise
        self._share[rows] = np.where(heard, np.clip(share * np.exp(step), LEAST, MOST), share)
        return voice


def sounding_on(echoes: Powers) -> Powers:
    """Of an echo's power in frames that follow each other, (n, BANDS), with what reverberates of those before it."""
    early, late = np.zeros_like(echoes[0]), np.zeros_like(echoes[0])
    out = np.empty_like(echoes)
    for number, echo in enumerate(echoes):
        early, late, out[number] = _fading(echo, early, late)
    return out


def _fading(echo: Powers, early: Powers, late: Powers) -> tuple[Powers, Powers, Powers]:
    """What sounds on of an echo a frame later, soon and late, and both with the echo."""
    early = np.maximum(echo, np.float32(FADE) * early)
    late = np.maximum(echo, np.float32(FADE_LATE) * late)
    return early, late, early + np.float32(LATE) * late


def _gains(rest: Powers, expected: Powers, whole: Powers, least: npt.NDArray[np.float64]) -> Powers:
    """(n, BANDS + 1) by Wiener's rule: what is not echo, as a share of all there is."""
    near = np.maximum(rest - np.float32(OVER) * expected, 0)
    above = near[:, -1:] / (near[:, -1:] + whole[:, -1:] + np.float32(QUIETEST))
    inside = np.where(rest > 0, near / np.maximum(rest, np.float32(1e-3)), np.float32(1))
    inside = np.maximum(inside, least[:, None])
    return np.asarray(np.concatenate([inside, np.maximum(above, LEAST_GAIN)], axis=1), np.float32)
