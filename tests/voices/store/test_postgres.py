"""What befalls a real PostgreSQL under a running store: each is one error in time, and over when it is over.

Restarted under idle connections, failed over to one that only reads, full, another password, a lock that nobody gives
back, a server that stands still.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from tests.voices.store.conftest import PASSWORD, Postgres
from tests.voices.store.test_store import with_audio

from dragoman import sql
from dragoman.errors import StoreUnavailable
from dragoman.voices.profile import VoiceProfile
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
            store.note("key", b"value"),
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


# Once in some fifty runs it waited for ever, without a timer, in a suite of three processes; why is not known. A second
# go is counted and shown by the run (tests/conftest.py).
@pytest.mark.flaky(reruns=1)
async def test_one_that_stands_still_is_an_outage_until_it_goes_on(postgres: Postgres, url: str) -> None:
    async with opened(url) as (store, profile):
        await idle(store)
        stopped = [int((postgres.data / "postmaster.pid").read_text().split()[0])]
        children = Path(f"/proc/{stopped[0]}/task/{stopped[0]}/children").read_text().split()
        stopped += map(int, children)
        try:
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            await unavailable(store, profile.id)
            await unavailable(store, profile.id)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
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
