"""What a daemon has to know again when it starts, such as the enrolment codes that it gave out: values by key."""

from __future__ import annotations

import sqlalchemy as sa

from dragoman.vault import Vault
from dragoman.voices.store.database import Database
from dragoman.voices.store.rows import place
from dragoman.voices.store.schema import NOTES


class Notes:
    """Of one store."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def put(self, key: str, value: bytes) -> None:
        """Keep ``value`` under ``key`` (64 characters at most), in place of what was there; encrypted as all else is.

        Raises:
            StoreUnavailable: it is not kept, or its words say that this is not known.
        """
        sealed = self._vault.seal(value, place(key, "note"))
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(NOTES).where(NOTES.c.key == key))
            await connection.execute(sa.insert(NOTES).values(key=key, value=sealed))

    async def get(self, key: str) -> bytes | None:
        """What was kept under ``key``; None: nothing. Raises StoreUnavailable, StoreLocked."""
        async with self._database.reading() as connection:
            found = await connection.execute(sa.select(NOTES.c.value).where(NOTES.c.key == key))
            value = found.scalar_one_or_none()
        return None if value is None else self._vault.open(value, place(key, "note"))
