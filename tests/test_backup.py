"""What docs/deploy.md says of backups, done: dumped, changed, restored by its own commands, and opened again."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from tests.admin.test_store import ROOM, line
from tests.postgres import PASSWORD, Postgres, running
from tests.voices.store.conftest import KEY
from tests.voices.store.test_store import heard, same, with_audio

from dragoman.admin.model import Entry, Usage
from dragoman.admin.rooms import Room
from dragoman.admin.store import AdminStore
from dragoman.admin.tokens import Scope, TokenBook, mint
from dragoman.errors import AdminStoreDown
from dragoman.voices.store.store import VoiceStore

DOCUMENT = (Path(__file__).parents[1] / "docs" / "deploy.md").read_text("utf-8").partition("## Backup")[2]

DATABASE = "dragoman"
"""As docker-compose.yml calls it, and so the commands."""

TOKEN, TEXT = mint("portal", [Scope.READ], 10.0, None)
PROFILE, AUDIO = with_audio()


@pytest.fixture
def server() -> Iterator[Postgres]:
    """Of this test's own: its database is dropped."""
    with running() as server:
        yield server


def documented(program: str) -> list[str]:
    """What the document gives it, without the address."""
    found = re.search(rf"{program} -h 127\.0\.0\.1 -U dragoman (.*)'", DOCUMENT)
    assert found is not None
    return shlex.split(found[1])


@asynccontextmanager
async def opened(store: str) -> AsyncIterator[tuple[AdminStore, VoiceStore]]:
    """Both stores of a daemon."""
    admin, voices = AdminStore(SecretStr(store), KEY), VoiceStore(SecretStr(store), key=KEY)
    await admin.open()
    await voices.start()
    try:
        yield admin, voices
    finally:
        await admin.close()
        await voices.close()


async def fill(store: str) -> None:
    async with opened(store) as (admin, voices):
        await admin.put_room(ROOM)
        await admin.add_token(TOKEN)
        await admin.note([Entry(1.0, "token portal", "room made", room="1000")])
        await admin.add_lines([(line(1.0), 10.0)])
        await admin.put_usage([("2026-11-25", "1000", Usage(1.5, 2, 3))])
        await voices.put(PROFILE, AUDIO, ["2001"])


async def spoil(store: str) -> None:
    """All of it goes, and something else comes."""
    async with opened(store) as (admin, voices):
        await admin.delete_room("1000")
        await admin.put_room(Room("200"))
        await admin.revoke_token(TOKEN.id, 20.0)
        await admin.note([Entry(2.0, "local", "room made", room="200")])
        await voices.delete(PROFILE.id)
        async with admin.writing() as connection:  # what a newer version would have added
            await connection.exec_driver_sql("CREATE TABLE admin_newer (id INTEGER)")


async def is_as_it_was(store: str) -> None:
    async with opened(store) as (admin, voices):
        assert await admin.rooms() == [ROOM]
        assert TokenBook(await admin.tokens()).find(TEXT, 30.0) is not None
        assert [entry.action for entry in await admin.audit(0, 10)] == ["room made"]
        assert await admin.lines("1000", "es", 0.0, 9.0) == [line(1.0)]
        assert await admin.usage("2026-11-25") == [("2026-11-25", "1000", Usage(1.5, 2, 3))]
        assert same(PROFILE, await voices.get(PROFILE.id))
        for clip, recording in AUDIO.items():
            assert heard(recording, await voices.audio(PROFILE.id, clip))
        assert await voices.profile_of("2001") == PROFILE.id
        # It goes on as before: numbers grow, and entries stay.
        await admin.note([Entry(3.0, "local", "drain")])
        first, second = await admin.audit(0, 10)
        assert (second.action, second.id > first.id) == ("drain", True)
        with pytest.raises((AdminStoreDown, sa.exc.IntegrityError), match="append-only"):
            async with admin.writing() as connection:
                await connection.exec_driver_sql("DELETE FROM admin_audit")
        async with admin.reading() as connection:
            left = await connection.run_sync(lambda inner: sa.inspect(inner).has_table("admin_newer"))
        assert not left, "the next upgrade would stumble over a table that is there already"


@pytest.mark.parametrize("fresh", [False, True], ids=["over-what-is-there", "on-another-host"])
async def test_postgresql_is_restored_from_its_dump(server: Postgres, tmp_path: Path, fresh: bool) -> None:
    def ask(program: str, *arguments: str, **files: object) -> None:
        command = [server.program(program), "-h", "127.0.0.1", "-p", str(server.port), "-U", "dragoman", *arguments]
        subprocess.run(command, check=True, env={**os.environ, "PGPASSWORD": PASSWORD}, timeout=60, **files)  # type: ignore[call-overload]

    store = server.database(DATABASE)
    dump = tmp_path / "dragoman.dump"
    await fill(store)
    with dump.open("wb") as out:
        ask("pg_dump", *documented("pg_dump"), stdout=out)
    if fresh:
        ask("dropdb", DATABASE)
        server.database(DATABASE)  # the image makes an empty one at its first start
    else:
        await spoil(store)
    with dump.open("rb") as back:
        ask("pg_restore", *documented("pg_restore"), stdin=back)
    await is_as_it_was(store)


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="there is no sqlite3 (apt-get install sqlite3)")
async def test_sqlite_is_backed_up_while_a_daemon_has_it_open(tmp_path: Path) -> None:
    found = re.search(r'`sqlite3 \S+ "(\.backup) voices\.backup"`', DOCUMENT)
    assert found is not None
    file, backup = tmp_path / "voices.sqlite", tmp_path / "voices.backup"
    await fill(str(file))
    async with opened(str(file)):
        subprocess.run(["sqlite3", file, f"{found[1]} {backup}"], check=True, timeout=60)
        with sqlite3.connect(backup) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        copy.close()
    await spoil(str(file))
    for each in tmp_path.glob("voices.sqlite*"):
        each.unlink()
    shutil.copy(backup, file)
    await is_as_it_was(str(file))
