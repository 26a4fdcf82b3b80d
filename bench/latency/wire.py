"""What goes over the loopback interface: a process of its own that notes every RTP packet with the kernel's time.

    python -m bench.latency.wire FILE PORT ...     UDP datagrams from or to these ports of 127.0.0.1, until standard
                                                   input closes

It needs root or CAP_NET_RAW (packet(7)). No line of the daemon's is involved.
"""

from __future__ import annotations

import asyncio
import ctypes
import select
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import G722
import numpy as np
import numpy.typing as npt

from dragoman.errors import DemoError
from dragoman.media.format import SAMPLE_RATE, Pcm

_RECORD = struct.Struct("<qHHH")
"""Nanoseconds since the epoch, source port, destination port, length of the datagram that follows."""

_ETH_P_IP = 0x0800
_SO_TIMESTAMPNS = 35
_SO_ATTACH_FILTER = 26
_SO_RCVBUF = 1 << 24

_LD_BYTE, _JUMP_EQUAL, _RETURN = 0x30, 0x15, 0x06
_FILTER = (  # classic BPF; each packet is seen once, as it comes: who asks for IP alone is not shown what goes out
    (_LD_BYTE, 0, 0, 9),
    (_JUMP_EQUAL, 0, 1, socket.IPPROTO_UDP),
    (_RETURN, 0, 0, 0xFFFF),
    (_RETURN, 0, 0, 0),
)

_End = tuple[bytes, int]
"""Address, four bytes, and port."""

_HOST = socket.inet_aton("127.0.0.1")

_IP_UDP = 28
"""Bytes of both headers, without IP options."""
_RTP = struct.Struct(">BBHII")

G722_TYPE = 9
"""RFC 3551 table 4; its clock is 8000 Hz although it samples at 16000."""

TURN = 1 << 32

_READ_AFTER_S = 0.001
"""Seconds between sending and reading, so that a time of the one is no time of the other."""

READY_S = 10.0
"""Seconds within which a capture says that it is ready."""


def capture(path: Path, ports: frozenset[int]) -> None:
    """Note datagrams until standard input closes; says "ready" first.

    Raises:
        PermissionError: this process may not open a packet socket.
    """
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP)) as tap,
        path.open("wb", buffering=1 << 20) as out,
    ):
        code = b"".join(struct.pack("HBBI", *step) for step in _FILTER)
        kept = ctypes.create_string_buffer(code, len(code))
        tap.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(_FILTER), ctypes.addressof(kept)))
        tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SO_RCVBUF)
        tap.bind(("lo", _ETH_P_IP))
        _until_stamped(tap)
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([tap, sys.stdin], [], [])
            if tap not in readable:
                return  # what came before the end is noted
            (source_host, source), (target_host, target), at, datagram = _next(tap)
            if (source_host == _HOST and source in ports) or (target_host == _HOST and target in ports):
                out.write(_RECORD.pack(at, source, target, len(datagram)) + datagram)


def _next(tap: socket.socket) -> tuple[_End, _End, int, bytes]:
    """Source and destination, nanoseconds since the epoch, datagram."""
    data, ancillary, _, _ = tap.recvmsg(4096, 64)
    source, target = struct.unpack_from(">HH", data, 20)
    seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
    return (data[12:16], source), (data[16:20], target), seconds * 10**9 + nanoseconds, data[_IP_UDP:]


def _until_stamped(tap: socket.socket) -> None:
    """Wait until packets have the time at which they were sent.

    The first socket that asks for it has the kernel begin with it, a while later, from a work queue
    (net_enable_timestamp in net/core/dev.c). Packets that come before have the time at which they are read.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        to_itself = ((_HOST, probe.getsockname()[1]),) * 2
        while True:
            probe.sendto(b"", probe.getsockname())
            sent = time.time_ns()
            time.sleep(_READ_AFTER_S)
            while (read := _next(tap))[:2] != to_itself:
                pass
            if read[2] <= sent:
                return


@asynccontextmanager
async def captured(path: Path, ports: set[int]) -> AsyncIterator[None]:
    """Capture meanwhile, in a process of its own: what is sent from or to one of these ports.

    Raises:
        DemoError: it may not.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.latency.wire", str(path), *map(str, sorted(ports))),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    try:
        async with asyncio.timeout(READY_S):
            if await process.stdout.readline() != b"ready\n":
                why = (await process.stderr.read()).decode().strip().splitlines()
                reason = why[-1] if why else "no reason given"
                raise DemoError(f"no packets can be captured, which takes root or CAP_NET_RAW: {reason}")
        yield
        process.stdin.close()
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True)
class Track:
    """Sound whose samples have times."""

    pcm: Pcm
    starts: npt.NDArray[np.int64]
    """First sample of each packet."""
    times: npt.NDArray[np.float64]
    """When that packet was sent, seconds since the epoch."""

    def sent(self, second: float) -> float:
        """When the packet with this place (seconds from the track's beginning) was sent."""
        packet = int(np.searchsorted(self.starts, second * SAMPLE_RATE, side="right")) - 1
        return float(self.times[max(packet, 0)])


@dataclass(slots=True)
class Flow:
    """The packets of one RTP stream."""

    source: int
    target: int
    ssrc: int
    payload_type: int
    packets: list[tuple[float, int, bytes]] = field(default_factory=list)
    """(seconds since the epoch, RTP timestamp, payload)."""

    def track(self) -> Track:
        """Its sound on its own timeline, what was never sent as silence."""
        wide = self.payload_type == G722_TYPE
        decoder = G722.G722(SAMPLE_RATE, 64000)
        first = self.packets[0][1]
        starts, times, pieces = [], [], []
        for sent, timestamp, payload in self.packets:
            offset = (timestamp - first + TURN // 2) % TURN - TURN // 2  # packets may be out of order
            pcm = np.asarray(decoder.decode(payload)) if wide else np.frombuffer(payload, ">i2")
            starts.append(offset * 2 if wide else offset)
            times.append(sent)
            pieces.append(pcm.astype(np.int16))
        lowest = min(starts)
        sound = np.zeros(max(s + len(p) for s, p in zip(starts, pieces, strict=True)) - lowest, np.int16)
        for start, piece in zip(starts, pieces, strict=True):
            sound[start - lowest : start - lowest + len(piece)] = piece
        order = np.argsort(starts, kind="stable")
        return Track(sound, np.asarray(starts)[order] - lowest, np.asarray(times)[order])


def read(path: Path) -> list[Flow]:
    """The RTP streams of a captured file, in the order in which they began."""
    flows: dict[tuple[int, int, int], Flow] = {}
    for sent, source, target, datagram in _records(path.read_bytes()):
        if len(datagram) <= _RTP.size or datagram[0] != 0x80 or 72 <= datagram[1] & 0x7F <= 79:
            continue  # RTCP shares the range 200 to 207 (RFC 5761)
        _, kind, _, timestamp, ssrc = _RTP.unpack_from(datagram)
        flow = flows.setdefault((source, target, ssrc), Flow(source, target, ssrc, kind & 0x7F))
        flow.packets.append((sent, timestamp, datagram[_RTP.size :]))
    return list(flows.values())


def _records(data: bytes) -> Iterator[tuple[float, int, int, bytes]]:
    at = 0
    while at + _RECORD.size <= len(data):
        nanoseconds, source, target, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        yield nanoseconds / 1e9, source, target, data[at : at + length]
        at += length


if __name__ == "__main__":
    capture(Path(sys.argv[1]), frozenset(map(int, sys.argv[2:])))
