"""The audit log's writer: no call waits for it, nothing is lost while the store is away, numbers are masked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs
from tests.virtual_time import settled, virtual_time

from dragoman.admin import journal
from dragoman.admin.journal import PROMPT_S, RETRY_S, Journal, masked, note_voice
from dragoman.admin.model import Entry
from dragoman.errors import AdminStoreDown
from dragoman.voices.source import VoiceEvent, VoiceEventKind

pytestmark = virtual_time


class Written:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.down = False

    async def write(self, entries: Sequence[Entry]) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise AdminStoreDown("away")
        self.entries += entries


async def test_a_voice_that_is_used_is_written_down_with_who_and_where() -> None:
    written = Written()
    log = Journal(written.write, lambda: 5.0)
    note_voice(log, VoiceEvent(VoiceEventKind.ASSIGNED, "17.4", "v_1"), ("1000", "+34600111222"))
    assert await log.flush()
    (entry,) = written.entries
    assert entry == Entry(5.0, "caller ...222", "voice used", "v_1", "1000", "channel 17.4")


async def test_what_happened_while_the_store_was_away_is_written_when_it_is_back() -> None:
    written = Written()
    log = Journal(written.write, lambda: 5.0)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(log.run())
        written.down = True
        log.note("a", "one")
        await settled()
        log.note("a", "two")
        assert written.entries == []
        written.down = False
        await asyncio.sleep(RETRY_S + 1)
        assert [entry.action for entry in written.entries] == ["one", "two"]
        running.cancel()


async def test_what_may_be_done_only_if_it_is_written_is_not_done_while_the_store_is_away() -> None:
    written = Written()
    written.down = True
    with pytest.raises(AdminStoreDown):
        await Journal(written.write, lambda: 5.0).record("token x", "export a profile")


async def announced(log: Journal, action: str) -> float:
    """How long it held up what it tells of, s."""
    clock = asyncio.get_running_loop().time
    began = clock()
    await log.announce("token x", action)
    return clock() - began


async def test_what_is_done_to_live_calls_waits_for_its_entry_while_the_store_is_there() -> None:
    written = Written()
    log = Journal(written.write, lambda: 5.0)
    running = asyncio.ensure_future(log.run())
    await announced(log, "hang up a leg")
    assert [entry.action for entry in written.entries] == ["hang up a leg"]
    running.cancel()


async def test_what_is_done_to_live_calls_is_done_while_the_store_is_away_and_written_when_it_is_back() -> None:
    written = Written()
    written.down = True
    log = Journal(written.write, lambda: 5.0)
    running = asyncio.ensure_future(log.run())
    with capture_logs() as logs:
        assert [await announced(log, action) for action in ("one", "two")] == [0.0, 0.0]
        await asyncio.sleep(10 * RETRY_S)
    assert [line["event"] for line in logs] == ["audit", "audit log not written; its entries wait", "audit"]
    assert (written.entries, len(log)) == ([], 2)
    written.down = False
    await asyncio.sleep(RETRY_S + 1)
    assert ([entry.action for entry in written.entries], len(log)) == (["one", "two"], 0)
    running.cancel()


async def test_a_store_that_stands_still_holds_up_what_is_done_to_live_calls_for_half_a_second_at_most() -> None:
    standing = asyncio.Event()

    async def write(entries: Sequence[Entry]) -> None:
        await standing.wait()
        written.extend(entries)

    written: list[Entry] = []
    log = Journal(write, lambda: 5.0)
    running = asyncio.ensure_future(log.run())
    assert await announced(log, "one") == PROMPT_S
    assert await announced(log, "two") == PROMPT_S
    standing.set()
    await settled()
    assert [entry.action for entry in written] == ["one", "two"], "each once"
    running.cancel()


async def test_without_a_store_the_log_has_it() -> None:
    with capture_logs() as logs:
        await Journal(None, lambda: 5.0).record("local", "export a profile", profile="v_1")
    assert logs == [
        {"event": "audit", "log_level": "info", "actor": "local", "action": "export a profile", "profile": "v_1"}
    ]


async def test_a_full_queue_loses_the_oldest_and_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "DEPTH", 2)
    written = Written()
    log = Journal(written.write, lambda: 5.0)
    drops: list[int] = []
    log.on_drop = lambda: drops.append(log.dropped)
    for action in ("one", "two", "three"):
        log.note("a", action)
    await log.flush()
    assert ([entry.action for entry in written.entries], log.dropped, drops) == (["two", "three"], 1, [1])


@pytest.mark.parametrize(("number", "shown"), [("+34600111222", "...222"), ("", "unknown"), ("1234", "unknown")])
async def test_masked(number: str, shown: str) -> None:
    assert masked(number) == shown
