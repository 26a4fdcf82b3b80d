"""The tables of the store, and how an older store becomes today's."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from dragoman import migrations as steps
from dragoman.migrations import Migration

METADATA: Final = sa.MetaData()

PROFILES: Final = sa.Table(
    "voice_profiles",
    METADATA,
    sa.Column("id", sa.String(24), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("manifest", sa.LargeBinary, nullable=False),
    sa.Column("vectors", sa.LargeBinary, nullable=False),
)

CLIPS: Final = sa.Table(
    "voice_clips",
    METADATA,
    sa.Column("profile", sa.ForeignKey("voice_profiles.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("clip", sa.String(64), primary_key=True),
    sa.Column("audio", sa.LargeBinary, nullable=False),
)

CALLERS: Final = sa.Table(
    "voice_callers",
    METADATA,
    sa.Column("lookup", sa.String(128), primary_key=True),
    sa.Column("caller", sa.LargeBinary, nullable=False),
    sa.Column("profile", sa.ForeignKey("voice_profiles.id", ondelete="CASCADE"), nullable=False, index=True),
)

NOTES: Final = sa.Table(
    "voice_notes",
    METADATA,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)
"""What a daemon has to know again when it starts, such as the enrolment codes that it gave out."""

META: Final = sa.Table(
    "voice_meta",
    METADATA,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("value", sa.String(200), nullable=False),
)

DATA: Final = (CALLERS, CLIPS, PROFILES, NOTES)
"""Tables that hold what is known of people, those that refer before those referred to."""


def _first(connection: sa.Connection) -> None:
    """The tables as they were first published. A later change adds a function below and never touches this one."""
    METADATA.create_all(connection, tables=[PROFILES, CLIPS, CALLERS])


def _notes(connection: sa.Connection) -> None:
    METADATA.create_all(connection, tables=[NOTES])


MIGRATIONS: Final[tuple[Migration, ...]] = (_first, _notes)
"""From an empty database to today's; the schema's version is how many of them have run."""

_LOCK: Final = 0x64726167
"""Of PostgreSQL's advisory locks ("drag"): daemons that start at once migrate one after the other."""


def migrate(connection: sa.Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> tuple[int, int]:
    """See migrations.migrate."""
    return steps.migrate(connection, migrations, META, _LOCK)


def read_meta(connection: sa.Connection, key: str) -> str | None:
    """What is noted under ``key``."""
    return steps.read_meta(connection, META, key)


def write_meta(connection: sa.Connection, key: str, value: str) -> None:
    """Note it."""
    steps.write_meta(connection, META, key, value)
