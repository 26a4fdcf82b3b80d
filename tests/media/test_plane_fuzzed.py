"""Datagrams of any kind at the media plane's socket, from taps and strangers: it ticks on, and who speaks is heard."""

from __future__ import annotations

import asyncio

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.media.peers import ramp
from tests.media.test_plane import opened

from dragoman.media.codec import SLIN16_PAYLOAD_TYPE
from dragoman.media.format import FRAME_SAMPLES
from dragoman.media.plane import MediaConfig
from dragoman.media.rtp import RtpPacket, build

headers = st.builds(
    RtpPacket,
    payload_type=st.sampled_from([SLIN16_PAYLOAD_TYPE, 0, 9, 127]),
    sequence=st.integers(0, 2**16 - 1),
    timestamp=st.integers(0, 2**32 - 1),
    ssrc=st.sampled_from([1, 2, 2**32 - 1]),
    payload=st.sampled_from([bytes(640), b"\x11\x22" * 320, bytes(639), b"", bytes(1500)]),
)
datagrams = st.binary(max_size=1200) | headers.map(build) | st.binary(max_size=20).map(lambda tail: b"\x80\x76" + tail)
junk = st.lists(st.tuples(st.booleans(), datagrams), max_size=30)
"""(from the tap's own address, datagram)"""

ANEW = 77
"""An SSRC that no junk has."""

SILENT_TICKS = 50
"""A second: a stream ends 60 ms behind its last packet, wherever a held-up machine thinks that this came."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(junk, junk)
def test_no_datagram_stops_the_tick_or_another_caller(
    first: list[tuple[bool, bytes]], then: list[tuple[bool, bytes]]
) -> None:
    async def attack() -> None:
        async with opened(MediaConfig(vad="energy", max_legs=8, max_streams=8)) as bench:
            victim, stranger, neighbour = bench.peer(), bench.peer(), bench.peer(7)
            attacked = bench.plane.add_leg("attacked", victim.address, None)
            heard = bench.plane.add_leg("heard", neighbour.address, None)
            for batch in (first, then):
                for own, datagram in batch:
                    (victim if own else stranger).send(datagram)
                bench.tick()
            said = [ramp(i) for i in range(5)]
            for frame in said:
                neighbour.say(frame)
                victim.send(b"\x80\x76junk")
                bench.tick()
            assert bench.plane.stats.callback_errors == 0
            assert heard.end == 5 * FRAME_SAMPLES
            for number, frame in enumerate(said):
                assert (heard.read(number * FRAME_SAMPLES, (number + 1) * FRAME_SAMPLES) == frame).all()
            # The attacked caller too, as soon as he begins anew: nothing that came before outlives its own RTP stream.
            bench.tick(SILENT_TICKS)
            victim.ssrc = ANEW
            for frame in said:
                victim.say(frame)
                bench.tick()
            assert (attacked.read(attacked.end - 5 * FRAME_SAMPLES, attacked.end) == np.concatenate(said)).all()

    asyncio.run(attack())
