"""What befalls a real PostgreSQL under a running store: each is one error in time, and over when it is over.

Restarted under idle connections, failed over to one that only reads, full, another password, a lock that nobody gives
back, a server that stands still, two who wait for each other, a change that is kept and not confirmed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager

import asyncpg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.postgres import PASSWORD, Postgres
from tests.voices.store.test_store import with_audio

from dragoman import sql
from dragoman.errors import ProfileConflict, StoreUnavailable
from dragoman.voices.profile import VoiceProfile
from dragoman.voices.store.schema import PROFILES
from dragoman.voices.store.store import VoiceStore

SAID_S = 20.0
"""Seconds within which anything that fails has to say so: the store's own deadline, and a machine that is busy."""


OWN = "pg_backend_pid() AND datname = current_database()"
"""Condition, behind ``pid <>``: the connections of others to this database."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline that users have, which the other tests do without: here it is what is looked at."""
    monkeypatch.setattr(sql, "TIMEOUT_S", 5.0)


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.database()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[VoiceStore, VoiceProfile]]:
    """A store with one profile, which is in no memory."""
    store = VoiceStore(SecretStr(url))
    await store.start()
    profile, audio = with_audio()
    await store.put(profile, audio, ["2001"])
    try:
        yield store, profile
    finally:
        await store.close()
        await asyncio.sleep(0)


async def unavailable(store: VoiceStore, key: str, why: str = ".") -> None:
    """Nothing can be had just now, and it is said in time, without the password."""
    with pytest.raises(StoreUnavailable, match=why) as told:
        async with asyncio.timeout(SAID_S):
            await store.get(key)
    assert PASSWORD not in str(told.value)


async def works(store: VoiceStore, profile: VoiceProfile) -> None:
    """All is as before: it reads, writes and follows, with whatever connections it has."""
    found = await asyncio.gather(*(store.get(profile.id) for _ in range(6)))
    assert all(each is not None for each in found)
    before = await store.patch(profile.id)
    changed = await store.patch(profile.id, name="Augusta")
    assert before is not None and changed is not None and changed.version == before.version + 1
    await store.refresh()


async def idle(store: VoiceStore) -> None:
    """Fill the pool with connections that do nothing."""
    await asyncio.gather(*(store.profile_of(str(number)) for number in range(8)))


async def test_one_that_was_restarted_under_idle_connections_is_not_noticed(postgres: Postgres, url: str) -> None:
    async with opened(url) as (store, profile):
        for _ in range(2):
            await idle(store)
            await asyncio.to_thread(postgres.stop)
            await asyncio.to_thread(postgres.restart)
            await works(store, profile)


async def test_one_that_only_reads_serves_calls_and_refuses_changes(url: str) -> None:
    async with opened(url) as (store, profile):
        await idle(store)
        name = url.rpartition("/")[2]
        admin = await asyncpg.connect(url)
        await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> {OWN}")
        assert await store.profile_of("2001") == profile.id and await store.get(profile.id) is not None
        for change in (
            store.patch(profile.id, name="Augusta"),
            store.delete(profile.id),
            store.assign("2002", profile.id),
            store.notes.put("key", b"value"),
        ):
            with pytest.raises(StoreUnavailable, match="read-only"):
                await change
        assert await store.profile_of("2001") == profile.id and await store.profile_of("2002") is None
        await admin.execute("SET default_transaction_read_only = off")
        await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> {OWN}")
        await admin.close()
        await works(store, profile)


async def test_another_password_is_an_outage_until_it_is_put_right(url: str) -> None:
    async with opened(url) as (store, profile):
        admin = await asyncpg.connect(url)
        await idle(store)
        try:
            await admin.execute("ALTER ROLE dragoman PASSWORD 'another'")
            await admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> {OWN}")
            await unavailable(store, profile.id, "password authentication failed")
        finally:
            await admin.execute(f"ALTER ROLE dragoman PASSWORD '{PASSWORD}'")
            await admin.close()
        await works(store, profile)


@pytest.fixture
def full(postgres: Postgres) -> Iterator[Postgres]:
    """One that takes six connections, and one more of a superuser."""
    postgres.stop()
    postgres.restart("max_connections=6", "superuser_reserved_connections=0", "autovacuum=off")
    yield postgres
    postgres.stop()
    postgres.restart()


async def test_a_full_one_is_an_outage_until_there_is_room(full: Postgres) -> None:
    url = await asyncio.to_thread(full.database)
    async with opened(url) as (store, profile):
        await store.close()
        others = [await asyncpg.connect(url) for _ in range(6)]
        with pytest.raises(StoreUnavailable, match="too many clients"):
            await store.start()
        for other in others:
            await other.close()
        await asyncio.sleep(0.2)
        await store.start()
        assert all(await asyncio.gather(*(store.get(profile.id) for _ in range(4))))


async def test_a_question_that_hangs_is_given_up_there_too_and_the_loop_goes_on(url: str) -> None:
    async with opened(url) as (store, profile):
        admin = await asyncpg.connect(url)
        locked = admin.transaction()
        await locked.start()
        await admin.execute("LOCK TABLE voice_profiles IN ACCESS EXCLUSIVE MODE")
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.02)
                ticks += 1

        ticking = asyncio.ensure_future(tick())
        asked = [asyncio.ensure_future(unavailable(store, profile.id, "no answer within")) for _ in range(3)]
        assert await store.profile_of("2001") == profile.id, "what hangs for one is nobody else's trouble"
        await asyncio.gather(*asked)
        ticking.cancel()
        assert ticks > 20
        query = f"SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> {OWN}"
        async with asyncio.timeout(SAID_S):
            while await admin.fetchval(query):
                await asyncio.sleep(0.05)
        await locked.rollback()
        await admin.close()
        await works(store, profile)


async def test_one_that_stands_still_is_an_outage_until_it_goes_on(postgres: Postgres, url: str) -> None:
    async with opened(url) as (store, profile):
        await idle(store)
        with postgres.frozen():
            await unavailable(store, profile.id)
            await unavailable(store, profile.id)
        await works(store, profile)


async def ends(what: Awaitable[object]) -> None:
    """It ends in time, also where nobody cancels it, and whatever it says."""
    task = asyncio.ensure_future(what)
    done, _ = await asyncio.wait((task,), timeout=SAID_S)
    assert done, "it waits for a server that stands still"
    assert not task.cancelled() and isinstance(task.exception(), StoreUnavailable | None)


@pytest.mark.parametrize("way", ["reading", "writing"])
@pytest.mark.parametrize("when", ["before it ends", "before it asks again"])
async def test_what_meets_one_that_stands_still_in_the_middle_is_given_up(
    postgres: Postgres, url: str, way: str, when: str
) -> None:
    async with opened(url) as (store, profile):

        async def asks(stack: ExitStack) -> None:
            database = store._database
            async with database.reading() if way == "reading" else database.writing() as connection:
                await connection.exec_driver_sql("SELECT 1")
                stack.enter_context(postgres.frozen())
                if when == "before it asks again":
                    await connection.exec_driver_sql("SELECT 2")

        with ExitStack() as stack:
            await ends(asks(stack))
        await works(store, profile)


async def test_a_store_is_closed_while_its_server_stands_still(postgres: Postgres, url: str) -> None:
    async with opened(url) as (store, _):
        await idle(store)
        with postgres.frozen():
            await ends(store.close())


async def test_callers_changed_crosswise_at_once_are_nobodys_error(url: str) -> None:
    async with opened(url) as (store, one):
        other, audio = with_audio(seed=7)
        await store.put(other, audio, ["2002"])
        for _ in range(15):
            had = await store.callers(one.id), await store.callers(other.id)
            await asyncio.gather(store.patch(one.id, callers=had[1]), store.patch(other.id, callers=had[0]))
            have = await store.callers(one.id), await store.callers(other.id)
            assert sorted(have[0] + have[1]) in (["2001", "2002"], ["2001"], ["2002"]), (
                "nobody has two, none is made up"
            )
            await store.assign("2001", one.id)
            await store.assign("2002", other.id)


async def test_who_loses_a_deadlock_tries_again(url: str) -> None:
    async with opened(url) as (store, one):
        other, audio = with_audio(seed=7)
        await store.put(other, audio)
        met = asyncio.Barrier(2)
        tries = 0

        async def cross(keys: tuple[str, str]) -> None:
            async def work(connection: AsyncConnection) -> None:
                nonlocal tries
                tries += 1
                for number, key in enumerate(keys):
                    await connection.execute(sa.select(PROFILES.c.id).where(PROFILES.c.id == key).with_for_update())
                    if number == 0 and tries <= 2:
                        await met.wait()

            await store._database.transact(work)

        await asyncio.gather(cross((one.id, other.id)), cross((other.id, one.id)))
        assert tries == 3
        await works(store, one)


async def test_a_deadlock_without_end_is_an_outage_and_not_a_loop(url: str) -> None:
    async with opened(url) as (store, _):
        tries = 0

        async def work(connection: AsyncConnection) -> None:
            nonlocal tries
            tries += 1
            await connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'raced' USING ERRCODE = '40001'; END $$")

        with pytest.raises(StoreUnavailable, match="raced") as told:
            await store._database.transact(work)
        assert tries == sql.TRIES and sql.UNKNOWN not in str(told.value)


@asynccontextmanager
async def waiting_for_a_replica(url: str) -> AsyncIterator[None]:
    """What is committed is kept here at once, and confirmed only when a replica has it, which is not there."""
    admin = await asyncpg.connect(url)
    try:
        await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'elsewhere'")
        await admin.execute("SELECT pg_reload_conf()")
        while await admin.fetchval("SHOW synchronous_standby_names") != "elsewhere":
            await asyncio.sleep(0.02)
        yield
    finally:
        await admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await admin.execute("SELECT pg_reload_conf()")
        await admin.close()


async def test_a_change_that_is_kept_and_not_confirmed_is_said_to_be_unknown(url: str) -> None:
    async with opened(url) as (store, profile):
        told: list[str] = []
        store.on_assign = lambda: told.append("asked again")
        new, audio = with_audio(seed=7)
        async with waiting_for_a_replica(url):
            for change in (
                store.patch(profile.id, name="Augusta"),
                store.put(new, audio),
                store.assign("2002", profile.id),
            ):
                with pytest.raises(StoreUnavailable, match=f"no answer within 5 s; {sql.UNKNOWN}"):
                    await change
        await store.refresh()
        found = await store.get(profile.id)
        assert found is not None and found.name == "Augusta", "kept all the same, and seen as others' changes are"
        assert await store.profile_of("2002") == profile.id and told
        with pytest.raises(ProfileConflict):
            await store.put(new, audio)


async def test_a_change_that_was_not_even_asked_for_is_not_said_to_be_unknown(postgres: Postgres, url: str) -> None:
    async with opened(url) as (store, profile):
        await idle(store)
        with postgres.frozen(), pytest.raises(StoreUnavailable) as told:
            await store.patch(profile.id, name="Augusta")
        assert sql.UNKNOWN not in str(told.value)
        await works(store, profile)


async def test_the_server_itself_ends_what_we_can_no_longer_cancel(url: str) -> None:
    async with opened(url) as (store, _), store._database.reading() as connection:
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            shown = (await connection.exec_driver_sql(f"SHOW {limit}")).scalar_one()
            assert shown == "1min"
    async with opened(url) as (store, _), store._database.writing(sql.SERVER_S + 1) as connection:
        assert (await connection.exec_driver_sql("SHOW statement_timeout")).scalar_one() == "0"


async def test_a_connection_keeps_that_limit_when_it_was_first_used_for_reading(url: str) -> None:
    async with opened(url) as (store, _):
        for _ in range(2):
            async with AsyncExitStack() as stack:
                readings = [await stack.enter_async_context(store._database.reading()) for _ in range(4)]
                shown = [(await each.exec_driver_sql("SHOW statement_timeout")).scalar_one() for each in readings]
            assert shown == ["1min"] * 4
