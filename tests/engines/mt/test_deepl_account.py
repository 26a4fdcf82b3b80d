"""DeepL's own client in its thread: what it raises becomes our errors, and it ends with the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from tests.fakes.deepl import KEY, FakeDeepL
from tests.virtual_time import virtual_time

from dragoman.engines.mt.deepl_account import Account
from dragoman.errors import EngineBusy, EngineCrashed, EngineDenied, EngineError, EngineRejected

pytestmark = virtual_time


@pytest.fixture
async def fake() -> AsyncIterator[FakeDeepL]:
    async with FakeDeepL().serve() as fake:
        yield fake


@pytest.fixture
async def account(fake: FakeDeepL, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Account]:
    monkeypatch.setattr("dragoman.engines.mt.deepl_account.RETRIES", 0)
    account = Account(SecretStr(KEY), fake.url)
    await account.open()
    yield account
    account.close()
    account.close()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 400}, EngineRejected),
        ({"status": 403}, EngineDenied),
        ({"status": 404}, EngineRejected),
        ({"status": 429}, EngineBusy),
        ({"status": 456}, EngineDenied),
        ({"status": 500}, EngineBusy),
        ({"status": 503}, EngineBusy),
        ({"hangup": True}, EngineCrashed),
        ({"body": b'{"glossaries": [{"name": "half a gloss'}, EngineCrashed),
        ({"body": b'{"glossaries": [{"name": "no id"}]}'}, EngineCrashed),
    ],
    ids=str,
)
async def test_each_failure_is_one_of_ours(
    fake: FakeDeepL, account: Account, fault: dict[str, Any], kind: type[EngineError]
) -> None:
    fake.fault("GET /v3/glossaries", **fault)
    if fault.get("body", b"").endswith(b"gloss"):  # the client takes what is no JSON for an empty list
        assert await account.glossaries() == []
        return
    with pytest.raises(kind) as failed:
        await account.glossaries()
    assert type(failed.value) is kind and KEY not in str(failed.value)
    assert await account.glossaries() == []


async def test_a_glossary_comes_and_goes(fake: FakeDeepL, account: Account) -> None:
    made = await account.create("mine", "EN", "ES", {"floor": "sala"})
    assert await account.glossaries() == [made]
    assert fake.glossaries[made.id].entries == {"floor": "sala"}
    await account.delete(made.id)
    assert fake.glossaries == {}
    with pytest.raises(EngineRejected, match="Glossary not found"):
        await account.delete(made.id)


async def test_before_and_behind_its_time_it_is_a_crash(fake: FakeDeepL) -> None:
    account = Account(SecretStr(KEY), fake.url)
    with pytest.raises(EngineCrashed, match="not started"):
        await account.usage()
    await account.open()
    assert await account.usage() == (0, fake.limit)
    account.close()
    with pytest.raises(EngineCrashed, match="closed"):
        await account.usage()


async def test_calls_are_made_one_at_a_time(fake: FakeDeepL, account: Account) -> None:
    await asyncio.gather(*(account.usage() for _ in range(5)))
    assert len({seen.connection for seen in fake.seen}) == 1
