"""Two phones on loudspeaker, and no echo guard: words that come back are left out, and people's own come through.

What is decided on are the recordings of the phones. No word goes round more than once, and the room falls silent. The
control runs without the second line: there it translates itself for ever.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest_asyncio
from tests.e2e.conftest import DaemonFactory, PhoneFactory
from tests.e2e.daemon import TONE, Daemon
from tests.e2e.loudspeaker import Speakerphone
from tests.e2e.talking import BY_BOOTH, HIMSELF, heard, into, say, stop
from tests.tonewords.code import words
from tests.tonewords.verdict import Verdict, judge, timeline

from dragoman.demo.phone import Phone
from dragoman.telephony.pbx import Pbx

HEARS_ALL = f"""
[engines.options."{TONE}Recognizer"]
hears_booths = true
"""
"""A recogniser that takes a booth's voice for a person's, as any real one does."""

OFF = """
[pipeline]
drop_echoes = false
"""

ECHO_FRAMES = 6
"""120 ms from the loudspeaker back to the microphone; with what the phones and Asterisk take 200 to 300 ms."""

ECHO_DB = -9.0


@pytest_asyncio.fixture(loop_scope="session")
async def lines() -> AsyncIterator[AsyncExitStack]:
    """Lines of the phones, all closed after the test."""
    async with contextlib.AsyncExitStack() as stack:
        yield stack


async def speakerphone(lines: AsyncExitStack, pbx: Pbx, phones: PhoneFactory, name: str, extension: str) -> Phone:
    """A phone on its loudspeaker that is in the room."""
    line = await lines.enter_async_context(Speakerphone(pbx.sip_port, frames=ECHO_FRAMES, gain_db=ECHO_DB))
    phone = await phones(name)
    await phone.dial(f"sip:{extension}@127.0.0.1:{line.port}")
    await phone.wait_established()
    return phone


def by_booth(phone: Phone, language: str, voice: str, said: Sequence[str]) -> Verdict:
    """What the booth of ``language`` said to a phone, in that language and in nobody's name but ``voice``'s.

    Under it lies what the other's microphone heard, himself and the echo of his booth: in the other language.
    """
    found = [word for word in heard(phone.heard) if word.text is None or word.text.startswith(language)]
    return judge(found, {BY_BOOTH[voice]: into(language, said)}, ignore=HIMSELF.values())


async def booth_speaks(daemon: Daemon, language: str) -> None:
    """Wait until it does."""
    await daemon.until(
        "/api/rooms",
        lambda answer: any(
            booth["speaking"] for room in answer["rooms"] for booth in room["booths"] if booth["language"] == language
        ),
    )


async def test_the_words_that_come_back_are_left_out_and_nobodys_own(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, lines: AsyncExitStack
) -> None:
    daemon = await daemon_factory(HEARS_ALL)
    alice = await speakerphone(lines, pbx, phone_factory, "Alice", "1000*44")
    carla = await speakerphone(lines, pbx, phone_factory, "Carla", "1000*34")
    await daemon.legs("1000", 2)
    said = {"a": [words("a", "en", 14), words("a", "en", 9, first=40)], "c": [words("c", "es", 14, first=60)]}
    async with daemon.captions("1000", "es") as seen:
        await say(alice, said["a"][0])
        await daemon.spoken("1000", 1)
        await say(carla, said["c"][0])
        await booth_speaks(daemon, "en")
        await say(alice, said["a"][1])  # over the echo of what she hears
        await daemon.spoken("1000", 3)
        await seen.until(lambda seen: len(seen.gaps) >= 1)
        await daemon.quiet("1000")
    rooms = await daemon.get("/api/rooms")
    echoed = await daemon.metric("dragoman_echoed_words_total")
    await stop(alice, carla)

    spoken = {voice: [word for turn in turns for word in turn] for voice, turns in said.items()}
    for verdict, voice in (
        (by_booth(carla, "es", "a", spoken["a"]), "a"),
        (by_booth(alice, "en", "c", spoken["c"]), "c"),
    ):
        found = verdict.by_source[BY_BOOTH[voice]]
        assert not (found.out_of_order or found.foreign), timeline(verdict.recording)
        # What is cut from a first echo before its phone is known to send back goes round, once.
        assert max(Counter(word.text for word in found.doubled).values(), default=0) <= 1, timeline(verdict.recording)
        # The relay is one more process that a busy machine holds up; a word is there, whole or damaged.
        assert len(found.heard) + len(found.damaged) >= 0.75 * len(spoken[voice]), timeline(verdict.recording)
    assert echoed >= 5
    assert sum(leg["echoed_words"] for room in rooms["rooms"] for leg in room["legs"]) == echoed
    assert {gap["cause"] for gap in seen.gaps} == {"echo"}
    left_out = [line for line in daemon.log.read_text().splitlines() if "echo left out" in line]
    assert len(left_out) == len(seen.gaps)


async def test_control_without_it_the_room_translates_itself(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, lines: AsyncExitStack
) -> None:
    daemon = await daemon_factory(HEARS_ALL + OFF)
    alice = await speakerphone(lines, pbx, phone_factory, "Alice", "1000*44")
    carla = await speakerphone(lines, pbx, phone_factory, "Carla", "1000*34")
    await daemon.legs("1000", 2)
    said = words("a", "en", 8)
    await say(alice, said)
    await daemon.until("/api/stats", lambda stats: stats["clauses"]["spoken"] >= 6, within=90.0)
    await stop(alice, carla)
    again = by_booth(carla, "es", "a", said).by_source[BY_BOOTH["a"]].doubled
    assert len(again) >= 0.75 * len(said)  # all of them go round, and a busy machine damages one or two
