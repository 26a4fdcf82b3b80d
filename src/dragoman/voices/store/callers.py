"""Which caller has which profile: the table, and what is known of it while the database does not answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.errors import StoreUnavailable
from dragoman.vault import Vault
from dragoman.voices.assign import normalize_caller
from dragoman.voices.store.cache import KnownCallers
from dragoman.voices.store.database import Database
from dragoman.voices.store.rows import Rows
from dragoman.voices.store.schema import CALLERS


class Callers:
    """Of one store. What takes a ``connection`` is part of the caller's transaction."""

    def __init__(self, database: Database, rows: Rows, vault: Vault) -> None:
        self._database = database
        self._rows = rows
        self._vault = vault
        self._known = KnownCallers()

    async def give(self, connection: AsyncConnection, key: str, callers: Iterable[str], *, only: bool = False) -> None:
        """Give callers (as ``normalize_caller`` writes them) this profile, instead of what they had.

        ``only``: whoever else had it has it no more. Raises IntegrityError: there is no such profile.
        """
        if only:
            await connection.execute(sa.delete(CALLERS).where(CALLERS.c.profile == key))
        # In one order everywhere: two that give the same callers at once would else wait for each other.
        rows = [self._rows.of_caller(caller, key) for caller in sorted(set(callers))]
        if not rows:
            return
        # One that another daemon gives at the same time is not an error: who comes last is right.
        insert = (postgresql.insert if self._database.postgres else sqlite.insert)(CALLERS)
        had = {name: insert.excluded[name] for name in ("caller", "profile")}
        await connection.execute(insert.on_conflict_do_update(index_elements=[CALLERS.c.lookup], set_=had), rows)

    async def take(self, connection: AsyncConnection, caller: str) -> bool:
        """Take his profile from a caller; False: he had none. Raises ProfileInvalid: that is no caller id."""
        lookup = self._vault.name(normalize_caller(caller))
        gone = await connection.execute(sa.delete(CALLERS).where(CALLERS.c.lookup == lookup))
        return gone.rowcount == 1

    async def of(self, connection: AsyncConnection, keys: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Callers by profile."""
        rows = (await connection.execute(sa.select(CALLERS).where(CALLERS.c.profile.in_(keys)))).all()
        return self._rows.callers(rows)

    async def profile_of(self, caller: str) -> str | None:
        """See VoiceStore."""
        lookup = self._vault.name(normalize_caller(caller))
        try:
            async with self._database.reading() as connection:
                rows = await connection.execute(sa.select(CALLERS.c.profile).where(CALLERS.c.lookup == lookup))
                found = rows.scalar_one_or_none()
        except StoreUnavailable:
            if lookup not in self._known:
                raise
            return self._known.get(lookup)
        self._known.put(lookup, found)
        return found

    def forget(self, key: str) -> None:
        """This profile was deleted: nobody has it."""
        self._known.forget(key)

    def clear(self) -> None:
        """Know nothing."""
        self._known = KnownCallers()
