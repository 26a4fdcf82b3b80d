"""The media socket: both implementations give the same answers."""

from __future__ import annotations

import errno
import socket as system
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dragoman.errors import MediaError, MediaSocketError
from dragoman.media import socket as media
from dragoman.media.socket import BATCH, SLOT_BYTES, BatchedSocket, MediaSocket, PlainSocket, open_media_socket
from dragoman.media.sources import source_key

KINDS = [PlainSocket, *([BatchedSocket] if BatchedSocket.available() else [])]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def ours(request: pytest.FixtureRequest) -> Iterator[MediaSocket]:
    opened = request.param(media._bind("127.0.0.1", 0), 8, 20)
    yield opened
    opened.close()


@pytest.fixture
def peers() -> Iterator[list[system.socket]]:
    opened = []
    for _ in range(3):
        opened.append(system.socket(system.AF_INET, system.SOCK_DGRAM))
        opened[-1].bind(("127.0.0.1", 0))
        opened[-1].settimeout(5)
    yield opened
    for sock in opened:
        sock.close()


def test_an_empty_socket_gives_nothing_at_once(ours: MediaSocket) -> None:
    assert ours.receive() == 0


def test_datagrams_come_with_length_and_source(ours: MediaSocket, peers: list[system.socket]) -> None:
    sent = [b"one", b"", b"three" * 100]
    for peer, data in zip(peers, sent, strict=True):
        peer.sendto(data, ours.address)
    assert ours.receive() == 3
    for row, (peer, data) in enumerate(zip(peers, sent, strict=True)):
        assert ours.slots[row, : ours.lengths[row]].tobytes() == data
        assert ours.sources[row] == source_key(peer.getsockname())
    assert (0 <= ours.ages[:3]).all() and (ours.ages[:3] < 5).all()
    assert ours.receive() == 0


@pytest.mark.parametrize("jump", [-3600.0, -0.7, 1.5, 3600.0])
def test_a_jump_of_the_time_of_day_makes_no_datagram_old_or_of_the_future(
    ours: MediaSocket, peers: list[system.socket], monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    ours.receive()
    empty_at, time_of_day = time.monotonic(), time.time
    peers[0].sendto(b"sent before it", ours.address)
    monkeypatch.setattr(media.time, "time", lambda: time_of_day() + jump)
    assert ours.receive() == 1
    assert 0 <= ours.ages[0] <= time.monotonic() - empty_at + 0.1


def test_a_long_datagram_is_cut(ours: MediaSocket, peers: list[system.socket]) -> None:
    peers[0].sendto(b"x" * (SLOT_BYTES + 500), ours.address)
    assert ours.receive() == 1
    assert ours.lengths[0] == SLOT_BYTES


def test_more_than_a_batch_takes_several_calls(ours: MediaSocket, peers: list[system.socket]) -> None:
    if ours.receive_buffer < (BATCH + 10) * 1000:
        pytest.skip(f"the kernel grants {ours.receive_buffer} bytes only")
    for number in range(BATCH + 10):
        peers[0].sendto(number.to_bytes(2, "big"), ours.address)
    assert ours.receive() == BATCH
    assert ours.slots[0, :2].tobytes() == b"\0\0"
    assert ours.receive() == 10
    assert ours.slots[9, :2].tobytes() == (BATCH + 9).to_bytes(2, "big")


def may_administer() -> bool:
    with system.socket(system.AF_INET, system.SOCK_DGRAM) as probe:
        try:
            probe.setsockopt(system.SOL_SOCKET, 33, 4096)  # SO_RCVBUFFORCE
        except OSError:
            return False
    return True


@pytest.mark.skipif(not may_administer(), reason="needs CAP_NET_ADMIN")
def test_who_may_gets_a_buffer_beyond_the_hosts_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = int(Path("/proc/sys/net/core/rmem_max").read_text())
    monkeypatch.setattr(media, "RECEIVE_BUFFER_BYTES", 2 * limit)
    with media._bind("127.0.0.1", 0) as sock:
        assert sock.getsockopt(system.SOL_SOCKET, system.SO_RCVBUF) == 4 * limit


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_what_finds_no_room_is_counted_until_it_is_opened_anew(ours: MediaSocket, peers: list[system.socket]) -> None:
    assert ours.dropped() == 0
    sent = ours.receive_buffer // 700 + 1
    for _ in range(sent):
        peers[0].sendto(bytes(652), ours.address)
    received = 0
    while count := ours.receive():
        received += count
    assert received > 0
    assert ours.dropped() == sent - received > 0
    ours.reopen()
    assert ours.dropped() == 0
    ours.close()
    assert ours.dropped() == 0


def test_rows_go_each_to_its_own_destination(ours: MediaSocket, peers: list[system.socket]) -> None:
    for row, peer in ((5, peers[0]), (2, peers[1])):
        ours.set_destination(row, peer.getsockname())
        ours.outgoing[row] = row
    assert ours.send(np.array([5, 2])) == 2
    assert peers[0].recvfrom(100) == (b"\5" * 20, ours.address)
    assert peers[1].recvfrom(100) == (b"\2" * 20, ours.address)
    assert ours.send(np.array([], np.int64)) == 0


def test_one_that_cannot_be_sent_does_not_stop_the_rest(ours: MediaSocket, peers: list[system.socket]) -> None:
    ours.set_destination(0, ("255.255.255.255", 9))  # a broadcast without SO_BROADCAST: EACCES
    ours.set_destination(1, peers[1].getsockname())
    ours.outgoing[1] = 7
    assert ours.send(np.array([0, 1, 0])) == 1
    assert peers[1].recv(100) == b"\7" * 20


def test_a_destination_must_be_numeric(ours: MediaSocket) -> None:
    with pytest.raises(MediaError, match="not an IPv4 address"):
        ours.set_destination(0, ("localhost", 5))
    with pytest.raises(MediaError, match="port 0"):
        ours.set_destination(0, ("127.0.0.1", 0))


def test_it_closes_twice(ours: MediaSocket) -> None:
    ours.close()
    ours.close()


def test_the_fastest_that_there_is_gets_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    for available, kind in ((True, KINDS[-1]), (False, PlainSocket)):
        monkeypatch.setattr(
            BatchedSocket, "available", staticmethod(lambda answer=available: answer and len(KINDS) > 1)
        )
        opened = open_media_socket("127.0.0.1", 0, 1, 1)
        assert type(opened) is kind
        assert opened.receive_buffer > 0
        opened.close()


def test_what_cannot_be_bound_is_named() -> None:
    with pytest.raises(MediaSocketError, match=r"192\.0\.2\.1:0") as caught:
        open_media_socket("192.0.2.1", 0, 1, 1)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize("set_by", [0.0, 3600.0, -3600.0, 1.5, -0.7])
def test_datagrams_keep_their_distance_whatever_becomes_of_the_time_of_day(set_by: float) -> None:
    ages = np.array([0.24, 0.12, 0.001]) + set_by
    found = media._plausible(ages, 0.26)
    assert (np.diff(found) < 0).all(), "in the order in which they came"
    assert found[-1] == pytest.approx(0.0, abs=0.0011), "the newest has just come: nothing is made up for it"
    assert found[0] == pytest.approx(0.24, abs=0.0011)
    assert media._plausible(ages, 0.1).max() <= 0.1
