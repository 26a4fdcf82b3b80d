"""A real Asterisk and real phones, and a daemon or a PBX that dies in a call and comes back."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import CallerFactory, DaemonFactory, conference_of, until
from tests.e2e.talking import BY_BOOTH, HIMSELF, check, into, say, say_all, stop
from tests.e2e.test_admin import ask
from tests.tonewords.code import words

from dragoman.telephony.pbx import Pbx

TRANSCRIPT = "/api/rooms/1000/transcript?lang=es&format=json"


MISSING = "..."

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def told(transcript: Any) -> list[str]:
    """Its words, however they were cut into lines, and MISSING where it says that something is."""
    return [word for line in transcript["lines"] for word in (line["text"].split() or [MISSING])]


CHANNELS = "core show channels concise"


def made(channels: str) -> set[str]:
    """Unique ids of the channels that a daemon made, of all that are listed: taps, snoops and booths."""
    return {line.rsplit("!", 1)[1] for line in channels.splitlines() if line.startswith(("UnicastRTP/", "Snoop/"))}


async def ours(pbx: Pbx) -> set[str]:
    """See ``made``."""
    return made(await pbx.rx(CHANNELS))


async def calls(pbx: Pbx) -> int:
    """Phones that are in a call."""
    listed = await pbx.rx("core show channels concise")
    return sum(line.startswith("PJSIP/") for line in listed.splitlines())


async def test_a_daemon_that_is_killed_leaves_the_calls_up_and_the_next_one_goes_on(
    pbx: Pbx, daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    alice, bob, berta = (
        await caller("Alice", "1000*44"),
        await caller("Bob", "1000*44"),
        await caller("Berta", "1000*34"),
    )
    await daemon.legs("1000", 3)
    before, between, after = (words("a", "en", 5, first=first) for first in (0, 20, 40))
    await say(alice, before)
    await daemon.spoken("1000", 1)
    orphans = await ours(pbx)
    await daemon.kill()
    assert await calls(pbx) == 3
    await say_all(alice, between)  # natively Bob hears it; nobody translates it
    assert await calls(pbx) == 3
    await daemon.start()
    await daemon.legs("1000", 3)
    await until(pbx, CHANNELS, lambda listed: not made(listed) & orphans)  # swept
    assert len(await ours(pbx)) == len(orphans)
    await say(alice, after)
    await daemon.spoken("1000", 1)
    for phone in (alice, bob, berta):
        await phone.stop()
    check(berta, {BY_BOOTH["a"]: into("es", before + after)}, ignore=HIMSELF.values())
    check(bob, {HIMSELF["a"]: before + between + after})


async def test_what_was_said_while_the_daemon_was_dead_is_a_gap_in_captions_and_transcript(
    pbx: Pbx, daemon_factory: DaemonFactory, caller: CallerFactory, tmp_path: Path
) -> None:
    daemon = await daemon_factory(f'[admin]\nstore = "{tmp_path / "admin.sqlite"}"\n')
    await ask(daemon, "POST", "/api/rooms", {"room": "1000", "keep_hours": 1}, status=201)
    alice, berta = await caller("Alice", "1000*44"), await caller("Berta", "1000*34")
    await daemon.legs("1000", 2)
    before, between, after = (words("a", "en", 5, first=first) for first in (0, 20, 40))
    await say(alice, before)
    await daemon.spoken("1000", 1)
    await daemon.until(TRANSCRIPT, lambda kept: told(kept) == into("es", before))
    await daemon.kill()
    began = time.time()
    await say_all(alice, between)
    ended = time.time()
    await daemon.start()
    await daemon.legs("1000", 2)
    async with daemon.captions("1000", "es", after=0) as reader:
        await reader.until(lambda seen: len(seen.gaps) == 1)
        await say(alice, after)
        await reader.until(lambda seen: seen.words("spoken") == into("es", after))
    (gap,) = reader.gaps
    assert gap["cause"] == "daemon-away"
    assert gap["start_unix"] <= began and ended <= gap["end_unix"], "all that was said while it was dead"
    assert reader.events.index(gap) == 0, "before anything of what came behind it"
    kept = await daemon.until(TRANSCRIPT, lambda kept: into("es", after)[-1] in told(kept))
    at = told(kept).index(MISSING)
    assert at <= len(before), "it begins where the daemon may have had words that were not spoken yet"
    assert told(kept) == [*into("es", before[:at]), MISSING, *into("es", before[at:] + after)]
    assert [line["note"] for line in kept["lines"] if not line["text"]] == [gap["note"]]
    for phone in (alice, berta):
        await phone.stop()


async def test_an_asterisk_that_restarts_is_attached_to_again(
    pbx: Pbx, daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    for name, extension in (("Alice", "1000*44"), ("Berta", "1000*34")):
        await caller(name, extension)
    await daemon.legs("1000", 2)
    await pbx.kill()
    await pbx.start()
    await daemon.until("/api/rooms", lambda answer: not answer["rooms"])
    await daemon.ready()
    alice, berta = await caller("Alice", "1000*44"), await caller("Berta", "1000*34")
    await daemon.legs("1000", 2)
    assert daemon.pid, "it is the same daemon"
    said = words("a", "en", 6)
    await say(alice, said)
    await daemon.spoken("1000", 1)
    for phone in (alice, berta):
        await phone.stop()
    check(berta, {BY_BOOTH["a"]: into("es", said)}, ignore=HIMSELF.values())
    assert await daemon.metric("dragoman_leg_crashes_total") == 0


@pytest.mark.beside
async def test_a_daemon_that_is_told_to_stop_takes_its_things_out_and_leaves_the_calls_up(
    pbx: Pbx, daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    for name, extension in (("Alice", "1000*44"), ("Bob", "1000*44"), ("Berta", "1000*34")):
        await caller(name, extension)
    await daemon.legs("1000", 3)
    assert len(await ours(pbx)) > 4
    assert await daemon.stop() == 0
    await until(pbx, CHANNELS, lambda listed: not made(listed))  # hung up they are; Asterisk takes them down
    await until(pbx, "bridge show all", lambda listed: "dragoman." not in listed)
    assert await calls(pbx) == 3
    await conference_of(pbx, "1000-en", 2)
    await conference_of(pbx, "1000-es", 1)


@pytest.mark.beside
async def test_with_the_daemon_killed_and_the_phones_hung_up_no_conference_stays(
    pbx: Pbx, daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    alice, berta = await caller("Alice", "1000*44"), await caller("Berta", "1000*34")
    await daemon.legs("1000", 2)
    await daemon.kill()
    await alice.stop()
    await berta.stop()
    await conference_of(pbx, "1000-en", 0)
    await conference_of(pbx, "1000-es", 0)


async def test_a_tap_that_is_lost_costs_its_listener_nothing_and_its_speaker_a_gap(
    pbx: Pbx, daemon_factory: DaemonFactory, caller: CallerFactory
) -> None:
    daemon = await daemon_factory()
    alice, berta = await caller("Alice", "1000*44"), await caller("Berta", "1000*34")
    await daemon.legs("1000", 2)

    async def lose(name: str) -> None:
        """End the channel that brings us what somebody says; wait until there is another."""
        leg = next(leg for leg in await daemon.legs("1000", 2) if leg["name"] == name)
        joined = [line for line in daemon.log.read_text().splitlines() if "leg joined" in line and leg["id"] in line]
        tap = re.search(r"audio\S*?=\S*?(dragoman[\w.-]+)", ANSI.sub("", joined[-1]))
        assert tap is not None, joined
        listed = (await pbx.rx(CHANNELS)).splitlines()
        (channel,) = [line.split("!")[0] for line in listed if line.endswith(f"!{tap[1]}")]
        await pbx.rx(f"channel request hangup {channel}")
        await until(pbx, CHANNELS, lambda listed: tap[1] not in listed)
        await daemon.legs("1000", 2)

    said = words("a", "en", 8)
    async with daemon.captions("1000", "es") as seen:
        await say(alice, said)
        await seen.until(lambda seen: len(seen.of("spoken")) > 0)
        await lose("Berta")
        await daemon.spoken("1000", 1)
        assert seen.of("gap") == [] or all(gap["speaker"] == "Berta" for gap in seen.of("gap"))
        await lose("Alice")
        await seen.until(lambda seen: any(gap["speaker"] == "Alice" for gap in seen.of("gap")))
    await stop(alice, berta)
    check(berta, {BY_BOOTH["a"]: into("es", said)}, ignore=HIMSELF.values())
