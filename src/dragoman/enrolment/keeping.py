"""Voices that callers asked to keep while the database was away: stored when it answers again, unless withdrawn.

In memory only, as all that is learnt in a call: a daemon that stops before has not kept them, and says so in its log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from dragoman.enrolment.later import Later
from dragoman.enrolment.leftovers import Leftovers
from dragoman.errors import ProfileConflict, StoreUnavailable, VoiceError
from dragoman.voices.make import Audio
from dragoman.voices.profile import VoiceProfile

log = structlog.get_logger(__name__)

WISHES: Final = 32
"""That wait at once, as many as are learnt at once (incall.LEARNERS); each holds up to 4 MB. The next is refused."""


class Store(Protocol):
    """What is asked of the store of profiles (voices.store.store.VoiceStore)."""

    async def put(
        self, profile: VoiceProfile, audio: Mapping[str, Audio], callers: Sequence[str] | None = None
    ) -> None:
        """Keep a profile."""

    async def delete(self, key: str) -> object:
        """Remove a profile."""


@dataclass(slots=True, eq=False)
class _Wish:
    profile: VoiceProfile
    audio: Mapping[str, Audio]
    caller: str
    withdrawn: bool = False


class Keeping:
    """``run`` until cancelled; ``on_kept`` is told of the channel whose wish came true late."""

    def __init__(self, store: Callable[[], Store | None], on_kept: Callable[[str], None]) -> None:
        self._store = store
        self._on_kept = on_kept
        self._wishes: dict[str, _Wish] = {}
        self._asking: dict[_Wish, str] = {}
        """Being stored for the first time, with their channels."""
        self._unwanted = Leftovers(self._delete)
        self._later = Later(self._wishes, self._try)

    def __len__(self) -> int:
        """Wishes that wait."""
        return len(self._wishes)

    async def keep(self, channel: str, profile: VoiceProfile, audio: Mapping[str, Audio], caller: str) -> bool:
        """Store it for this number; False: the database is away, and it is stored when it is back.

        Raises:
            VoiceError: it cannot be stored, or too many wait.
        """
        wish = _Wish(profile, audio, caller)
        self._asking[wish] = channel
        try:
            await self._put(wish)
        except StoreUnavailable:
            if wish.withdrawn:
                self._unwanted.add(profile.id)
                return False
            if channel not in self._wishes and len(self._wishes) >= WISHES:
                raise
            self._wishes[channel] = wish
            self._later.added()
            log.warning("a voice is kept later: the database is away", channel=channel, profile=profile.id)
            return False
        finally:
            del self._asking[wish]
        if wish.withdrawn:
            self._unwanted.add(profile.id)
        return not wish.withdrawn

    def withdraw(self, channel: str) -> None:
        """He does not want it any more. Idempotent."""
        for wish, asked in self._asking.items():
            wish.withdrawn = wish.withdrawn or asked == channel
        if (waiting := self._wishes.pop(channel, None)) is not None:
            waiting.withdrawn = True
            self._unwanted.add(waiting.profile.id)  # a database that went while it wrote may have it

    async def run(self) -> None:
        """Try again what could not be done."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._unwanted.run())
                group.create_task(self._later.run())
        finally:
            for channel, wish in self._wishes.items():
                log.error("a voice was not kept: the daemon stops", channel=channel, profile=wish.profile.id)

    async def _try(self) -> None:
        for channel, wish in list(self._wishes.items()):
            if wish.withdrawn:
                continue
            try:
                await self._put(wish)
            except StoreUnavailable:
                if wish.withdrawn:
                    self._unwanted.add(wish.profile.id)
                return  # for the next one, too
            except VoiceError as error:
                log.warning("a voice could not be kept", profile=wish.profile.id, error=str(error))
                kept = False
            else:
                kept = True
            if self._wishes.get(channel) is wish:
                del self._wishes[channel]
                if kept:
                    log.info("a voice was kept, later than asked for", channel=channel, profile=wish.profile.id)
                    self._on_kept(channel)
            elif wish.withdrawn:
                self._unwanted.add(wish.profile.id)  # while it was stored

    async def _put(self, wish: _Wish) -> None:
        store = self._store()
        if store is None:
            raise StoreUnavailable("there is no store")
        try:
            await store.put(wish.profile, wish.audio, [wish.caller])
        except ProfileConflict:
            # Its id is random: it is our own, of a time when the database did not live to say that it has it.
            log.info("a voice was kept already", profile=wish.profile.id)

    async def _delete(self, profile_id: str) -> None:
        store = self._store()
        if store is None:
            raise StoreUnavailable("there is no store")
        await store.delete(profile_id)
