"""The administration beside a conference: caps end interpretation, a drained daemon ends, a lost store is survived."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from tests.fakes.ari import PASSWORD, USER, FakeAri
from tests.pipeline.hall import ROOM, Hall, hall, translated
from tests.virtual_time import virtual_time
from tests.web.serving import caption

from dragoman.admin.rooms import Room
from dragoman.admin.serving import EMPTY_S, REFRESH_S, Administration
from dragoman.admin.tokens import Scope, Token, mint
from dragoman.config.admin import AdminSettings, AdmissionSettings
from dragoman.errors import AdminStoreDown, AdminUnavailable
from dragoman.pipeline.captions import CaptionKind
from dragoman.telephony.ari.talking import TalkingClient


@asynccontextmanager
async def running(place: Hall, admin: Administration, others: int = 0) -> AsyncIterator[None]:
    """The administration of a conference in a hall, beside an Asterisk."""
    ari = FakeAri()
    async with ari.serve(), TalkingClient(ari.url, USER, PASSWORD) as client:
        client.connected = True
        admin.attend(client, place.conference, lambda: others).synced()
        place.reporter.on_usage = admin.used
        async with asyncio.TaskGroup() as group:
            task = group.create_task(admin.run())
            yield
            task.cancel()


async def test_a_database_that_is_away_is_told_once_and_its_return_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.admin.serving.REFRESH_S", 0.01)
    assert Administration(AdminSettings(), AdmissionSettings()).answers is None
    admin = Administration(AdminSettings(store=SecretStr(str(tmp_path / "a.sqlite"))), AdmissionSettings())
    told: list[tuple[str, str, str]] = []
    admin.tell = lambda kind, action, status, component, **more: told.append((kind, action, component))
    await admin.start()
    assert admin.store is not None and admin.answers is True
    ask, asked = admin.store.tokens, asyncio.Semaphore(0)

    async def away() -> list[Token]:
        asked.release()
        raise AdminStoreDown("server closed the connection")

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        task = group.create_task(admin.run())
        monkeypatch.setattr(admin.store, "tokens", away)
        for _ in range(3):
            await asked.acquire()
        assert admin.answers is False and told == [("store-lost", "from-cache", "admin")]
        monkeypatch.setattr(admin.store, "tokens", ask)
        while not admin.answers:
            await asyncio.sleep(0)
        assert told[1:] == [("store-lost", "return", "admin")]
        task.cancel()
    await admin.close()


@virtual_time
async def test_a_room_that_spent_its_allowance_is_interpreted_no_more_and_others_are() -> None:
    admin = Administration(AdminSettings(), AdmissionSettings(mt_thousand=1000.0))
    assert admin.rooms is not None
    admin.rooms[ROOM] = Room(ROOM, most_cost=10.0)
    async with hall() as place, running(place, admin):
        ann, bea, reader = place.join("ann", "en"), place.join("bea", "es"), place.read("es")
        place.say(ann, "good morning everybody")
        await place.passes(5)
        assert place.heard("es") == translated("es", "good morning everybody")
        assert admin.load().capped == {ROOM: True}
        place.say(ann, "how are you")
        await place.passes(5)
        assert place.heard("es") == translated("es", "good morning everybody")
        assert place.media.loud[place.booth_id("es")] == {ann.channel_id, bea.channel_id}, "originals in full"
        assert [gap.note for gap in reader.of(CaptionKind.GAP)] == [
            "nothing more is interpreted: the room has used up what it may spend today"
        ]
        admin.rooms[ROOM] = Room(ROOM, most_cost=10_000.0)
        await place.passes(1)
        place.say(ann, "good bye")
        await place.passes(5)
        assert place.heard("es") == translated("es", "good morning everybody") + translated("es", "good bye")


@virtual_time
async def test_a_drained_daemon_ends_when_nobody_is_in_a_room_for_a_while() -> None:
    admin = Administration(AdminSettings(), AdmissionSettings())
    async with hall() as place, running(place, admin):
        ann = place.join("ann", "en")
        await place.passes(EMPTY_S * 3)
        admin.drain()
        await place.passes(EMPTY_S * 3)
        assert not admin.ended.is_set()
        place.leave(ann)
        await place.passes(EMPTY_S / 2)
        ann = place.join("ann", "es")  # he changed his language
        await place.passes(EMPTY_S * 3)
        assert not admin.ended.is_set()
        place.leave(ann)
        await place.passes(EMPTY_S * 2)
        assert admin.ended.is_set()


@virtual_time
async def test_a_caller_who_enrols_is_waited_for_and_an_empty_daemon_that_is_not_drained_stays() -> None:
    admin = Administration(AdminSettings(), AdmissionSettings())
    async with hall() as place, running(place, admin, others=1):
        admin.drain()
        await place.passes(EMPTY_S * 3)
        assert not admin.ended.is_set()
    admin = Administration(AdminSettings(), AdmissionSettings())
    async with hall() as place, running(place, admin):
        await place.passes(60)
        assert not admin.ended.is_set()


def settings(folder: Path) -> AdminSettings:
    return AdminSettings(store=SecretStr(str(folder / "kept" / "admin.sqlite")))


async def test_a_token_made_beside_a_running_daemon_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.admin.serving.REFRESH_S", 0.01)
    admin = Administration(settings(tmp_path), AdmissionSettings())
    await admin.start()
    assert admin.tokens is not None and not len(admin.tokens)
    token, text = mint("x", [Scope.READ], admin.clock())
    await admin.open_store().add_token(token)
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        task = group.create_task(admin.run())
        while admin.tokens.find(text, admin.clock()) is None:
            await asyncio.sleep(0.01)
        await admin.open_store().revoke_token(token.id, admin.clock())
        while admin.tokens.find(text, admin.clock()) is not None:
            await asyncio.sleep(0.01)
        task.cancel()
    await admin.close()
    assert REFRESH_S <= 2.0, "the command says so"


async def test_a_store_that_is_not_there_at_the_start_is_opened_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.admin.serving.REFRESH_S", 0.01)
    folder = tmp_path / "kept"
    folder.write_text("in the way")
    admin = Administration(settings(tmp_path), AdmissionSettings())
    await admin.start()
    assert admin.trouble and admin.rooms is None and admin.tokens is None
    with pytest.raises(AdminUnavailable):
        admin.open_store()
    folder.unlink()
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        task = group.create_task(admin.run())
        while admin.rooms is None:
            await asyncio.sleep(0.01)
        task.cancel()
    assert admin.trouble == "" and admin.tokens is not None
    await admin.close()


async def test_what_waits_for_a_store_that_was_never_there_is_told_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("in the way")
    admin = Administration(settings(tmp_path), AdmissionSettings())
    await admin.start()
    for text in ("hola", "adiós"):
        admin.take(caption(text))
    with capture_logs() as logs:
        await admin.close()
    assert [(line["log_level"], line["lines"]) for line in logs if "lines" in line] == [("error", 2)]


async def test_what_was_spent_is_there_after_a_restart(tmp_path: Path) -> None:
    for already in (0, 100):
        admin = Administration(settings(tmp_path), AdmissionSettings(mt_thousand=1.0))
        await admin.start()
        assert admin.spending.of("1000", admin.clock()).mt_chars == already
        admin.used("1000", "mt", 100)
        await admin.close()
