"""Translations kept: any translator, with what it said lately in front of it, shared by all rooms.

A translator that is worth it says so by having ``variant`` (see Cacheable): one that costs money or a network's round
trip. Identical requests at the same time are asked once. What a failing Redis costs is counted and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from pydantic import SecretStr

from dragoman.config.cache import CacheSettings
from dragoman.engines.base import Counting, EngineInfo, Translation, TranslationRequest, Translator, Unsure
from dragoman.engines.mt.cache_key import key_of, pack, unpack
from dragoman.engines.mt.cache_redis import RedisStore
from dragoman.engines.mt.lru import Lru
from dragoman.errors import EngineError
from dragoman.recovery.telling import Tell, nobody

BYTES_PER_ENTRY = 600
"""Bytes that an entry may take on the average, key included: a clause of 150 letters of three bytes, and some air."""


@runtime_checkable
class Cacheable(Protocol):
    """A translator whose answers are worth keeping."""

    def variant(self, request: TranslationRequest) -> tuple[str, ...]:
        """What beside the request decides on the answer: settings such as the target variant or formality.

        Two daemons of different settings that share a Redis are told apart by it.
        """


class CachedTranslator:
    """A translator and what it said lately; to everybody else it is that translator.

    Speech and money are saved: 0 ms instead of 200, and no characters billed. Kept are ``entries`` translations (the
    least recently used go) in this process, and with ``redis_url`` for ``ttl`` seconds there.
    """

    def __init__(self, inner: Translator, entries: int, redis_url: SecretStr | None = None, ttl: int = 86_400) -> None:
        """``inner`` should be Cacheable. Raises ConfigError for a Redis that cannot be used at all."""
        self._inner = inner
        self._local = Lru(entries, entries * BYTES_PER_ENTRY)
        self._redis = RedisStore(redis_url, ttl) if redis_url is not None else None
        self._flights: dict[bytes, asyncio.Future[Translation | EngineError | None]] = {}
        """Requests under way, by key; None: its caller was cancelled, another must ask."""
        self._hits = self._redis_hits = self._misses = self._shared = 0

    @property
    def info(self) -> EngineInfo:
        """The translator's own."""
        return self._inner.info

    def supports(self, source: str, target: str) -> bool:
        """The translator's own."""
        return self._inner.supports(source, target)

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Start the translator, then connect to Redis."""
        await self._inner.start(languages)
        if self._redis is not None:
            await self._redis.start()

    @property
    def unchecked(self) -> str:
        """See Unsure."""
        away = self._redis is not None and not self._redis.reached
        doubts = [self._inner.unchecked] if isinstance(self._inner, Unsure) else []
        doubts += ["Redis (engines.cache.redis_url) does not answer: known translations stay here"] if away else []
        return "; ".join(filter(None, doubts))

    async def translate(self, request: TranslationRequest) -> Translation:
        """From the cache, or by the translator; raises what that raises."""
        engine = self._inner.info.name
        variant = self._inner.variant(request) if isinstance(self._inner, Cacheable) else ()
        key = key_of(engine, variant, request)
        while True:
            if (data := self._local.get(key)) is not None and (kept := unpack(data, engine)) is not None:
                self._hits += 1
                return replace(kept, kept=True)
            flight = self._flights.get(key)
            if flight is None:
                return await self._lead(key, request)
            answer = await asyncio.shield(flight)
            if answer is not None:
                self._shared += 1
                if isinstance(answer, EngineError):
                    raise answer
                return replace(answer, kept=True)

    def counts(self) -> Mapping[str, int]:
        """The translator's own, and ``cache_hits`` (of those ``redis_hits``), ``cache_misses``, ``redis_...``.

        ``redis_errors``: commands that failed; ``redis_dropped``: translations not stored because too many waited. A
        request that joined another one under way is a hit: it cost nothing.
        """
        inner = self._inner.counts() if isinstance(self._inner, Counting) else {}
        return {
            **inner,
            "cache_hits": self._hits + self._redis_hits + self._shared,
            "cache_misses": self._misses,
            "redis_hits": self._redis_hits,
            "redis_errors": self._redis.errors if self._redis is not None else 0,
            "redis_dropped": self._redis.dropped if self._redis is not None else 0,
        }

    @property
    def tell(self) -> Tell:
        """Told of Redis (recovery.telling.Telling)."""
        return nobody if self._redis is None else self._redis.tell

    @tell.setter
    def tell(self, tell: Tell) -> None:
        if self._redis is not None:
            self._redis.tell = tell

    async def close(self) -> None:
        """Close the translator and Redis; idempotent."""
        try:
            await self._inner.close()
        finally:
            if self._redis is not None:
                await self._redis.close()

    async def _lead(self, key: bytes, request: TranslationRequest) -> Translation:
        """Ask for all who want the same meanwhile. If this caller is cancelled, one of them takes over."""
        flight: asyncio.Future[Translation | EngineError | None] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        answer: Translation | EngineError | None = None
        try:
            answer = await self._ask(key, request)
            return answer
        except EngineError as error:
            answer = error
            raise
        finally:
            del self._flights[key]
            flight.set_result(answer)

    async def _ask(self, key: bytes, request: TranslationRequest) -> Translation:
        if self._redis is not None and (data := await self._redis.get(key)) is not None:
            found = unpack(data, self._inner.info.name)
            if found is not None:
                self._redis_hits += 1
                self._local.put(key, data)
                return replace(found, kept=True)
        self._misses += 1
        translation = await self._inner.translate(request)
        if not translation.provisional:
            data = pack(translation)
            self._local.put(key, data)
            if self._redis is not None:
                self._redis.put(key, data)
        return translation


def remembering(translator: Translator, settings: CacheSettings) -> Translator:
    """The translator with a cache in front, if it is worth one and the settings give it room.

    Raises:
        ConfigError: the settings name a Redis that cannot be used at all.
    """
    if not settings.entries or not isinstance(translator, Cacheable):
        return translator
    return CachedTranslator(translator, settings.entries, settings.redis_url, settings.ttl_s)
