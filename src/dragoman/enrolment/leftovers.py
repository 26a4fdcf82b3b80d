"""Profiles that should not be: stored, or perhaps stored, and then not wanted, while the database was away.

They are deleted when it answers again. In memory only: a daemon that stops before names them in its log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from dragoman.enrolment.later import Later
from dragoman.errors import StoreUnavailable, VoiceError

log = structlog.get_logger(__name__)


class Leftovers:
    """``run`` until cancelled. Bounded by what makes them: one per voice that ends unkept with no database there."""

    def __init__(self, delete: Callable[[str], Awaitable[object]]) -> None:
        """``delete`` removes a profile, or raises StoreUnavailable."""
        self._delete = delete
        self._ids: dict[str, None] = {}
        self._later = Later(self._ids, self._try)
        self._over = False

    def __len__(self) -> int:
        """Profiles that wait to be deleted."""
        return len(self._ids)

    async def discard(self, profile_id: str) -> None:
        """Delete it now, or later."""
        try:
            await self._delete(profile_id)
        except StoreUnavailable as error:
            self.add(profile_id)
            log.warning("a voice profile is deleted later", profile=profile_id, reason=str(error))

    def add(self, profile_id: str) -> None:
        """It may be stored, and should not be."""
        if self._over:
            _name(profile_id)
            return
        self._ids[profile_id] = None
        self._later.added()

    async def run(self) -> None:
        """Try again what could not be done."""
        try:
            await self._later.run()
        finally:
            self._over = True  # what else ends with the daemon may still leave some
            for profile_id in self._ids:
                _name(profile_id)

    async def _try(self) -> None:
        for profile_id in list(self._ids):
            try:
                await self._delete(profile_id)
            except StoreUnavailable:
                return  # for the next one, too
            except VoiceError as error:
                log.error("a voice profile may be left in the store", profile=profile_id, error=str(error))
            else:
                log.info("a voice profile that nobody wants was deleted", profile=profile_id)
            del self._ids[profile_id]


def _name(profile_id: str) -> None:
    log.error("a voice profile may be left in the store: delete it", profile=profile_id)
