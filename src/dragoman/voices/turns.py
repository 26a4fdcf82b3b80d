"""Whether one person speaks in a clip or two take turns: pure numpy over who speaks in each 1.5 s of it.

Windows that lie close together are embedded and split into two groups such that nobody's turn is shorter than a second
and a half. The groups are compared by the cores of their turns, for a window across a change of speaker holds both
voices. How unlike they must be depends on their pitch too: what one person says happens to fall into two groups that
the encoder finds unlike, but then they are spoken equally high.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.format import SAMPLE_RATE
from dragoman.voices import mel
from dragoman.voices.conditioning import unit
from dragoman.voices.embedders import IdentityEmbedder, Samples
from dragoman.voices.pitch import fundamental

Vectors = npt.NDArray[np.float64]
"""Who speaks, shape (windows, dimension)."""

Second = npt.NDArray[np.bool_]
"""Which windows are the second speaker's, shape (windows,)."""

WINDOW_S: Final = 1.5
"""Seconds of a window. In 1 s an encoder tells voices apart half as well; longer ones hold two turns."""

HOP_S: Final = 0.25
"""Seconds from window to window. At 0.5 a turn of 2 s has one or two windows to itself, and several times as many
honest clips are refused for as many of two speakers."""

MIN_WINDOWS: Final = 15
"""Windows of speech (5 s) for a verdict: in less than that, one window more or less decides."""

TURN: Final = 6
"""Windows of the shortest turn, 1.5 s: shorter ones are found in every honest clip, a sound that is unlike the rest."""

EDGE: Final = 3
"""Windows from a change on in which the core of a turn begins: its third is, but for 0.2 s, its speaker's own."""

SEED: Final = 5
"""Windows whose mean a group may begin with: a single one is too much of chance."""

ROUNDS: Final = 4
"""Of splitting and averaging: it settles in two or three."""

SAME_PITCH, OTHER_PITCH = 0.10, 0.40
"""Octaves between two groups: up to the first, pitch says nothing (one person's groups are as far apart); from the
second on, it says as much as it will. Lively sentences of one person lie up to a third of an octave apart, men and
women farther."""

SAME_PITCH_SHARE: Final = 0.45
"""Of the encoder's threshold for two clips: the likeness below which two groups of one pitch are two people. Groups are
chosen to be unlike, so the threshold itself would refuse one honest clip in twenty. Where the pitch is another, the
threshold holds as it is. A share, so that it fits any encoder: strangers are near 0 with all (two_speakers.md)."""

PITCH_WINDOWS: Final = 22
"""Windows (6.75 s) from which pitch says anything: in less, a group is one sentence, and lively people speak the next
one a third of an octave higher."""

MIN_VOICED: Final = 20
"""Frames with a pitch (250 ms) below which a group has none."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The two groups that the speech of a clip falls into, whoever speaks in them."""

    share: float
    """Of the smaller group, 0 to 0.5."""
    alike: float
    """Cosine of their means."""
    apart: float
    """Octaves between their pitches; 0 where one has none, or it is not asked for."""

    def needed(self, threshold: float) -> float:
        """The likeness from which they are one person, with an encoder of this ``threshold`` for two clips."""
        heard = min(max((self.apart - SAME_PITCH) / (OTHER_PITCH - SAME_PITCH), 0.0), 1.0)
        return threshold * (SAME_PITCH_SHARE + (1.0 - SAME_PITCH_SHARE) * heard)

    def are_two(self, threshold: float) -> bool:
        """Whether they are two people."""
        return self.alike < self.needed(threshold)


def grouped(heard: Samples, identity: IdentityEmbedder) -> Groups | None:
    """What the speech of a clip (16 kHz, without pauses) falls into; None: too little, or it does not fall apart."""
    windows = windows_of(heard, identity)
    found = None if windows is None else split(windows)
    if found is None:
        return None
    second, alike = found
    share = float(second.mean())
    asked = alike < identity.threshold and len(second) >= PITCH_WINDOWS
    apart = _octaves_apart(heard, second) if asked else 0.0
    return Groups(min(share, 1.0 - share), alike, apart)


def windows_of(heard: Samples, identity: IdentityEmbedder) -> Vectors | None:
    """Who speaks in each window of the speech: unit rows; None where there are too few to ask."""
    size, hop = round(WINDOW_S * SAMPLE_RATE), round(HOP_S * SAMPLE_RATE)
    starts = range(0, len(heard) - size + 1, hop)
    if len(starts) < MIN_WINDOWS:
        return None
    return unit(np.stack([identity.embed(heard[at : at + size]) for at in starts]))


def split(windows: Vectors) -> tuple[Second, float] | None:
    """The two groups of turns that are least alike, and their likeness; None: no two were found.

    Two beginnings are tried, as either finds what the other may miss: the two places least alike (a short
    interjection), and the ends of the direction in which the windows differ most (turns that take up the whole clip).
    """
    tried = [_settled(windows, seeds) for seeds in (_least_alike(windows), _ends(windows))]
    return min((each for each in tried if each is not None), key=lambda each: each[1], default=None)


def _least_alike(windows: Vectors) -> Vectors:
    reach = SEED // 2
    padded = np.pad(windows, ((reach, reach), (0, 0)), mode="edge")
    smooth = unit(np.lib.stride_tricks.sliding_window_view(padded, SEED, axis=0).mean(axis=-1))
    pairs = smooth @ smooth.T
    return smooth[list(np.unravel_index(int(np.argmin(pairs)), pairs.shape))]


def _ends(windows: Vectors) -> Vectors:
    centred = windows - windows.mean(axis=0)
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    low, high = np.quantile(along, (0.2, 0.8))
    return unit(np.stack([windows[along <= low].mean(axis=0), windows[along >= high].mean(axis=0)]))


def _settled(windows: Vectors, centres: Vectors) -> tuple[Second, float] | None:
    second: Second | None = None
    for _ in range(ROUNDS):
        found = turns(windows @ (centres[1] - centres[0]))
        if found.all() or not found.any():
            return None
        if second is not None and (found == second).all():
            break
        second = found
        centres = unit(np.stack([windows[_core(second, who)].mean(axis=0) for who in (False, True)]))
    assert second is not None
    return second, float(centres[0] @ centres[1])


def _core(second: Second, who: bool) -> Second:
    """A speaker's windows that are EDGE from the next change on; all of his where he has none."""
    own = np.asarray(second == who)
    kept = own.copy()
    for step in range(1, EDGE):
        kept[step:] &= own[:-step]
        kept[:-step] &= own[step:]
    return kept if kept.any() else own


def turns(gains: npt.NDArray[np.float64], shortest: int = TURN) -> Second:
    """The best sequence of turns of two speakers (Viterbi's algorithm).

    Args:
        gains: by how much each window is more like the second speaker than the first, shape (windows,).
        shortest: windows of a turn at least, 1 or more.

    Returns:
        Which windows are the second's. All are the first's where there are too few for two turns.
    """
    count = len(gains)
    if count < 2 * shortest:
        return np.zeros(count, np.bool_)
    sums = np.stack([np.zeros(count + 1), np.concatenate([[0.0], np.cumsum(gains)])])
    best = np.full((2, count + 1), -np.inf)
    began = np.zeros((2, count + 1), np.intp)
    for stop in range(shortest, count + 1):
        latest = stop - shortest
        for who in (0, 1):
            own = sums[who]
            # The turn that ends here goes on, or is as short as it may be: the clip's first, or after the other's.
            longer = best[who, stop - 1] + own[stop] - own[stop - 1]
            before = best[1 - who, latest] if latest else 0.0
            shorter = before + own[stop] - own[latest]
            goes_on = longer >= shorter
            best[who, stop] = longer if goes_on else shorter
            began[who, stop] = began[who, stop - 1] if goes_on else latest
    second = np.zeros(count, np.bool_)
    who, stop = int(best[1, count] > best[0, count]), count
    while stop > 0:
        start = int(began[who, stop])
        second[start:stop] = bool(who)
        who, stop = 1 - who, start
    return second


def _octaves_apart(heard: Samples, second: Second) -> float:
    """Octaves between the median pitches of the two groups."""
    pitches = fundamental(heard)
    middle = (np.arange(len(pitches)) * mel.HOP + mel.WINDOW / 2) / SAMPLE_RATE  # s, of every frame
    nearest = np.rint((middle - WINDOW_S / 2) / HOP_S).astype(int)
    whose = second[np.clip(nearest, 0, len(second) - 1)]
    groups = [pitches[(whose == who) & ~np.isnan(pitches)] for who in (False, True)]
    if min(map(len, groups)) < MIN_VOICED:
        return 0.0
    return abs(float(np.log2(np.median(groups[1]) / np.median(groups[0]))))
