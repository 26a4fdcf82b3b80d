"""People whose taps are being made anew: they are in their room still, hear its booth, and may be talking. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.telephony.model import Leg

LONGEST_S = 5.0
"""s for which one counts as a listener: a tap is made in 0.1 s, and after three failures in 1.5. Of a caller who hangs
up the tap may end first, so that he looks like one of these."""

FORGOTTEN_S = 600.0
"""s after which one who has not come back is held to have left, and forgotten when the next tap is lost. Until
then, if he does come back after all, the whole of it is told."""


class Mending:
    """Those of one conference; ``now`` in s, monotonic."""

    def __init__(self) -> None:
        self._lost: dict[str, tuple[Leg, float]] = {}

    def lost(self, leg: Leg, now: float) -> None:
        """His tap is gone."""
        self._lost = {leg_id: each for leg_id, each in self._lost.items() if now - each[1] < FORGOTTEN_S}
        self._lost[leg.id] = leg, now

    def back(self, leg_id: str) -> float | None:
        """His tap is there again: since when nobody heard him; None: it was not lost."""
        found = self._lost.pop(leg_id, None)
        return None if found is None else found[1]

    def languages(self, room: str, now: float) -> Mapping[str, str]:
        """Of those in a room who still count as listeners, by leg id."""
        return {
            leg_id: leg.language
            for leg_id, (leg, since) in self._lost.items()
            if leg.room == room and now - since < LONGEST_S
        }
