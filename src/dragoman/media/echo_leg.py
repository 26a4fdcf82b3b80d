"""What is known of one leg that may send back what it hears, and what its latest frame looks like. Pure."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dragoman.media.echo_history import BLOCK, Audio
from dragoman.media.echo_search import STRETCH
from dragoman.media.echo_track import STRAY, Kind, Track

VOICED: Final = 0.3
"""Share of a frame's energy that the filters must leave for it to count as somebody's voice over an echo."""

NEW_VOICED: Final = 0.6
"""The same while a filter is new."""

LEARNING: Final = 30
"""Frames of echo (0.6 s) in which a new filter comes to know its way; so long only a voice as loud as the echo
passes."""

LEFT_FRAME: Final = 0.4
"""Share of a frame's energy below which what a fit leaves of it is nothing."""

FADE: Final = 0.7
"""What is left of an echo's energy a frame later, at least, in a reverberant room (RT60 0.8 s)."""

FADE_LATE: Final = 0.95
LATE: Final = 0.15
"""What a second of reverberation and a filter's own unrest add to the echo before a filter leaves its share: of the
loudest echo, fading by 11 dB a second."""

MARGIN: Final = 3.0
"""How far above what is usually left a frame's residue must be to be somebody's voice (5 dB)."""

LASTING: Final = 0.6
EXTREME: Final = 1.5
"""How far above it the residue must be on average over 80 ms (2.6 dB), and how much one frame counts (6.5 dB), in
natural logarithms: a voice that is weaker than the echo lasts."""

QUICKLY: Final = 0.03
SLOWLY: Final = 0.003
"""Paces at which what is usually left is learnt, per frame: without a voice, and with one, which it must not follow."""

MOST_LEFT: Final = 0.12
LEAST_LEFT: Final = 0.01
"""Bounds of what is usually left, of the echo's energy: a voice as loud as the echo must pass whatever a filter
leaves."""

NOISIER: Final = 1.003
"""Growth per sounding frame of what is taken for noise (0.6 dB a second)."""

FLOOR: Final = 40.0
"""Mean square (int16 units, pre-emphasised) of what is nothing, whatever the echo."""


@dataclass(slots=True)
class EchoLeg:
    """Energies are mean squares, int16 units, pre-emphasised."""

    name: str
    track: Track = field(default_factory=Track)
    slots: list[int] = field(default_factory=list)
    loud: float = 0.0
    """Mean square of its latest sounding frames."""
    tail: float = 0.0
    """Mean square that the echo may still have."""
    late: float = 0.0
    """Mean square of the loudest echo of the last second, fading."""
    leak: float = MOST_LEFT
    """Share of the echo's energy that its filters leave."""
    excess: float = 0.0
    """Natural logarithm of how far what is left lies above that, lately."""
    learning: int = 0
    """Frames of echo until its latest filter knows its way."""
    told: bool = False
    errors: deque[tuple[int, Audio]] = field(default_factory=lambda: deque(maxlen=STRETCH // BLOCK))
    """What its filters left of the latest frames: (end of the frame, (BLOCK,))."""

    def judge(self, whole: float, echo: float, left: float, noise: float) -> tuple[Kind, float]:
        """What a frame looks like, of which the filters expect ``echo`` and leave ``left``.

        Args:
            whole: mean square of the frame.
            echo: of what its echoes should sound like.
            left: of what remains when that is taken away.
            noise: of the quietest sounding frames lately.

        Returns:
            Its kind, and the noise as known from then on.
        """
        noise = max(min(whole, noise * NOISIER), FLOOR)
        self.tail = max(echo, FADE * self.tail)
        self.late = max(echo, FADE_LATE * self.late)
        expected = max(self.leak, self.learning / LEARNING / MARGIN) * (self.tail + LATE * self.late) + noise
        excess = math.log(max(left, 1.0) / expected)
        self.excess += 0.25 * (min(max(excess, -EXTREME), EXTREME) - self.excess)
        voice = excess > math.log(MARGIN) or self.excess > LASTING
        if echo > 4 * noise:
            self.learning = max(self.learning - 1, 0)
            pace = SLOWLY if voice else QUICKLY
            self.leak *= math.exp(pace * min(max(excess, -1.0), 1.0))
            self.leak = min(max(self.leak, LEAST_LEFT), MOST_LEFT)
        if voice:
            return Kind.OPEN, noise
        return (Kind.QUIET if 2 * echo < left <= 2 * noise else Kind.ECHO), noise

    def voice_over(self, said: Audio, left: Audio) -> bool:
        """Whether the filters leave enough in the latest unexplained frames for a voice: not here and there a bit."""
        whole = np.square(said.reshape(-1, BLOCK)).sum(axis=1)
        rest = np.square(left.reshape(-1, BLOCK)).sum(axis=1)
        kinds = list(self.track.held)[-len(whole) :]
        voiced = rest > (NEW_VOICED if self.learning else VOICED) * whole
        strong = [kind == Kind.OPEN and much for kind, much in zip(reversed(kinds), voiced[::-1], strict=False)]
        return int(sum(strong)) >= STRAY

    def relabel(self, said: Audio, rest: Audio) -> list[Kind]:
        """What the frames that wait look like, known the echo, which leaves ``rest`` of them."""
        before = np.square(said.reshape(-1, BLOCK)).sum(axis=1)
        after = np.square(rest.reshape(-1, BLOCK)).sum(axis=1)
        kinds = list(self.track.held)
        for back in range(1, len(kinds) + 1):
            looked = back <= len(before)
            if kinds[-back] == Kind.OPEN and (not looked or after[-back] < LEFT_FRAME * before[-back] + FLOOR * BLOCK):
                kinds[-back] = Kind.ECHO
        return kinds


def share(whole: Audio, rest: Audio, noise: float) -> float:
    """How much of the energy above the noise's is gone."""
    over = float(np.dot(whole, whole)) - noise
    return 1 - max(float(np.dot(rest, rest)) - noise, 0.0) / over if over > noise else 0.0
