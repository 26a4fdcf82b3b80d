"""The capture of bench/latency: packets of any order to sound with times, and the kernel's view of real datagrams."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from pathlib import Path
from random import Random

import G722
import numpy as np
import pytest
from bench.latency import wire
from tests.tonewords.decode import decode
from tests.tonewords.encode import encode

FRAME = 320


def rtp(kind: int, number: int, timestamp: int, payload: bytes, ssrc: int = 7) -> bytes:
    return struct.pack(">BBHII", 0x80, kind, number % 65536, timestamp % 2**32, ssrc) + payload


def flow(frames: list[np.ndarray], step: int, first: int = 2**32 - 500) -> wire.Flow:
    made = wire.Flow(1, 2, 7, 118)
    made.packets = [
        (10.0 + 0.02 * i, (first + step * i) % 2**32, frame.astype(">i2").tobytes()) for i, frame in enumerate(frames)
    ]
    return made


def frames(count: int) -> list[np.ndarray]:
    return [np.full(FRAME, i, np.int16) for i in range(count)]


def test_packets_are_put_in_order_and_what_is_missing_is_silent() -> None:
    whole = flow(frames(10), FRAME)
    whole.packets[3], whole.packets[4] = whole.packets[4], whole.packets[3]
    del whole.packets[7]
    track = whole.track()
    assert [int(track.pcm[i * FRAME]) for i in range(10)] == [0, 1, 2, 3, 4, 5, 6, 0, 8, 9]
    assert track.sent(8.5 * FRAME / 16_000) == pytest.approx(10.16)
    assert track.sent(3.0 * FRAME / 16_000) == pytest.approx(10.06)


def test_the_first_packet_may_come_second() -> None:
    late = flow(frames(4), FRAME)
    late.packets[0], late.packets[1] = late.packets[1], late.packets[0]
    assert [int(late.track().pcm[i * FRAME]) for i in range(4)] == [0, 1, 2, 3]


def test_g722_is_decoded_although_its_clock_counts_every_other_sample(tmp_path: Path) -> None:
    said = "en001a en002a en003a"
    pcm = encode(said)
    pcm = np.concatenate([pcm, np.zeros(-len(pcm) % FRAME, np.int16)])
    encoder = G722.G722(16_000, 64_000)
    records = b""
    for i in range(0, len(pcm), FRAME):
        packet = rtp(9, i // FRAME, i // 2, encoder.encode(pcm[i : i + FRAME].tolist()))
        control = struct.pack(">BBH", 0x80, 200, 6) + bytes(24)
        for datagram in (packet, control, b"x"):
            records += struct.pack("<qHHH", round((5 + i / 16_000) * 1e9), 4000, 5000, len(datagram)) + datagram
    (tmp_path / "wire").write_bytes(records)
    (found,) = wire.read(tmp_path / "wire")
    assert (found.source, found.target, found.payload_type) == (4000, 5000, wire.G722_TYPE)
    track = found.track()
    heard = decode(track.pcm)
    assert " ".join(word.text or "?" for word in heard) == said
    assert track.sent(heard[1].start_s) == pytest.approx(5 + 0.36, abs=0.021)


def test_streams_are_told_apart_by_ports_and_ssrc(tmp_path: Path) -> None:
    random = Random(1)
    keys = [(10, 20, 1), (10, 20, 2), (20, 10, 1)]
    records, sent = b"", dict.fromkeys(keys, 0)
    for _ in range(200):
        source, target, ssrc = key = random.choice(keys)
        datagram = rtp(118, sent[key], 320 * sent[key], bytes(640), ssrc)
        sent[key] += 1
        records += struct.pack("<qHHH", 0, source, target, len(datagram)) + datagram
    (tmp_path / "wire").write_bytes(records)
    assert {(f.source, f.target, f.ssrc): len(f.packets) for f in wire.read(tmp_path / "wire")} == sent


async def test_datagrams_are_noted_once_with_the_time_at_which_they_were_sent(tmp_path: Path) -> None:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM).close()
    except PermissionError:
        pytest.skip("a packet socket takes root or CAP_NET_RAW")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("127.0.0.1", 0))
        port = receiver.getsockname()[1]
        path = tmp_path / "wire"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.latency.wire", str(path), str(port)),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None and process.stdin is not None
        assert await process.stdout.readline() == b"ready\n"
        spans = []
        for number in range(20):
            begun = time.time()
            sender.sendto(rtp(118, number, 320 * number, bytes(640)), ("127.0.0.1", port))
            spans.append((begun, time.time()))
        other.sendto(b"to nobody we know", ("127.0.0.1", 9))
        other.sendto(rtp(118, 99, 99, bytes(640)), ("127.0.0.2", port))  # another one's port of this number
        process.stdin.close()
        await process.wait()
    (found,) = wire.read(path)
    assert [timestamp for _, timestamp, _ in found.packets] == [320 * number for number in range(20)]
    assert all(begun <= at <= ended for (at, _, _), (begun, ended) in zip(found.packets, spans, strict=True))
