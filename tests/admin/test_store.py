"""The admin store: what is put is got, the audit log cannot be changed, nothing of people lies in the clear."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from tests.voices.store.conftest import KEY

from dragoman.admin.model import Entry, Line, Usage
from dragoman.admin.rooms import Room
from dragoman.admin.schema import AUDIT
from dragoman.admin.store import AdminStore
from dragoman.admin.tokens import Scope, TokenBook, mint
from dragoman.errors import AdminStoreDown, AdminUnavailable, ConfigError
from dragoman.voices.store.store import VoiceStore

ROOM = Room("1000", "Board", SecretStr("4711"), ("en", "es"), "en\tes\nbear\toso", 5, 2.5, 24.0, 1.0, 2.0)


async def test_rooms(store: AdminStore) -> None:
    await store.put_room(ROOM)
    await store.put_room(Room("200"))
    assert await store.rooms() == [ROOM, Room("200")]
    changed = Room("1000", changed=3.0)
    await store.put_room(changed)
    assert (await store.rooms())[0] == changed
    await store.delete_room("1000")
    assert await store.rooms() == [Room("200")]


async def test_tokens(store: AdminStore) -> None:
    token, text = mint("portal", [Scope.ENROL, Scope.READ], 10.0, 100.0)
    await store.add_token(token)
    assert await store.tokens() == [token]
    assert await store.revoke_token(token.id, 20.0)
    assert not await store.revoke_token(token.id, 30.0) and not await store.revoke_token("none", 30.0)
    assert TokenBook(await store.tokens()).find(text, 20.0) is None
    assert (await store.tokens())[0].revoked == 20.0


async def test_the_audit_log_is_read_in_parts_and_by_profile(store: AdminStore) -> None:
    await store.note(
        [Entry(float(at), "token x", "export a profile", f"v_{at % 2}", "1000", "d" * 900) for at in range(5)]
    )
    first = await store.audit(0, 3)
    rest = await store.audit(first[-1].id, 100)
    assert [entry.at for entry in (*first, *rest)] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert [entry.at for entry in await store.audit(0, 100, "v_1")] == [1.0, 3.0]
    assert len(first[0].detail) == 400


@pytest.mark.parametrize("statement", ["UPDATE admin_audit SET actor = 'nobody'", "DELETE FROM admin_audit"])
async def test_the_audit_log_is_append_only(store: AdminStore, statement: str) -> None:
    await store.note([Entry(1.0, "local", "drain")])
    with pytest.raises((AdminStoreDown, sa.exc.IntegrityError), match="append-only"):
        async with store.writing() as connection:
            await connection.exec_driver_sql(statement)
    assert [entry.actor for entry in await store.audit(0, 10)] == ["local"]
    async with store.reading() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(AUDIT))).scalar() == 1


def line(at: float, room: str = "1000", language: str = "es") -> Line:
    return Line(room, language, "Ann", "en", f"palabra {at}", at, at + 1.0, "note")


async def test_transcripts_are_kept_until_their_time(store: AdminStore) -> None:
    await store.add_lines([(line(1.0), 10.0), (line(3.0), 30.0), (line(2.0), 20.0), (line(2.0, language="en"), 9.0)])
    assert await store.lines("1000", "es", 0.0, 100.0) == [line(1.0), line(2.0), line(3.0)]
    assert await store.lines("1000", "es", 2.0, 3.0) == [line(2.0)]
    assert await store.purge(10.0) == 2
    assert await store.lines("1000", "es", 0.0, 100.0) == [line(2.0), line(3.0)]
    await store.add_lines([(line(2.0, room="2000"), 99.0)])
    assert await store.delete_lines("1000") == 2
    await store.delete_room("2000")
    assert await store.lines("2000", "es", 0.0, 100.0) == []


async def test_usage(store: AdminStore) -> None:
    await store.put_usage([("2026-11-25", "1000", Usage(1.5, 2, 3)), ("2026-11-24", "1000", Usage(9.0, 9, 9))])
    await store.put_usage([("2026-11-25", "1000", Usage(2.5, 4, 6))])
    assert await store.usage("2026-11-25") == [("2026-11-25", "1000", Usage(2.5, 4, 6))]


@pytest.mark.parametrize("encrypted", [True, False])
async def test_a_stolen_file_tells_nothing_where_there_is_a_key(tmp_path: Path, encrypted: bool) -> None:
    store = AdminStore(SecretStr(str(tmp_path / "a.sqlite")), KEY if encrypted else None)
    await store.open()
    await store.put_room(ROOM)
    await store.add_lines([(line(1.0), 10.0)])
    token, text = mint("x", [Scope.READ], 1.0)
    await store.add_token(token)
    await store.close()
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [word in data for word in (b"4711", b"palabra", b"Ann", b"oso")] == [not encrypted] * 4
    assert text.encode() not in data and bytes.fromhex(text.rpartition("_")[2]) not in data
    assert (tmp_path / "a.sqlite").stat().st_mode & 0o077 == 0


async def test_another_key_does_not_open_it(tmp_path: Path) -> None:
    where = SecretStr(str(tmp_path / "a.sqlite"))
    store = AdminStore(where, KEY)
    await store.open()
    await store.close()
    for key in (None, SecretStr("77" * 32)):
        with pytest.raises(AdminUnavailable, match=r"another admin\.key"):
            await AdminStore(where, key).open()


async def test_what_is_no_store_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"admin\.store"):
        AdminStore(SecretStr("mysql://x/y"))
    (tmp_path / "junk").write_bytes(b"no database at all" * 100)
    with pytest.raises(AdminStoreDown, match="not a database"):
        await AdminStore(SecretStr(str(tmp_path / "junk"))).open()
    with pytest.raises(AdminStoreDown, match="not open"):
        await AdminStore(SecretStr(str(tmp_path / "new"))).rooms()


async def test_voices_and_the_administration_share_a_database(url: SecretStr) -> None:
    voices, admin = VoiceStore(url, key=KEY), AdminStore(url, KEY)
    await voices.start()
    await admin.open()
    await admin.put_room(ROOM)
    assert await admin.rooms() == [ROOM] and await voices.list(0, 10) == ()
    await voices.close()
    await admin.close()
    await asyncio.sleep(0)  # asyncpg's transports tell of their end in the next turn
