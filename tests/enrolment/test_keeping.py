"""A voice that is kept while the database is away is stored later, once, unless its owner withdraws it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest
from structlog.testing import capture_logs
from tests.virtual_time import virtual_time
from tests.voices.vectors import a_profile

from dragoman.enrolment.keeping import WISHES, Keeping
from dragoman.errors import ProfileConflict, ProfileInvalid, StoreUnavailable
from dragoman.recovery.backoff import CEILING_S
from dragoman.voices.make import Audio
from dragoman.voices.profile import VoiceProfile

pytestmark = virtual_time

AUDIO: Mapping[str, Audio] = {"x": np.zeros(3, np.int16)}


class Store:
    """Of which a put may be lost on its way back: it is kept, and the database is away."""

    def __init__(self) -> None:
        self.away = self.forgetful = False
        self.kept: dict[str, Sequence[str]] = {}
        self.writing = asyncio.Event()
        self.writing.set()

    async def put(
        self, profile: VoiceProfile, audio: Mapping[str, Audio], callers: Sequence[str] | None = None
    ) -> None:
        if self.away:
            raise StoreUnavailable("away")
        if profile.id in self.kept:
            raise ProfileConflict("stored already")
        if callers == ["anonymous"]:
            raise ProfileInvalid("a hidden number")
        await self.writing.wait()
        self.kept[profile.id] = callers or ()
        if self.forgetful:
            raise StoreUnavailable("it went while it answered")

    async def delete(self, key: str) -> None:
        if self.away:
            raise StoreUnavailable("away")
        self.kept.pop(key, None)


@asynccontextmanager
async def keeping() -> AsyncIterator[tuple[Keeping, Store, list[str]]]:
    store, told = Store(), []
    made = Keeping(lambda: store, told.append)
    running = asyncio.ensure_future(made.run())
    await asyncio.sleep(0)
    yield made, store, told
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_at_once_where_the_database_answers() -> None:
    async with keeping() as (keep, store, told):
        profile = a_profile()
        assert await keep.keep("ch1", profile, AUDIO, "7")
        assert store.kept == {profile.id: ["7"]} and not told and len(keep) == 0
        with pytest.raises(ProfileInvalid):
            await keep.keep("ch1", a_profile(seed=2), AUDIO, "anonymous")


async def test_later_where_it_does_not_and_its_owner_is_told() -> None:
    async with keeping() as (keep, store, told):
        one, other = a_profile(seed=1), a_profile(seed=2)
        store.away = True
        assert not await keep.keep("ch1", one, AUDIO, "7")
        assert not await keep.keep("ch2", other, AUDIO, "8")
        await asyncio.sleep(900)
        assert not store.kept and len(keep) == 2
        store.away = False
        await asyncio.sleep(CEILING_S + 1)
        assert store.kept == {one.id: ["7"], other.id: ["8"]} and told == ["ch1", "ch2"] and len(keep) == 0


async def test_what_was_stored_though_it_seemed_not_is_not_stored_twice() -> None:
    async with keeping() as (keep, store, told):
        profile = a_profile()
        store.forgetful = True
        assert not await keep.keep("ch1", profile, AUDIO, "7")
        await asyncio.sleep(CEILING_S + 1)
        assert list(store.kept) == [profile.id] and told == ["ch1"]


async def test_who_withdraws_it_has_it_not_stored_also_while_it_is_being_stored() -> None:
    async with keeping() as (keep, store, told):
        store.away = True
        await keep.keep("ch1", a_profile(), AUDIO, "7")
        keep.withdraw("ch1")
        keep.withdraw("ch1")
        store.away = False
        await asyncio.sleep(CEILING_S + 1)
        assert not store.kept
        store.away = True
        await keep.keep("ch2", a_profile(), AUDIO, "7")
        store.away = False
        store.writing.clear()
        await asyncio.sleep(CEILING_S + 1)
        keep.withdraw("ch2")
        store.writing.set()
        await asyncio.sleep(1)
        assert not store.kept and not told


async def test_who_withdraws_what_was_stored_though_it_seemed_not_has_it_deleted() -> None:
    async with keeping() as (keep, store, told):
        store.forgetful = True
        assert not await keep.keep("ch1", a_profile(), AUDIO, "7")
        store.away = True
        keep.withdraw("ch1")
        await asyncio.sleep(60)
        assert store.kept
        store.away = False
        await asyncio.sleep(CEILING_S + 1)
        assert not store.kept and not told


@pytest.mark.parametrize("forgetful", [False, True])
async def test_who_withdraws_it_while_it_is_stored_for_the_first_time_has_it_deleted(forgetful: bool) -> None:
    async with keeping() as (keep, store, told):
        store.forgetful = forgetful
        store.writing.clear()
        asked = asyncio.ensure_future(keep.keep("ch1", a_profile(), AUDIO, "7"))
        await asyncio.sleep(1)
        keep.withdraw("ch1")
        store.writing.set()
        assert not await asked
        await asyncio.sleep(CEILING_S + 1)
        assert not store.kept and not told and len(keep) == 0


async def test_what_can_never_be_stored_does_not_wait_for_ever_and_too_many_are_refused() -> None:
    async with keeping() as (keep, store, told):
        store.away = True
        await keep.keep("hidden", a_profile(), AUDIO, "anonymous")
        for number in range(1, WISHES):
            await keep.keep(f"ch{number}", a_profile(seed=number), AUDIO, "7")
        with pytest.raises(StoreUnavailable):
            await keep.keep("one more", a_profile(seed=100), AUDIO, "7")
        assert not await keep.keep("ch1", a_profile(seed=1), AUDIO, "8"), "who waits may say so again"
        store.away = False
        await asyncio.sleep(CEILING_S + 1)
        assert len(told) == WISHES - 1 and "hidden" not in told and len(keep) == 0


async def test_a_daemon_that_stops_says_whose_voice_it_did_not_keep() -> None:
    with capture_logs() as logs:
        async with keeping() as (keep, store, _):
            store.away = True
            await keep.keep("ch1", a_profile(), AUDIO, "7")
    assert [entry["channel"] for entry in logs if entry["log_level"] == "error"] == ["ch1"]
