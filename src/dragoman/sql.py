"""A database of ours, SQLite or PostgreSQL: where it is, and connections that answer in time or fail.

A store is a subclass, which says what it raises when the database does not answer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dragoman.errors import ConfigError, DragomanError

TIMEOUT_S: Final = 5.0
"""Seconds for one question: it is some milliseconds of work, and a caller waits for the first."""

LOCK_S: Final = TIMEOUT_S
"""Seconds that SQLite waits for another process that has the file locked."""

SERVER_S: Final = 60.0
"""Seconds after which PostgreSQL ends a statement, or a transaction in which nothing is asked, of its own accord: twice
what the longest takes that anything waits for (to wipe what a delete left, 30 s)."""

RACES: Final = frozenset({"40P01", "40001"})
"""PostgreSQL's words for a transaction that it ended for the sake of another one: a deadlock, or out of order."""

TRIES: Final = 3
"""At a transaction that others raced. Who loses is told after a second (deadlock_timeout), and TIMEOUT_S has five."""

UNKNOWN: Final = "whether it was changed is not known: look at it, or ask for the change again"
"""What is said where the database went while it kept a change: it may have it all the same."""

SWITCHES: Final = 20
"""Tries to make a file's journal a write-ahead log: each failure waited for another process, and few start at once."""

_DRIVERS: Final = {
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
}

T = TypeVar("T")


def address(store: str, setting: str = "voices.store") -> sa.URL:
    """Where a store is: a path of a SQLite file, or a URL (``postgresql://user@host/name``, ``sqlite:////path``).

    Raises:
        ConfigError: it is neither; the message names the setting and never holds a password.
    """
    if "://" not in store:
        return sa.URL.create("sqlite+aiosqlite", database=str(Path(store).expanduser()))
    try:
        url = sa.make_url(store)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise ConfigError(f"{setting} should be a path or a URL such as postgresql://user@host/dragoman") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise ConfigError(f"{setting}: {url.drivername!r} is not supported; postgresql and sqlite are")
    if driver == "sqlite+aiosqlite" and not url.database:
        raise ConfigError(f"{setting}: a SQLite URL needs a path, such as sqlite:////var/lib/dragoman/voices.sqlite")
    url = url.set(drivername=driver)
    if "sslmode" in url.query:  # as libpq, and so everybody, writes it; asyncpg calls it ssl
        mode = url.query["sslmode"]
        url = url.difference_update_query(["sslmode"]).update_query_pairs(
            [("ssl", mode if isinstance(mode, str) else mode[0])]
        )
    return url


def _log_ahead(connection: sa.engine.interfaces.DBAPIConnection, cursor: sa.engine.interfaces.DBAPICursor) -> None:
    """Keep a SQLite file's journal as a write-ahead log.

    The switch, unlike all else, does not wait for another process that makes it just then: it fails at once with
    "database is locked". An exclusive lock does wait, and so one is taken, and the switch tried again.
    """
    for left in reversed(range(SWITCHES)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except connection.dbapi.OperationalError:
            if not left:
                raise
        cursor.execute("BEGIN EXCLUSIVE")
        cursor.execute("COMMIT")


def _bound_server(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
    """Have PostgreSQL itself end what we gave up, where our word to cancel it did not arrive: it may hold locks.

    Not as parameters of the start-up, which connection poolers refuse.
    """
    try:
        cursor = connection.cursor()
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"SET {limit} = '{SERVER_S:g}s'")
        cursor.close()
        connection.commit()  # a driver began a transaction for this: the end of the first reading would take it back
    except BaseException:
        connection.close()  # no pool has it yet
        raise


@dataclass(slots=True)
class _Course:
    """Of a transaction."""

    committing: bool = False
    """All was asked, and what is left is to keep it."""


class Sql:
    """One engine with its pool."""

    unavailable: ClassVar[type[DragomanError]] = DragomanError
    """Raised, with what happened in words, when the database fails or is not done in time."""

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        self.postgres = url.get_backend_name() == "postgresql"
        self._engine: AsyncEngine | None = None
        self.trouble = ""
        """Why it is not open, where it was tried; empty: nothing is known to be wrong."""

    @property
    def where(self) -> str:
        """The address without its password, for logs and errors; without its query, which may have one too."""
        return self.url.set(query={}).render_as_string(hide_password=True)

    def _create(self) -> AsyncEngine:
        """Make the engine; raises ImportError or NoSuchModuleError when a driver is missing."""
        if self.postgres:
            from dragoman.postgres import Connection

            engine = create_async_engine(
                self.url,
                pool_size=4,
                max_overflow=4,
                pool_timeout=TIMEOUT_S,
                pool_pre_ping=True,
                connect_args={"connection_class": Connection, "timeout": TIMEOUT_S},
            )
            sa.event.listen(engine.sync_engine, "connect", _bound_server)
            return engine
        if self.url.database not in (None, "", ":memory:"):
            self._private_file(Path(str(self.url.database)))
        # One connection: its thread does one thing at a time, and so nothing is ever "locked" by ourselves.
        engine = create_async_engine(self.url, pool_size=1, max_overflow=0, connect_args={"timeout": LOCK_S})

        @sa.event.listens_for(engine.sync_engine, "connect")
        def _prepare(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
            cursor = connection.cursor()
            _log_ahead(connection, cursor)
            # secure_delete: what is deleted is overwritten with zeros, not only marked free.
            for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        return engine

    @asynccontextmanager
    async def reading(self, within: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A connection to ask; raises ``unavailable`` when it fails or is not done in time (default: TIMEOUT_S)."""
        async with self._guarded(within), self._running().connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self, within: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at its end.

        Raises ``unavailable``: nothing was changed, or the words end with UNKNOWN; and IntegrityError as it is.
        """
        async with self._guarded(within) as course, self._transaction(course) as connection:
            if self.postgres and within is not None and within > SERVER_S:
                await connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            yield connection

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """``writing`` for who may meet others: ``work`` is done anew where PostgreSQL took it back for their sake."""
        async with self._guarded(None) as course:
            for left in reversed(range(TRIES)):
                course.committing = False
                try:
                    async with self._transaction(course) as connection:
                        done = await work(connection)
                    return done
                except DBAPIError as error:
                    if not left or getattr(error.orig, "sqlstate", None) not in RACES:
                        raise
        raise AssertionError("the last try returned or raised")

    @asynccontextmanager
    async def _transaction(self, course: _Course) -> AsyncIterator[AsyncConnection]:
        """One, committed at its end, of which ``course`` knows how far it came."""
        async with self._running().begin() as connection:
            yield connection
            course.committing = True

    async def lock(self, connection: AsyncConnection) -> None:
        """Have other processes that write wait, from the first reading of this transaction on.

        SQLite only: its lock is of the whole file. In PostgreSQL lock the rows that are read (``with_for_update``).
        """
        if not self.postgres:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")

    async def close(self) -> None:
        """Close all connections. Idempotent."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    def _running(self) -> AsyncEngine:
        if self._engine is None:
            raise self.unavailable(self.trouble or f"{self.where}: not open")
        return self._engine

    @asynccontextmanager
    async def _guarded(self, within: float | None) -> AsyncIterator[_Course]:
        within = TIMEOUT_S if within is None else within
        course = _Course()
        try:
            async with asyncio.timeout(within) as deadline:
                yield course
        except IntegrityError:
            raise
        except TimeoutError as error:
            after = within if deadline.expired() else TIMEOUT_S  # else it was a connection that could not be had
            raise self.unavailable(self._told(f"no answer within {after:g} s", course.committing)) from error
        except (SQLAlchemyError, OSError) as error:
            # The driver's own words: SQLAlchemy's hold the statement and its values.
            cause = error.orig if isinstance(error, DBAPIError) else error
            text = " ".join(str(cause).split())[:300]
            refused = isinstance(error, DBAPIError) and not error.connection_invalidated  # and so not kept
            raise self.unavailable(
                self._told(f"{type(cause).__name__}: {text}", course.committing and not refused)
            ) from None

    def _told(self, what: str, unknown: bool) -> str:
        return f"{self.where}: {what}; {UNKNOWN}" if unknown else f"{self.where}: {what}"

    def _private_file(self, path: Path) -> None:
        """Make the file so that only its owner can read it; SQLite gives its own side files the same rights."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise self.unavailable(f"{path}: {error.strerror or error}") from None
