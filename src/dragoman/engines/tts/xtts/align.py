"""Which word is being said when, told by another voice that says the same text and knows.

espeak-ng gives its sound with the moment at which each word begins. The two voices say the same phonemes one after the
other, each at its own pace: frames of their spectra are compared, and for every moment the chance is summed over all
ways of laying one along the other that so much of the text is said by then (a hidden Markov model, forward and
backward). The sound that is followed may break off anywhere. Pure.

Constants were set on English clips (flite's voices kal and rms, two of espeak-ng's, one set of sentences); what is
published is of other voices, sentences and languages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dragoman.engines.tts.xtts.seam import Cut

RATE = 24_000
"""Hz of both sounds."""

HOP, WINDOW = 240, 600
"""Samples of 10 and 25 ms: the usual frames of speech recognition."""

MIDDLE = WINDOW // 2
"""Sample of the middle of the first frame."""

BANDS, LOWEST_HZ, HIGHEST_HZ = 26, 100.0, 7000.0
"""Of the mel scale; what is above says little of a phoneme and much of a synthesizer."""

COEFFICIENTS = 12
"""Of the cepstrum, without its level: how loud a phoneme is differs from voice to voice."""

TRACTS = (0.84, 0.92, 1.0, 1.09, 1.19)
"""Vocal tracts that the reference is given, longer and shorter: its own is a man's."""

FLOOR_DB = 50.0
"""Below the loudest frame, deeper than which silence is not heard."""

SILENT_DB = 35.0
"""Below the loud parts; a pause of XTTS is 40 dB below."""

SILENCE_DB = -30.0
"""Level of a frame below which it is silence, whatever is around it: some -60 dBFS."""

SHARP = 0.12
"""How much the distance of two frames says. Neighbouring frames say the same thing again, so it is less than their own
variance tells; 0.05 and 0.2 were worse."""

FARTHEST = 60.0
"""Distance of two frames, beyond which they are only different."""

STAYS = (0.3, 0.2, 0.0)
"""Chance that a frame of the reference is stayed in for one more, for the first, second and third time: never at less
than a third of its pace. With no such bound, what it does not know it takes for one long word."""

STEPS = (0.6, 0.25, 0.15)
"""Chance of going 1, 2 or 3 frames on, where it does not stay: up to three times its pace."""

PAUSE_BEGINS, PAUSE_STAYS = 0.2, 0.95
"""Chance of a pause where a word ends, and that it lasts another frame."""

NO_PAUSE = 25.0
"""Distance of a loud frame from a pause."""

HALF, NEARLY = 0.5, 0.85
"""Of a word: who has heard less of it misses it, who has heard more of it hears it twice."""

ROUGH = 0.5
"""How many words lost a cut within a word is as bad as."""

SOONER = 0.02
"""The same of each second that the better voice says less."""

NEAR = 3
"""Frames (30 ms) to either side that are the same moment: words are run into each other as far."""

ALIEN = 11.0
"""Mean distance of loud frames to where they were laid, beyond which the sound says another text, or none: of the clips
that constants were set on, 3.5 to 9.6 with their own text and 10.5 to 13.4 with another one; noise has 16."""

ENOUGH = 150
"""Loud frames (1.5 s) from which on that is asked: of less, mean and deviation are not yet the voice's own, and right
ones are up to 15.4 away; but a beginning leaves little to be mistaken."""

CERTAIN = 0.5
"""Chance from which on a cut counts as lying between two words."""

_Singles = npt.NDArray[np.float32]
_Places = npt.NDArray[np.intp]
Sound = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A text as a known voice says it."""

    sound: Sound
    """24 kHz."""
    begins: tuple[int, ...]
    """Sample at which each unit of the text (``seam.units_of``) begins, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Where a piece could be cut, for each frame of its sound; asked by who knows what was played."""

    units: tuple[str, ...]
    joint: str
    """Between two of them."""
    said: _Places = field(repr=False)
    """Units that count as said, if it is cut here."""
    cost: _Singles = field(repr=False)
    """Words that are expected to be lost then, or heard twice, and how rough it is."""
    sure: _Singles = field(repr=False)
    """Chance that this is between two words."""

    def cut(self, played: int) -> Cut:
        """The best place behind what was played: samples of this piece, none or less where nothing of it was."""
        if played <= 0 or not self.units or not len(self.cost):
            return Cut(0, self._rest(0), 1.0)
        first = min(max(0, -(-(played - MIDDLE) // HOP)), len(self.cost) - 1)
        later = SOONER * HOP / RATE * np.arange(len(self.cost) - first)
        frame = first + int((self.cost[first:] - later).argmin())
        sure = float(self.sure[frame])
        at = max(played, frame * HOP + MIDDLE)
        return Cut(at, self._rest(int(self.said[frame])), sure if sure >= CERTAIN else 0.0)

    def _rest(self, said: int) -> str:
        return self.joint.join(self.units[said:])


def follow(sound: Sound, reference: Reference, units: tuple[str, ...], joint: str) -> Track | None:
    """Lay a sound along a reference of the same text, and say what a cut at each of its frames would cost.

    None: it does not seem to say this text.
    """
    live, loud = features(sound)
    if not loud.any() or not units or len(reference.sound) < WINDOW:
        return None
    match, starts, lengths = _matching(live, reference)
    beyond = _Beyond.of(match, np.where(loud, np.exp(-SHARP * NO_PAUSE), 1.0), starts, lengths)
    if loud.sum() >= ENOUGH and _distance(beyond.states, match, loud) > ALIEN:
        return None
    half, nearly = beyond(HALF), beyond(NEARLY)
    frames = np.arange(len(live))
    ended = np.vstack([np.ones(len(frames)), beyond(1.0)])[:, np.minimum(frames + NEAR, len(frames) - 1)]
    begun = np.vstack([beyond(0.0), np.zeros(len(frames))])[:, np.maximum(frames - NEAR, 0)]
    between = np.clip(ended - begun, 0.0, 1.0)
    lost = np.vstack([np.zeros(len(frames)), (1 - half).cumsum(0)])
    twice = np.vstack([nearly[::-1].cumsum(0)[::-1], np.zeros(len(frames))])
    cost = lost + twice + ROUGH * (1 - between)
    said = cost.argmin(0)
    return Track(
        units, joint, said, cost[said, frames].astype(np.float32), between[said, frames].astype(np.float32)
    )  # fmt: skip


def _distance(states: _Singles, match: _Singles, loud: npt.NDArray[np.bool_]) -> float:
    """Of what is loud, to what it was laid along; where all of it is taken for pauses, infinite."""
    there = (states[:, :-1] - states[:, 1:])[loud]
    whole = float(there.sum())
    return float((there * -np.log(match[loud])).sum()) / SHARP / whole if whole else float("inf")


def features(sound: Sound, tract: float = 1.0) -> tuple[_Singles, npt.NDArray[np.bool_]]:
    """Cepstra [frames, COEFFICIENTS], their mean and deviation over what is loud taken off; which frames are loud.

    ``tract``: what of the spectrum is looked at lies so many times as high.
    """
    count = max(0, (len(sound) - WINDOW) // HOP + 1)
    if not count:
        return np.zeros((0, COEFFICIENTS), np.float32), np.zeros(0, bool)
    wave = sound.astype(np.float32) / 32768
    wave = np.append(wave[:1], wave[1:] - np.float32(0.97) * wave[:-1])
    framed = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP][:count] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(framed, 1024)) ** 2 @ _filters(tract).T
    level = 10 * np.log10(power.sum(1) + 1e-10)
    top = float(np.percentile(level, 95))
    bands = 10 * np.log10(np.maximum(power, 10 ** ((top - FLOOR_DB) / 10) / BANDS))
    cepstra = bands @ _COSINES.T
    loud = level > max(top - SILENT_DB, SILENCE_DB)
    heard = cepstra[loud] if loud.any() else cepstra
    return ((cepstra - heard.mean(0)) / (heard.std(0) + 1e-3)).astype(np.float32), loud


def _filters(tract: float) -> npt.NDArray[np.float64]:
    """[BANDS, bins], triangles on the mel scale."""
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 2) / 2595) - 1) / tract
    bins = np.fft.rfftfreq(1024, 1 / RATE)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


_COSINES = np.cos(np.pi / BANDS * (np.arange(BANDS) + 0.5) * np.arange(1, COEFFICIENTS + 1)[:, None])


def _matching(live: _Singles, reference: Reference) -> tuple[_Singles, _Places, _Places]:
    """How alike each frame and each state are [frames, states]; the first state of each unit, and how many it has.

    States are the reference's frames, without the silence around its words: pauses have states of their own.
    """
    tracts = [features(reference.sound, tract) for tract in TRACTS]
    audible = tracts[len(tracts) // 2][1]
    kept = []
    bounds = [*(min(begin // HOP, len(audible) - 1) for begin in reference.begins), len(audible)]
    for begin, end in pairwise(bounds):
        inside = np.flatnonzero(audible[begin:end]) + begin
        kept.append(np.arange(inside[0], inside[-1] + 1) if len(inside) else np.array([begin]))
    lengths = np.array([len(frames) for frames in kept], np.intp)
    states = np.concatenate(kept)
    distance = np.full((len(live), len(states)), np.float32(FARTHEST))
    for known, _ in tracts:
        other = known[states]
        np.minimum(distance, (live**2).sum(1)[:, None] + (other**2).sum(1) - 2 * live @ other.T, out=distance)
    return np.exp(-SHARP * np.maximum(distance, 0.0)), lengths.cumsum() - lengths, lengths


@dataclass(frozen=True, slots=True, eq=False)
class _Beyond:
    """How far the text is at each frame."""

    starts: _Places
    lengths: _Places
    states: _Singles
    """[frames, states + 1]: the chance to be in this state or a later one."""
    pauses: _Singles
    """[frames, units]: the chance to be in the pause behind this unit or a later one."""

    def __call__(self, share: float) -> npt.NDArray[np.float64]:
        """[units, frames]: that so much of a unit is said."""
        at = self.starts + np.ceil(share * self.lengths).astype(np.intp)
        return (self.states[:, at] + self.pauses).T.astype(np.float64)

    @classmethod
    def of(cls, match: _Singles, pause: npt.NDArray[np.float64], starts: _Places, lengths: _Places) -> _Beyond:
        """Forward and backward; each frame's chances are brought to a sum of 1, so that none runs out of numbers.

        A state is threefold, by how often it was stayed in. A pause lies before and behind each unit.
        """
        frames, states = match.shape
        lasts = starts + lengths - 1
        stay = np.array(STAYS, np.float32)[:, None]
        forward = np.zeros((frames, len(STAYS), states), np.float32)
        resting = np.zeros((frames, len(starts) + 1), np.float32)
        now, rest = np.zeros((len(STAYS), states), np.float32), np.zeros(len(starts) + 1, np.float32)
        now[0, 0] = rest[0] = 0.5
        for frame in range(frames):
            if frame:
                going = ((1 - stay) * now).sum(0)
                now[1:] = stay[:-1] * now[:-1]
                now[0] = 0.0
                for step, chance in enumerate(STEPS, 1):
                    now[0, step:] += chance * going[:-step]
                now[0, starts] += (1 - PAUSE_STAYS) * rest[:-1]
                rest *= PAUSE_STAYS
                rest[1:] += PAUSE_BEGINS * going[lasts]
            now *= match[frame]
            rest *= pause[frame]
            whole = now.sum() + rest.sum() or 1.0
            now /= whole
            rest /= whole
            forward[frame], resting[frame] = now, rest
        there = np.zeros((frames, states + 1), np.float32)
        now, rest = np.ones((len(STAYS), states), np.float32), np.ones(len(starts) + 1, np.float32)
        for frame in reversed(range(frames)):
            there[frame, :-1] = (forward[frame] * now).sum(0)
            resting[frame] *= rest
            whole = there[frame].sum() + resting[frame].sum() or 1.0
            there[frame] /= whole
            resting[frame] /= whole
            now, rest = now * match[frame], rest * pause[frame]
            back = np.zeros(states, np.float32)
            for step, chance in enumerate(STEPS, 1):
                back[:-step] += chance * now[0, step:]
            back[lasts] += PAUSE_BEGINS * rest[1:]
            rest = PAUSE_STAYS * rest
            rest[:-1] += (1 - PAUSE_STAYS) * now[0, starts]
            stayed = stay[:-1] * now[1:]
            now = (1 - stay) * back
            now[:-1] += stayed
            whole = max(now.max(), rest.max()) or 1.0
            now /= whole
            rest /= whole
        return cls(
            starts, lengths, there[:, ::-1].cumsum(1)[:, ::-1], resting[:, ::-1].cumsum(1)[:, ::-1][:, 1:]
        )  # fmt: skip
