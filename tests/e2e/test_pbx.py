from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from tests.e2e.conftest import PhoneFactory, conference_of, interpreting, room_uri, until
from tests.e2e.listening import RATE, Sound, likeness, load, prompt_heard, tone_file, tone_seconds

from dragoman.demo.phone import Codec
from dragoman.errors import DemoError
from dragoman.telephony.pbx import Pbx, Site


async def variables(pbx: Pbx, room: str) -> dict[str, str]:
    """The channel variables of the one caller in a conference."""
    listed = await pbx.rx(f"confbridge list {room}")
    (channel,) = [line.split()[0] for line in listed.splitlines() if line.startswith(("PJSIP/", "Local/"))]
    shown = await pbx.rx(f"core show channel {channel}")
    return dict(line.split("=", 1) for line in shown.splitlines() if line.startswith("DRAGOMAN_"))


def packets_received(channelstats: str) -> list[int]:
    return [int(line.split()[4]) for line in channelstats.splitlines() if " phone-" in line]


@pytest.mark.beside
async def test_every_application_and_function_of_the_dialplan_is_there(pbx: Pbx) -> None:
    async with Pbx(Site(notice=False)) as fresh:  # the session's own has been through other tests
        log = fresh.log_path.read_text()
    assert "ERROR" not in log and "WARNING" not in log, log
    dialplan = await pbx.rx("dialplan show")
    used = set(re.findall(r"^.*?\d\. (\w+)\(.*\[extensions", dialplan, re.M))
    known = set(re.findall(r"^ *(\w+):", await pbx.rx("core show applications"), re.M))
    assert {"ConfBridge", "Read"} <= used <= known
    used = set(re.findall(r"\{([A-Z_]+)\(", dialplan))
    known = set(re.findall(r"^([A-Z_]+) ", await pbx.rx("core show functions"), re.M))
    assert {"FILTER", "CUT"} <= used <= known


@pytest.mark.beside
async def test_people_of_one_language_hear_each_other_and_nobody_else_does(
    pbx: Pbx, phone_factory: PhoneFactory, tmp_path: Path
) -> None:
    await interpreting(pbx)
    alice = await phone_factory("Alice", tone_file(tmp_path / "500.wav", 500))
    bob = await phone_factory("Bob", tone_file(tmp_path / "900.wav", 900), Codec.G722)
    carol = await phone_factory("Carol", tone_file(tmp_path / "1300.wav", 1300))
    for phone, extension in ((alice, "1000*34"), (bob, "1000*34"), (carol, "1000*44")):
        await phone.dial(room_uri(pbx, extension))
        await phone.wait_established()
    await conference_of(pbx, "1000-es", 2)
    await conference_of(pbx, "1000-en", 1)
    await bob.wait_for("CALL_RTCP", within=20.0)  # every 5 s: so long they talk
    for phone in (alice, bob, carol):
        await phone.stop()
    assert tone_seconds(load(alice.heard), 900) > 2
    assert tone_seconds(load(bob.heard), 500) > 2
    assert tone_seconds(load(alice.heard), 500) < 0.5
    assert tone_seconds(load(alice.heard), 1300) == tone_seconds(load(bob.heard), 1300) == 0
    assert tone_seconds(load(carol.heard), 500) == tone_seconds(load(carol.heard), 900) == 0
    await conference_of(pbx, "1000-es", 0)


@pytest.mark.beside
async def test_menu_keys_choose_the_language_and_star_three_changes_it(pbx: Pbx, phone_factory: PhoneFactory) -> None:
    await interpreting(pbx)
    phone = await phone_factory("Dora", codec=Codec.PCMU)
    await phone.dial(room_uri(pbx, "1001"))
    await phone.wait_established()
    await until(pbx, "core show channels concise", lambda channels: "!Read!" in channels)
    await phone.dtmf("3")
    await conference_of(pbx, "1001-ca", 1)
    found = await variables(pbx, "1001-ca")
    assert found == {"DRAGOMAN_ROOM": "1001", "DRAGOMAN_LANG": "ca", "DRAGOMAN_MUTED": "0"}
    await phone.dtmf("*6")
    await until(pbx, "confbridge list 1001-ca", lambda listed: " Mm " in listed)
    await phone.dtmf("*3")
    await until(pbx, "core show channels concise", lambda channels: "!Read!" in channels)
    await phone.dtmf("2")
    await conference_of(pbx, "1001-es", 1)
    await conference_of(pbx, "1001-ca", 0)
    found = await variables(pbx, "1001-es")
    assert found == {"DRAGOMAN_ROOM": "1001", "DRAGOMAN_LANG": "es", "DRAGOMAN_MUTED": "0"}  # joins unmuted


@pytest.mark.beside
async def test_star_six_mutes_towards_others_and_tells_the_daemon(
    pbx: Pbx, phone_factory: PhoneFactory, tmp_path: Path
) -> None:
    await interpreting(pbx)
    alice = await phone_factory("Alice", tone_file(tmp_path / "500.wav", 500))
    await alice.dial(room_uri(pbx, "1002*34"))
    await conference_of(pbx, "1002-es", 1)
    # The first word of a call between two keys loses the second one (asterisk/confbridge.conf): let her begin before.
    await until(pbx, "pjsip show channelstats", lambda shown: max(packets_received(shown), default=0) > 25)
    await alice.dtmf("*6")
    await until(pbx, "confbridge list 1002-es", lambda listed: " Mm " in listed)
    bob = await phone_factory("Bob", tone_file(tmp_path / "900.wav", 900))
    await bob.dial(room_uri(pbx, "1002*34"))
    await conference_of(pbx, "1002-es", 2)
    listed = await pbx.rx("confbridge list 1002-es")
    muted = next(line.split()[0] for line in listed.splitlines() if " Mm " in line)
    assert "DRAGOMAN_MUTED=1" in await pbx.rx(f"core show channel {muted}")
    await bob.wait_for("CALL_RTCP", within=20.0)
    await bob.stop()
    await alice.dtmf("*6")
    await until(pbx, "confbridge list 1002-es", lambda listed: " Mm " not in listed)
    assert "DRAGOMAN_MUTED=0" in await pbx.rx(f"core show channel {muted}")
    await alice.stop()
    assert tone_seconds(load(bob.heard), 500) == 0
    assert tone_seconds(load(alice.heard), 900) > 2  # muted, she still hears
    assert prompt_heard(alice.heard, pbx.prompts_dir, "en/muted", "es/muted", "ca/muted") == "es/muted"


@pytest.mark.beside
async def test_keys_are_heard_of_somebody_who_falls_silent_meanwhile(
    pbx: Pbx, phone_factory: PhoneFactory, tmp_path: Path
) -> None:
    """2.5 s after the last sound Asterisk would take him for silent; between two keys that loses the second one."""
    await interpreting(pbx)
    phone = await phone_factory("Max", tone_file(tmp_path / "500.wav", 500, 1.5))
    await phone.dial(room_uri(pbx, "1010*34"))
    await conference_of(pbx, "1010-es", 1)
    await until(pbx, "pjsip show channelstats", lambda shown: max(packets_received(shown), default=0) > 190)
    await phone.dtmf("*")
    await until(pbx, "pjsip show channelstats", lambda shown: max(packets_received(shown), default=0) > 230)
    await phone.dtmf("6")
    await until(pbx, "confbridge list 1010-es", lambda listed: " Mm " in listed)


@pytest.mark.beside
async def test_a_dead_daemon_is_announced_and_keeps_nobody_out(pbx: Pbx, phone_factory: PhoneFactory) -> None:
    await interpreting(pbx, alive=False)
    phone = await phone_factory("Erik")
    await phone.dial(room_uri(pbx, "1003*34"))
    await phone.wait_established()
    await conference_of(pbx, "1003-es", 1)
    await phone.stop()
    prompts = ("en/unavailable", "es/unavailable", "ca/unavailable", "es/notice")
    assert prompt_heard(phone.heard, pbx.prompts_dir, *prompts) == "es/unavailable"


@pytest.mark.beside
async def test_a_pin_is_asked_and_the_notice_is_given_and_a_crash_is_survived(phone_factory: PhoneFactory) -> None:
    async with Pbx(Site(languages=("es", "vi"), pin="4711")) as pbx:
        await interpreting(pbx)
        phone = await phone_factory("Fay")
        await phone.dial(room_uri(pbx, "1004*34"))
        await until(pbx, "core show channels concise", lambda channels: "!Read!" in channels)
        await phone.dtmf("4712")
        await until(pbx, "core show channels concise", lambda channels: "/pin-wrong!" in channels)
        await until(pbx, "core show channels concise", lambda channels: "!Read!" in channels)
        await phone.dtmf("4711")
        await conference_of(pbx, "1004-es", 1)
        await phone.stop()
        assert prompt_heard(phone.heard, pbx.prompts_dir, "es/notice", "vi/notice") == "es/notice"
        assert "471" not in pbx.log_path.read_text()
        await pbx.kill()
        await pbx.start()
        again = await phone_factory("Fay")
        await again.dial(room_uri(pbx, "600"))
        await again.wait_established()


@pytest.mark.beside
async def test_a_booth_leaves_no_conference_behind(pbx: Pbx, phone_factory: PhoneFactory) -> None:
    """The daemon makes a booth and dies; a booth that comes to an empty room is not let in."""
    await interpreting(pbx)
    phone = await phone_factory("Gus")
    await phone.dial(room_uri(pbx, "1005*34"))
    await conference_of(pbx, "1005-es", 1)
    auth = aiohttp.encode_basic_auth(pbx.ari_username, pbx.ari_password)
    async with aiohttp.ClientSession(pbx.ari_url, headers={"Authorization": auth}) as ari:
        async with ari.ws_connect("/ari/events?app=dragoman") as events:

            async def booth(name: str, room: str) -> None:
                wanted = {"app": "dragoman", "external_host": "127.0.0.1:9", "format": "slin16", "channelId": name}
                body = {"variables": {"DRAGOMAN_BOOTH_ROOM": room, "DRAGOMAN_BOOTH_LANG": "es"}}
                async with ari.post("/ari/channels/externalMedia", params=wanted, json=body) as made:
                    assert made.status == 200, await made.text()
                async with asyncio.timeout(5):
                    async for message in events:
                        event = json.loads(message.data)
                        if event["type"] == "StasisStart" and event["channel"]["id"] == name:
                            break
                to = {"context": "dragoman-booth", "extension": "s", "priority": "1"}
                async with ari.post(f"/ari/channels/{name}/continue", params=to) as sent:
                    assert sent.status == 204, await sent.text()

            await booth("late", "1099")
            await booth("booth", "1005")
            await conference_of(pbx, "1005-es", 2)
            assert "1099-es" not in await pbx.rx("confbridge list")
    await phone.hangup()
    await conference_of(pbx, "1005-es", 0)
    await until(pbx, "core show channels concise", lambda channels: "UnicastRTP" not in channels)


@pytest.mark.parametrize(
    ("extension", "room"),
    [
        ("10-06*3-4", "1006-es"),  # Asterisk skips dashes when it matches: filtered out
        ("1006*34;room=x", "1006-es"),
        ("1006*34&Local%2F601%40phones", None),
        ("1006%2C1*34", None),
        ("1006%24%7BSHELL(id)%7D", None),
        ("1006*34%29%5D", None),
        ("1006*99", None),
        ("dragoman-booth", None),
        ("s", None),
    ],
)
@pytest.mark.beside
async def test_what_is_dialled_is_never_read_as_dialplan(
    pbx: Pbx, phone_factory: PhoneFactory, extension: str, room: str | None
) -> None:
    await interpreting(pbx)
    await until(pbx, "core show channels concise", lambda channels: not channels.strip())  # of the test before
    phone = await phone_factory("${SHELL(id)},1)&Local/601")
    await phone.dial(room_uri(pbx, extension))
    if room is not None:
        await conference_of(pbx, room, 1)
        assert (await variables(pbx, room))["DRAGOMAN_ROOM"] == "1006"
    else:
        with pytest.raises(DemoError, match="404"):
            await phone.wait_established()
        assert not (await pbx.rx("core show channels concise")).strip()


@pytest.mark.parametrize("attended", [False, True])
@pytest.mark.beside
async def test_a_caller_can_be_transferred_to_a_room(pbx: Pbx, phone_factory: PhoneFactory, attended: bool) -> None:
    await interpreting(pbx)
    caller, secretary = await phone_factory("Hal"), await phone_factory("Ida")
    await caller.dial(room_uri(pbx, secretary.extension))
    await caller.wait_established()
    await secretary.wait_established()
    if attended:
        await secretary.dial(room_uri(pbx, "1007*34"))
        await secretary.wait_established()
        await conference_of(pbx, "1007-es", 1)
        await secretary.transfer_attended()
    else:
        await secretary.transfer(room_uri(pbx, "1007*34"))
    await secretary.wait_for("CALL_CLOSED")
    await conference_of(pbx, "1007-es", 1)
    found = await variables(pbx, "1007-es")
    assert found == {"DRAGOMAN_ROOM": "1007", "DRAGOMAN_LANG": "es", "DRAGOMAN_MUTED": "0"}
    assert caller.in_call
    await caller.hangup()
    await conference_of(pbx, "1007-es", 0)


@pytest.mark.beside
async def test_star_zero_helps_in_the_callers_language(pbx: Pbx, phone_factory: PhoneFactory) -> None:
    await interpreting(pbx)
    phone = await phone_factory("Jan")
    await phone.dial(room_uri(pbx, "1008*376"))
    await conference_of(pbx, "1008-ca", 1)
    await phone.dtmf("*0")
    await phone.wait_for("CALL_RTCP", within=20.0)  # 5 s into the call: help is not over yet, but well on its way
    await phone.stop()
    heard = load(phone.heard)
    beginning = {code: load(pbx.prompts_dir / code / "help.wav16")[: 3 * RATE] for code in ("en", "es", "ca")}
    likenesses = {code: likeness(heard, prompt) for code, prompt in beginning.items()}
    assert max(likenesses, key=lambda code: likenesses[code]) == "ca" and likenesses["ca"] > 0.6, likenesses


async def test_a_phone_knows_when_its_recording_was_taken(
    pbx: Pbx, phone_factory: PhoneFactory, tmp_path: Path
) -> None:
    """What one phone says is heard by the other after, and soon after, it was said, on one clock."""
    await interpreting(pbx)
    listener = await phone_factory("Lea")
    await listener.dial(room_uri(pbx, "1009*34"))
    await conference_of(pbx, "1009-es", 1)
    speaker = await phone_factory("Kim", tone_file(tmp_path / "500.wav", 500, 3))
    await speaker.dial(room_uri(pbx, "1009*34"))
    await speaker.wait_for("CALL_RTCP", within=20.0)
    await speaker.stop()
    await listener.stop()
    ends = [last_loud(load(path)) for path in (speaker.spoken, listener.heard)]
    said, heard = speaker.spoken_at(ends[0]), listener.heard_at(ends[1])
    assert said < heard < said + 1.0


def last_loud(sound: Sound) -> int:
    return int(np.flatnonzero(np.abs(sound) > 0.1)[-1])
