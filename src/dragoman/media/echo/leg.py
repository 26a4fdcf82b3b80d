"""What is known of one leg that may send back what it hears, and what its latest frame looks like. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dragoman.media.echo.history import BLOCK, Audio
from dragoman.media.echo.search import STRETCH
from dragoman.media.echo.track import MOST_HELD, STUDY_AT, Kind, Track

LEARNING: Final = 30
"""Frames of echo (0.6 s) in which a new filter comes to know its way; so long a better one may take its place."""

LOUDER: Final = 10.0
"""Energy of a frame (10 dB) against those that were looked at, from which on it is another sound: what the weak first
sound of an echo was taken for tells nothing of the word behind it."""

LEFT_FRAME: Final = 0.4
"""Share of a frame's energy below which what a fit leaves of it is nothing."""

SAME: Final = 16
"""Samples (2 ms) between two finds of one echo."""

NOISIER: Final = 1.003
"""Growth per sounding frame of what is taken for noise (0.6 dB a second)."""

FLOOR: Final = 40.0
"""Mean square (int16 units, pre-emphasised) of what is nothing, whatever the echo."""

UNFORESEEN: Final = 0.2
"""Share of that which a first filter may leave to be believed at once. Measured: of echoes three of four leave less, of
music and other people's voices none; of two voices of one synthesizer that say one vowel some leave 0.3. Any other echo
must be found twice at one delay, in audio of its own."""

HARDLY: Final = 0.7
"""Share that it may leave when it is found the second time. Measured: of echoes 0.65 and less, also where somebody
speaks over them at the first find (then 1.0); of music whose notes fall on another's beat 0.83."""


@dataclass(slots=True)
class EchoLeg:
    """Energies are mean squares, int16 units, pre-emphasised."""

    name: str
    track: Track = field(default_factory=Track)
    slots: list[int] = field(default_factory=list)
    found: tuple[int, int, int] | None = None
    """The echo that may be: its source, its delay in samples, and the tick in which it was found."""
    learning: int = 0
    """Frames of echo until its latest filter knows its way."""
    told: bool = False
    looked_at: float = np.inf
    """Energy that as many frames as a look needs had in the stretch that was looked at last."""
    errors: deque[tuple[int, Audio]] = field(default_factory=lambda: deque(maxlen=STRETCH // BLOCK))
    """What its filters left of the latest frames: (end of the frame, (BLOCK,))."""

    def most_unforeseen(self, source: int, delay: int, tick: int) -> float:
        """The share of the audio that a first filter may leave to be believed; arguments as of ``believes``."""
        before = self.found
        again = before is not None and self.found_before(source, delay) and tick - before[2] >= STRETCH // BLOCK
        return HARDLY if again else UNFORESEEN

    def believes(self, unforeseen: float, source: int, delay: int, tick: int) -> bool:
        """Whether a first echo is one: a filter foresees it, or it was found before at this delay, give or take 2 ms.

        Args:
            unforeseen: share of the audio that its filter leaves.
            source: what comes back.
            delay: how late, in samples.
            tick: now. A find in the same audio as the one before is the same find.
        """
        if unforeseen <= self.most_unforeseen(source, delay, tick):
            return True
        if not self.found_before(source, delay):
            self.found = (source, delay, tick)
        return False

    def look_at(self, said: Audio) -> None:
        """This stretch is judged: what is much louder is not judged with it."""
        self.looked_at = float(np.sort(np.square(said.reshape(-1, BLOCK)).sum(axis=1))[-STUDY_AT])

    def outgrows(self, energy: float) -> bool:
        """Whether a frame of so much energy is much louder than what was looked at."""
        return energy > LOUDER * max(self.looked_at, FLOOR * BLOCK)

    def expects(self, tick: int) -> bool:
        """Whether a first echo was found so lately that it may be found a second time before a frame is too late."""
        return not self.slots and self.found is not None and tick - self.found[2] < MOST_HELD

    def found_before(self, source: int, delay: int) -> bool:
        """Whether the echo that may be is this one, give or take 2 ms."""
        return self.found is not None and self.found[0] == source and abs(self.found[1] - delay) <= SAME

    def left_of(self, said: Audio, end: int) -> Audio:
        """This stretch, which ends at ``end``, without what its filters took away."""
        left = said.copy()
        for at, error in self.errors:
            if (back := end - at) < STRETCH:
                left[STRETCH - back - BLOCK : STRETCH - back] = error
        return left

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

    def spoke_before(self, kinds: list[Kind], rest: Audio, noise: float) -> bool:
        """Whether somebody spoke when a leg's first echo came: what waits begins with a voice that it does not explain.

        The weak first sounds of an echo are not explained either. Measured at the first finds of 135 legs and of 228
        rooms, with an echo alone or a neighbour's voice as well: but for one neighbour's none made so many such frames.

        Args:
            kinds: what waits looks like, known the echo, the oldest first.
            rest: (STRETCH,) what that leaves of the latest frames.
            noise: mean square of the noise there.
        """
        before = kinds.index(Kind.ECHO) if Kind.ECHO in kinds else len(kinds)
        after = np.square(rest.reshape(-1, BLOCK)).mean(axis=1)
        voice = [float(after[at - len(kinds)]) for at in range(before) if kinds[at] == Kind.OPEN]
        return len(voice) >= STUDY_AT and float(np.mean(voice)) > LOUDER * max(noise, FLOOR)


def share(whole: Audio, rest: Audio, noise: float) -> float:
    """How much of the energy above the noise's is gone; of all of it where the noise is most, or taken to be."""
    before, after = float(np.dot(whole, whole)), float(np.dot(rest, rest))
    floor = noise if before > 2 * noise else 0.0
    return 1 - max(after - floor, 0.0) / (before - floor) if before > 0 else 0.0
