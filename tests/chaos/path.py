"""The way of sound between Asterisk and the daemon, on which packets get lost, overtake each other, come twice or late.

Asterisk sends to an address of this host at which this stands (``media.advertise``), and in what ARI answers the daemon
reads an address at which this stands too in place of Asterisk's. So each side has one peer, as ever: Asterisk gets all
from where it sends to, and the daemon gets a channel's packets from the one address and port that it was told of, and
takes them from nowhere else. Ports and SSRCs are as they were.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from random import Random

from tests.e2e.impaired import HOST, Address, Line, Weather

FOR_ASTERISK = "127.0.0.2"
"""The daemon's address, as Asterisk sees it."""

FOR_DAEMON = "127.0.0.3"
"""Asterisk's, as the daemon sees it: as long as the true one, or an answer's Content-Length would be wrong."""

_ADDRESS = re.compile(rb'("UNICASTRTP_LOCAL_ADDRESS":\s*)"' + re.escape(HOST.encode()) + b'"')
_PORT = re.compile(rb'"UNICASTRTP_LOCAL_PORT":\s*"(\d+)"')

WEATHER: Mapping[str, Callable[[float], Weather]] = {
    "loss": lambda share: Weather(loss=share),
    "reorder": lambda share: Weather(jitter=0.03),
    "double": lambda share: Weather(jitter=0.015, doubled=share),
    "burst": lambda share: Weather(burst=0.06),
}
"""What befalls it, by the words of ``schedule.KINDS``. But for what is lost, no packet is later than the 60 ms that the
daemon's jitter buffer waits: on its way in nothing else may get lost."""


class Path(asyncio.DatagramProtocol):
    """Stands there while it is entered; give ``answer`` all that ARI answers."""

    def __init__(self, media_port: int, seed: int) -> None:
        """``media_port``: the daemon's."""
        self._media_port = media_port
        self._seed = seed
        self._weather = Weather()
        self._ways: dict[int, tuple[Line, Line]] = {}
        """By Asterisk's port: to the daemon, and from it."""
        self._asked = asyncio.Lock()

    async def __aenter__(self) -> Path:
        """Open what Asterisk sends to."""
        loop = asyncio.get_running_loop()
        self._ours, _ = await loop.create_datagram_endpoint(lambda: self, (FOR_ASTERISK, self._media_port))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything."""
        self._ours.close()
        for up, _ in self._ways.values():
            assert up.out is not None
            up.out.close()

    @property
    def settings(self) -> dict[str, str | int]:
        """Of the daemon's ``media``."""
        return {"port": self._media_port, "advertise": FOR_ASTERISK}

    def weather(self, weather: Weather) -> None:
        """Of all channels, both ways, from now on."""
        self._weather = weather
        for lines in self._ways.values():
            for line in lines:
                line.weather = weather

    @property
    def passed(self) -> int:
        """Packets that were sent on."""
        return sum(line.passed for lines in self._ways.values() for line in lines)

    async def answer(self, data: bytes) -> bytes:
        """As much as there was, in which the sound of a channel that was made just now comes from here."""
        if _ADDRESS.search(data):
            for port in _PORT.findall(data):
                await self._open(int(port))
        return _ADDRESS.sub(rb'\1"' + FOR_DAEMON.encode() + b'"', data)

    async def _open(self, port: int) -> None:
        async with self._asked:  # Asterisk gives a port again, to the next channel
            if port in self._ways:
                return
            number = len(self._ways)
            up, down = (Line(Random(f"{self._seed}/{number}/{way}"), self._weather, None) for way in ("up", "down"))
            loop = asyncio.get_running_loop()
            up.out, _ = await loop.create_datagram_endpoint(lambda: down, (FOR_DAEMON, port))
            up.to = (HOST, self._media_port)
            down.out, down.to = self._ours, (HOST, port)
            self._ways[port] = up, down

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """From Asterisk; what comes from a port that it did not tell of is nobody's."""
        if addr[0] == HOST and addr[1] in self._ways:
            self._ways[addr[1]][0].datagram_received(data, addr)
