"""What an operator does with a person in a room: mute, another language, hang up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakValueDictionary

from dragoman.pipeline.conference import Conference, LegState
from dragoman.telephony.errands import Errands

LOOK_S = 0.05
"""Seconds between looks at whether he has arrived."""

LOOKS = 200
"""So many at most, 10 s: he may hear a prompt before he is in a room again."""


class Hangs(Protocol):
    """Who ends calls (telephony.ari.client.AriClient)."""

    async def hang_up(self, channel_id: str) -> bool:
        """End a channel; that there is none is success, and False."""


@dataclass(slots=True)
class Legs:
    """Acts on the legs of a conference."""

    conference: Conference
    errands: Errands
    client: Hangs
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def turn(self, state: LegState) -> asyncio.Lock:
        """To be held from looking at a leg until it is moved: two operators may act on it at once."""
        return self._turns.setdefault(state.leg.channel_id, asyncio.Lock())

    def find(self, room: str, leg: str) -> LegState | None:
        """A leg by its id, or by its channel's, which it keeps when it changes its language."""
        for state in self.conference.legs.values():
            if state.leg.room == room and leg in (state.leg.id, state.leg.channel_id):
                return state
        return None

    def of(self, room: str) -> list[LegState]:
        """The legs in a room just now."""
        return [state for state in self.conference.legs.values() if state.leg.room == room]

    async def hang_up(self, state: LegState) -> bool:
        """End his call; False: it was over."""
        return await self.client.hang_up(state.leg.channel_id)

    async def move(self, state: LegState, language: str, *, muted: bool) -> LegState | None:
        """Put him into the room's conference of this language, muted or not; he leaves his place for a moment.

        Returns:
            The leg that he is then; None: he hung up, or has not come back within 10 s.

        Raises:
            ErrandFailed, AriError, AriTransportError: Asterisk did not do it.
        """
        leg = state.leg
        if not await self.errands.move(leg.channel_id, leg.room, language, muted=muted):
            return None

        def back() -> bool:
            found = self.find(leg.room, leg.channel_id)
            return found is not None and found is not state and (found.leg.language, found.muted) == (language, muted)

        for _ in range(LOOKS):
            if back():
                return self.find(leg.room, leg.channel_id)
            await asyncio.sleep(LOOK_S)
        return None
