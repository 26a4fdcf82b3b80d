"""Which of the sounds that a leg heard does it send back? All of them are compared with what it says. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np

from dragoman.media.echo.earshot import Earshot
from dragoman.media.echo.history import RATE, Audio, HistoryBank, Rows
from dragoman.media.echo.search import EARLIEST, SIZE, STRETCH, Reference, alike, reference, stretch

AT_ONCE: Final = 120 * RATE // 1000
"""Samples within which two taps are taken to hear one voice through the air, so that the louder wins; what is later
came through a loudspeaker."""


class Lineup:
    """Compares a leg with its room.

    Args:
        history: what everybody said and played.
        earshot: who is in a room with whom.
        legs: rows of ``history`` that are legs; booths and whispers come behind them.
    """

    def __init__(self, history: HistoryBank, earshot: Earshot, legs: int) -> None:
        self._history = history
        self._earshot = earshot
        self._count = legs

    def likest(
        self, row: int, left: Audio, sources: Rows, tick: int, prepared: dict[int, Reference]
    ) -> tuple[int, int, float]:
        """What is most like this stretch of a leg.

        Args:
            row: the leg.
            left: (STRETCH,) its latest samples, without the echoes that are known.
            sources: all legs and streams there are.
            tick: now.
            prepared: spectra of sources made in this tick; filled.

        Returns:
            The source (-1: none), how many samples earlier it sounded, how alike they are (0 to 1).
        """
        spectrum, energy = stretch(left)
        best = (-1, 0, 0.0)
        for other in self._earshot.heard_by(row, sources, tick):
            if other not in prepared:
                at = self._history.end[[other]]
                prepared[other] = reference(self._history.read(np.array([other]), at, SIZE + EARLIEST)[0])
            likeness = alike(spectrum, energy, prepared[other])
            if other >= self._count:
                likeness[:-EARLIEST] = 0
            found = int(likeness.argmax())
            if likeness[found] > best[2] and self._may_echo(row, other, found + EARLIEST, left):
                best = (other, found + EARLIEST, float(likeness[found]))
        return best

    def _may_echo(self, row: int, source: int, lag: int, said: Audio) -> bool:
        """Whether the leg's sound can be made of the source's: of two at once the weaker is the echo."""
        if source >= self._count or lag >= AT_ONCE:
            return True
        mine = float(np.dot(said, said))
        other = self._history.energy(source, int(self._history.end[source]) - lag, STRETCH)
        return other > mine or (other == mine and source < row)
