"""What callers do with their calls, and what it makes of the interpretation."""

from __future__ import annotations

import pytest
from tests.e2e.conftest import CallerFactory, DaemonFactory, PhoneFactory, conference_of, room_uri, until
from tests.e2e.daemon import Daemon
from tests.e2e.impaired import Relay
from tests.e2e.listening import RATE, load
from tests.e2e.talking import BY_BOOTH, HIMSELF, check, heard, into, say, say_all, stop
from tests.tonewords.code import words
from tests.tonewords.verdict import judge

from dragoman.demo.phone import Codec, Phone
from dragoman.telephony.pbx import Pbx
from dragoman.telephony.pbx.flaws import forgets_callers


async def test_who_changes_his_language_is_heard_and_hears_in_the_new_one(
    pbx: Pbx, daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    alice, carla = await caller("Alice", "1000*44"), await caller("Carla", "1000*34")
    await daemon.legs("1000", 2)
    english = [words("a", "en", 5, first=first) for first in (0, 20)]
    spanish, catalan = words("c", "es", 5, first=40), words("c", "ca", 5, first=60)
    await say(alice, english[0])
    await daemon.spoken("1000", 1)
    await say(carla, spanish)
    await daemon.spoken("1000", 2)
    await carla.dtmf("*3")
    await until(pbx, "core show channels concise", lambda channels: "!Read!" in channels)
    await carla.dtmf("3")
    await conference_of(pbx, "1000-ca", 2)  # with the booth
    legs = await daemon.legs("1000", 2)
    assert sorted(leg["language"] for leg in legs) == ["ca", "en"]
    await say(alice, english[1])
    await daemon.spoken("1000", 3)
    await say(carla, catalan)
    await daemon.spoken("1000", 4)
    await stop(alice, carla)
    check(alice, {BY_BOOTH["c"]: into("en", spanish + catalan)}, ignore=HIMSELF.values())
    check(carla, {BY_BOOTH["a"]: into("es", english[0]) + into("ca", english[1])}, ignore=HIMSELF.values())


async def test_what_was_said_before_hanging_up_is_still_translated(
    daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    alice, carla = await caller("Alice", "1000*44"), await caller("Carla", "1000*34")
    await daemon.legs("1000", 2)
    said = words("a", "en", 20)
    await say(alice, said)
    async with daemon.captions("1000", "en") as seen:
        await seen.until(
            lambda seen: len(seen.words("partial")) > 0 and len(seen.of("partial")[-1]["text"].split()) > 5
        )
    await alice.hangup()
    await daemon.spoken("1000", 1)
    await daemon.legs("1000", 1)
    await stop(carla)
    await alice.stop()
    spoken = [word.text for word in heard(alice.spoken) if word.text]
    assert 5 < len(spoken) < len(said)
    told = judge(heard(carla.heard), {BY_BOOTH["a"]: into("es", spoken)}, ignore=[HIMSELF["a"]])
    told.check(spoilt=2)
    assert len(told.by_source[BY_BOOTH["a"]].heard) >= len(spoken) - 1, "the last word may be on its way"


async def test_what_is_said_muted_or_on_hold_goes_nowhere(
    pbx: Pbx, daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    """As far as a whole call can show: Asterisk 22 mutes the tap as well, and baresip sends nothing while it holds.

    That the daemon gates whatever comes all the same, tests/pipeline/test_conference.py shows.
    """
    daemon = await daemon_factory()
    alice, bob = await caller("Alice", "1000*44"), await caller("Bob", "1000*44")
    carla = await caller("Carla", "1000*34")
    await daemon.legs("1000", 3)
    said = {
        what: words("a", "en", 5, first=20 * i) for i, what in enumerate(("open", "muted", "back", "held", "again"))
    }

    async def state(what: str, value: bool) -> None:
        await daemon.until(
            "/api/rooms",
            lambda answer: any(leg["name"] == "Alice" and leg[what] == value for leg in answer["rooms"][0]["legs"]),
        )

    await say(alice, said["open"])
    await daemon.spoken("1000", 1)
    await alice.dtmf("*6")
    await state("muted", True)
    await say_all(alice, said["muted"])
    await alice.dtmf("*6")
    await state("muted", False)
    prompt = len(load(pbx.prompts_dir / "en" / "unmuted.wav16")) / RATE
    await say(alice, said["back"], after=prompt)  # while it is played to her, the others do not hear her
    await daemon.spoken("1000", 2)
    await alice.hold()
    await state("held", True)
    await say_all(alice, said["held"])
    await alice.resume()
    await state("held", False)
    await say(alice, said["again"])
    await daemon.spoken("1000", 3)
    await stop(bob, carla)
    await alice.stop()
    open_words = said["open"] + said["back"] + said["again"]
    check(carla, {BY_BOOTH["a"]: into("es", open_words), HIMSELF["a"]: open_words})
    check(bob, {HIMSELF["a"]: open_words})


async def test_a_narrow_band_phone_and_a_wide_band_phone_meet(
    daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    alice, carla = await caller("Alice", "1000*44", Codec.PCMU), await caller("Carla", "1000*34")
    bob = await caller("Bob", "1000*44")
    await daemon.legs("1000", 3)
    said = {"a": words("a", "en", 5), "c": words("c", "es", 5, first=20)}
    await say(alice, said["a"])
    await daemon.spoken("1000", 1)
    await say(carla, said["c"])
    await daemon.spoken("1000", 2)
    await stop(alice, bob, carla)
    check(carla, {BY_BOOTH["a"]: into("es", said["a"]), HIMSELF["a"]: said["a"]})
    check(alice, {BY_BOOTH["c"]: into("en", said["c"]), HIMSELF["c"]: said["c"]})
    check(bob, {BY_BOOTH["c"]: into("en", said["c"]), HIMSELF["a"]: said["a"]}, ignore=[HIMSELF["c"]])


@pytest.mark.parametrize("how", ["blind", "attended", "keys"])
async def test_who_is_transferred_to_a_room_is_heard_and_hears(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, caller: CallerFactory, how: str
) -> None:
    """Carla's RTP numbers are behind those of Ida's phone: by keys, both speak on one Local channel."""
    async with Relay(pbx.sip_port, jitter=0.0, loss=0.0, seed=1, first=1) as line:
        await _transferred(pbx, line, await daemon_factory(), phone_factory, await caller("Alice", "1000*44"), how)


async def _transferred(
    pbx: Pbx, line: Relay, daemon: Daemon, phone_factory: PhoneFactory, alice: Phone, how: str
) -> None:
    secretary, carla = await phone_factory("Ida"), await phone_factory("Carla")
    await carla.dial(f"sip:{secretary.extension}@127.0.0.1:{line.port}")
    await carla.wait_established()
    await secretary.wait_established()
    room = room_uri(pbx, "1000*34")
    if how == "blind":
        await secretary.transfer(room)
    elif how == "attended":
        await secretary.dial(room)
        await secretary.wait_established()
        await daemon.legs("1000", 2)
        await secretary.transfer_attended()
    else:
        await secretary.dtmf("*21000*34#")
        idas = {leg["id"] for leg in await daemon.legs("1000", 2)}
        await secretary.hangup()
        if forgets_callers(await pbx.rx("core show version")):
            await daemon.until("/api/rooms", lambda rooms: {leg["id"] for leg in rooms["rooms"][0]["legs"]} - idas)
    await secretary.wait_for("CALL_CLOSED")
    await secretary.stop()
    legs = await daemon.legs("1000", 2)
    assert sorted(leg["language"] for leg in legs) == ["en", "es"]
    said = {"a": words("a", "en", 5), "c": words("c", "es", 5, first=20)}
    await say(alice, said["a"])
    await daemon.spoken("1000", 1)
    await say(carla, said["c"])
    await daemon.spoken("1000", 2)
    await stop(alice, carla)
    check(carla, {BY_BOOTH["a"]: into("es", said["a"]), HIMSELF["a"]: said["a"]})
    check(alice, {BY_BOOTH["c"]: into("en", said["c"]), HIMSELF["c"]: said["c"]})
