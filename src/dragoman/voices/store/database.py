"""The database under the store: opened, migrated, asked with a deadline, and wiped after a delete.

SQLite in a file that only the daemon's user can read, or PostgreSQL by URL. Everything that fails is one of three
errors: StoreUnavailable (try again), StoreLocked (the key), VoiceUnavailable (a package, an address, a version).
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import NoSuchModuleError

from dragoman.errors import StoreLocked, StoreUnavailable, VoiceUnavailable
from dragoman.sql import Sql
from dragoman.vault import OpenVault, Vault
from dragoman.voices.store.rows import place
from dragoman.voices.store.schema import (
    CALLERS,
    CLIPS,
    DATA,
    MIGRATIONS,
    NOTES,
    PROFILES,
    migrate,
    read_meta,
    write_meta,
)

log = structlog.get_logger(__name__)

SCRUB_S: Final = 30.0
"""Seconds to wipe what a delete left: a VACUUM reads the tables through."""

MIGRATE_S: Final = 600.0
"""Seconds to migrate, or to encrypt all that is stored: once, and before anything waits."""


class Database(Sql):
    """The store's; ``open`` before use."""

    unavailable = StoreUnavailable

    async def open(self, vault: Vault, previous: Vault | None = None) -> None:
        """Make the file or reach the server, migrate, and check that the key is the one of what is stored.

        What was stored in plain, or with ``previous``, is encrypted anew with ``vault``.

        Raises:
            VoiceUnavailable: a driver is missing, or a newer Dragoman made the tables.
            StoreLocked: what is stored has another key.
            StoreUnavailable: the database does not answer.
        """
        try:
            self._engine = self._create()
        except (ImportError, NoSuchModuleError) as error:
            raise VoiceUnavailable(
                f"{self.where}: the Python package {getattr(error, 'name', '') or error} is missing: "
                'pip install "dragoman[voices]"'
            ) from None
        async with self.writing(MIGRATE_S) as connection:
            await self.lock(connection)  # two processes that start at once: DDL alone would take the lock too late
            before, now = await connection.run_sync(migrate, MIGRATIONS)
            if now > len(MIGRATIONS):
                raise VoiceUnavailable(
                    f"{self.where}: its tables are of version {now}, this Dragoman knows {len(MIGRATIONS)}: upgrade it"
                )
            resealed = await connection.run_sync(_take_key, vault, previous, self.where)
        if before != now:
            log.info("voice store migrated", store=self.where, before=before, now=now)
        if resealed:
            wiped = await self.scrub()
            log.info("voice store encrypted anew", store=self.where, values=resealed, old_values_wiped=wiped)

    async def scrub(self) -> bool:
        """Wipe what deleted rows left in the database's own files; False where that could not be done just now."""
        try:
            if self.postgres:
                names = ", ".join(table.name for table in DATA)
                async with self._guarded(SCRUB_S), self._running().connect() as connection:
                    plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
                    await plain.exec_driver_sql(f"VACUUM {names}")
                return True
            async with self._guarded(SCRUB_S), self._running().connect() as connection:
                plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
                # The write-ahead log holds pages as they were: into the file with it, and cut it to nothing.
                row = (await plain.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).one()
                return int(row[0]) == 0
        except StoreUnavailable as error:
            log.warning("voice store not wiped after a delete", store=self.where, error=str(error))
            return False


def _take_key(connection: sa.Connection, vault: Vault, previous: Vault | None, where: str) -> int:
    """Check the key; values that were encrypted anew because the operator gave the store one, or another."""
    stored = read_meta(connection, "key")
    if stored is None or stored == vault.fingerprint:
        if stored is None:
            write_meta(connection, "key", vault.fingerprint)
        return 0
    known: list[Vault] = [OpenVault("voices"), *([] if previous is None else [previous])]
    before = next((each for each in known if each.fingerprint == stored), None)
    if before is None or not vault.fingerprint:
        raise StoreLocked(
            f"{where} is encrypted, and voices.key is "
            + ("not set" if not vault.fingerprint else "another one; set the old one as voices.previous_key")
        )
    count = reseal(connection, before, vault)
    write_meta(connection, "key", vault.fingerprint)
    return count


def reseal(connection: sa.Connection, before: Vault, now: Vault) -> int:
    """Encrypt every value anew; how many there were."""
    count = 0
    for row in connection.execute(sa.select(PROFILES.c.id)).all():
        key = row.id
        found = connection.execute(sa.select(PROFILES).where(PROFILES.c.id == key)).one()
        values = {
            name: now.seal(before.open(getattr(found, name), place(key, name)), place(key, name))
            for name in ("manifest", "vectors")
        }
        connection.execute(sa.update(PROFILES).where(PROFILES.c.id == key).values(values))
        count += 2
    for row in connection.execute(sa.select(CLIPS.c.profile, CLIPS.c.clip)).all():
        mine = (CLIPS.c.profile == row.profile) & (CLIPS.c.clip == row.clip)
        audio = connection.execute(sa.select(CLIPS.c.audio).where(mine)).scalar_one()
        where = place(row.profile, "audio", row.clip)
        connection.execute(sa.update(CLIPS).where(mine).values(audio=now.seal(before.open(audio, where), where)))
        count += 1
    for row in connection.execute(sa.select(CALLERS)).all():
        caller = before.open(row.caller, place(row.profile, "caller"))
        connection.execute(
            sa.update(CALLERS)
            .where(CALLERS.c.lookup == row.lookup)
            .values(lookup=now.name(caller.decode()), caller=now.seal(caller, place(row.profile, "caller")))
        )
        count += 1
    for row in connection.execute(sa.select(NOTES)).all():
        where = place(row.key, "note")
        value = now.seal(before.open(row.value, where), where)
        connection.execute(sa.update(NOTES).where(NOTES.c.key == row.key).values(value=value))
        count += 1
    return count
