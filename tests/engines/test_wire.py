"""Frames between the daemon and a worker: any cut and any bytes."""

from __future__ import annotations

import asyncio
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines import wire

frames = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=200)), max_size=6)


async def read_all(data: bytes, cuts: list[int]) -> list[tuple[int, bytes]]:
    reader = asyncio.StreamReader()
    at = 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        reader.feed_data(data[at:cut])
        at = max(at, cut)
    reader.feed_eof()
    found = []
    while (frame := await wire.read(reader)) is not None:
        found.append(frame)
    return found


@given(frames, st.lists(st.integers(0, 1000), max_size=5))
def test_frames_come_as_they_went(sent: list[tuple[int, bytes]], cuts: list[int]) -> None:
    data = b"".join(wire.pack(kind, payload) for kind, payload in sent)
    assert asyncio.run(read_all(data, cuts)) == sent
    file, found = io.BytesIO(data), []
    while (frame := wire.read_blocking(file)) is not None:
        found.append(frame)
    assert found == sent


@given(st.binary(min_size=1, max_size=60), st.integers(1, 60))
def test_a_cut_frame_is_an_error(payload: bytes, cut: int) -> None:
    data = wire.pack(7, payload)[:-cut]
    if not data:
        assert asyncio.run(read_all(data, [])) == []
        return
    with pytest.raises(wire.WireError):
        asyncio.run(read_all(data, []))
    with pytest.raises(wire.WireError):
        wire.read_blocking(io.BytesIO(data))


@given(st.binary(max_size=100))
def test_any_bytes_are_frames_or_an_error(data: bytes) -> None:
    try:
        found = asyncio.run(read_all(data, []))
    except wire.WireError:
        return
    assert b"".join(wire.pack(kind, payload) for kind, payload in found) == data


def test_a_huge_frame_is_refused_both_ways() -> None:
    with pytest.raises(wire.WireError, match="at most"):
        wire.pack(1, bytes(wire.MAX_PAYLOAD + 1))
    with pytest.raises(wire.WireError, match="at most"):
        wire.read_blocking(io.BytesIO(b"\x01\xff\xff\xff\xff"))
