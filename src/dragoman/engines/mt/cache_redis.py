"""Translations that several daemons share, in Redis: a second store, whose failing costs nobody a clause.

Keys are digests; values are translated sentences, in plain text, for ``ttl`` seconds: a Redis of your own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import structlog
from pydantic import SecretStr

from dragoman.engines.availability import Availability
from dragoman.errors import ConfigError, EngineCrashed
from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.recovery.telling import Tell, nobody

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

PREFIX = b"dragoman:mt:"

TIMEOUT_S = 0.02
"""Seconds to wait for Redis: it answers in under 1 ms on the same network, and DeepL itself in 150."""

CONNECT_S = 1.0
"""Seconds for a connection when the daemon starts: nobody waits for that one."""

WRITES = 256
"""Translations that may wait to be stored, those of an outage too; more are not (the newest goes): it is a cache."""

LOOK_S = 0.5
"""Seconds between looks at whether Redis rests, while nothing waits to be stored."""

CONNECTIONS = 16
"""At once, at most: at 1 ms each, 16 answer more clauses than 1000 speakers make."""

MAX_VALUE = 64 * 1024
"""Bytes of a value that are believed to be ours."""


class RedisStore:
    """Asks within TIMEOUT_S, stores in the background; ``start`` before use, ``close`` when done. Never raises.

    After some failures in a row it is left alone for a while (``engines.availability``), so that a dead one costs
    nothing at all.
    """

    def __init__(self, url: SecretStr, ttl: int) -> None:
        """``url`` as redis-py takes it (redis://, rediss://, unix://), ``ttl`` in seconds; nothing is connected yet.

        Raises:
            ConfigError: the package redis is missing, or it does not take the URL.
        """
        self.errors = 0
        self.dropped = 0
        """Translations that were not stored because WRITES of them waited."""
        self.tell: Tell = nobody
        """Told when Redis is left alone, and when it is back."""
        self.reached = True
        """Whether it answered at the start."""
        self._away = 0.0
        self._ttl = ttl
        self._health = Availability()
        self._writes: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue(WRITES)
        self._worker: asyncio.Task[None] | None = None
        self._redis = _client(url)

    async def start(self) -> None:
        """Connect; a Redis that is down now may come up later."""
        self.reached = bool(await self._guarded(self._redis.ping, CONNECT_S))
        if not self.reached:
            log.warning("redis not reached at start: translations are kept in this daemon alone until it is")
        self._worker = asyncio.create_task(self._work(), name="redis cache")

    async def get(self, key: bytes) -> bytes | None:
        """What is stored under ``key``; None: nothing, or Redis did not say in time."""
        if self._worker is None or not self._health.usable():
            return None
        value = await self._guarded(lambda: self._redis.get(_name(key)), TIMEOUT_S)
        return value if isinstance(value, bytes) and len(value) <= MAX_VALUE else None

    def put(self, key: bytes, value: bytes) -> None:
        """Store it soon; never waits."""
        if self._worker is None or len(value) > MAX_VALUE:
            return
        if self._writes.full():
            self.dropped += 1
        else:
            self._writes.put_nowait((key, value))

    async def close(self) -> None:
        """Drop what is not stored yet, and the connections. Idempotent."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker
        await self._redis.aclose()

    async def _work(self) -> None:
        """Store what waits; while Redis rests, ask now and then whether it is back, and then store what waited."""
        while self._worker is not None:  # a command that is cancelled may end as one that was late
            if not self._health.usable():
                if self._health.probe_due(_now()):
                    self._health.probing()
                    await self._guarded(self._redis.ping, CONNECT_S)
                else:
                    await asyncio.sleep(min(max((self._health.probe_at or 0.0) - _now(), 0.01), LOOK_S))
                continue
            try:
                async with asyncio.timeout(LOOK_S):
                    key, value = await self._writes.get()
            except TimeoutError:
                continue  # a lookup may have found out meanwhile that Redis is away
            stored = await self._guarded(partial(self._redis.set, _name(key), value, ex=self._ttl), CONNECT_S)
            if stored is None and not self._health.usable():
                self.put(key, value)

    async def _guarded(self, command: Callable[[], Awaitable[object]], within: float) -> object:
        """The command's answer; None when it failed, which is counted and, once, logged."""
        try:
            async with asyncio.timeout(within):
                answer = await command()
        except Exception as error:  # RedisError, OSError, TimeoutError, and what its parser makes of junk
            self.errors += 1
            what = str(error) or f"no answer within {within:g} s"
            failure = EngineCrashed("redis", f"{type(error).__name__}: {what}")
            if self._health.failed(failure, _now()):
                self._away = _now()
                log.warning("redis does not work: it rests, the cache of this daemon goes on", error=str(failure))
                self.tell(Kind.CACHE_LOST, Action.CACHE, Status.DEGRADED, "mt:redis", detail=str(failure))
            return None
        if self._health.succeeded():
            log.info("redis works again")
            waits = f"{self._writes.qsize()} translations are stored now"
            away = _now() - self._away
            self.tell(Kind.CACHE_LOST, Action.LATER, Status.OK, "mt:redis", lag_s=away, detail=waits)
        return answer


def _client(url: SecretStr) -> Redis:
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise ConfigError(
            "engines.cache.redis_url is set, but the package redis is missing: pip install 'dragoman[redis]'"
        ) from None
    try:
        return Redis.from_url(
            url.get_secret_value(),
            max_connections=CONNECTIONS,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=CONNECT_S,
            socket_timeout=CONNECT_S,
        )
    except (ValueError, TypeError):  # its message may hold the URL, which may hold a password
        raise ConfigError("engines.cache.redis_url: write it redis://host:6379/0, rediss:// or unix://") from None


def _name(key: bytes) -> bytes:
    return PREFIX + key.hex().encode()


def _now() -> float:
    return asyncio.get_running_loop().time()
