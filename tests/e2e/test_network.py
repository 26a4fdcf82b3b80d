"""One caller on a bad line: he is understood as far as may be, and it costs nobody else a word."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import CallerFactory, DaemonFactory, PhoneFactory
from tests.e2e.impaired import Relay
from tests.e2e.talking import BY_BOOTH, HIMSELF, check, heard, into, mic, say, stop
from tests.tonewords.code import words
from tests.tonewords.verdict import judge, timeline

from dragoman.telephony.pbx import Pbx


async def test_a_bad_line_costs_few_words_and_none_of_the_others(
    pbx: Pbx, daemon_factory: DaemonFactory, phone_factory: PhoneFactory, caller: CallerFactory, tmp_path: Path
) -> None:
    """60 ms of jitter (uniform: packets overtake each other) and 3 % loss, both ways, on Alice's line alone."""
    daemon = await daemon_factory()
    bob, carla = await caller("Bob", "1000*44"), await caller("Carla", "1000*34")
    clauses = [words("a", "en", 12, first=20 * i) for i in range(2)]
    said = {"a": clauses[0] + clauses[1], "b": words("b", "en", 10), "c": words("c", "es", 12)}
    # Her own microphone all the time: changed, it would upset the jitter buffer more than the line does.
    alice = await phone_factory("Alice", mic(tmp_path / "a.wav", *zip((4.0, 9.5), clauses, strict=True)))
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

    for phone, source, expected, at_least in (
        (carla, BY_BOOTH["a"], into("es", said["a"]), 20),  # of 24; measured 30 of 30: the codec conceals single losses
        (bob, HIMSELF["a"], said["a"], 20),  # of 24; measured 29 of 30
        (alice, HIMSELF["b"], said["b"], 6),  # of 10; measured 6 of 8: a phone's buffer is shallower than Asterisk's
        (alice, BY_BOOTH["c"], into("en", said["c"]), 8),  # of 12; measured 14 of 16
    ):
        verdict = judge(
            heard(phone.heard), {source: expected}, ignore={*HIMSELF.values(), *BY_BOOTH.values()} - {source}
        )
        found = verdict.by_source[source]
        assert len(found.heard) >= at_least, timeline(verdict.recording)
        assert not (found.doubled or found.out_of_order or found.foreign), timeline(verdict.recording)
    check(carla, {BY_BOOTH["b"]: into("es", said["b"]), HIMSELF["b"]: said["b"]}, ignore=[BY_BOOTH["a"], HIMSELF["a"]])
    check(bob, {BY_BOOTH["c"]: into("en", said["c"]), HIMSELF["c"]: said["c"]}, ignore=[HIMSELF["a"]])
