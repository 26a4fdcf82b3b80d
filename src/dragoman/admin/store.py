"""The store of the administration: tokens, rooms, the audit log, transcripts and usage, in SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import sqlalchemy as sa
import structlog
from pydantic import SecretStr
from sqlalchemy.exc import IntegrityError, NoSuchModuleError

from dragoman import sql
from dragoman.admin.model import Entry, Line, Usage
from dragoman.admin.rooms import Room
from dragoman.admin.rows import Rows, entry, of_entry, of_token, token
from dragoman.admin.schema import AUDIT, LINES, LOCK, META, MIGRATIONS, ROOMS, TOKENS, USAGE
from dragoman.admin.tokens import Token
from dragoman.errors import AdminError, AdminStoreDown, AdminUnavailable
from dragoman.migrations import migrate, read_meta, write_meta
from dragoman.vault import Vault, vault

log = structlog.get_logger(__name__)

LINES_AT_ONCE: Final = 20_000
"""Lines of a transcript that are read at once: a day of talk."""


class AdminStore(sql.Sql):
    """``open`` before use, ``close`` when done. Every method raises AdminStoreDown when the database fails."""

    unavailable = AdminStoreDown

    def __init__(self, store: SecretStr, key: SecretStr | None = None) -> None:
        """Nothing is opened yet.

        Args:
            store: path of a SQLite file, or a URL.
            key: encrypts rooms' settings and transcripts; None: nothing is encrypted.

        Raises:
            ConfigError: the address or the key is none.
            StoreLocked: the package for encryption is missing.
        """
        super().__init__(sql.address(store.get_secret_value(), "admin.store"))
        self._vault = vault(key, "admin")
        self._rows = Rows(self._vault)

    async def open(self) -> None:
        """Make the file or reach the server, migrate, check the key.

        Raises:
            AdminUnavailable: a driver is missing, a newer Dragoman made the tables, or they have another key.
            AdminStoreDown: the database does not answer.
        """
        await self.close()  # it may be open, and have failed at what was asked next
        try:
            self._engine = self._create()
        except (ImportError, NoSuchModuleError) as error:
            raise AdminUnavailable(
                f"{self.where}: the Python package {getattr(error, 'name', '') or error} is missing: "
                'pip install "dragoman[admin]"'
            ) from None
        try:
            async with self.writing() as connection:
                await self.lock(connection)  # two processes that start at once: the daemon, ``dragoman token``
                before, now = await connection.run_sync(migrate, MIGRATIONS, META, LOCK)
                if now > len(MIGRATIONS):
                    raise AdminUnavailable(
                        f"{self.where}: its tables are of version {now}, this Dragoman knows {len(MIGRATIONS)}: "
                        "upgrade it"
                    )
                await connection.run_sync(_check_key, self._vault, self.where)
        except BaseException as error:
            self.trouble = str(error) if isinstance(error, AdminError) else ""
            await self.close()
            raise
        self.trouble = ""
        if before != now:
            log.info("admin store migrated", store=self.where, before=before, now=now)

    # ---- tokens

    async def tokens(self) -> list[Token]:
        """All of them, the oldest first, with those that are no longer good."""
        async with self.reading() as connection:
            rows = (await connection.execute(sa.select(TOKENS).order_by(TOKENS.c.created, TOKENS.c.id))).all()
        return [token(row) for row in rows]

    async def add_token(self, new: Token) -> None:
        """Keep a token that was made."""
        async with self.writing() as connection:
            await connection.execute(sa.insert(TOKENS).values(of_token(new)))

    async def revoke_token(self, key: str, now: float) -> bool:
        """A token is good no more; its row stays, so that the audit log can be read. False: there is none in force."""
        mine = (TOKENS.c.id == key) & TOKENS.c.revoked.is_(None)
        async with self.writing() as connection:
            done = await connection.execute(sa.update(TOKENS).where(mine).values(revoked=now))
        return bool(done.rowcount)

    # ---- rooms

    async def rooms(self) -> list[Room]:
        """All of them, by number; raises StoreLocked."""
        async with self.reading() as connection:
            rows = (await connection.execute(sa.select(ROOMS).order_by(ROOMS.c.room))).all()
        return [self._rows.room(row) for row in rows]

    async def put_room(self, room: Room) -> None:
        """Keep a room, in place of what was kept of it."""
        async with self.writing() as connection:
            await connection.execute(sa.delete(ROOMS).where(ROOMS.c.room == room.room))
            await connection.execute(sa.insert(ROOMS).values(self._rows.of_room(room)))

    async def delete_room(self, room: str) -> None:
        """Forget a room, with its transcripts."""
        async with self.writing() as connection:
            await connection.execute(sa.delete(ROOMS).where(ROOMS.c.room == room))
            await connection.execute(sa.delete(LINES).where(LINES.c.room == room))

    # ---- the audit log

    async def note(self, entries: Sequence[Entry]) -> None:
        """Append to the audit log. The database itself refuses to change or delete what is in it."""
        async with self.writing() as connection:
            await connection.execute(sa.insert(AUDIT), [of_entry(each) for each in entries])

    async def audit(self, after: int, limit: int, profile: str = "") -> list[Entry]:
        """Entries behind number ``after``, the oldest first; of one profile, if it is given."""
        query = sa.select(AUDIT).where(AUDIT.c.id > after).order_by(AUDIT.c.id).limit(limit)
        if profile:
            query = query.where(AUDIT.c.profile == profile)
        async with self.reading() as connection:
            return [entry(row) for row in (await connection.execute(query)).all()]

    # ---- transcripts

    async def add_lines(self, lines: Iterable[tuple[Line, float]]) -> None:
        """Keep lines, each until its unix time."""
        async with self.writing() as connection:
            rows = [self._rows.of_line(line, expires) for line, expires in lines]
            await connection.execute(sa.insert(LINES), rows)

    async def lines(self, room: str, language: str, since: float, until: float) -> list[Line]:
        """What was said in a room in one language, in order of time, LINES_AT_ONCE at most; raises StoreLocked."""
        mine = (LINES.c.room == room) & (LINES.c.language == language)
        query = sa.select(LINES).where(mine & (LINES.c.start >= since) & (LINES.c.start < until))
        async with self.reading() as connection:
            rows = (await connection.execute(query.order_by(LINES.c.start, LINES.c.id).limit(LINES_AT_ONCE))).all()
        # In a thread: to open 20,000 of them takes longer than a tick of the media clock.
        return await asyncio.to_thread(lambda: [self._rows.line(row) for row in rows])

    async def delete_lines(self, room: str) -> int:
        """Delete a room's transcripts in all languages; how many lines."""
        async with self.writing() as connection:
            return (await connection.execute(sa.delete(LINES).where(LINES.c.room == room))).rowcount

    async def purge(self, now: float) -> int:
        """Delete the lines whose time is over at unix time ``now``; how many."""
        async with self.writing() as connection:
            return (await connection.execute(sa.delete(LINES).where(LINES.c.expires <= now))).rowcount

    # ---- usage

    async def usage(self, day: str) -> list[tuple[str, str, Usage]]:
        """(day, room, usage) of one day."""
        async with self.reading() as connection:
            rows = (await connection.execute(sa.select(USAGE).where(USAGE.c.day == day).order_by(USAGE.c.room))).all()
        return [(row.day, row.room, Usage(row.asr_seconds, row.mt_chars, row.tts_chars)) for row in rows]

    async def put_usage(self, changes: Iterable[tuple[str, str, Usage]]) -> None:
        """Keep totals, in place of those before."""
        try:
            async with self.writing() as connection:
                for day, room, usage in changes:
                    values = {
                        "asr_seconds": usage.asr_seconds,
                        "mt_chars": usage.mt_chars,
                        "tts_chars": usage.tts_chars,
                    }
                    mine = (USAGE.c.day == day) & (USAGE.c.room == room)
                    if (await connection.execute(sa.update(USAGE).where(mine).values(values))).rowcount == 0:
                        await connection.execute(sa.insert(USAGE).values(day=day, room=room, **values))
        except IntegrityError as error:
            raise AdminStoreDown(f"{self.where}: another daemon writes the same room's usage") from error


def _check_key(connection: sa.Connection, vault: Vault, where: str) -> None:
    stored = read_meta(connection, META, "key")
    if stored is None:
        write_meta(connection, META, "key", vault.fingerprint)
    elif stored != vault.fingerprint:
        raise AdminUnavailable(
            f"{where} was made with another admin.key, or with none: set that one, or begin a new store"
        )
