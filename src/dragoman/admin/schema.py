"""The tables of the administration, and how older ones become today's."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from dragoman.migrations import Migration

METADATA: Final = sa.MetaData()

META: Final = sa.Table(
    "admin_meta",
    METADATA,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("value", sa.String(200), nullable=False),
)

TOKENS: Final = sa.Table(
    "admin_tokens",
    METADATA,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("scopes", sa.String(100), nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("expires", sa.Float),
    sa.Column("revoked", sa.Float),
)

ROOMS: Final = sa.Table(
    "admin_rooms",
    METADATA,
    sa.Column("room", sa.String(32), primary_key=True),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("changed", sa.Float, nullable=False),
    sa.Column("settings", sa.LargeBinary, nullable=False),
)

AUDIT: Final = sa.Table(
    "admin_audit",
    METADATA,
    # Not Integer alone: SQLite would give the number of a last row that is gone to the next one.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("profile", sa.String(32), nullable=False, index=True),
    sa.Column("room", sa.String(32), nullable=False),
    sa.Column("detail", sa.String(400), nullable=False),
    sqlite_autoincrement=True,
)

LINES: Final = sa.Table(
    "admin_transcripts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("room", sa.String(32), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("start", sa.Float, nullable=False),
    sa.Column("expires", sa.Float, nullable=False, index=True),
    sa.Column("line", sa.LargeBinary, nullable=False),
    sa.Index("admin_transcripts_place", "room", "language", "start"),
)

USAGE: Final = sa.Table(
    "admin_usage",
    METADATA,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("room", sa.String(32), primary_key=True),
    sa.Column("asr_seconds", sa.Float, nullable=False),
    sa.Column("mt_chars", sa.Integer, nullable=False),
    sa.Column("tts_chars", sa.Integer, nullable=False),
)

_SQLITE_GUARDS = tuple(
    f"CREATE TRIGGER admin_audit_no_{what.lower()} BEFORE {what} ON admin_audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    for what in ("UPDATE", "DELETE")
)

_POSTGRES_GUARDS = (
    "CREATE FUNCTION admin_audit_guard() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
    "CREATE TRIGGER admin_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON admin_audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION admin_audit_guard()",
)


def _first(connection: sa.Connection) -> None:
    """The tables as they were first published. A later change adds a function below and never touches this one."""
    METADATA.create_all(connection, tables=[TOKENS, ROOMS, AUDIT, LINES, USAGE])
    for guard in _POSTGRES_GUARDS if connection.dialect.name == "postgresql" else _SQLITE_GUARDS:
        connection.exec_driver_sql(guard)


MIGRATIONS: Final[tuple[Migration, ...]] = (_first,)
"""From an empty database to today's."""

LOCK: Final = 0x646D616E
"""Of PostgreSQL's advisory locks ("dman")."""
