"""The media plane over real loopback UDP, ticked by hand: no test waits for a clock."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from tests.media.peers import Listener, Peer, Script, ramp, tone
from tests.media.speech import spoken

from dragoman.errors import MediaError, MediaSocketError
from dragoman.media import plane as media_plane
from dragoman.media import socket
from dragoman.media.clock import PERIOD
from dragoman.media.codec import G722Decoder, slin16_payload
from dragoman.media.echo.remains import UNLIKE
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm
from dragoman.media.holes import TORN_S
from dragoman.media.plane import MediaConfig, MediaPlane
from dragoman.media.rtp import RtpPacket, build, sequence_delta, timestamp_delta
from dragoman.pipeline.echoed import FOLLOWS
from dragoman.recovery.kinds import Status

NOW = 1000.0


class Bench:
    """A started plane that is ticked by hand, with as many peers as are asked for."""

    def __init__(self, plane: MediaPlane) -> None:
        self.plane = plane
        self.ticks = 0
        self.peers: list[Peer] = []

    def peer(self, ssrc: int = 1) -> Peer:
        self.peers.append(Peer(self.plane.address, ssrc))
        return self.peers[-1]

    def tick(self, count: int = 1, skipped: int = 0) -> None:
        for _ in range(count):
            self.ticks += 1 + skipped
            self.plane.tick(self.now, skipped)

    @property
    def now(self) -> float:
        return NOW + self.ticks * PERIOD


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened(MediaConfig(vad="none", max_legs=8, max_streams=8)) as bench:
        yield bench


class opened:
    """Its time is the bench's alone: no datagram is old because the machine stood still before the tick, and no packet
    goes late because it stood still within."""

    def __init__(self, config: MediaConfig) -> None:
        self._bench = Bench(MediaPlane(config))
        self._ageless = mock.patch.object(socket, "_plausible", lambda ages, most: np.zeros_like(ages))
        self._clock = mock.patch.object(media_plane, "time", SimpleNamespace(monotonic=lambda: self._bench.now))

    async def __aenter__(self) -> Bench:
        self._ageless.start()
        self._clock.start()
        await self._bench.plane.start(ticking=False)
        return self._bench

    async def __aexit__(self, *_: object) -> None:
        self._clock.stop()
        self._ageless.stop()
        await self._bench.plane.close()
        for peer in self._bench.peers:
            peer.close()


async def test_a_leg_is_heard_sample_for_sample(bench: Bench) -> None:
    peer = bench.peer()
    leg = bench.plane.add_leg("a", peer.address, None)
    for number in range(10):
        peer.say(ramp(number))
        bench.tick()
        assert leg.end == (number + 1) * FRAME_SAMPLES
    assert (leg.read(0, leg.end) == np.concatenate([ramp(i) for i in range(10)])).all()
    assert leg.time_of(FRAME_SAMPLES) == pytest.approx(NOW + PERIOD, abs=1.0)
    assert leg.time_of(16000) - leg.time_of(0) == pytest.approx(1.0)
    assert bench.plane.stats.packets_in == 10


async def test_several_frames_that_wait_are_all_taken_in_one_tick(bench: Bench) -> None:
    one, two = bench.peer(), bench.peer()
    a = bench.plane.add_leg("a", one.address, None)
    b = bench.plane.add_leg("b", two.address, None)
    for number in range(20):
        one.say(ramp(number))
        two.say(ramp(number + 50))
    bench.tick()
    assert (a.read(0, a.end) == np.concatenate([ramp(i) for i in range(20)])).all()
    assert (b.read(0, b.end) == np.concatenate([ramp(i) for i in range(50, 70)])).all()


async def test_extension_csrc_and_padding_are_seen_through(bench: Bench) -> None:
    peer = bench.peer()
    leg = bench.plane.add_leg("a", peer.address, None)
    payload = slin16_payload(ramp(3))
    head = bytes([0x80 | 0x20 | 0x10 | 2, 118]) + (7).to_bytes(2, "big") + bytes(4) + (5).to_bytes(4, "big")
    peer.send(head + bytes(8) + b"\xbe\xde\x00\x01abcd" + payload + b"\x00\x00\x00\x04")
    bench.tick()
    assert (leg.read(0, FRAME_SAMPLES) == ramp(3)).all()


async def test_what_is_not_ours_is_counted_and_changes_nothing(bench: Bench) -> None:
    peer, stranger, conference = bench.peer(), bench.peer(), bench.peer()
    leg = bench.plane.add_leg("a", peer.address, None)
    bench.plane.add_booth("b", conference.address, Script([]))
    conference.say(ramp(0))  # a booth hears its room; nobody asked for it, but it is no stranger
    stranger.say(ramp(0))
    peer.send(b"")
    peer.send(b"no rtp at all")
    peer.send(build(RtpPacket(118, 1, 2, 3, b"short")))
    peer.send(b"\x80\x76" + bytes(2000))
    peer.say(ramp(1), payload_type=0)
    bench.tick()
    stats = bench.plane.stats
    assert (stats.packets_in, stats.unknown_source, stats.malformed) == (7, 1, 5)
    assert leg.end == 0


async def test_a_gated_leg_is_silent_while_its_time_goes_on(bench: Bench) -> None:
    peer = bench.peer()
    leg = bench.plane.add_leg("a", peer.address, None)
    peer.say(ramp(0))
    bench.tick()
    leg.gated = True
    peer.say(ramp(1))
    bench.tick()
    leg.gated = False
    peer.say(ramp(2))
    bench.tick()
    assert (leg.read(0, leg.end) == np.concatenate([ramp(0), ramp(1) * 0, ramp(2)])).all()


async def test_a_listener_is_woken_once_at_its_mark(bench: Bench) -> None:
    peer, listener = bench.peer(), Listener()
    leg = bench.plane.add_leg("a", peer.address, listener)
    leg.wake_when(2 * FRAME_SAMPLES)
    for number in range(4):
        peer.say(ramp(number))
        bench.tick()
    assert listener.calls == [("audio", 2 * FRAME_SAMPLES)]


async def test_an_unheard_leg_can_be_woken_without_harm(bench: Bench) -> None:
    peer = bench.peer()
    bench.plane.add_leg("a", peer.address, None).wake_when(1)
    peer.say(ramp(0))
    bench.tick()
    assert bench.plane.stats.callback_errors == 0


async def test_a_booth_sends_all_the_time_on_one_timeline(bench: Bench) -> None:
    peer = bench.peer()
    source = Script([None, tone(1), None])
    bench.plane.add_booth("b", peer.address, source)
    bench.tick(5)
    packets = peer.heard(5)
    assert {p.payload_type for p in packets} == {9}
    assert len({p.ssrc for p in packets}) == 1
    assert {len(p.payload) for p in packets} == {160}
    assert [sequence_delta(p.sequence, packets[0].sequence) for p in packets] == [0, 1, 2, 3, 4]
    assert [timestamp_delta(p.timestamp, packets[0].timestamp) for p in packets] == [0, 160, 320, 480, 640]
    assert len(source.sent) == 1
    assert NOW + 2 * PERIOD <= source.sent[0]


async def test_skipped_slots_advance_the_timestamp_and_send_nothing(bench: Bench) -> None:
    peer = bench.peer()
    bench.plane.add_booth("b", peer.address, Script([]))
    bench.tick()
    bench.tick(skipped=3)
    first, second = peer.heard(2)
    assert peer.nothing_more()
    assert sequence_delta(second.sequence, first.sequence) == 1
    assert timestamp_delta(second.timestamp, first.timestamp) == 4 * 160


async def test_what_a_booth_says_arrives(bench: Bench) -> None:
    peer = bench.peer()
    said = tone(20)
    bench.plane.add_booth("b", peer.address, Script(list(said.reshape(-1, FRAME_SAMPLES))))
    bench.tick(20)
    decoder = G722Decoder()
    heard = np.concatenate([decoder.decode(p.payload) for p in peer.heard(20)])
    assert level(heard[3200:]) == pytest.approx(level(said[3200:]), abs=0.5)


async def test_the_floor_is_heard_under_a_booth_but_not_in_others(bench: Bench) -> None:
    speaker, spanish, english = bench.peer(), bench.peer(), bench.peer()
    bench.plane.add_leg("a", speaker.address, None)
    bench.plane.add_booth("es", spanish.address, Script([]))
    bench.plane.add_booth("en", english.address, Script([]))
    bench.plane.set_floor("es", ["a", "not there yet"], -18.0)
    said = tone(50)
    for frame in said.reshape(-1, FRAME_SAMPLES):
        speaker.say(frame)
        bench.tick()
    heard = {}
    for name, peer in (("es", spanish), ("en", english)):
        decoder = G722Decoder()
        heard[name] = np.concatenate([decoder.decode(p.payload) for p in peer.heard(50)])
    assert level(heard["es"][8000:]) == pytest.approx(level(said) - 18.0, abs=0.5)
    assert level(heard["en"]) < -70


async def test_of_one_floor_some_may_be_at_full_level_and_others_ducked(bench: Bench) -> None:
    quiet, loud, booth = bench.peer(), bench.peer(), bench.peer()
    bench.plane.add_leg("quiet", quiet.address, None)
    bench.plane.add_leg("loud", loud.address, None)
    bench.plane.add_booth("es", booth.address, Script([]))
    bench.plane.set_floor("es", ["quiet", "loud"], -18.0, {"loud"})
    said = tone(50)
    levels = []
    for speaker, other in ((quiet, loud), (loud, quiet)):
        for frame in said.reshape(-1, FRAME_SAMPLES):
            speaker.say(frame)
            other.say(np.zeros(FRAME_SAMPLES, np.int16))
            bench.tick()
        decoder = G722Decoder()
        heard = np.concatenate([decoder.decode(p.payload) for p in booth.heard(50)])
        levels.append(level(heard[8000:]))
    assert levels == pytest.approx([level(said) - 18.0, level(said)], abs=0.5)


async def test_a_leg_that_comes_later_joins_the_floor_that_waits_for_it(bench: Bench) -> None:
    speaker, booth = bench.peer(), bench.peer()
    bench.plane.add_booth("es", booth.address, Script([]))
    bench.plane.set_floor("es", ["a"], 0.0)
    bench.plane.add_leg("a", speaker.address, None)
    for frame in tone(30).reshape(-1, FRAME_SAMPLES):
        speaker.say(frame)
        bench.tick()
    decoder = G722Decoder()
    assert level(np.concatenate([decoder.decode(p.payload) for p in booth.heard(30)])[6400:]) > -20


async def test_a_whisper_goes_to_the_tap_and_only_while_there_is_something(bench: Bench) -> None:
    peer = bench.peer()
    bench.plane.add_leg("a", peer.address, None)
    bench.plane.send_whisper("a", Script([tone(1), None, None, tone(1)]))
    bench.tick(6)
    first, second = peer.heard(2)
    assert peer.nothing_more()
    assert sequence_delta(second.sequence, first.sequence) == 1
    assert timestamp_delta(second.timestamp, first.timestamp) == 3 * 160
    bench.plane.send_whisper("a", None)
    bench.tick()
    assert peer.nothing_more()


class Broken(Listener):
    def on_audio(self, end: int) -> None:
        raise RuntimeError("listener")

    def next_frame(self, now: float) -> Pcm | None:
        raise RuntimeError("source")

    def on_sent(self, at: float) -> None:
        raise RuntimeError("source")


class WrongLength(Script):
    def next_frame(self, now: float) -> Pcm | None:
        return np.ones(319, np.int16)


async def test_a_broken_listener_or_source_stops_nobody(bench: Bench) -> None:
    speaker, other, booth, second = (bench.peer() for _ in range(4))
    bench.plane.add_leg("a", speaker.address, Broken()).wake_when(1)
    listener = Listener()
    bench.plane.add_leg("b", other.address, listener).wake_when(1)
    bench.plane.add_booth("x", booth.address, Broken())
    bench.plane.add_booth("y", second.address, WrongLength([]))
    speaker.say(ramp(0))
    other.say(ramp(0))
    bench.tick()
    assert listener.calls == [("audio", FRAME_SAMPLES)]
    assert len(booth.heard(1)) == len(second.heard(1)) == 1
    assert bench.plane.stats.callback_errors == 3


async def test_a_listener_may_remove_its_leg_and_its_neighbour(bench: Bench) -> None:
    class Leaver(Listener):
        def on_audio(self, end: int) -> None:
            super().on_audio(end)
            bench.plane.remove_leg("a")
            bench.plane.remove_leg("b")

    listener = Leaver()
    peers = {name: bench.peer() for name in "ab"}
    for name, peer in peers.items():
        bench.plane.add_leg(name, peer.address, listener).wake_when(1)
        peer.say(ramp(0))
    bench.tick()
    assert listener.calls == [("audio", FRAME_SAMPLES)]


async def test_a_removed_leg_keeps_its_audio_and_its_row_starts_clean(bench: Bench) -> None:
    peer, other = bench.peer(), bench.peer()
    leg = bench.plane.add_leg("a", peer.address, None)
    peer.say(ramp(0))
    bench.tick()
    bench.plane.remove_leg("a")
    bench.plane.remove_leg("a")
    new = bench.plane.add_leg("b", other.address, None)
    assert (new.end, leg.end) == (0, FRAME_SAMPLES)
    other.say(ramp(7))
    bench.tick()
    assert (leg.read(-10, FRAME_SAMPLES + 10)[10:-10] == ramp(0)).all()
    assert (new.read(0, FRAME_SAMPLES) == ramp(7)).all()


async def test_what_is_known_of_a_legs_echo_is_asked_of_its_audio(bench: Bench) -> None:
    """The booth's voice comes back 160 ms later, half as loud; what is asked once the leg is gone is not answered."""
    peer, booth, late = bench.peer(), bench.peer(), 8
    leg = bench.plane.add_leg("a", peer.address, None)
    said = list(np.concatenate([spoken(), spoken()])[: 150 * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES))
    bench.plane.add_booth("b", booth.address, Script(list(said)))
    bench.plane.set_room("1000", ["a"], ["b"])
    assert (leg.loudspeaker, leg.echo_delay) == (False, None)
    assert leg.echo_likeness(0, FRAME_SAMPLES) == UNLIKE
    for number in range(len(said)):
        peer.say(said[number - late] // 2 if number >= late else np.zeros(FRAME_SAMPLES, np.int16))
        bench.tick()
    assert leg.loudspeaker
    assert leg.echo_delay == pytest.approx(late * PERIOD, abs=0.03)
    assert leg.echo_likeness(leg.end - 40 * FRAME_SAMPLES, leg.end - 5 * FRAME_SAMPLES) > FOLLOWS
    bench.plane.remove_leg("a")
    assert (leg.loudspeaker, leg.echo_delay) == (False, None)
    assert leg.echo_likeness(leg.end - 40 * FRAME_SAMPLES, leg.end) == UNLIKE


async def test_a_freed_address_rests(bench: Bench) -> None:
    peer = bench.peer()
    bench.plane.add_leg("a", peer.address, None)
    peer.say(ramp(0))
    bench.tick()
    bench.plane.remove_leg("a")
    peer.say(ramp(1))
    bench.tick()
    assert bench.plane.stats.resting_source == 1
    leg = bench.plane.add_leg("b", peer.address, None)
    peer.say(ramp(2))  # still the old channel's
    bench.tick()
    assert leg.end == 0
    peer.ssrc = 99
    peer.say(ramp(3))
    bench.tick()
    assert (leg.read(0, leg.end) == ramp(3)).all()


async def test_what_cannot_be_added_is_refused_by_name(bench: Bench) -> None:
    plane, peer = bench.plane, bench.peer()
    plane.add_leg("a", peer.address, None)
    with pytest.raises(MediaError, match="'a' exists already"):
        plane.add_leg("a", ("127.0.0.1", 9), None)
    with pytest.raises(MediaError, match="already belongs"):
        plane.add_leg("b", peer.address, None)
    with pytest.raises(MediaError, match="not an IPv4 address"):
        plane.add_leg("b", ("localhost", 9), None)
    with pytest.raises(MediaError, match="no booth 'nowhere'"):
        plane.set_floor("nowhere", [], 0.0)
    for number in range(7):
        plane.add_leg(f"more {number}", ("127.0.0.1", 20000 + number), None)
    with pytest.raises(MediaError, match="no room"):
        plane.add_leg("too many", ("127.0.0.1", 21000), None)


async def test_two_planes_cannot_have_one_port(bench: Bench) -> None:
    second = MediaPlane(dataclasses.replace(MediaConfig(vad="none"), port=bench.plane.address[1]))
    with pytest.raises(MediaSocketError, match="Address already in use"):
        await second.start()


async def test_it_ticks_by_itself_and_closes_twice() -> None:
    reached = asyncio.Event()

    class Waker(Listener):
        def on_audio(self, end: int) -> None:
            reached.set()

    plane = MediaPlane(MediaConfig(vad="none", max_legs=2, max_streams=2))
    await plane.start()
    peer = Peer(plane.address)
    plane.add_leg("a", peer.address, Waker()).wake_when(1)
    peer.say(ramp(0))
    async with asyncio.timeout(60):
        await reached.wait()
    assert plane.stats.ticks >= 1
    await plane.close()
    await plane.close()
    peer.close()
    with pytest.raises(MediaError, match="not started"):
        _ = plane.address


async def test_it_tells_when_it_stood_still_and_since_when() -> None:
    told: list[tuple[float, float]] = []
    seen = asyncio.Event()

    def on_stall(since: float, until: float) -> None:
        told.append((since, until))
        seen.set()

    plane = MediaPlane(MediaConfig(vad="none", max_legs=2, max_streams=2))
    plane.on_stall = on_stall
    await plane.start()
    peer = Peer(plane.address)
    plane.add_booth("b", peer.address, Script([]))
    async with asyncio.timeout(60):
        while not plane.stats.packets_out:
            await asyncio.sleep(0)
    told.clear()
    seen.clear()
    began = time.monotonic()
    time.sleep(2 * TORN_S)  # nothing else holds the loop as a machine without time does
    ended = time.monotonic()
    async with asyncio.timeout(60):
        await seen.wait()
    await plane.close()
    peer.close()
    since, until = told[0]
    assert since <= began + PERIOD
    assert until >= ended - PERIOD


def spans_told_to(bench: Bench) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """What is told, from now on, of sound that was not sent, and of sound that was not heard."""
    torn: list[tuple[float, float]] = []
    unheard: list[tuple[float, float]] = []
    bench.plane.on_stall = lambda since, until: torn.append((since, until))
    bench.plane.on_unheard = lambda since, until: unheard.append((since, until))
    return torn, unheard


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what found no room")
async def test_it_tells_when_more_came_than_the_socket_has_room_for(bench: Bench) -> None:
    torn, unheard = spans_told_to(bench)
    peer = bench.peer()
    leg = bench.plane.add_leg("a", peer.address, None)
    peer.say(ramp(0))
    bench.tick()
    stood = bench.plane.receive_buffer // 700 + 1  # of 700 bytes and more: too many, however few the kernel takes
    for number in range(stood):
        peer.say(ramp(number % 50))
    bench.tick(skipped=stood - 1)
    for number in range(5):
        peer.say(ramp(number))
        bench.tick()
    assert leg.end > FRAME_SAMPLES
    assert unheard == [(NOW + PERIOD, NOW + (1 + stood) * PERIOD)]
    assert torn == [], "nobody was spoken to"


async def test_it_tells_when_the_kernel_takes_nothing_of_what_booths_say(bench: Bench) -> None:
    torn, unheard = spans_told_to(bench)
    bench.plane.add_booth("b", ("255.255.255.255", 9), Script([]))  # a broadcast without SO_BROADCAST: EACCES
    bench.tick()
    assert torn == []
    bench.tick(4)
    assert torn == [pytest.approx((NOW + PERIOD, NOW + 4 * PERIOD), abs=PERIOD / 2)]
    bench.plane.add_booth("c", bench.peer().address, Script([]))
    bench.tick(100)
    assert len(torn) == 2, "one of the two goes: the other is gone, and not the socket"
    assert unheard == []


def hear(bench: Bench, peer: Peer, seconds: float) -> None:
    """Tick, while somebody speaks."""
    for number in range(round(seconds / PERIOD)):
        peer.say(ramp(number % 50))
        bench.tick()


async def test_a_socket_that_is_opened_anew_had_been_emptied_and_nothing_is_told_to_be_unheard(bench: Bench) -> None:
    torn, unheard = spans_told_to(bench)
    reopened = []
    bench.plane.tell = lambda kind, action, status, *_, **__: reopened.append(status)
    peer = bench.peer()
    leg = bench.plane.add_leg("a", peer.address, None)
    bench.plane.add_booth("b", ("255.255.255.255", 9), Script([]))
    hear(bench, peer, 5.0)
    assert len(reopened) >= 2 and set(reopened) == {Status.RECOVERING}
    assert leg.end == 5 * SAMPLE_RATE, "and nothing was"
    assert torn
    assert unheard == []


async def test_while_the_socket_cannot_be_opened_anew_nothing_is_heard_and_that_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, unheard = spans_told_to(bench)
    tried = []
    bench.plane.tell = lambda kind, action, status, *_, **__: tried.append((status, bench.now))
    peer = bench.peer()
    bench.plane.add_leg("a", peer.address, None)
    bench.plane.add_booth("b", ("255.255.255.255", 9), Script([]))
    bind = socket._bind
    monkeypatch.setattr(socket, "_bind", mock.Mock(side_effect=MediaSocketError("not now")))
    while not tried:
        hear(bench, peer, PERIOD)
    came = bench.plane.stats.packets_in
    hear(bench, peer, 2.0)
    monkeypatch.setattr(socket, "_bind", bind)
    while tried[-1][0] is Status.FAILED:
        hear(bench, peer, PERIOD)
    opened_at = tried[-1][1]  # it is tried again: the booth is as unreachable as before
    assert bench.plane.stats.packets_in == came
    hear(bench, peer, 2.0)
    assert (unheard[0][0], unheard[-1][1]) == (tried[0][1], opened_at)
    assert all(before[1] == after[0] for before, after in pairwise(unheard))


@pytest.mark.parametrize("which", ["on_stall", "on_unheard"])
async def test_who_fails_at_hearing_of_a_hole_keeps_nobody_else_from_his_tick(bench: Bench, which: str) -> None:
    def fails(since: float, until: float) -> None:
        raise LookupError("no such room")

    peer, listener = bench.peer(), Listener()
    bench.plane.add_leg("a", peer.address, listener).wake_when(FRAME_SAMPLES)
    bench.plane.add_booth("b", bench.peer().address, Script([]))
    bench.tick()
    setattr(bench.plane, which, fails)
    with mock.patch.object(bench.plane._unheard, "drained", return_value=(NOW, NOW + 1)):
        peer.say(ramp(0))
        bench.tick(skipped=9)
    assert listener.calls == [("audio", FRAME_SAMPLES)]
    assert bench.plane.stats.callback_errors == 1


def level(samples: Pcm) -> float:
    return 20 * np.log10(max(float(np.sqrt(np.mean(samples.astype(float) ** 2))), 1e-3) / 32768)


@pytest.mark.parametrize("vad", ["energy", "silero"])
async def test_a_listener_is_told_where_speech_starts_and_ends(vad) -> None:
    said = np.concatenate([np.zeros(8000, np.int16), spoken(), np.zeros(16000, np.int16)])
    async with opened(MediaConfig(vad=vad, max_legs=2, max_streams=1)) as bench:
        peer, listener = bench.peer(), Listener()
        audio = bench.plane.add_leg("a", peer.address, listener)
        assert audio.heard_until == 0
        for at in range(0, len(said) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
            peer.say(said[at : at + FRAME_SAMPLES])
            bench.tick()
        heard_until = audio.heard_until
        bench.plane.remove_leg("a")
        assert audio.heard_until == heard_until == listener.calls[1][1]
    assert [name for name, _ in listener.calls] == ["start", "end"]
    assert abs(listener.calls[0][1] - 8000) < 1600
    assert abs(listener.calls[1][1] - (8000 + len(spoken()))) < 2400
