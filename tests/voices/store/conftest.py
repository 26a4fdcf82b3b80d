"""A store on each kind of database: SQLite in a file, and a PostgreSQL of our own on a free port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.postgres import PASSWORD, Postgres, running

from dragoman.voices.store.store import VoiceStore

__all__ = ["PASSWORD", "Postgres"]

KEY = SecretStr("5b" * 32)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> SecretStr:
    if request.param == "sqlite":
        return SecretStr(str(tmp_path / "kept" / "voices.sqlite"))
    return SecretStr(request.getfixturevalue("postgres").database())


@pytest.fixture(params=["plain", "encrypted"])
def key(request: pytest.FixtureRequest) -> SecretStr | None:
    return KEY if request.param == "encrypted" else None


@pytest.fixture
async def store(url: SecretStr, key: SecretStr | None) -> AsyncIterator[VoiceStore]:
    store = VoiceStore(url, key=key)
    await store.start()
    yield store
    await store.close()
    await asyncio.sleep(0)  # asyncpg's transports tell of their end in the next turn
