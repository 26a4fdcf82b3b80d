"""The store of voice profiles: what the rest of Dragoman asks. Warm lookups are a dictionary's; delete means gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import sqlalchemy as sa
import structlog
from pydantic import SecretStr
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.errors import ProfileConflict, StoreUnavailable, VoiceError
from dragoman.sql import TRIES, address
from dragoman.vault import vault
from dragoman.voices.assign import normalize_caller
from dragoman.voices.make import Audio
from dragoman.voices.profile import Defaults, VoiceProfile, is_id
from dragoman.voices.store.archive import pack, take
from dragoman.voices.store.cache import CacheCounts, ProfileCache
from dragoman.voices.store.callers import Callers
from dragoman.voices.store.database import Database
from dragoman.voices.store.deletion import Deletion, beyond_reach
from dragoman.voices.store.notes import Notes
from dragoman.voices.store.rows import ProfileHead, Rows
from dragoman.voices.store.schema import CALLERS, CLIPS, PROFILES

log = structlog.get_logger(__name__)

REFRESH_S: Final = 2.0
"""Seconds after which a profile that another process changed or deleted is forgotten here."""

T = TypeVar("T")


class VoiceStore:
    """Profiles, their recordings, and which caller has which. ``start`` before use, ``close`` when done."""

    def __init__(
        self,
        store: SecretStr,
        *,
        key: SecretStr | None = None,
        previous_key: SecretStr | None = None,
        cache_bytes: int = 128 << 20,
    ) -> None:
        """Nothing is opened yet.

        Args:
            store: path of a SQLite file, or a URL.
            key: encrypts what is stored; None: nothing is encrypted.
            previous_key: what it was encrypted with before; it is then encrypted anew at start.
            cache_bytes: of vectors kept in memory.

        Raises:
            ConfigError: the address or a key is none.
            StoreLocked: the package for encryption is missing.
        """
        self._vault = vault(key, "voices")
        self._rows = Rows(self._vault)
        self._previous = None if previous_key is None else vault(previous_key, "voices")
        self._database = Database(address(store.get_secret_value()))
        self._cache = ProfileCache(cache_bytes)
        self.on_change: Callable[[str, bool], None] = lambda key, gone: None
        """Told, in the loop's thread, of a profile that was changed or (True) is gone, by whomever."""
        self.on_assign: Callable[[], None] = lambda: None
        """Called when a caller was given a profile here, or lost his."""
        self.on_outage: Callable[[str, float], None] = lambda why, away_s: None
        """Told when the database does not answer, and why, and (empty, seconds) when it does again."""
        self.used: Callable[[], Mapping[str, int]] = lambda: {}
        """Asked for the ids and versions of profiles that somebody speaks in just now, in memory here or not."""
        self._callers = Callers(self._database, self._rows, self._vault)
        self.notes = Notes(self._database, self._vault)

    @property
    def counts(self) -> CacheCounts:
        """Of the cache."""
        return self._cache.counts

    @property
    def where(self) -> str:
        """The address, without a password."""
        return self._database.where

    @property
    def encrypted(self) -> bool:
        """Whether there is a key."""
        return bool(self._vault.fingerprint)

    async def start(self) -> None:
        """Open, migrate, check the key.

        Raises:
            StoreUnavailable, StoreLocked, VoiceUnavailable: say what to do.
        """
        try:
            await self._database.open(self._vault, self._previous)
        except BaseException as error:
            self._database.trouble = str(error) if isinstance(error, VoiceError) else ""
            await self._database.close()
            raise
        self._database.trouble = ""
        log.info("voice store open", store=self.where, encrypted=self.encrypted)

    async def close(self) -> None:
        """Close the database and forget all. Idempotent."""
        self._cache.clear()
        self._callers.clear()
        await self._database.close()

    async def watch(self) -> None:
        """Forget what other processes change or delete, REFRESH_S after they did, for ever."""
        clock = asyncio.get_running_loop().time
        away: float | None = None
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
            except StoreUnavailable as error:
                if away is None:
                    away = clock()
                    log.warning("voice store does not answer; what is cached stays", error=str(error))
                    self.on_outage(str(error), 0.0)
            else:
                if away is not None:
                    log.info("voice store answers again", after_s=round(clock() - away, 1))
                    self.on_outage("", clock() - away)
                away = None

    async def refresh(self) -> None:
        """Forget profiles that are no longer what is stored; raises StoreUnavailable.

        The database is asked also where nothing is known: else nobody would hear that it is away.
        """
        known = {**self.used(), **self._cache.versions}
        async with self._database.reading() as connection:
            rows = await connection.execute(
                sa.select(PROFILES.c.id, PROFILES.c.version).where(PROFILES.c.id.in_(list(known)))
            )
            stored = {row.id: row.version for row in rows}
        for key, version in known.items():
            if stored.get(key) != version:
                self._cache.forget(key)
                self.on_change(key, key not in stored)

    def peek(self, key: str) -> VoiceProfile | None:
        """The profile if it is in memory: never waits."""
        return self._cache.get(key)

    async def get(self, key: str) -> VoiceProfile | None:
        """The profile; None: there is none.

        Raises:
            StoreUnavailable, StoreLocked, ProfileInvalid: it cannot be had: the neutral voice speaks.
        """
        if (profile := self._cache.get(key)) is not None:
            return profile
        if not is_id(key):
            return None
        epoch = self._cache.epoch
        async with self._database.reading() as connection:
            row = (await connection.execute(sa.select(PROFILES).where(PROFILES.c.id == key))).one_or_none()
        if row is None:
            return None
        profile = await asyncio.to_thread(self._rows.profile, row)
        self._cache.put(profile, epoch)
        return profile

    async def put(
        self, profile: VoiceProfile, audio: Mapping[str, Audio], callers: Sequence[str] | None = None
    ) -> None:
        """Keep a new profile (version 1), or the next version of one: all of it, or nothing.

        Args:
            profile: with a version one above what is stored.
            audio: recordings by clip id: all of a new profile's, the new ones of a next version. Recordings of clips
                that the profile no longer has are deleted.
            callers: those who have it from now on, and no others; None: who had it has it.

        Raises:
            ProfileInvalid: a caller is none.
            ProfileConflict: it exists already, was changed by somebody else, or was deleted.
            StoreUnavailable: nothing was kept, or its words say that this is not known: ask again, and one that was
                kept is a ProfileConflict.
        """
        if unknown := set(audio) - {clip.id for clip in profile.clips}:
            raise ProfileConflict(f"recordings of no clip of the profile: {min(unknown)[:12]}")
        given = None if callers is None else [normalize_caller(caller) for caller in callers]
        values = await asyncio.to_thread(self._rows.of_profile, profile)
        sealed = await asyncio.to_thread(self._rows.of_clips, profile.id, audio)

        async def keep(connection: AsyncConnection) -> None:
            if profile.version == 1:
                await connection.execute(sa.insert(PROFILES).values(values))
            else:
                await self._replace(connection, profile, values)
            if sealed:
                await connection.execute(sa.insert(CLIPS), sealed)
            if given is not None:
                await self._callers.give(connection, profile.id, given, only=True)

        try:
            await self._changing(keep, given is not None)
        except IntegrityError:
            raise ProfileConflict(f"{profile.id} or one of its recordings is stored already") from None
        finally:
            self._cache.forget(profile.id)
        self.on_change(profile.id, False)

    async def _replace(self, connection: AsyncConnection, profile: VoiceProfile, values: Mapping[str, object]) -> None:
        # The first statement writes: it takes the lock, and tells by its count whether we still have the last version.
        changed = await connection.execute(
            sa.update(PROFILES)
            .where(PROFILES.c.id == profile.id, PROFILES.c.version == profile.version - 1)
            .values(values)
        )
        if changed.rowcount != 1:
            raise ProfileConflict(f"{profile.id} was changed or deleted in the meantime")
        kept = [clip.id for clip in profile.clips]
        await connection.execute(sa.delete(CLIPS).where(CLIPS.c.profile == profile.id, CLIPS.c.clip.not_in(kept)))

    async def patch(
        self,
        key: str,
        *,
        name: str | None = None,
        language: str | None = None,
        defaults: Defaults | None = None,
        callers: Sequence[str] | None = None,
        now: float | None = None,
    ) -> VoiceProfile | None:
        """Change what is given, all or nothing; the new version, or None: there is no such profile.

        Others who change it at the same time wait: it is locked from the reading on.

        Raises:
            ProfileInvalid: a value or a caller is none.
            StoreUnavailable: nothing was changed, or its words say that this is not known.
        """
        given = None if callers is None else [normalize_caller(caller) for caller in callers]

        async def change(connection: AsyncConnection) -> VoiceProfile | None:
            await self._database.lock(connection)
            mine = sa.select(PROFILES).where(PROFILES.c.id == key).with_for_update()
            row = (await connection.execute(mine)).one_or_none()
            if row is None:
                return None
            profile = await asyncio.to_thread(self._rows.profile, row)
            changed = replace(
                profile,
                name=profile.name if name is None else name,
                language=profile.language if language is None else language,
                defaults=profile.defaults if defaults is None else defaults,
                version=profile.version + 1,
                changed=time.time() if now is None else now,
            )
            await self._replace(connection, changed, await asyncio.to_thread(self._rows.of_profile, changed))
            if given is not None:
                await self._callers.give(connection, key, given, only=True)
            return changed

        made = await self._changing(change, given is not None)
        if made is not None:
            self._cache.forget(key)  # one that failed leaves what is in memory: it serves on while the database is away
            self.on_change(key, False)
        return made

    async def count(self) -> int:
        """Profiles there are."""
        async with self._database.reading() as connection:
            return int((await connection.execute(sa.select(sa.func.count()).select_from(PROFILES))).scalar_one())

    async def list(self, offset: int = 0, limit: int = 100) -> tuple[ProfileHead, ...]:
        """Profiles in the order in which they were made, without their vectors. One that cannot be read is left out."""
        async with self._database.reading() as connection:
            rows = (
                await connection.execute(
                    sa.select(PROFILES.c.id, PROFILES.c.version, PROFILES.c.manifest)
                    .order_by(PROFILES.c.created, PROFILES.c.id)
                    .offset(offset)
                    .limit(limit)
                )
            ).all()
            callers = await self._callers.of(connection, [row.id for row in rows])
        return await asyncio.to_thread(self._rows.heads, rows, callers)

    async def audio(self, key: str, clip: str) -> Audio | None:
        """A recording, 24 kHz; None: there is none."""
        return (await self._recordings(key, clip))[1].get(clip)

    async def delete(self, key: str) -> Deletion:
        """Remove a profile, its recordings, its callers, from the database, its files and every cache.

        Raises:
            StoreUnavailable: it is not certain whether it is gone; delete again.
        """

        async def remove(connection: AsyncConnection) -> tuple[bool, int, int]:
            await self._database.lock(connection)
            # The profile first, as whoever changes it does: else two could wait for each other.
            await connection.execute(sa.select(PROFILES.c.id).where(PROFILES.c.id == key).with_for_update())
            callers = (await connection.execute(sa.delete(CALLERS).where(CALLERS.c.profile == key))).rowcount
            clips = (await connection.execute(sa.delete(CLIPS).where(CLIPS.c.profile == key))).rowcount
            gone = await connection.execute(sa.delete(PROFILES).where(PROFILES.c.id == key))
            return gone.rowcount == 1, clips, callers

        self._cache.forget(key)
        try:
            found, clips, callers = await self._database.transact(remove)
        finally:
            self._cache.forget(key)  # a get that was under way does not bring it back
            self._callers.forget(key)
        self.on_change(key, True)  # also of one that was gone: somebody may speak in it still
        if not found:
            return Deletion(False)
        wiped = await self._database.scrub()
        log.info("voice profile deleted", profile=key, clips=clips, callers=callers, wiped=wiped)
        note = beyond_reach(REFRESH_S, postgres=self._database.postgres, wiped=wiped, encrypted=self.encrypted)
        return Deletion(True, clips, callers, wiped, note)

    async def export(self, key: str) -> bytes | None:
        """The profile as one file, not encrypted; None: there is none. Raises StoreUnavailable, StoreLocked."""
        for _ in range(TRIES):
            if (profile := await self.get(key)) is None:
                return None
            version, audio = await self._recordings(key)
            if version == profile.version:
                return await asyncio.to_thread(pack, profile, audio)
            self._cache.forget(key)  # changed or deleted since it was read: half of it is no profile
        raise StoreUnavailable(f"{key} is just being changed")

    async def load(self, data: bytes) -> VoiceProfile:
        """Keep the profile of an exported file, under the id it had; callers are not in it.

        Raises:
            ProfileInvalid: the file is none.
            ProfileConflict: the profile is here already.
        """
        profile, audio = await asyncio.to_thread(take, data, time.time())
        await self.put(profile, audio)
        return profile

    async def assign(self, caller: str, key: str) -> str:
        """Give a caller this profile, instead of the one he had; his caller id as it is kept.

        Raises:
            ProfileInvalid: that is no caller id.
            ProfileConflict: there is no such profile.
        """
        normal = normalize_caller(caller)
        try:
            await self._changing(lambda connection: self._callers.give(connection, key, [normal]))
        except IntegrityError:
            raise ProfileConflict(f"there is no profile {key[:24]!r}") from None
        return normal

    async def unassign(self, caller: str) -> bool:
        """Take his profile from a caller; False: he had none."""
        return await self._changing(lambda connection: self._callers.take(connection, caller))

    async def profile_of(self, caller: str) -> str | None:
        """Id of the profile that a caller has; what was last known of him while the database does not answer.

        Raises:
            ProfileInvalid: that is no caller id.
            StoreUnavailable: the database does not answer, and nothing is known of him.
        """
        return await self._callers.profile_of(caller)

    async def callers(self, key: str) -> tuple[str, ...]:
        """Callers who have this profile."""
        async with self._database.reading() as connection:
            return tuple((await self._callers.of(connection, [key])).get(key, ()))

    async def _changing(self, work: Callable[[AsyncConnection], Awaitable[T]], callers: bool = True) -> T:
        """A transaction, after which callers may have another profile, also where it is not known what came of it."""
        try:
            return await self._database.transact(work)
        finally:
            if callers:
                self.on_assign()

    async def _recordings(self, key: str, clip: str | None = None) -> tuple[int | None, dict[str, Audio]]:
        """The version of a profile (None: there is none) and its recordings of just that moment."""
        wanted = sa.select(PROFILES.c.version, CLIPS.c.clip, CLIPS.c.audio).outerjoin_from(PROFILES, CLIPS)
        wanted = wanted.where(PROFILES.c.id == key)
        if clip is not None:
            wanted = wanted.where(CLIPS.c.clip == clip)
        async with self._database.reading() as connection:
            rows = (await connection.execute(wanted)).all()
        found = await asyncio.to_thread(self._rows.recordings, key, [row for row in rows if row.clip is not None])
        return rows[0].version if rows else None, found
