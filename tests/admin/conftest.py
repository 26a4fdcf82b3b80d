"""The admin store on each kind of database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.voices.store.conftest import KEY, postgres

from dragoman.admin.store import AdminStore

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> SecretStr:
    if request.param == "sqlite":
        return SecretStr(str(tmp_path / "kept" / "admin.sqlite"))
    return SecretStr(request.getfixturevalue("postgres").database())


@pytest.fixture(params=["plain", "encrypted"])
def key(request: pytest.FixtureRequest) -> SecretStr | None:
    return KEY if request.param == "encrypted" else None


@pytest.fixture
async def store(url: SecretStr, key: SecretStr | None) -> AsyncIterator[AdminStore]:
    store = AdminStore(url, key)
    await store.open()
    yield store
    await store.close()
    await asyncio.sleep(0)  # asyncpg's transports tell of their end in the next turn
