"""One caller on a bad line: he is understood as far as may be, and it costs nobody else a word.

And a line on which a packet is lost where RTP's numbers pass 32768: some builds of Asterisk then go deaf to the caller.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from tests.e2e.conftest import CallerFactory, DaemonFactory, PhoneFactory
from tests.e2e.daemon import Daemon
from tests.e2e.impaired import Relay
from tests.e2e.talking import BY_BOOTH, HIMSELF, check, heard, into, mic, recorded, say, stop
from tests.tonewords.code import words
from tests.tonewords.verdict import judge, timeline

from dragoman.demo.phone import Phone
from dragoman.telephony.pbx import Pbx, Site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def buffered() -> AsyncIterator[Pbx]:
    """With jitter buffers, whatever is wrong with them in this Asterisk (dragoman.telephony.pbx.flaws)."""
    async with Pbx(Site(notice=False), jitter_buffer=True) as running:
        yield running


async def test_a_bad_line_costs_few_words_and_none_of_the_others(
    buffered: Pbx, phone_factory: PhoneFactory, tmp_path: Path
) -> None:
    """60 ms of jitter (uniform: packets overtake each other) and 3 % loss, both ways, on Alice's line alone."""
    async with contextlib.AsyncExitStack() as stack:
        await _bad_line(stack, buffered, phone_factory, tmp_path)


async def _bad_line(stack: contextlib.AsyncExitStack, pbx: Pbx, phone_factory: PhoneFactory, tmp_path: Path) -> None:
    (tmp_path / "daemon").mkdir()
    daemon = Daemon(pbx, tmp_path / "daemon")
    await daemon.start()
    stack.push_async_callback(daemon.stop)

    async def caller(name: str, extension: str) -> Phone:
        """One whose line is good; its packets are numbered from 1."""
        line = await stack.enter_async_context(Relay(pbx.sip_port, jitter=0.0, loss=0.0, seed=1))
        phone = await phone_factory(name)
        await phone.dial(f"sip:{extension}@127.0.0.1:{line.port}")
        await phone.wait_established()
        return phone

    bob, carla = await caller("Bob", "1000*44"), await caller("Carla", "1000*34")
    clauses = [words("a", "en", 12, first=20 * i) for i in range(2)]
    said = {"a": clauses[0] + clauses[1], "b": words("b", "en", 10), "c": words("c", "es", 12)}
    # Her own microphone all the time: changed, it would upset the jitter buffer more than the line does.
    spoken = mic(tmp_path / "a.wav", *zip((4.0, 9.5), clauses, strict=True))
    # Four packets wait for what was overtaken by 60 ms: with fewer she would hear her phone's faults, not the line's.
    alice = await phone_factory("Alice", spoken, jitter_buffer=(4, 12))
    async with Relay(pbx.sip_port, jitter=0.060, loss=0.03, seed=5) as line:
        await alice.dial(f"sip:1000*44@127.0.0.1:{line.port}")
        await alice.wait_established()
        await daemon.legs("1000", 3)
        await daemon.spoken("1000", 2)
        await say(bob, said["b"])
        await daemon.spoken("1000", 3)
        await say(carla, said["c"])
        await daemon.spoken("1000", 4)
        await stop(alice, bob, carla)
    for direction in (line.up, line.down):
        assert direction.lost > 20
        assert direction.overtaken > 200

    # What is interpreted of her must be whole. What phones hear of a bad line itself was through the jitter buffers of
    # Asterisk and baresip, and a word has a lost packet as often as not: it must be there, whole or damaged.
    for phone, source, expected, whole, there in (
        (carla, BY_BOOTH["a"], into("es", said["a"]), 20, 20),  # of 24
        (bob, HIMSELF["a"], said["a"], 0, 20),  # of 24
        (alice, HIMSELF["b"], said["b"], 0, 8),  # of 10
        (alice, BY_BOOTH["c"], into("en", said["c"]), 0, 9),  # of 12
    ):
        verdict = judge(
            heard(phone.heard), {source: expected}, ignore={*HIMSELF.values(), *BY_BOOTH.values()} - {source}
        )
        found = verdict.by_source[source]
        assert len(found.heard) >= whole, timeline(verdict.recording)
        assert len(found.heard) + len(found.damaged) >= there, timeline(verdict.recording)
        assert not (found.doubled or found.out_of_order or found.foreign), timeline(verdict.recording)
    check(carla, {BY_BOOTH["b"]: into("es", said["b"]), HIMSELF["b"]: said["b"]}, ignore=[BY_BOOTH["a"], HIMSELF["a"]])
    check(bob, {BY_BOOTH["c"]: into("en", said["c"]), HIMSELF["c"]: said["c"]}, ignore=[HIMSELF["a"]])


async def test_a_packet_lost_where_rtp_numbers_pass_32768_costs_no_more_than_itself(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, caller: CallerFactory, tmp_path: Path
) -> None:
    """With a jitter buffer, Debian's Asterisk 22.10.1 let nobody hear such a caller for the next 11 minutes."""
    await daemon_factory()
    bob = await caller("Bob", "1000*44")
    said = words("a", "en", 20)
    alice = await phone_factory("Alice", mic(tmp_path / "a.wav", (1.0, said[:4]), (4.0, said[4:])))
    async with Relay(pbx.sip_port, jitter=0.0, loss=0.02, seed=2, first=32_700) as line:  # passes it after 1.4 s
        await alice.dial(f"sip:1000*44@127.0.0.1:{line.port}")
        await alice.wait_established()
        await recorded(alice.spoken, 11.0)
        await stop(alice, bob)
    assert line.up.lost > 2
    found = judge(heard(bob.heard), {HIMSELF["a"]: said}).by_source[HIMSELF["a"]]
    assert len(found.heard) >= 16, [word.text for word in found.heard]
