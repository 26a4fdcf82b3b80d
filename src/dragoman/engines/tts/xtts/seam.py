"""Where a piece that broke off is cut, so that what was heard ends with a word, and which word comes next.

No part of XTTS says at which word it is. What is known is the text, how fast this model speaks, and the sound itself,
whose pauses and dips are where words end more often than elsewhere. So words are taken for a chain of durations (about
as long as their letters take, at a tempo near the usual one), whose ends fall on such dips, and for every moment the
chance is summed over all chains that a certain word ends just then. The cut is the moment of which that is most
certain, among those that were not played yet. This is for where ``align.py`` has no other voice to
ask. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

FRAME = 240
"""Samples of 10 ms at 24 kHz: the gap between two words may be no longer than three of them."""

PAUSE = 6
"""Frames of silence (60 ms) that are a pause, and not the closure of a plosive; they are no part of a word."""

SILENT_DB = 35.0
"""Below the loud parts; a pause of XTTS is 40 dB below."""

LOWEST_DB = -70.0
"""Full scale 0: nothing is quieter, so that digital silence is no deeper a dip than a pause."""

SHOULDER = 8
"""Frames to either side over which a dip must be lower than the sound."""

DIP_DB = (4.0, 20.0)
"""A dip of so many dB says nothing yet; one of so many says all that it can."""

NO_DIP, DEEP_DIP = -1.5, 3.0
"""Log of how much likelier a sound that goes on, and a deep dip, are at the end of a word than within one. Of the ends
of words in fluent speech a third are such dips, and so is one in fifty moments within words (plosives)."""

PAUSE_SAYS, PAUSE_SAYS_MORE, PAUSE_S = 3.5, 3.0, 0.2
"""The same of a pause of 60 ms, how much more of one that is PAUSE_S seconds longer; no longer one says more."""

SPREAD = 0.25
"""Standard deviation of the log of a word's duration around what its letters take: 22 % shorter to 28 % longer."""

SPOKEN = 0.85
"""Of the time of a piece that is not pauses."""

LONGEST = 4.0
"""Times that it takes, beyond which no word lasts."""

BETWEEN = 1.5
"""Letters' worth of time that each word takes beside its letters: short words are longer than their letters say."""

TEMPO_KNOWN, TEMPO_UNKNOWN = 0.18, 0.3
"""The same of the tempo of the whole piece: of a model heard before, and of one of which nothing is known."""

TEMPI = np.exp(np.linspace(-0.5, 0.5, 9))
"""That are tried, 0.6 to 1.65 times the usual."""

BEYOND = 0.97
"""Chance for each frame that sound goes on behind the last word: that is what a fault is like."""

NEAR = 4
"""Frames (40 ms) to either side that are the same moment: words may be run into each other as far."""

LATER = 0.9
"""A later moment that is nearly as certain (so many times) is taken: more is said in the better voice."""

LEAST = 0.2
"""Certainty below which no moment is a word's end: it is broken off within one."""

MOST_HEARD = 0.6
"""A word that is broken off is said again in whole, unless so much of it was heard."""

Sound = npt.NDArray[np.int16]
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cut:
    """How a piece that broke off ends."""

    at: int
    """Samples of it that are to be heard."""
    rest: str
    """What is left of its text."""
    certain: float
    """0 to 1: that this word ends there; 0: it was broken off within a word."""


class Seam(Protocol):
    """Where a piece could be cut."""

    def cut(self, played: int) -> Cut:
        """The best place behind what was played: samples of this piece, none or less where nothing of it was."""


@dataclass(frozen=True, slots=True, eq=False)
class Seams:
    """Where a piece could be cut. Made where time does not matter, asked by who knows what was played."""

    units: tuple[str, ...]
    """The words of the text, each with the punctuation behind it; characters, where it has no spaces."""
    joint: str
    """Between two of them."""
    total: int
    """Samples that are good."""
    _at: npt.NDArray[np.intp] = field(repr=False)
    """Sample of each moment at which a word may end."""
    _ends: _Floats = field(repr=False)
    """[units + 1, moments]: the chance that so many units are said and the last of them ends just then."""
    _takes: _Floats = field(repr=False)
    """Moments that each unit takes."""

    def cut(self, played: int) -> Cut:
        """The best place behind what was played: samples of this piece, none or less where nothing of it was."""
        if played <= 0 or not self.units:
            return Cut(0, self._rest(0), 1.0)
        chances = np.where(self._at >= played, _near(self._ends[1:]), 0.0)
        most = float(chances.max(initial=0.0))
        if most >= LEAST:
            nearly = np.argwhere(chances >= LATER * most)
            unit, moment = (int(part) for part in nearly[nearly[:, 1].argmax()])
            # Of the moments that are the same one, that at which the sound itself says so.
            exact = np.where(self._at >= played, self._ends[unit + 1], 0.0)
            exact[: max(0, moment - NEAR)] = exact[moment + NEAR + 1 :] = 0.0
            return Cut(int(self._at[exact.argmax()]), self._rest(unit + 1), float(chances[unit, moment]))
        at = self.total if self.total > played and self._broken_off(self.total)[1] >= MOST_HEARD else played
        unit, heard = self._broken_off(at)
        return Cut(at, self._rest(unit + (heard >= MOST_HEARD)), 0.0)

    def _broken_off(self, at: int) -> tuple[int, float]:
        """Units that are said whole at a sample, and how much of the next one is."""
        moment = max(0, int(np.searchsorted(self._at, at, "right")) - 1)
        begun = self._ends[:, : moment + 1]
        by_then = begun.sum(1)
        said = int((by_then - np.append(by_then[1:], 0.0)).argmax())
        if said == len(self.units) or by_then[said] <= 0.0:
            return said, 0.0
        begin = float(begun[said] @ np.arange(moment + 1)) / float(by_then[said])
        return said, (moment - begin) / float(self._takes[said])

    def _rest(self, said: int) -> str:
        return self.joint.join(self.units[said:])


def seams(sound: Sound, text: str, rate: float, *, known: bool) -> Seams:
    """Where this sound of a text could be cut.

    Args:
        sound: of the piece, 24 kHz, from its beginning to where it went wrong.
        text: of the piece, as it is read.
        rate: characters a second that are usual.
        known: whether that is this model's own rate, and not everybody's.
    """
    units, joint = units_of(text)
    at, says = _moments(sound)
    letters = np.array([max(0.5, sum(map(str.isalnum, unit))) for unit in units]) + (BETWEEN if joint else 0.0)
    usual = letters / letters.sum() * len(text) / rate * SPOKEN * 24_000 / FRAME if units else letters
    spread = TEMPO_KNOWN if known else TEMPO_UNKNOWN
    ends, weights, moments = np.zeros((len(units) + 1, len(at))), np.zeros(len(TEMPI)), np.arange(len(at))
    for n, tempo in enumerate(TEMPI):
        chances, likelihood = _chances(usual / tempo, says, moments)
        weights[n] = likelihood * np.exp(-0.5 * (np.log(tempo) / spread) ** 2)
        ends += weights[n] * chances
    whole = float(weights.sum())
    if whole <= 0.0:  # a sound that no text takes
        return Seams(units, joint, len(sound), at, np.zeros_like(ends), usual)
    return Seams(units, joint, len(sound), at, ends / whole, usual / (float(weights @ TEMPI) / whole))


def units_of(text: str) -> tuple[tuple[str, ...], str]:
    """What is said again or not at all, in one piece: words; and what stands between them."""
    words = text.split()
    units: list[str] = []
    joint = " " if len(words) > 1 else ""
    for part in words if joint else "".join(words):
        if units and not any(map(str.isalnum, part)):
            units[-1] += joint + part
        else:
            units.append(part)
    return tuple(units), joint


def _moments(sound: Sound) -> tuple[npt.NDArray[np.intp], _Floats]:
    """Where words may end: the sample of each moment, and how much likelier the sound there is at a word's end.

    A moment lies behind each frame of 10 ms that is no pause; the first is the beginning of the first sound.
    """
    count = len(sound) // FRAME
    frames = sound[: count * FRAME].reshape(count, FRAME).astype(np.float64) / 32768
    level = np.maximum(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12), LOWEST_DB) if count else np.zeros(0)
    quiet = level < (np.percentile(level, 95) if count else 0.0) - SILENT_DB
    dips = _dips(level)
    samples, says = [0], [0.0]
    frame = 0
    while frame < count:
        run = frame
        while run < count and quiet[run]:
            run += 1
        if run - frame >= PAUSE or (run == count and run > frame):
            if len(samples) > 1:
                samples[-1] = min(frame + 2, run) * FRAME
                beyond = min(1.0, (run - frame - PAUSE) * FRAME / 24_000 / PAUSE_S)
                says[-1] = PAUSE_SAYS + PAUSE_SAYS_MORE * max(0.0, beyond)
            else:
                samples[0] = run * FRAME
            frame = run
            continue
        samples.append((frame + 1) * FRAME)
        says.append(float(dips[frame]))
        frame += 1
    return np.array(samples, np.intp), np.exp(says)


def _dips(level: _Floats) -> _Floats:
    """How much a word's end is told by each frame, as a logarithm: by how far it lies below what is around it."""
    said = np.full(len(level), NO_DIP)
    for frame in range(1, len(level) - 1):
        around = level[max(0, frame - 2) : frame + 3]
        if level[frame] > around.min() or level[frame - 1] == level[frame]:
            continue
        before, behind = level[max(0, frame - SHOULDER) : frame].max(), level[frame + 1 : frame + 1 + SHOULDER].max()
        depth = (min(before, behind) - level[frame] - DIP_DB[0]) / (DIP_DB[1] - DIP_DB[0])
        said[frame] += (DEEP_DIP - NO_DIP) * min(1.0, max(0.0, depth))
    return said


def _chances(takes: _Floats, says: _Floats, moments: npt.NDArray[np.intp]) -> tuple[_Floats, float]:
    """For one tempo: [units + 1, moments], the chance that so many units are said just then; and the sound's of all."""
    count = len(moments)
    durations = [_lasting(take, count) for take in takes]
    forward = np.zeros((len(takes) + 1, count))
    forward[0, 0] = 1.0
    for n, lasting in enumerate(durations):
        forward[n + 1] = np.convolve(forward[n], lasting)[:count] * says
    backward = np.zeros_like(forward)
    backward[-1] = BEYOND ** moments[::-1]
    for n in reversed(range(len(takes))):
        goes_on = _longer(takes[n], count)[::-1]
        backward[n] = goes_on + np.convolve((backward[n + 1] * says)[::-1], durations[n])[:count][::-1]
    likelihood = float(backward[0, 0])
    return (forward * backward / likelihood, likelihood) if likelihood > 0.0 else (np.zeros_like(forward), 0.0)


def _lasting(takes: float, count: int) -> _Floats:
    """The chance that it lasts so many moments, 0, 1, ... (log-normal)."""
    lengths = np.arange(min(count, int(takes * LONGEST) + 2))
    z = np.log(np.maximum(lengths, 1) / takes) / SPREAD
    chance = np.exp(-0.5 * z**2) / (np.maximum(lengths, 1) * SPREAD * np.sqrt(2 * np.pi))
    chance[:1] = 0.0
    return np.asarray(chance)


def _longer(takes: float, count: int) -> _Floats:
    """The chance that it lasts longer than so many moments; the normal's tail by a logistic curve, to 1 %."""
    z = np.log(np.maximum(np.arange(count), 0.5) / takes) / SPREAD
    return np.asarray(1 / (1 + np.exp(np.minimum(1.702 * z, 50.0))))


def _near(ends: _Floats) -> _Floats:
    """The chances of moments that are the same one, together."""
    sums = np.pad(ends.cumsum(1), ((0, 0), (NEAR + 1, NEAR)), "edge")
    sums[:, : NEAR + 1] = 0.0
    return np.asarray(sums[:, 2 * NEAR + 1 :] - sums[:, : -2 * NEAR - 1])
