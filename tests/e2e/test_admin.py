"""What operators set over REST, on a real Asterisk with real phones: rooms, legs, draining, refusals, injection."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.e2e.conftest import (
    CallerFactory,
    DaemonFactory,
    PhoneFactory,
    conference_of,
    interpreting,
    room_uri,
    until,
)
from tests.e2e.daemon import Daemon
from tests.e2e.listening import prompt_heard
from tests.e2e.talking import BY_BOOTH, HIMSELF, SPOILT, check, into, say, say_all, stop
from tests.tonewords.code import words
from tests.tonewords.encode import LEVEL_DB

from dragoman.demo.phone import Phone
from dragoman.telephony.pbx import Pbx

pytestmark = pytest.mark.beside

SPEAKERS = (("a", "en"), ("c", "es"))
"""Voices, and what they speak."""

SPENT = "nothing more is interpreted: the room has used up what it may spend today"

REFUSALS = ("refused-full", "refused-busy", "refused-drain", "refused-spent", "unavailable", "pin-wrong")


def store(folder: Path) -> str:
    return f'[admin]\nstore = "{folder / "admin.sqlite"}"\n'


async def ask(daemon: Daemon, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
    """One request; its answer must have this status."""
    async with aiohttp.ClientSession() as session, session.request(method, daemon.url + path, json=body) as answer:
        text = await answer.text()
        assert answer.status == status, f"{method} {path}: {answer.status} {text}\n{daemon.log.read_text()[-3000:]}"
        return await answer.json() if text else None


async def reading(pbx: Pbx) -> None:
    """Wait until a caller is asked for keys."""
    await until(pbx, "core show channels concise", lambda channels: "!Read!" in channels)


async def hears(phone: Phone, pbx: Pbx, prompt: str, language: str = "es") -> None:
    """The call ends by itself, and the caller heard this of all refusals, in his language."""
    await phone.wait_for("CALL_CLOSED")
    await phone.stop()
    names = [f"{code}/{name}" for code in ("en", "es", "ca") for name in REFUSALS]
    assert prompt_heard(phone.heard, pbx.prompts_dir, *names) == f"{language}/{prompt}"


async def test_a_room_set_up_over_rest_is_what_callers_find_whatever_becomes_of_the_daemon(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, caller: CallerFactory, tmp_path: Path
) -> None:
    daemon = await daemon_factory(store(tmp_path))
    made = {"room": "1130", "pin": "4711", "languages": ["es", "en"], "most_legs": 1}
    created = await ask(daemon, "POST", "/api/rooms", made, status=201)
    assert created["setup"]["enforced"] and created["setup"]["pin"] is True
    assert "4711" not in str(created) and "4711" not in str(await ask(daemon, "GET", "/api/rooms"))

    ann = await phone_factory("Ann")
    await ann.dial(room_uri(pbx, "1130*34"))
    await reading(pbx)
    await ann.dtmf("4712")
    await until(pbx, "core show channels concise", lambda channels: "/pin-wrong!" in channels)
    await reading(pbx)
    await ann.dtmf("4711")
    await conference_of(pbx, "1130-es", 2)  # and the booth
    await daemon.legs("1130", 1)

    cap = await phone_factory("Cap")
    await cap.dial(room_uri(pbx, "1130*34"))
    await reading(pbx)
    await cap.dtmf("4711")
    await hears(cap, pbx, "refused-full")
    await ann.stop()
    await conference_of(pbx, "1130-es", 0)

    other = await caller("Bob", "1131*34")  # a room that was not set up asks for nothing
    await conference_of(pbx, "1131-es", 2)
    await other.stop()

    await daemon.kill()
    await pbx.kill()
    await pbx.start()
    eve = await phone_factory("Eve")
    await eve.dial(room_uri(pbx, "1130*376"))  # Catalan is not offered there: the menu, and then the PIN all the same
    await reading(pbx)
    await eve.dtmf("1")
    await until(pbx, "core show channels concise", lambda channels: "!Read!" in channels and "/pin,4," in channels)
    await eve.dtmf("4711")
    await conference_of(pbx, "1130-en", 1)
    await eve.stop()

    await daemon.start()
    assert (await ask(daemon, "GET", "/api/rooms/1130"))["setup"]["languages"] == ["es", "en"]
    await ask(daemon, "DELETE", "/api/rooms/1130", status=204)
    await until(pbx, "database show dragoman-rooms", lambda shown: "1130" not in shown)
    free = await caller("Fay", "1130*376")
    await conference_of(pbx, "1130-ca", 2)
    await free.stop()


async def test_people_in_a_room_are_muted_moved_and_hung_up(
    pbx: Pbx, daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    ann, bob = await caller("Ann", "1132*34"), await caller("Bob", "1132*34")
    (leg, _) = await daemon.legs("1132", 2)
    path = f"/api/rooms/1132/legs/{leg['channel']}"
    muted = await ask(daemon, "PATCH", path, {"muted": True})
    assert (muted["muted"], muted["channel"]) == (True, leg["channel"]) and muted["id"] != leg["id"]
    await until(pbx, "confbridge list 1132-es", lambda listed: " Mm " in listed or " m " in listed)
    moved = await ask(daemon, "PATCH", path, {"language": "ca"})
    assert (moved["muted"], moved["language"]) == (True, "ca")
    await conference_of(pbx, "1132-ca", 2)
    await conference_of(pbx, "1132-es", 2)
    heard = await ask(daemon, "PATCH", path, {"muted": False})
    assert heard["muted"] is False
    who = {"Ann": ann, "Bob": bob}[leg["name"]]
    await who.dtmf("*6")  # his own key goes on from there
    await daemon.until(
        "/api/rooms/1132/legs", lambda answer: [each["muted"] for each in answer["legs"]].count(True) == 1
    )
    await ask(daemon, "DELETE", path, status=204)
    await who.wait_for("CALL_CLOSED")
    (left,) = await daemon.legs("1132", 1)
    assert left["channel"] != leg["channel"]
    await ask(daemon, "DELETE", path, status=404)
    await ask(daemon, "PATCH", f"/api/rooms/1132/legs/{left['id']}", {"language": "fr"}, status=422)
    await caller("Cem", "1132*376")
    await daemon.legs("1132", 2)
    assert len((await ask(daemon, "DELETE", "/api/rooms/1132/legs"))["legs"]) == 2
    await daemon.legs("1132", 0)
    assert await ask(daemon, "DELETE", "/api/rooms/1132/legs") == {"legs": []}


async def test_a_daemon_that_is_drained_ends_with_the_last_call(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    ann = await caller("Ann", "1133*34")
    await daemon.legs("1133", 1)
    assert await ask(daemon, "POST", "/api/drain", status=202) == {"draining": True, "legs": 1}
    await until(pbx, "dialplan show globals", lambda shown: "DRAGOMAN_SHUT=drain" in shown)
    problem = await ask(daemon, "GET", "/health/ready", status=503)
    assert "draining" in problem["detail"]
    new = await phone_factory("New")
    await new.dial(room_uri(pbx, "1134*34"))
    await hears(new, pbx, "refused-drain")
    bob = await caller("Bob", "1133*376")  # an old room may be joined
    await daemon.legs("1133", 2)
    await ann.stop()
    await bob.stop()
    assert await daemon.ended() == 0
    late = await caller("Lea", "1134*34")  # nobody refuses in the name of a daemon that is gone
    await conference_of(pbx, "1134-es", 1)
    await late.stop()


async def test_beyond_the_admitted_load_one_is_told_so_in_his_language(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory("[admission]\nlegs = 2\nrooms = 1\n")
    ann = await caller("Ann", "1135*34")
    await daemon.legs("1135", 1)
    await until(pbx, "dialplan show globals", lambda shown: "DRAGOMAN_SHUT=busy" in shown)
    other = await phone_factory("Other")
    await other.dial(room_uri(pbx, "1136*376"))
    await hears(other, pbx, "refused-busy", "ca")
    bob = await caller("Bob", "1135*376")
    await daemon.legs("1135", 2)
    third = await phone_factory("Third")
    await third.dial(room_uri(pbx, "1135*44"))
    await hears(third, pbx, "refused-busy", "en")
    assert ann.in_call and bob.in_call
    await ann.stop()
    await bob.stop()


PRICED = "mt_thousand = 1000.0  # 1 a character\n"


@pytest.mark.alone
async def test_when_the_hour_has_cost_enough_a_new_room_is_refused_and_what_goes_on_goes_on(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory(f"[admission]\ncost_per_hour = 5.0\n{PRICED}")
    alice, carla = await caller("Alice", "1139*44"), await caller("Carla", "1139*34")
    await daemon.legs("1139", 2)
    said = [words("a", "en", 4), words("a", "en", 4, first=20)]
    await say(alice, said[0])
    await daemon.spoken("1139", 1)
    await until(pbx, "dialplan show globals", lambda shown: "DRAGOMAN_SHUT=busy" in shown)
    other = await phone_factory("Other")
    await other.dial(room_uri(pbx, "1140*376"))
    await hears(other, pbx, "refused-busy", "ca")
    bob = await caller("Bob", "1139*376")
    await daemon.legs("1139", 3)
    await say(alice, said[1])
    await daemon.spoken("1139", 2)
    await stop(alice, carla, bob)
    check(carla, {BY_BOOTH["a"]: into("es", [*said[0], *said[1]])}, ignore=[HIMSELF["a"]])


@pytest.mark.alone
async def test_a_room_that_spent_its_allowance_in_two_languages_at_once_goes_on_when_it_is_given_more(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, caller: CallerFactory, tmp_path: Path
) -> None:
    daemon = await daemon_factory(f"{store(tmp_path)}[admission]\n{PRICED}")
    await ask(daemon, "POST", "/api/rooms", {"room": "1141", "most_cost": 5.0}, status=201)
    alice, carla = await caller("Alice", "1141*44"), await caller("Carla", "1141*34")
    await daemon.legs("1141", 2)
    said = {voice: [words(voice, language, 4, first=first) for first in (0, 20, 40)] for voice, language in SPEAKERS}
    async with daemon.captions("1141", "en") as english, daemon.captions("1141", "es") as spanish:
        await asyncio.gather(say(alice, said["a"][0]), say(carla, said["c"][0]))
        await daemon.spoken("1141", 2)  # both were under way when the allowance was used up
        for seen in (english, spanish):
            await seen.until(lambda seen: [gap["note"] for gap in seen.gaps] == [SPENT])
        other = await phone_factory("Other")
        await other.dial(room_uri(pbx, "1141*376"))
        await hears(other, pbx, "refused-spent", "ca")
        await asyncio.gather(say_all(alice, said["a"][1]), say_all(carla, said["c"][1]))
        await ask(daemon, "PATCH", "/api/rooms/1141", {"most_cost": 10_000.0})
        await until(pbx, "dialplan show globals", lambda shown: "DRAGOMAN_SHUT_1141=spent" not in shown)
        await asyncio.gather(say(alice, said["a"][2]), say(carla, said["c"][2]))
        await daemon.spoken("1141", 4)
    await stop(alice, carla)
    for phone, voice, language in ((carla, "a", "es"), (alice, "c", "en")):
        first, lost, last = said[voice]
        found = check(phone, {BY_BOOTH[voice]: into(language, [*first, *last])}, ignore=[HIMSELF[voice]])
        native = [word.text for word in found if word.source == HIMSELF[voice] and word.level_db > LEVEL_DB - 6]
        assert len(set(lost) & set(native)) >= len(lost) - SPOILT, "who is not interpreted is heard in full"


CANARY = "${SET(GLOBAL(CANARY)=sung)}"
"""A function that is loaded: if any of Asterisk's evaluations ever reads it, it leaves a trace."""


@pytest.mark.parametrize(
    "extension", ["1137*34", "1137*34%24%7BSET(GLOBAL(CANARY)=sung)%7D", "%24%7BSET(GLOBAL(CANARY)=sung)%7D"]
)
async def test_nothing_that_a_caller_sends_is_evaluated(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, extension: str
) -> None:
    daemon = await daemon_factory()
    phone = await phone_factory(f"{CANARY},1)&")
    await phone.dial(room_uri(pbx, extension))
    if "%" in extension:
        await phone.wait_for("CALL_CLOSED")
    else:
        (leg,) = await daemon.legs("1137", 1)
        assert CANARY in leg["name"]
        path = f"/api/rooms/1137/legs/{leg['channel']}"
        assert (await ask(daemon, "PATCH", path, {"muted": True}))["name"] == leg["name"]
    assert "CANARY" not in await pbx.rx("dialplan show globals")
    await phone.stop()


async def test_the_canary_sings_where_it_is_evaluated(pbx: Pbx) -> None:
    """Else the test above could not fail."""
    auth = aiohttp.encode_basic_auth(pbx.ari_username, pbx.ari_password)
    conf = pbx.run_dir / "etc" / "extensions_demo.conf"
    before = conf.read_text()
    conf.write_text(f"{before}\n[canary]\nexten => 9,1,NoOp({CANARY})\n")
    try:
        await pbx.rx("dialplan reload")
        async with aiohttp.ClientSession(pbx.ari_url, headers={"Authorization": auth}) as ari:
            wanted = {"endpoint": "Local/9@canary", "app": "dragoman"}
            async with ari.post("/ari/channels", params=wanted) as answer:
                assert answer.status == 200
        await until(pbx, "dialplan show globals", lambda shown: "CANARY=sung" in shown)
    finally:
        conf.write_text(before)
        await pbx.restart()


async def test_what_the_dialplan_is_sent_to_do_is_filtered_too(pbx: Pbx, daemon_factory: DaemonFactory) -> None:
    """A daemon's errand with everything in it that a dialplan could trip over: only what it should be is kept."""
    await daemon_factory()
    await interpreting(pbx)
    auth = aiohttp.encode_basic_auth(pbx.ari_username, pbx.ari_password)
    evil = f"{CANARY},1)|&"
    given = {"ROOM": f"1138{evil}", "PIN": f"12{evil}34", "LANGUAGES": f"es{evil}", "MOST": f"{evil}9", "TOKEN": "ab"}
    body = {"variables": {f"DRAGOMAN_TO_{name}": value for name, value in given.items()}}
    wanted = {"endpoint": "Local/keep@dragoman-errand/n", "app": "dragoman"}
    async with aiohttp.ClientSession(pbx.ari_url, headers={"Authorization": auth}) as ari:
        async with ari.post("/ari/channels", params=wanted, json=body) as sent:
            assert sent.status == 200
    shown = await until(pbx, "database show dragoman-rooms", lambda shown: "1138" in shown)
    assert "CANARY" not in await pbx.rx("dialplan show globals")
    line = next(line for line in shown.splitlines() if "1138" in line)
    assert set(line.partition(":")[2].strip()) <= set("0123456789|-abcdefghijklmnopqrstuvwxyz")
    await pbx.rx("database deltree dragoman-rooms")
    await asyncio.sleep(0)
