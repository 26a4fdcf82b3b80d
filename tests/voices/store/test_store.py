"""What goes in comes out, on a real SQLite file and a real PostgreSQL, plain and encrypted; deleted means gone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from tests.voices.store.conftest import KEY, PASSWORD, Postgres
from tests.voices.vectors import a_profile

from dragoman import sql
from dragoman.errors import (
    ConfigError,
    ProfileConflict,
    ProfileInvalid,
    StoreLocked,
    StoreUnavailable,
    VoiceUnavailable,
)
from dragoman.voices.make import Audio, clip_id
from dragoman.voices.profile import Defaults, VoiceProfile, new_id
from dragoman.voices.store import database, schema
from dragoman.voices.store.archive import unpack
from dragoman.voices.store.codec import write_manifest, write_vectors
from dragoman.voices.store.deletion import Deletion
from dragoman.voices.store.store import VoiceStore


def with_audio(seed: int = 0, count: int = 3) -> tuple[VoiceProfile, dict[str, Audio]]:
    """A profile whose clips have recordings."""
    rng = np.random.default_rng(seed)
    recordings = [rng.integers(-9000, 9000, 2400).astype(np.int16) for _ in range(count)]
    profile = a_profile(count, seed)
    clips = tuple(replace(clip, id=clip_id(pcm)) for clip, pcm in zip(profile.clips, recordings, strict=True))
    return replace(profile, clips=clips), {clip_id(pcm): pcm for pcm in recordings}


def same(one: VoiceProfile, other: VoiceProfile | None) -> bool:
    return (
        other is not None
        and write_manifest(one) == write_manifest(other)
        and write_vectors(one) == write_vectors(other)
    )


def heard(one: Audio, other: Audio | None) -> bool:
    return other is not None and np.array_equal(one, other)


@pytest.fixture
async def other(store: VoiceStore, url: SecretStr, key: SecretStr | None) -> AsyncIterator[VoiceStore]:
    """Another daemon's, of the same database."""
    opened = VoiceStore(url, key=key)
    await opened.start()
    yield opened
    await opened.close()


async def test_what_is_put_is_got_by_another_daemon_too(store: VoiceStore, other: VoiceStore) -> None:
    profile, audio = with_audio()
    await store.put(profile, audio)
    assert same(profile, await other.get(profile.id))
    for clip, pcm in audio.items():
        assert heard(pcm, await other.audio(profile.id, clip))


async def test_nothing_is_nothing(store: VoiceStore) -> None:
    assert await store.get(new_id()) is None
    assert await store.get("../etc/passwd") is None
    assert await store.audio(new_id(), "0" * 64) is None
    assert await store.export(new_id()) is None
    assert await store.patch(new_id(), name="x") is None
    assert not (await store.delete(new_id())).found
    assert await store.profile_of("+34600123456") is None
    assert await store.list() == ()


async def test_warm_lookups_touch_no_database(store: VoiceStore) -> None:
    profile, audio = with_audio()
    await store.put(profile, audio)
    assert store.peek(profile.id) is None
    assert await store.get(profile.id) is await store.get(profile.id)
    await store._database.close()
    assert await store.get(profile.id) is store.peek(profile.id) is not None
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.get(new_id())
    assert store.counts.hits == 3


async def test_a_change_is_a_new_version_and_seen_at_once(store: VoiceStore) -> None:
    profile, audio = with_audio()
    await store.put(profile, audio)
    await store.get(profile.id)
    changed = await store.patch(profile.id, name="Augusta", defaults=Defaults(speed=1.1), now=2e9)
    assert changed is not None and (changed.version, changed.changed) == (2, 2e9)
    assert same(changed, await store.get(profile.id))
    with pytest.raises(ProfileInvalid):
        await store.patch(profile.id, name="\x00")
    assert (await store.get(profile.id)).version == 2  # type: ignore[union-attr]  # it is there


async def test_recordings_of_clips_that_left_are_deleted(store: VoiceStore) -> None:
    profile, audio = with_audio()
    await store.put(profile, audio)
    new = np.arange(1000, dtype=np.int16)
    clips = (*profile.clips[:2], replace(profile.clips[2], id=clip_id(new)))
    await store.put(replace(profile, version=2, clips=clips), {clip_id(new): new})
    assert await store.audio(profile.id, profile.clips[2].id) is None
    assert await store.audio(profile.id, clip_id(new)) is not None
    assert await store.audio(profile.id, profile.clips[0].id) is not None


async def test_two_who_change_at_once_do_not_overwrite_each_other(store: VoiceStore) -> None:
    profile, audio = with_audio()
    await store.put(profile, audio)
    with pytest.raises(ProfileConflict, match="already"):
        await store.put(profile, audio)
    outcomes = await asyncio.gather(
        *(store.put(replace(profile, version=2, name=f"n{i}"), {}) for i in range(4)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["NoneType"] + 3 * ["ProfileConflict"]


async def test_a_deleted_profile_does_not_come_back_by_a_late_change(store: VoiceStore) -> None:
    profile, audio = with_audio()
    await store.put(profile, audio)
    await store.delete(profile.id)
    with pytest.raises(ProfileConflict, match="deleted"):
        await store.put(replace(profile, version=2), {})
    assert await store.get(profile.id) is None


async def test_recordings_must_be_the_profiles(store: VoiceStore) -> None:
    profile, _ = with_audio()
    with pytest.raises(ProfileConflict, match="no clip"):
        await store.put(profile, {"f" * 64: np.zeros(3, np.int16)})


async def test_deleted_is_gone_everywhere_and_says_so(
    store: VoiceStore, other: VoiceStore, key: SecretStr | None
) -> None:
    profile, audio = with_audio()
    stays, stays_audio = with_audio(7)
    await store.put(profile, audio)
    await store.put(stays, stays_audio)
    await store.assign("+34600123456", profile.id)
    assert await store.get(profile.id) and await other.get(profile.id)
    deletion = await store.delete(profile.id)
    assert (deletion.found, deletion.clips, deletion.callers, deletion.wiped) == (True, 3, 1, True)
    assert "backups" in deletion.note and ("voices.key" in deletion.note) == (key is None)
    assert store.peek(profile.id) is None and await store.get(profile.id) is None
    assert await store.audio(profile.id, profile.clips[0].id) is None
    assert await store.profile_of("+34600123456") is None
    await other.refresh()
    assert other.peek(profile.id) is None, "the other daemon forgot it too"
    assert same(stays, await other.get(stays.id))
    async with store._database.reading() as connection:
        for table in schema.DATA:
            left = (await connection.execute(sa.select(table))).all()
            assert not any(profile.id in row for row in left)


async def test_nothing_of_the_deleted_is_left_in_sqlites_files(tmp_path: Path) -> None:
    profile, audio = with_audio()
    store = VoiceStore(SecretStr(str(tmp_path / "voices.sqlite")))
    await store.start()
    await store.put(profile, audio)
    await store.assign("+34600123456", profile.id)

    def traces() -> list[str]:
        data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        marks = {"id": profile.id.encode(), "name": b"Ada Lovelace", "caller": b"+34600123456"}
        pcm = next(iter(audio.values())).tobytes()
        marks |= {"audio": pcm[100:140], "vectors": np.asarray(profile.clips[1].identity).tobytes()[:32]}
        return [name for name, mark in marks.items() if mark in data]

    assert traces() == ["id", "name", "caller", "audio", "vectors"]
    assert (await store.delete(profile.id)).wiped
    assert traces() == []
    await store.close()


async def test_a_busy_database_says_that_traces_may_be_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "LOCK_S", 0.2)
    profile, audio = with_audio()
    url = SecretStr(str(tmp_path / "voices.sqlite"))
    store, reader = VoiceStore(url), VoiceStore(url)
    await store.start()
    await reader.start()
    await store.put(profile, audio)
    async with reader._database.reading() as connection:
        await connection.exec_driver_sql("BEGIN")
        await connection.execute(sa.select(schema.PROFILES.c.id))
        deletion = await store.delete(profile.id)
    assert deletion.found and not deletion.wiped
    assert "traces" in deletion.note
    await store.close()
    await reader.close()


async def test_a_read_under_way_does_not_bring_back_what_is_deleted(store: VoiceStore) -> None:
    profile, audio = with_audio()
    await store.put(profile, audio)
    for turns in range(12):
        reading = asyncio.ensure_future(store.get(profile.id))
        for _ in range(turns):
            await asyncio.sleep(0)
        await store.delete(profile.id)
        await reading
        assert store.peek(profile.id) is None
        await store.put(profile, audio)


async def test_lists(store: VoiceStore) -> None:
    for number in range(5):
        profile, audio = with_audio(number)
        await store.put(replace(profile, name=f"Person {number}", created=1e9 + number), audio)
    await store.assign("2001", (await store.list())[1].profile.id)
    heads = await store.list(1, 2)
    assert [(head.profile.name, head.callers) for head in heads] == [("Person 1", ("2001",)), ("Person 2", ())]
    assert heads[0].profile.identity is None and heads[0].profile.clips[0].latents is None
    assert await store.count() == 5


async def test_callers(store: VoiceStore) -> None:
    one, other = with_audio(1), with_audio(2)
    await store.put(*one)
    await store.put(*other)
    assert await store.assign("sip:+34 600 123 456@pbx", one[0].id) == "+34600123456"
    await store.assign("2001", one[0].id)
    assert await store.profile_of("0034600123456") == one[0].id
    assert await store.callers(one[0].id) == ("+34600123456", "2001")
    await store.assign("2001", other[0].id)
    assert await store.profile_of("2001") == other[0].id
    assert await store.unassign("2001") and not await store.unassign("2001")
    with pytest.raises(ProfileConflict):
        await store.assign("2001", new_id())
    with pytest.raises(ProfileInvalid, match="hidden"):
        await store.assign("anonymous", one[0].id)


async def test_a_profile_and_its_callers_are_kept_together_or_not_at_all(store: VoiceStore) -> None:
    one, other = with_audio(1), with_audio(2)
    with pytest.raises(ProfileInvalid):
        await store.put(*one, ["2001", "anonymous"])
    assert await store.count() == 0 and await store.profile_of("2001") is None

    await store.put(*one, ["+34 600", "0034600", "2001"])
    assert await store.callers(one[0].id) == ("+34600", "2001")
    await store.put(*other, ["2001"])
    assert await store.callers(one[0].id) == ("+34600",) and await store.profile_of("2001") == other[0].id

    with pytest.raises(ProfileInvalid):
        await store.patch(one[0].id, name="Augusta", callers=["anonymous"])
    kept = await store.get(one[0].id)
    assert kept is not None and (kept.name, kept.version) == (one[0].name, 1)
    await store.patch(one[0].id, name="Augusta", callers=["7", "8"])
    assert await store.callers(one[0].id) == ("7", "8")
    await store.patch(one[0].id, name="Ada")
    assert await store.callers(one[0].id) == ("7", "8")
    await store.patch(one[0].id, callers=[])
    assert await store.callers(one[0].id) == ()


async def test_changes_at_once_all_count(store: VoiceStore) -> None:
    profile, audio = with_audio()
    await store.put(profile, audio)
    await asyncio.gather(*(store.patch(profile.id, name=f"n{number}") for number in range(8)))
    changed = await store.get(profile.id)
    assert changed is not None and changed.version == 9


async def test_daemons_that_give_one_caller_at_once_all_succeed(url: SecretStr) -> None:
    stores = [VoiceStore(url) for _ in range(4)]
    for each in stores:
        await each.start()
    profiles = [with_audio(seed) for seed in range(4)]
    await asyncio.gather(*(each.put(*made, ["8", "7"]) for each, made in zip(stores, profiles, strict=True)))
    await asyncio.gather(*(each.assign("9", made[0].id) for each, made in zip(stores, profiles, strict=True)))
    ids = {made[0].id for made in profiles}
    assert {await stores[0].profile_of(caller) for caller in ("7", "8", "9")} <= ids
    for each in stores:
        await each.close()


async def test_changes_and_a_delete_at_once_wait_for_each_other_and_leave_nothing(url: SecretStr) -> None:
    stores = [VoiceStore(url) for _ in range(2)]
    for each in stores:
        await each.start()
    for number in range(3):
        profile, audio = with_audio(number)
        await stores[0].put(profile, audio, ["7"])
        changes = [each.patch(profile.id, callers=["8", str(number)]) for each in stores for _ in range(3)]
        deletes = [each.delete(profile.id) for each in stores]
        given = [each.assign("9", profile.id) for each in stores]
        done = await asyncio.gather(*changes[:3], *deletes, *given, *changes[3:], return_exceptions=True)
        failed = [each for each in done if isinstance(each, BaseException)]
        assert all(isinstance(each, ProfileConflict) for each in failed), failed  # assigned when it was gone
        assert sorted(each.found for each in done if isinstance(each, Deletion)) == [False, True]
        assert await stores[1].get(profile.id) is None
        async with stores[0]._database.reading() as connection:
            for table in (schema.PROFILES, schema.CLIPS, schema.CALLERS):
                assert (await connection.execute(sa.select(table))).all() == []
    for each in stores:
        await each.close()


async def test_a_profile_in_use_that_is_in_no_memory_is_followed_too(url: SecretStr) -> None:
    profile, audio = with_audio()
    one, other = VoiceStore(url, cache_bytes=1), VoiceStore(url)
    await one.start()
    await other.start()
    await one.put(profile, audio)
    told: list[bool] = []
    one.on_change = lambda key, gone: told.append(gone)
    one.used = lambda: {profile.id: 1}
    await one.refresh()
    assert told == []
    await other.patch(profile.id, name="Augusta")
    await one.refresh()
    await other.delete(profile.id)
    await one.refresh()
    assert told == [False, True]
    await one.delete(profile.id)
    assert told == [False, True, True], "whoever speaks in it hears of it, though it was gone"
    await one.close()
    await other.close()


async def test_a_store_that_could_not_be_opened_says_why_to_whoever_asks(url: SecretStr) -> None:
    store = VoiceStore(url, key=KEY)
    await store.start()
    await store.close()
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.count()
    other = VoiceStore(url, key=SecretStr("c3" * 32))
    with pytest.raises(StoreLocked):
        await other.start()
    with pytest.raises(StoreUnavailable, match=r"voices\.key is another one"):
        await other.count()


async def test_what_is_in_memory_serves_on_when_a_change_is_refused(postgres: Postgres) -> None:
    profile, audio = with_audio()
    store = VoiceStore(SecretStr(postgres.database()))
    await store.start()
    await store.put(profile, audio)
    await store.get(profile.id)
    postgres.stop()
    try:
        with pytest.raises(StoreUnavailable):
            await store.patch(profile.id, name="Augusta")
        assert same(profile, store.peek(profile.id))
    finally:
        postgres.restart()
        await store.close()


async def test_an_outage_is_told_also_where_nothing_is_in_memory(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.voices.store.store.REFRESH_S", 0.01)
    store = VoiceStore(SecretStr(postgres.database()))
    await store.start()
    told: asyncio.Queue[str] = asyncio.Queue()
    store.on_outage = lambda why, away_s: told.put_nowait(why)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        watching = group.create_task(store.watch())
        postgres.stop()
        try:
            assert await told.get()
        finally:
            postgres.restart()
        assert await told.get() == ""
        watching.cancel()
    await store.close()


async def test_a_profile_moves_as_a_file(store: VoiceStore, tmp_path: Path) -> None:
    profile, audio = with_audio()
    await store.put(profile, audio)
    await store.patch(profile.id, name="Renamed")
    data = await store.export(profile.id)
    assert data is not None
    with pytest.raises(ProfileConflict):
        await store.load(data)
    elsewhere = VoiceStore(SecretStr(str(tmp_path / "elsewhere.sqlite")), key=KEY)
    await elsewhere.start()
    loaded = await elsewhere.load(data)
    assert (loaded.name, loaded.version, loaded.id) == ("Renamed", 1, profile.id)
    assert write_vectors(loaded) == write_vectors(profile)
    assert heard(audio[profile.clips[0].id], await elsewhere.audio(profile.id, profile.clips[0].id))
    await elsewhere.close()


async def test_a_profile_that_is_deleted_or_changed_while_it_is_exported_is_whole_or_gone(
    store: VoiceStore, other: VoiceStore
) -> None:
    profile, audio = with_audio()
    await store.put(profile, audio)
    assert await store.get(profile.id) is not None
    new = np.arange(1000, dtype=np.int16)
    clips = (*profile.clips[:2], replace(profile.clips[2], id=clip_id(new)))
    await other.put(replace(profile, version=2, clips=clips), {clip_id(new): new})
    data = await store.export(profile.id)
    assert data is not None
    found, recordings = unpack(data)
    assert found.version == 2 and {clip.id for clip in found.clips} == set(recordings)
    await other.delete(profile.id)
    assert await store.export(profile.id) is None, "what is in memory still is no profile"


async def test_a_key_for_what_was_plain_and_a_new_one_for_an_old(url: SecretStr) -> None:
    profile, audio = with_audio()
    new_key = SecretStr("c3" * 32)

    async def opened(**keys: SecretStr) -> VoiceStore:
        store = VoiceStore(url, **keys)  # type: ignore[arg-type]  # keys only
        await store.start()
        return store

    store = await opened()
    await store.put(profile, audio)
    await store.assign("2001", profile.id)
    await store.close()
    for keys in ({"key": KEY}, {"key": KEY}, {"key": new_key, "previous_key": KEY}, {"key": new_key}):
        store = await opened(**keys)
        assert same(profile, await store.get(profile.id))
        assert await store.profile_of("2001") == profile.id and await store.callers(profile.id) == ("2001",)
        assert heard(audio[profile.clips[0].id], await store.audio(profile.id, profile.clips[0].id))
        await store.close()
    for wrong in ({"key": KEY}, {}):
        with pytest.raises(StoreLocked, match=r"voices\.key is (another|not set)"):
            await opened(**wrong)


async def test_encrypted_files_tell_nothing(tmp_path: Path) -> None:
    profile, audio = with_audio()
    store = VoiceStore(SecretStr(str(tmp_path / "v.sqlite")))
    await store.start()
    await store.put(profile, audio)
    await store.assign("+34600123456", profile.id)
    await store.close()
    store = VoiceStore(SecretStr(str(tmp_path / "v.sqlite")), key=KEY)
    await store.start()  # what was plain is encrypted, and wiped
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for mark in (b"Lovelace", b"34600123456", next(iter(audio.values())).tobytes()[100:140], b"NUMPY"):
        assert mark not in data
    await store.close()


async def test_rows_cannot_be_swapped_by_who_can_write_to_the_database(url: SecretStr) -> None:
    store = VoiceStore(url, key=KEY)
    await store.start()
    one, other = with_audio(1), with_audio(2)
    await store.put(*one)
    await store.put(*other)
    async with store._database.writing() as connection:
        row = (await connection.execute(sa.select(schema.PROFILES).where(schema.PROFILES.c.id == other[0].id))).one()
        await connection.execute(
            sa.update(schema.PROFILES)
            .where(schema.PROFILES.c.id == one[0].id)
            .values(manifest=row.manifest, vectors=row.vectors)
        )
    with pytest.raises(StoreLocked, match="changed by somebody"):
        await store.get(one[0].id)
    assert [head.profile.id for head in await store.list()] == [other[0].id]
    await store.close()


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = VoiceStore(SecretStr(f"sqlite:///{tmp_path}/in/here.sqlite"))
    await store.start()
    await store.put(*with_audio())
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "in").iterdir()} == {0o600}
    await store.close()


async def test_daemons_that_start_at_once_make_the_tables_once(url: SecretStr) -> None:
    stores = [VoiceStore(url, key=KEY) for _ in range(4)]
    await asyncio.gather(*(store.start() for store in stores))
    await stores[0].put(*with_audio())
    assert [await store.count() for store in stores] == [1, 1, 1, 1]
    for store in stores:
        await store.close()


async def test_a_file_in_use_by_another_process_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "here.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE theirs (a)")
    other.execute("BEGIN IMMEDIATE")  # a lock that the switch of the journal does not wait for
    store = VoiceStore(SecretStr(f"sqlite:///{path}"), key=KEY)
    opening = asyncio.ensure_future(store.start())
    await asyncio.wait({opening}, timeout=0.2)
    other.execute("COMMIT")
    other.close()
    await opening
    assert await store.count() == 0
    await store.close()


async def test_older_tables_are_migrated_newer_ones_left_alone(url: SecretStr, monkeypatch: pytest.MonkeyPatch) -> None:
    def second(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE voice_profiles ADD COLUMN extra VARCHAR(10)")

    store = VoiceStore(url)
    await store.start()
    profile, audio = with_audio()
    await store.put(profile, audio)
    await store.close()
    monkeypatch.setattr(database, "MIGRATIONS", (*schema.MIGRATIONS, second))
    for _ in range(2):
        await store.start()
        assert same(profile, await store.get(profile.id))
        await store.close()
    monkeypatch.undo()
    with pytest.raises(VoiceUnavailable, match="version 3, this Dragoman knows 2"):
        await store.start()


async def test_what_is_no_database_says_so(tmp_path: Path) -> None:
    junk = tmp_path / "junk.sqlite"
    junk.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await VoiceStore(SecretStr(str(junk))).start()
    with pytest.raises(StoreUnavailable, match=r"Not a directory|not a directory"):
        await VoiceStore(SecretStr(str(junk / "deeper" / "v.sqlite"))).start()


@pytest.mark.parametrize("wrong", ["mysql://u@h/d", "postgresql://u@h:x/d", "://", "sqlite://"])
def test_addresses_that_are_none(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"voices\.store"):
        VoiceStore(SecretStr(wrong))


def test_an_address_is_shown_without_a_password_wherever_it_has_one() -> None:
    for url in (f"postgresql://u:{PASSWORD}@db/d", f"postgresql://u@db/d?password={PASSWORD}&sslpassword={PASSWORD}"):
        shown = VoiceStore(SecretStr(url)).where
        assert PASSWORD not in shown and "db/d" in shown


async def test_a_server_that_refuses_or_is_not_there_is_named_without_its_password(postgres: Postgres) -> None:
    for port, database_name in ((1, "x"), (postgres.port, "none")):
        store = VoiceStore(SecretStr(f"postgresql://dragoman:{PASSWORD}@127.0.0.1:{port}/{database_name}"))
        with pytest.raises(StoreUnavailable) as caught:
            await store.start()
        assert "127.0.0.1" in str(caught.value) and PASSWORD not in str(caught.value)


async def test_the_server_may_go_and_come(postgres: Postgres) -> None:
    """Its connections are cut: the next question is answered all the same, and what is cached needs none."""
    store = VoiceStore(SecretStr(postgres.database()))
    await store.start()
    profile, audio = with_audio()
    await store.put(profile, audio)
    await store.get(profile.id)
    async with store._database.reading() as connection:
        await connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert await store.get(profile.id) is not None
    assert await store.count() == 1
    await store.close()


async def test_notes_are_kept_encrypted_and_move_to_another_key(tmp_path: Path) -> None:
    path = SecretStr(str(tmp_path / "v.sqlite"))
    store = VoiceStore(path)
    await store.start()
    assert await store.notes.get("codes:x") is None
    await store.notes.put("codes:x", b"one")
    await store.notes.put("codes:x", b"two-and-secret")
    await store.close()
    store = VoiceStore(path, key=KEY)
    await store.start()
    assert await store.notes.get("codes:x") == b"two-and-secret"
    await store.close()
    assert not any(b"two-and-secret" in file.read_bytes() for file in tmp_path.iterdir())
