"""What a token, a PIN, a ticket or nothing opens, route by route; how many requests and guesses are taken."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.web.administered import administered, token
from tests.web.serving import Serving, serving

from dragoman.admin.rooms import Room
from dragoman.admin.tokens import Scope, mint
from dragoman.config import RoomsSettings
from dragoman.config.admin import AdminSettings
from dragoman.web.routes import api

SETTINGS_TOKEN = "0123456789abcdef~token"
CAPTIONS = "/api/rooms/1000/captions?lang=es"
TRANSCRIPT = "/api/rooms/1000/transcript?lang=es"


async def status(s: Serving, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> int:
    async with s.session.request(method, path, headers=headers) as response:
        if response.status >= 400:
            assert response.content_type == "application/problem+json"
        return response.status


@pytest.mark.parametrize("scope", list(Scope))
async def test_each_route_takes_the_tokens_that_its_description_names(tmp_path: Path, scope: Scope) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        headers = await token(admin, scope)
        for path, operations in api.document()["paths"].items():
            for method, operation in operations.items():
                named = [scheme["token"] for scheme in operation["security"] if "token" in scheme]
                where = path.replace("{room}", "1000").replace("{leg}", "1").replace("{caller}", "12345")
                where = where.replace("{id}", "v_" + "0" * 22)
                got = await status(s, where, headers, method.upper())
                allowed = not named or scope is Scope.ADMIN or [scope] in named
                assert (got == 403) is not allowed, f"{method} {path}: {got} with {scope}"
                if named:
                    assert await status(s, where, None, method.upper()) == 401


async def test_a_token_for_less_is_told_what_it_lacks(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        async with s.session.post("/api/drain", headers=await token(admin, Scope.READ)) as response:
            assert response.status == 403 and not admin.draining
            challenge = response.headers["WWW-Authenticate"]
            assert 'error="insufficient_scope"' in challenge and 'scope="admin"' in challenge


async def test_the_settings_token_is_an_admins_and_goes_on_working_beside_others(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving({"token": SETTINGS_TOKEN}, admin=admin) as s:
        other = await token(admin, Scope.READ)
        assert await status(s, "/api/drain", {"Authorization": f"Bearer {SETTINGS_TOKEN}"}, "POST") == 202
        assert await status(s, "/api/stats", other) == 200
        assert await status(s, "/api/stats") == 401


async def test_as_soon_as_there_is_a_token_this_host_needs_one_too(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        assert await status(s, "/api/stats") == 200
        headers = await token(admin, Scope.READ)
        assert await status(s, "/api/stats") == 401
        (made,) = await admin.open_store().tokens()
        await admin.open_store().revoke_token(made.id, time.time())
        await admin.start()
        assert await status(s, "/api/stats", headers) == 401
        assert await status(s, "/api/stats") == 401, "a revoked token must not open the door to everybody"


async def test_while_the_tokens_are_not_known_nobody_gets_in_but_with_the_settings_own(tmp_path: Path) -> None:
    (tmp_path / "admin.sqlite").write_bytes(b"no database at all" * 100)
    broken = AdminSettings(store=SecretStr(str(tmp_path / "admin.sqlite")))
    async with serving(settings={"admin": broken}) as s:
        assert await status(s, "/api/stats") == 503
        assert await status(s, "/api/stats", {"Authorization": "Bearer anything"}) == 503
        assert await status(s, "/health/live") == 200
    async with serving({"token": SETTINGS_TOKEN}, settings={"admin": broken}) as s:
        assert await status(s, "/api/stats", {"Authorization": f"Bearer {SETTINGS_TOKEN}"}) == 200
        assert await status(s, "/api/rooms", {"Authorization": f"Bearer {SETTINGS_TOKEN}"}, "POST") == 415
        _, text = mint("portal", [Scope.READ], 0.0)
        answers = [await status(s, "/api/stats", {"Authorization": f"Bearer {text}"}) for _ in range(30)]
        assert set(answers) == {503}, "whether it is good is not known: no wrong guess"
        assert await status(s, "/api/stats", {"Authorization": "Bearer anything"}) == 401


async def test_the_pin_of_a_room_opens_its_captions_and_nothing_else(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        await token(admin, Scope.ADMIN)
        await admin.put_room(Room("1000", pin=SecretStr("4711")))
        await admin.put_room(Room("2000", pin=SecretStr("1234")))
        right, wrong = {"Dragoman-Room-Pin": "4711"}, {"Dragoman-Room-Pin": "1234"}
        assert await status(s, CAPTIONS) == 401
        assert await status(s, CAPTIONS, right) == 200
        assert await status(s, TRANSCRIPT, right) == 200
        assert await status(s, CAPTIONS, wrong) == 401
        for path in ("/api/rooms", "/api/rooms/1000", "/api/rooms/1000/legs", "/api/stats", "/metrics", "/api/audit"):
            assert await status(s, path, right) == 401
        assert await status(s, "/api/rooms/1000/transcript", right, "DELETE") == 401
        assert await status(s, CAPTIONS.replace("1000", "2000"), right) == 401
        assert await status(s, CAPTIONS.replace("1000", "3000"), {"Dragoman-Room-Pin": ""}) == 401


async def test_a_ticket_stands_for_the_pin_where_no_header_can_be_sent(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        reader = await token(admin, Scope.READ)
        await admin.put_room(Room("1000", pin=SecretStr("4711")))
        for headers in ({"Dragoman-Room-Pin": "4711"}, reader):
            made = await s.json("/api/rooms/1000/tickets", 201, method="POST", headers=headers)
            assert await status(s, f"{CAPTIONS}&ticket={made['ticket']}") == 200
            assert await status(s, f"{CAPTIONS.replace('1000', '2000')}&ticket={made['ticket']}") == 401
            assert await status(s, f"/api/rooms?ticket={made['ticket']}") == 401
        assert await status(s, "/api/rooms/1000/tickets", None, "POST") == 401


async def test_another_pin_ends_the_captions_of_who_reads_by_the_one_before(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        await admin.put_room(Room("1000", pin=SecretStr("4711")))
        await admin.put_room(Room("2000", pin=SecretStr("4712")))
        operator = await token(admin, Scope.ADMIN)
        pins = [{"Dragoman-Room-Pin": pin} for pin in ("4711", "4712")]
        by_pin = await s.session.get(CAPTIONS.replace("es", "en"), headers=pins[0])
        elsewhere = await s.session.get(CAPTIONS.replace("1000", "2000"), headers=pins[1])
        by_token = await s.session.get(CAPTIONS, headers=operator)
        assert [reader.status for reader in (by_pin, elsewhere, by_token)] == [200] * 3
        await s.json("/api/rooms/1000", method="PATCH", json={"name": "Board"}, headers=operator)
        assert s.hub.languages("1000") == {"en", "es"}
        await s.json("/api/rooms/1000", method="PATCH", json={"pin": "8888"}, headers=operator)
        async with asyncio.timeout(5):
            await by_pin.content.read()
        assert s.hub.languages("1000") == {"es"} and s.hub.rooms == {"1000", "2000"}
        for reader in (by_pin, elsewhere, by_token):
            reader.close()


async def test_without_a_pin_of_its_own_a_room_has_the_sites(tmp_path: Path) -> None:
    rooms = RoomsSettings(pin=SecretStr("8888"))
    async with administered(tmp_path) as admin, serving(admin=admin, settings={"rooms": rooms}) as s:
        await token(admin, Scope.READ)
        await admin.put_room(Room("1000", pin=SecretStr("4711")))
        assert await status(s, CAPTIONS, {"Dragoman-Room-Pin": "8888"}) == 401
        assert await status(s, CAPTIONS.replace("1000", "2000"), {"Dragoman-Room-Pin": "8888"}) == 200


async def test_guessing_a_pin_has_an_end_and_tokens_go_on(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        reader = await token(admin, Scope.READ)
        await admin.put_room(Room("1000", pin=SecretStr("4711")))
        found = [await status(s, CAPTIONS, {"Dragoman-Room-Pin": f"{guess:04}"}) for guess in range(12)]
        assert found[:10] == [401] * 10 and found[-1] == 429
        async with s.session.get(CAPTIONS, headers={"Dragoman-Room-Pin": "4711"}) as response:
            assert response.status == 429 and 1 <= int(response.headers["Retry-After"]) <= 60
        assert await status(s, CAPTIONS, reader) == 200


async def test_wrong_tokens_are_counted_and_the_right_one_goes_on(tmp_path: Path) -> None:
    async with administered(tmp_path) as admin, serving(admin=admin) as s:
        reader = await token(admin, Scope.READ)
        found = [await status(s, "/api/stats", {"Authorization": f"Bearer {guess}"}) for guess in range(12)]
        assert found[:10] == [401] * 10 and found[-1] == 429
        assert await status(s, "/api/stats", reader) == 200


async def test_a_token_that_asks_too_often_is_told_when_to_ask_again(tmp_path: Path) -> None:
    limited = AdminSettings(requests_per_minute=3)
    async with administered(tmp_path) as admin, serving(admin=admin, settings={"admin": limited}) as s:
        one, other = await token(admin, Scope.READ, name="one"), await token(admin, Scope.READ, name="other")
        assert [await status(s, "/api/stats", one) for _ in range(4)] == [200, 200, 200, 429]
        async with s.session.get("/api/stats", headers=one) as response:
            assert 1 <= int(response.headers["Retry-After"]) <= 20
        assert await status(s, "/api/stats", other) == 200
        assert await status(s, "/health/live") == 200


async def test_this_host_without_any_token_is_not_counted() -> None:
    async with serving(settings={"admin": AdminSettings(requests_per_minute=1)}) as s:
        assert [await status(s, "/api/stats") for _ in range(3)] == [200, 200, 200]
