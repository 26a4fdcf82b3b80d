"""RTP headers: RFC 3550 section 5.1, one by one and by the batch."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import MalformedPacket
from dragoman.media.rtp import (
    HEADER_BYTES,
    BatchParser,
    RtpPacket,
    build,
    parse,
    payload_span,
    sequence_delta,
    timestamp_delta,
)

packets = st.builds(
    RtpPacket,
    st.integers(0, 127),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=200),
    st.booleans(),
)


@st.composite
def dressed(draw: st.DrawFn) -> tuple[bytes, RtpPacket]:
    """A packet with what RFC 3550 allows around the payload, and what it carries."""
    packet = draw(packets)
    plain = build(packet)
    csrc = draw(st.lists(st.binary(min_size=4, max_size=4), max_size=15))
    extension = draw(st.none() | st.binary(max_size=10).map(lambda b: b"\xbe\xde" + len(b).to_bytes(2, "big") + b * 4))
    padding = draw(st.none() | st.integers(1, 255))
    first = 0x80 | len(csrc) | (extension is not None) << 4 | (padding is not None) << 5
    tail = bytes(padding - 1) + bytes([padding]) if padding else b""
    return bytes([first]) + plain[1:12] + b"".join(csrc) + (extension or b"") + packet.payload + tail, packet


@given(packets)
def test_what_is_built_is_read(packet: RtpPacket) -> None:
    assert parse(build(packet)) == packet


def test_the_bytes_of_the_rfc() -> None:
    packet = RtpPacket(118, 0x0102, 0x03040506, 0x0708090A, b"xy", marker=True)
    assert build(packet) == bytes([0x80, 0x80 | 118, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) + b"xy"


@given(dressed())
def test_padding_extension_and_csrc_are_seen_through(pair: tuple[bytes, RtpPacket]) -> None:
    data, packet = pair
    assert parse(data) == packet


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "0 bytes"),
        (b"\x80" * 11, "11 bytes"),
        (b"\x40" + bytes(11), "version 1"),
        (b"\x81" + bytes(11), "fewer than its header"),
        (b"\x90" + bytes(13), "extension cut off"),
        (b"\x90" + bytes(11) + b"\0\0\0\1", "fewer than its header"),
        (b"\xa0" + bytes(11) + b"ab\x00", "padding of 0"),
        (b"\xa0" + bytes(11) + b"ab\x04", "fewer than its header"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, why: str) -> None:
    with pytest.raises(MalformedPacket, match=why):
        parse(data)


@given(st.lists(st.binary(max_size=64) | dressed().map(lambda pair: pair[0][:256]), min_size=1, max_size=20))
def test_the_batch_reads_what_the_scalar_reads(datagrams: list[bytes]) -> None:
    slots = np.full((len(datagrams), 256), 0xA5, np.uint8)
    for slot, data in zip(slots, datagrams, strict=True):
        slot[: len(data)] = np.frombuffer(data, np.uint8)
    batch = BatchParser(slots).parse(np.array([len(data) for data in datagrams]))
    for row, data in enumerate(datagrams):
        with contextlib.suppress(MalformedPacket):
            packet = parse(data)
            assert batch.valid[row]
            assert batch.payload_type[row] == packet.payload_type
            assert batch.sequence[row] == packet.sequence
            assert batch.timestamp[row] == packet.timestamp
            assert batch.ssrc[row] == packet.ssrc
            start, stop = payload_span(data)
            moved = dict(batch.moved).get(row, HEADER_BYTES)
            assert (moved, batch.payload_bytes[row]) == (start, stop - start)
            continue
        assert not batch.valid[row]


@given(st.integers(0, 2**16 - 1), st.integers(-(2**15), 2**15 - 1))
def test_sequence_distance_spans_the_wrap(start: int, step: int) -> None:
    assert sequence_delta((start + step) % 2**16, start) == step


@given(st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1))
def test_timestamp_distance_spans_the_wrap(start: int, step: int) -> None:
    assert timestamp_delta((start + step) % 2**32, start) == step
