"""The ways that echoes take, from what sounded to the leg that sends it back, and which of them are followed. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np

from dragoman.media.echo.bands import FIRST, FURTHER, BandBank
from dragoman.media.echo.filter import AHEAD, PARTITIONS, FilterBank
from dragoman.media.echo.history import BLOCK, KEPT, Audio, HistoryBank, Rows
from dragoman.media.echo.leg import LEARNING, EchoLeg
from dragoman.media.echo.lineup import AT_ONCE
from dragoman.media.echo.search import STRETCH, steady

SLOTS: Final = 3
"""Echoes followed per leg: its booth's, another leg's, and the booth's again from a second phone in the room."""

FORGOTTEN: Final = 0.997
"""Of what a filter took away is counted a frame later: half after 4.6 s, for a booth is silent that long while others
speak."""

HARM: Final = 0.5
"""So much of what a leg says, lately, added to it instead of taken away is no echo's filter: it follows what never was
there, or has gone astray."""

LATELY: Final = 0.9
"""Of what tells that is counted a frame later: half after 130 ms."""

REHEARSED: Final = 24 * BLOCK
"""Samples (480 ms) that a leg's first filter is made of."""


class Ways:
    """A filter per way, by slot; each leg has ``SLOTS`` of its own.

    Args:
        history: what everybody said and played.
        bands: what is usual of each leg's residue.
        legs: rows of ``history`` that are legs; booths and whispers come behind them.
    """

    def __init__(self, history: HistoryBank, bands: BandBank, legs: int) -> None:
        self._history = history
        self._bands = bands
        self._count = legs
        self.filters = FilterBank(legs * SLOTS)
        self.source_of: Rows = np.full(legs * SLOTS, -1, np.int64)
        """(slots,) what each slot's filter makes an echo of."""
        self._taken = np.zeros(legs * SLOTS)  # energy that the slot's filter took away, lately
        self._lately = np.zeros((legs * SLOTS, 2))  # the same of the last frames, and the leg's energy in them
        self._weaker = np.zeros(legs * SLOTS, np.bool_)  # the slot's source is the weaker of two at once: no echo

    def of(self, leg: EchoLeg, source: int) -> list[int]:
        """The leg's slots that follow this source."""
        return [slot for slot in leg.slots if self.source_of[slot] == source]

    def harmful(self, slots: Rows, echoes: Audio, left: Audio, whole: Audio) -> list[int]:
        """Count what these distinct slots' filters took away of a frame.

        Args:
            slots: whose, (n,).
            echoes: (n, BLOCK) what each took away.
            left: (n, BLOCK) what all filters of its leg left.
            whole: (n,) the energy of its leg's frame.

        Returns:
            Those that add more than they take, the worst first.
        """
        taken = np.einsum("ij,ij->i", echoes + 2 * left, echoes)
        self._taken[slots] = FORGOTTEN * self._taken[slots] + taken
        self._lately[slots] = lately = LATELY * self._lately[slots] + np.stack([taken, whole], axis=1)
        harm = lately[:, 0] + HARM * lately[:, 1]
        worst: list[int] = slots[np.argsort(harm)[: int((harm < 0).sum())]].tolist()
        return worst

    def forget(self, leg: EchoLeg, source: int) -> None:
        """A source is gone."""
        leg.slots = [slot for slot in leg.slots if self.source_of[slot] != source]

    def wins(self, row: int, slot: int, end: int) -> bool:
        """Whether the leg is the louder of two that hear one voice, so that the other's sound is the echo."""
        source = int(self.source_of[slot])
        shift = int(self.filters.shift[slot]) + AHEAD
        if source >= self._count or shift >= self._lag_base(row, source) + AT_ONCE:
            return False
        ratio = self._history.energy(row, end, STRETCH) / (self._history.energy(source, end - shift, STRETCH) + 1e-3)
        if ratio > 1.25 or ratio < 0.8:
            self._weaker[slot] = ratio > 1
        return bool(self._weaker[slot])

    def blocks_back(self, row: int, leg: EchoLeg) -> int:
        """How many blocks can be retraced: as many as the history has of what is sent back the latest."""
        latest = max(
            int(self.filters.shift[slot]) - self._lag_base(row, int(self.source_of[slot])) for slot in leg.slots
        )
        return (KEPT - max(latest, 0)) // BLOCK - PARTITIONS

    def retrace(self, leg: EchoLeg, end: int, count: int) -> Audio:
        """All echoes in the leg's ``count`` blocks before ``end``, by what its filters know now: (count, BLOCK)."""
        summed = np.zeros((count, BLOCK), np.float32)
        for slot in leg.slots:
            if not self._weaker[slot]:
                summed += self.filters.retrace(slot, int(self.source_of[slot]), end, count, self._history)
        return summed

    def followed(self, leg: EchoLeg, source: int, shift: int) -> bool:
        """Whether there is a filter for about this delay."""
        return any(abs(int(self.filters.shift[slot]) - shift) <= AHEAD // 2 for slot in self.of(leg, source))

    def follow(
        self, row: int, leg: EchoLeg, source: int, shift: int, taps: Audio, said: Audio, anew: bool, tick: int
    ) -> int | None:
        """Keep the way an echo takes.

        Args:
            row: the leg's.
            leg: that sends it back.
            source: what it sends back.
            shift: of the first of ``taps``, in samples between the two rows' times.
            taps: a first, short filter.
            said: the stretch that the filter is made of.
            anew: in place of what was known of this source.
            tick: now.

        Returns:
            The delay in samples; None: a first echo that is not believed yet.
        """
        same = self.of(leg, source)
        near = [slot for slot in same if abs(int(self.filters.shift[slot]) - shift) < PARTITIONS * BLOCK]
        free = [slot for slot in range(row * SLOTS, (row + 1) * SLOTS) if slot not in leg.slots]
        # The one found first may be the one that is needed most: a neighbour's voice through the air.
        least = sorted(leg.slots, key=lambda slot: float(self._taken[slot]))
        old = near or (same if anew else []) or free or least
        slot, first = old[0], not leg.slots
        said = self._history.read(np.array([row]), self._history.end[[row]], REHEARSED)[0] if first else said
        # The way may be known of another source, or of this one at another delay.
        jumped = anew and not self.followed(leg, source, shift)
        others = [other for other in leg.slots if jumped or (other != slot and self.source_of[other] != source)]
        # What a filter left of its own source is what it lacks, and not the way.
        lacking = bool(near) and not anew and not self._weaker[slot]
        known = self.filters.known(slot) if lacking else None
        self.source_of[slot] = source
        self._weaker[slot] = False
        same_way = not lacking and any(self.filters.resemble(slot, shift, taps, other) for other in others)
        if not same_way:
            self.filters.begin(slot, shift, taps)
        delay = shift - self._lag_base(row, source)
        enough = leg.most_unforeseen(source, delay, tick) if first else np.inf
        unforeseen = self.filters.rehearse(slot, source, int(self._history.end[row]), said, self._history, enough)
        if first and (not leg.believes(unforeseen, source, delay, tick) or steady(said)):
            return None
        if known is not None:
            self.filters.add(slot, known)
        leg.slots = [*(other for other in leg.slots if other != slot), slot]
        leg.errors.clear()
        whole = float(np.dot(said, said))
        self._lately[slot] = (1 - unforeseen) * whole, whole
        self._taken[slot] = max(1 - unforeseen, 0.0) * whole + (self._taken[slot] if lacking else 0)
        if not same_way or jumped:
            self._bands.learn(row, FIRST if first else FURTHER)
        self._bands.score[row] = 0  # what was left without this filter tells nothing of what is left with it
        leg.learning = LEARNING
        leg.track.known = True
        return delay

    def _lag_base(self, row: int, source: int) -> int:
        return int(self._history.end[row] - self._history.end[source])
