"""The database under the store: opened, migrated, asked with a deadline, and wiped after a delete.

SQLite in a file that only the daemon's user can read, or PostgreSQL by URL. Everything that fails is one of three
errors: StoreUnavailable (try again), StoreLocked (the key), VoiceUnavailable (a package, an address, a version).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dragoman.errors import ConfigError, StoreLocked, StoreUnavailable, VoiceUnavailable
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
from dragoman.voices.store.vault import OpenVault, Vault

log = structlog.get_logger(__name__)

TIMEOUT_S: Final = 5.0
"""Seconds for one question: it is some milliseconds of work, and a caller waits for the first."""

SCRUB_S: Final = 30.0
"""Seconds to wipe what a delete left: a VACUUM reads the tables through."""

MIGRATE_S: Final = 600.0
"""Seconds to migrate, or to encrypt all that is stored: once, and before anything waits."""

_DRIVERS: Final = {
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
}


def address(store: str) -> sa.URL:
    """Where the store is: a path of a SQLite file, or a URL (``postgresql://user@host/name``, ``sqlite:////path``).

    Raises:
        ConfigError: it is neither; the message never holds a password.
    """
    if "://" not in store:
        return sa.URL.create("sqlite+aiosqlite", database=str(Path(store).expanduser()))
    try:
        url = sa.make_url(store)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise ConfigError("voices.store should be a path or a URL such as postgresql://user@host/dragoman") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise ConfigError(f"voices.store: {url.drivername!r} is not supported; postgresql and sqlite are")
    if driver == "sqlite+aiosqlite" and not url.database:
        raise ConfigError("voices.store: a SQLite URL needs a path, such as sqlite:////var/lib/dragoman/voices.sqlite")
    url = url.set(drivername=driver)
    if "sslmode" in url.query:  # as libpq, and so everybody, writes it; asyncpg calls it ssl
        mode = url.query["sslmode"]
        url = url.difference_update_query(["sslmode"]).update_query_pairs(
            [("ssl", mode if isinstance(mode, str) else mode[0])]
        )
    return url


class Database:
    """One engine with its pool; ``open`` before use."""

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        self.postgres = url.get_backend_name() == "postgresql"
        self._engine: AsyncEngine | None = None

    @property
    def where(self) -> str:
        """The address without its password, for logs and errors."""
        return self.url.render_as_string(hide_password=True)

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
            if not self.postgres:
                # Two processes that start at once: the second waits here. (DDL alone would take the lock too late.)
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
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

    def _create(self) -> AsyncEngine:
        if self.postgres:
            return create_async_engine(
                self.url, pool_size=4, max_overflow=4, pool_timeout=TIMEOUT_S, pool_pre_ping=True
            )
        if self.url.database not in (None, "", ":memory:"):
            _private_file(Path(str(self.url.database)))
        # One connection: its thread does one thing at a time, and so nothing is ever "locked" by ourselves.
        engine = create_async_engine(self.url, pool_size=1, max_overflow=0, connect_args={"timeout": TIMEOUT_S})

        @sa.event.listens_for(engine.sync_engine, "connect")
        def _prepare(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
            cursor = connection.cursor()
            # secure_delete: what is deleted is overwritten with zeros, not only marked free.
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        return engine

    @asynccontextmanager
    async def reading(self, within: float = TIMEOUT_S) -> AsyncIterator[AsyncConnection]:
        """A connection to ask; raises StoreUnavailable when it fails or is not done in time."""
        async with self._guarded(within), self._running().connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self, within: float = TIMEOUT_S) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at its end; raises StoreUnavailable, and IntegrityError as it is."""
        async with self._guarded(within), self._running().begin() as connection:
            yield connection

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

    async def close(self) -> None:
        """Close all connections. Idempotent."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    def _running(self) -> AsyncEngine:
        if self._engine is None:
            raise StoreUnavailable(f"{self.where}: not open")
        return self._engine

    @asynccontextmanager
    async def _guarded(self, within: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(within):
                yield
        except IntegrityError:
            raise
        except TimeoutError as error:
            raise StoreUnavailable(f"{self.where}: no answer within {within:g} s") from error
        except (SQLAlchemyError, OSError) as error:
            # The driver's own words: SQLAlchemy's hold the statement and its values.
            cause = error.orig if isinstance(error, DBAPIError) else error
            text = " ".join(str(cause).split())[:300]
            raise StoreUnavailable(f"{self.where}: {type(cause).__name__}: {text}") from None


def _take_key(connection: sa.Connection, vault: Vault, previous: Vault | None, where: str) -> int:
    """Check the key; values that were encrypted anew because the operator gave the store one, or another."""
    stored = read_meta(connection, "key")
    if stored is None or stored == vault.fingerprint:
        if stored is None:
            write_meta(connection, "key", vault.fingerprint)
        return 0
    known: list[Vault] = [OpenVault(), *([] if previous is None else [previous])]
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


def _private_file(path: Path) -> None:
    """Make the file so that only its owner can read it; SQLite gives its own side files the same rights."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror or error}") from None
