"""The way between Asterisk and the daemon: each side has one peer, and what befalls it befalls both ways."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import pytest
from tests.chaos.parts import Wire
from tests.chaos.path import FOR_ASTERISK, FOR_DAEMON, WEATHER, Path
from tests.chaos.schedule import KINDS, Part
from tests.e2e.impaired import HOST

COUNT = 120
"""Twice as many fit unread into a socket of Linux."""
LONGEST_S = 0.07
"""More than any weather holds a packet."""


@contextmanager
def bound() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        sock.setblocking(False)
        yield sock


@dataclass
class Held:
    path: Path
    daemon: socket.socket
    asterisk: socket.socket
    """Of one channel."""

    @property
    def ports(self) -> tuple[int, int]:
        return self.daemon.getsockname()[1], self.asterisk.getsockname()[1]


@asynccontextmanager
async def held(told: bool = True) -> AsyncIterator[Held]:
    with ExitStack() as stack:
        daemon, asterisk = (stack.enter_context(bound()) for _ in range(2))
        async with Path(daemon.getsockname()[1], seed=1) as path:
            made = Held(path, daemon, asterisk)
            if told:
                answer = f'{{"UNICASTRTP_LOCAL_PORT":"{made.ports[1]}","UNICASTRTP_LOCAL_ADDRESS":"{HOST}"}}'.encode()
                changed = await path.answer(answer)
                assert len(changed) == len(answer) and FOR_DAEMON.encode() in changed and HOST.encode() not in changed
            yield made


def numbered(number: int) -> bytes:
    return b"\x80\x76" + number.to_bytes(2, "big") + bytes(10)


async def through(source: socket.socket, to: tuple[str, int], target: socket.socket) -> list[tuple[int, object]]:
    """Numbers of the packets that came, each with where from; as many are sent as COUNT, 1 ms apart."""
    for number in range(COUNT):
        source.sendto(numbered(number), to)
        await asyncio.sleep(0.001)
    for _ in range(2 * COUNT):
        await asyncio.sleep(0)  # asyncio takes one datagram a turn: now it has them all
    await asyncio.sleep(LONGEST_S)
    came = list[tuple[int, object]]()
    with suppress(BlockingIOError):
        while True:
            data, sender = target.recvfrom(100)
            came.append((int.from_bytes(data[2:4], "big"), sender))
    return came


async def test_in_good_weather_all_comes_in_order_from_the_one_address_each_side_knows() -> None:
    async with held() as h:
        media, port = h.ports
        assert await through(h.asterisk, (FOR_ASTERISK, media), h.daemon) == [
            (i, (FOR_DAEMON, port)) for i in range(COUNT)
        ]
        assert await through(h.daemon, (FOR_DAEMON, port), h.asterisk) == [
            (i, (FOR_ASTERISK, media)) for i in range(COUNT)
        ]


async def test_a_port_that_asterisk_did_not_tell_of_is_nobodys() -> None:
    async with held(told=False) as h:
        h.asterisk.sendto(numbered(1), (FOR_ASTERISK, h.ports[0]))
        await asyncio.sleep(LONGEST_S)
        with pytest.raises(BlockingIOError):
            h.daemon.recv(100)
        assert h.path.passed == 0


def test_the_schedule_names_what_may_befall_it() -> None:
    assert {kind.what for kind in KINDS if kind.part is Part.PATH} == set(WEATHER)


@pytest.mark.parametrize("what", WEATHER)
async def test_each_weather_does_what_its_name_says_both_ways(what: str) -> None:
    async with held() as h:
        media, port = h.ports
        h.path.weather(WEATHER[what](0.3))
        for came in (
            await through(h.asterisk, (FOR_ASTERISK, media), h.daemon),
            await through(h.daemon, (FOR_DAEMON, port), h.asterisk),
        ):
            numbers = [number for number, _ in came]
            assert (len(set(numbers)) < COUNT) is (what == "loss")
            assert (len(numbers) > len(set(numbers))) is (what == "double")
            assert what == "burst" or (numbers != sorted(numbers)) is (what in ("reorder", "double"))


async def test_what_ari_answers_is_changed_on_its_way_and_what_is_asked_is_not() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    async def shouted(data: bytes) -> bytes:
        return data.upper()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server, Wire(server.sockets[0].getsockname()[1], shouted) as wire:
        reader, writer = await asyncio.open_connection(HOST, wire.port)
        writer.write(b"asked\n")
        assert await reader.readline() == b"ASKED\n"
        writer.close()
