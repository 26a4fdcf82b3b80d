"""Rooms over REST: set up, shown without their PIN, changed, deleted; what is refused, and why."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.web.administered import administered
from tests.web.serving import ROOM, serving

from dragoman.admin.model import Usage
from dragoman.admin.rooms import Room
from dragoman.admin.serving import Administration
from dragoman.config.admin import AdminSettings, AdmissionSettings
from dragoman.glossary.model import Glossary

FULL: dict[str, Any] = {
    "room": "2000",
    "name": "Board",
    "pin": "4711",
    "languages": ["es", "en"],
    "glossary": "en\tes\nbear\toso",
    "most_legs": 5,
    "most_cost": 2.5,
    "keep_hours": 24,
}


async def test_a_room_is_set_up_shown_changed_and_deleted(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        async with s.session.post("/api/rooms", json=FULL) as response:
            assert (response.status, response.headers["Location"]) == (201, "/api/rooms/2000")
            made = await response.json()
        assert (made["room"], made["legs"], made["setup"]["pin"], made["setup"]["name"]) == ("2000", [], True, "Board")
        assert made["setup"]["enforced"] is False  # no Asterisk is there
        assert "4711" not in str(made)
        listed = await s.json("/api/rooms")
        assert [(room["room"], bool(room["setup"])) for room in listed["rooms"]] == [("1000", False), ("2000", True)]
        assert await s.json("/api/rooms/2000") == made

        changed = await s.json("/api/rooms/2000", method="PATCH", json={"most_legs": None, "languages": []})
        assert (changed["setup"]["most_legs"], changed["setup"]["languages"]) == (None, [])
        assert changed["setup"]["pin"] is True and changed["setup"]["name"] == "Board"
        changed = await s.json("/api/rooms/2000", method="PATCH", json={"pin": None})
        assert changed["setup"]["pin"] is False

        async with s.session.delete("/api/rooms/2000") as response:
            assert response.status == 204
        await s.json("/api/rooms/2000", 404)
        assert admin.rooms == {}


async def test_a_room_somebody_is_in_shows_both(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        await s.json("/api/rooms", 201, method="POST", json={"room": "1000"})
        shown = await s.json("/api/rooms/1000")
        assert shown["legs"] == ROOM.model_dump()["legs"] and shown["setup"]["pin"] is False


async def test_what_was_set_up_is_there_after_a_restart_and_its_glossary_counts(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        await s.json("/api/rooms", 201, method="POST", json=FULL)
    told: list[dict[str, Glossary]] = []
    settings = AdminSettings(store=SecretStr(str(tmp_path / "admin.sqlite")))
    again = Administration(settings, AdmissionSettings(), lambda found: told.append(dict(found)))
    await again.start()
    assert again.rooms is not None and again.rooms["2000"].pin == SecretStr("4711")
    assert told[-1]["2000"].pairs("en", "es") == (("bear", "oso"),)
    await again.close()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"room": "abc"}, "room"),
        ({"room": "1000${SYSTEM(id)}"}, "room"),
        ({"room": "1000-es"}, "room"),
        ({"room": ""}, "room"),
        ({"pin": "12"}, "pin"),
        ({"pin": "12ab"}, "pin"),
        ({"pin": "12,34"}, "pin"),
        ({"pin": 4711}, "pin"),
        ({"languages": ["es", "es"]}, "languages"),
        ({"languages": ["xx"]}, "languages"),
        ({"languages": ["es,1)"]}, "languages"),
        ({"glossary": "nothing that names columns"}, "glossary"),
        ({"glossary": "en\tes\n" + "x" * 300 + "\ty"}, "glossary"),
        ({"glossary": "x" * 40_001}, "glossary"),
        ({"most_legs": 0}, "most_legs"),
        ({"most_cost": -1}, "most_cost"),
        ({"keep_hours": False}, "keep_hours"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_what_is_no_room_is_refused_and_nothing_is_kept(
    tmp_path: Path, change: dict[str, Any], where: str
) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        problem = await s.json("/api/rooms", 422, method="POST", json=FULL | change)
        assert where in problem["detail"]
        assert "4711" not in str(problem) and admin.rooms == {}


@pytest.mark.parametrize(
    "name", ["اتاق می\u200cخواهم", "Salle\u00a0A", "👩\u200d💻", "Sitzung <b>1</b>; ${EXTEN}", " ", ""]
)
async def test_a_room_may_be_called_anything_that_can_be_written(tmp_path: Path, name: str) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        made = await s.json("/api/rooms", 201, method="POST", json={"room": "2000", "name": name})
        assert made["setup"]["name"] == name == (await s.json("/api/rooms/2000"))["setup"]["name"]


async def test_twice_the_same_room_is_a_conflict_and_another_than_is_there_is_none(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        await s.json("/api/rooms", 201, method="POST", json=FULL)
        await s.json("/api/rooms", 409, method="POST", json=FULL)
        await s.json("/api/rooms/3000", 404, method="PATCH", json={})
        await s.json("/api/rooms/3000", 404, method="DELETE")
        await s.json("/api/rooms", 413, method="POST", json=FULL | {"name": "x" * 70_000})


async def test_two_operators_at_once_take_nothing_from_each_other(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        made = [s.session.post("/api/rooms", json=FULL | {"name": name}) for name in ("Ann's", "Bea's")]
        answers = await asyncio.gather(*made)
        assert sorted(answer.status for answer in answers) == [201, 409]
        changes: list[dict[str, Any]] = [{"most_legs": 7}, {"keep_hours": 1}, {"name": "Board 2"}, {"languages": []}]
        await asyncio.gather(*(s.json("/api/rooms/2000", method="PATCH", json=change) for change in changes))
        found = (admin.rooms or {})["2000"]
        assert (found.most_legs, found.keep_hours, found.name, found.languages) == (7, 1, "Board 2", ())
        change, gone = s.session.patch("/api/rooms/2000", json={"name": "x"}), s.session.delete("/api/rooms/2000")
        statuses = [answer.status for answer in await asyncio.gather(gone, change)]
        assert statuses in ([204, 404], [204, 200]) and admin.rooms == {}, "what is deleted stays deleted"


async def test_without_a_store_one_is_told_what_to_set() -> None:
    async with serving() as s:
        assert "admin.store" in (await s.json("/api/rooms", 503, method="POST", json=FULL))["detail"]
        assert "admin.store" in (await s.json("/api/rooms/1000", 503, method="PATCH", json={}))["detail"]
        assert "admin.store" in (await s.json("/api/audit", 503))["detail"]


async def test_what_a_room_spends_is_shown_and_ends_at_its_cap(tmp_path: Path) -> None:
    async with administered(tmp_path, mt_thousand=10.0) as admin, serving(admin=admin) as s:
        await admin.put_room(Room("1000", most_cost=1.0))
        admin.spending.add("1000", Usage(mt_chars=50), admin.clock())
        today = (await s.json("/api/rooms/1000"))["setup"]["today"]
        assert (today["mt_chars"], today["cost"], today["spent"]) == (50, 0.5, False)
        admin.used("1000", "mt", 50)
        assert (await s.json("/api/rooms/1000"))["setup"]["today"]["spent"] is True
        assert admin.load().capped == {"1000": True}
