"""How the tables of an older database become today's.

Migrations are functions in a row, run once each inside one transaction: a few small tables need no more of a tool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

Migration = Callable[[sa.Connection], None]


def migrate(connection: sa.Connection, migrations: Sequence[Migration], meta: sa.Table, lock: int) -> tuple[int, int]:
    """Bring the tables up to date, inside the caller's transaction; (version before, version now).

    A version now that is above ``len(migrations)`` is a newer Dragoman's: nothing was touched.

    Args:
        connection: in a transaction.
        migrations: from an empty database to today's; the schema's version is how many of them have run.
        meta: table of keys and values of the store.
        lock: number of its advisory lock in PostgreSQL: daemons that start at once migrate one after the other.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))
    meta.create(connection, checkfirst=True)
    before = int(read_meta(connection, meta, "schema") or 0)
    for number, step in enumerate(migrations[before:], before + 1):
        step(connection)
        write_meta(connection, meta, "schema", str(number))
    return before, max(before, len(migrations))


def read_meta(connection: sa.Connection, meta: sa.Table, key: str) -> str | None:
    """What is noted under ``key``."""
    value = connection.execute(sa.select(meta.c.value).where(meta.c.key == key)).scalar()
    return None if value is None else str(value)


def write_meta(connection: sa.Connection, meta: sa.Table, key: str, value: str) -> None:
    """Note it."""
    if connection.execute(sa.update(meta).where(meta.c.key == key).values(value=value)).rowcount == 0:
        connection.execute(sa.insert(meta).values(key=key, value=value))
