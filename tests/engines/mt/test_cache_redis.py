"""Redis behind the cache, a real one: what daemons share, and that its failing is counted and costs no clause."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from tests.engines.mt.test_cache import Slow, request

from dragoman.engines.mt.cache import CachedTranslator
from dragoman.engines.mt.cache_redis import WRITES, RedisStore
from dragoman.errors import ConfigError
from dragoman.recovery.kinds import Action, Kind
from dragoman.recovery.telling import Telling
from dragoman.telephony.pbx.ports import free_port

PASSWORD = "hush-hush"
KEY = b"k" * 32


class Server:
    """A redis-server of our own on a free port, without a file on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port(socket.SOCK_STREAM)
        self.url = SecretStr(f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        options = {"port": self.port, "bind": "127.0.0.1", "save": "", "requirepass": PASSWORD, "dir": self._folder}
        command = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self._process = await asyncio.create_subprocess_exec(
            "redis-server", *command, stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        while b"Ready to accept connections" not in (line := await self._process.stdout.readline()):
            assert line, "redis-server did not start"

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.communicate()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server: apt-get install redis-server")
    server = Server(tmp_path)
    await server.start()
    yield server
    await server.stop()


WAITS = "dragoman.engines.mt.cache_redis.TIMEOUT_S"


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may be late; a Redis that was down is asked again soon."""
    monkeypatch.setattr(WAITS, 5.0)
    monkeypatch.setattr("dragoman.engines.availability.FIRST_REST", 0.02)
    monkeypatch.setattr("dragoman.engines.availability.LONGEST_REST", 0.05)


@asynccontextmanager
async def daemon(
    server: Server, inner: Slow | None = None, url: SecretStr | None = None
) -> AsyncIterator[CachedTranslator]:
    cached = CachedTranslator(inner or Slow(0), 100, url or server.url, ttl=50)
    await cached.start(["en", "es"])
    try:
        yield cached
    finally:
        await cached.close()
        await cached.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


async def keys(server: Server) -> list[bytes]:
    async with Redis.from_url(server.url.get_secret_value()) as redis:
        found: list[bytes] = await redis.keys("*")
        assert all([0 < await redis.ttl(key) <= 50 for key in found])
        return found


async def stored(server: Server, count: int) -> None:
    async with asyncio.timeout(60), Redis.from_url(server.url.get_secret_value()) as redis:
        while await redis.dbsize() < count:
            await asyncio.sleep(0.01)


async def test_daemons_share_what_was_translated(server: Server) -> None:
    async with daemon(server) as first, daemon(server, inner := Slow(0)) as second:
        answer = await first.translate(request())
        await stored(server, 1)
        assert await second.translate(request()) == answer
        assert await second.translate(request()) == answer  # by now its own
        assert inner.asked == []
        assert second.counts() == {
            "requests": 0,
            "cache_hits": 2,
            "cache_misses": 0,
            "redis_hits": 1,
            "redis_errors": 0,
            "redis_dropped": 0,
        }
        inner.settings = ("ES-419",)
        await second.translate(request())
        assert len(inner.asked) == 1
        await stored(server, 2)
    assert all(key.startswith(b"dragoman:mt:") for key in await keys(server))


async def test_a_dead_redis_costs_no_clause_and_is_left_alone_until_it_is_back(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    async with daemon(server) as cached:
        await server.stop()
        for number in range(30):
            await cached.translate(request(number))
        assert 3 <= cached.counts()["redis_errors"] <= 30
        assert capsys.readouterr().out.count("redis does not work") == 1
        await server.start()
        await until(lambda: "redis works again" in capsys.readouterr().out)
        await cached.translate(request(99))
        await stored(server, 1)


async def test_a_redis_that_hangs_costs_no_clause(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WAITS, 0.02)
    async with daemon(server) as cached:
        server.signal(signal.SIGSTOP)
        try:
            for number in range(20):
                assert (await cached.translate(request(number))).text
            assert cached.counts()["redis_errors"] >= 1
        finally:
            server.signal(signal.SIGCONT)


async def test_a_redis_that_is_down_at_start_may_come_later(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    await server.stop()
    async with daemon(server) as cached:
        assert "redis not reached at start" in capsys.readouterr().out
        assert (await cached.translate(request())).text
        await until(lambda: "redis does not work" in capsys.readouterr().out)  # else what waits finds it there at once
        await server.start()
        await until(lambda: "redis works again" in capsys.readouterr().out)
        await cached.translate(request(1))
        await stored(server, 1)


async def test_a_wrong_password_is_no_reason_to_stop(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = SecretStr(server.url.get_secret_value().replace(PASSWORD, "not-the-one"))
    async with daemon(server, url=wrong) as cached:
        for number in range(5):
            assert (await cached.translate(request(number))).text
        assert cached.counts()["redis_errors"] >= 3
        assert "not-the-one" not in capsys.readouterr().out + repr(vars(cached))
    assert await keys(server) == []


@pytest.mark.parametrize("junk", [b"", b"junk", b'["x"]', b"[null, null]", b"x" * 100_000])
async def test_junk_in_redis_is_a_miss(server: Server, junk: bytes) -> None:
    async with daemon(server, inner := Slow(0)) as cached:
        await cached.translate(request())
        await stored(server, 1)
    async with Redis.from_url(server.url.get_secret_value()) as redis:
        await redis.set((await keys(server))[0], junk, ex=50)
    async with daemon(server, inner) as cached:
        assert (await cached.translate(request())).text == request().text.upper()
    assert len(inner.asked) == 2


async def test_another_type_under_our_key_is_an_error_and_a_miss(server: Server) -> None:
    async with daemon(server, inner := Slow(0)) as cached:
        await cached.translate(request())
        await stored(server, 1)
    async with Redis.from_url(server.url.get_secret_value()) as redis:
        (key,) = await keys(server)
        await redis.delete(key)
        await redis.lpush(key, "x")
        await redis.expire(key, 50)
    async with daemon(server, inner) as cached:
        assert (await cached.translate(request())).text == request().text.upper()
        assert cached.counts()["redis_errors"] == 1


async def test_what_waits_to_be_stored_is_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WAITS, 0.02)
    store = RedisStore(server.url, 50)
    store.put(KEY, b"before it is started: not kept")
    await store.start()
    server.signal(signal.SIGSTOP)
    try:
        for number in range(10 * WRITES):
            store.put(number.to_bytes(32, "big"), b"x")
        assert store.dropped >= 9 * WRITES - 1
        assert await store.get(KEY) is None
    finally:
        server.signal(signal.SIGCONT)
    await stored(server, WRITES)
    assert len(await keys(server)) <= WRITES + 1
    await store.close()
    assert await store.get(KEY) is None
    store.put(KEY, b"after it is closed: not kept")


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1", "redis://:hush-hush@host:port/0"])
def test_a_wrong_url_is_told_without_what_is_in_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"engines\.cache\.redis_url") as wrong:
        RedisStore(SecretStr(url), 50)
    assert "hush" not in str(wrong.value)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigError, match=r"pip install 'dragoman\[redis\]'"):
        RedisStore(SecretStr("redis://127.0.0.1"), 50)


async def test_what_was_translated_while_redis_was_away_is_stored_when_it_is_back(server: Server) -> None:
    told: list[tuple[Kind, Action]] = []
    async with daemon(server) as cached:
        cached.tell = lambda kind, action, *about, **more: told.append((kind, action))
        assert isinstance(cached, Telling)
        await server.stop()
        for number in range(30):
            await cached.translate(request(number))
        await until(lambda: (Kind.CACHE_LOST, Action.CACHE) in told)
        await server.start()
        await stored(server, 20)
        assert told == [(Kind.CACHE_LOST, Action.CACHE), (Kind.CACHE_LOST, Action.LATER)]
