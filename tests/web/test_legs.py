"""People in a room over REST: muted, moved, hung up; what is refused, and what Asterisk does not do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.web.administered import Pbx, administered
from tests.web.serving import Serving, serving

from dragoman.admin.rooms import Room
from dragoman.errors import AriUnavailable, ErrandFailed
from dragoman.web.state import LegInfo, RoomInfo

PATH = "/api/rooms/1000/legs/17.4"


def show(s: Serving, pbx: Pbx) -> None:
    """The interface shows the legs that there are."""

    def rooms() -> list[RoomInfo]:
        legs = [
            LegInfo(
                id=state.leg.id, channel=state.leg.channel_id, name=state.leg.name, language=state.leg.language,
                muted=state.muted, held=False, speaking=False,
            )
            for state in pbx.legs.values()
        ]  # fmt: skip
        return [RoomInfo(room="1000", languages=["es"], legs=legs, booths=[])]

    s.conference.rooms = rooms  # type: ignore[method-assign]


async def test_somebody_is_muted_moved_and_hung_up(tmp_path: Path) -> None:
    pbx = Pbx()
    pbx.seat("17.4", "es")
    async with administered(tmp_path, pbx) as admin, serving(admin=admin) as s:
        show(s, pbx)
        assert [leg["id"] for leg in (await s.json("/api/rooms/1000/legs"))["legs"]] == ["17.4.1"]
        muted = await s.json(PATH, method="PATCH", json={"muted": True})
        assert (muted["id"], muted["channel"], muted["muted"], muted["language"]) == ("17.4.2", "17.4", True, "es")
        moved = await s.json("/api/rooms/1000/legs/17.4.2", method="PATCH", json={"language": "en"})
        assert (moved["id"], moved["muted"], moved["language"]) == ("17.4.3", True, "en")
        assert (await s.json(PATH, method="PATCH", json={"language": "en", "muted": True}))["id"] == "17.4.3"
        assert (await s.json(PATH, method="PATCH", json={}))["id"] == "17.4.3"
        async with s.session.delete(PATH) as response:
            assert response.status == 204
        assert pbx.hung_up == ["17.4"]


async def test_who_is_not_there_and_what_cannot_be(tmp_path: Path) -> None:
    pbx = Pbx()
    pbx.seat("17.4", "es")
    async with administered(tmp_path, pbx) as admin, serving(admin=admin) as s:
        await s.json("/api/rooms/2000/legs/17.4", 404, method="DELETE")
        await s.json("/api/rooms/1000/legs/17.5", 404, method="PATCH", json={})
        await s.json("/api/rooms/1000/legs/a%20b", 422, method="DELETE")
        await s.json(PATH, 422, method="PATCH", json={"language": "fr"})
        await s.json(PATH, 422, method="PATCH", json={"muted": 1})
        assert pbx.hung_up == [] and set(pbx.legs) == {"17.4.1"}


async def test_a_language_in_which_the_room_is_not_held(tmp_path: Path) -> None:
    pbx = Pbx()
    pbx.seat("17.4", "es")
    async with administered(tmp_path, pbx) as admin, serving(admin=admin) as s:
        show(s, pbx)
        await admin.put_room(Room("1000", languages=("en",)))
        assert "choose one of en." in (await s.json(PATH, 422, method="PATCH", json={"language": "ca"}))["detail"]
        assert (await s.json(PATH, method="PATCH", json={"language": "es", "muted": True}))["muted"], "he is in it"


@pytest.mark.parametrize("path", [PATH, f"{PATH}.1"], ids=["by-channel", "by-leg"])
async def test_two_operators_at_once_undo_nothing_of_each_other(tmp_path: Path, path: str) -> None:
    pbx = Pbx(takes=0.02)
    pbx.seat("17.4", "es")
    async with administered(tmp_path, pbx) as admin, serving(admin=admin) as s:
        show(s, pbx)
        changes = ({"muted": True}, {"language": "en"})
        await asyncio.gather(*(s.json(path, method="PATCH", json=change) for change in changes))
        (leg,) = pbx.legs.values()
        assert (leg.muted, leg.leg.language) == (True, "en")


async def test_a_caller_who_hangs_up_meanwhile(tmp_path: Path) -> None:
    pbx = Pbx(loses_callers=True)
    pbx.seat("17.4", "es")
    async with administered(tmp_path, pbx) as admin, serving(admin=admin) as s:
        await s.json(PATH, 409, method="PATCH", json={"muted": True})


async def test_an_asterisk_that_does_not_do_it(tmp_path: Path) -> None:
    pbx = Pbx()
    pbx.seat("17.4", "es")
    async with administered(tmp_path, pbx) as admin, serving(admin=admin) as s:
        for pbx.fails in (AriUnavailable("gone"), ErrandFailed("no dragoman-errand")):
            await s.json(PATH, 503, method="PATCH", json={"muted": True})


async def test_before_asterisk_is_there(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        await s.json(PATH, 503, method="DELETE")
