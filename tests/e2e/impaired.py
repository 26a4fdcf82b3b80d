"""A bad line between one phone and the PBX: packets are late, overtake each other, or never come.

A relay in this process: not every kernel has netem, this one touches nobody else, and its packets have the same luck
every time. The phone dials through it, and it puts itself into the SDP of the INVITE and of its answers (RFC 3264), so
that the RTP of both directions comes by. The rest of the dialog goes by the Contacts, past it.

It numbers the packets of each direction anew: a phone begins at random, and what happens where the numbers pass 32768
and 65535 is to happen in the test that asks for it, and in no other.
"""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass
from random import Random

Address = tuple[str, int]

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Weather:
    """What a line does to its packets."""

    jitter: float = 0.0
    """Seconds that a packet is held at most (uniform: packets overtake each other)."""
    loss: float = 0.0
    """Share of packets that are dropped."""
    doubled: float = 0.0
    """Share of packets that come twice."""
    burst: float = 0.0
    """Seconds for which packets are held and then come all at once, again and again; 0: none are."""


class Line(asyncio.DatagramProtocol):
    """One direction: sends what comes in on to ``to``, from the socket ``out``; ``weather`` may change at any time."""

    def __init__(self, chance: Random, weather: Weather, first: int | None) -> None:
        """``first``: the RTP sequence number that its first packet gets; None: the one that it has."""
        self._chance = chance
        self._shift: int | None = 0 if first is None else None
        self._first = first or 0
        self.weather = weather
        self.to: Address | None = None
        self.out: asyncio.DatagramTransport | None = None
        self.passed = 0
        self.lost = 0
        self.doubled = 0
        self.overtaken = 0
        self._latest = 0.0

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Number it anew; hold it, double it, or drop it."""
        number = int.from_bytes(data[2:4], "big")  # RFC 3550 section 5.1
        if self._shift is None:
            self._shift = self._first - number
        data = data[:2] + ((number + self._shift) & 0xFFFF).to_bytes(2, "big") + data[4:]
        weather = self.weather
        if self._chance.random() < weather.loss:
            self.lost += 1
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + self._chance.uniform(0, weather.jitter)
        if weather.burst:
            due = math.ceil(due / weather.burst) * weather.burst
        self.overtaken += due < self._latest
        self._latest = max(self._latest, due)
        loop.call_at(due, self._send, data)
        if weather.doubled and self._chance.random() < weather.doubled:
            self.doubled += 1
            loop.call_at(due + self._chance.uniform(0, weather.jitter), self._send, data)

    def _send(self, data: bytes) -> None:
        if self.out is not None and self.to is not None and not self.out.is_closing():
            self.passed += 1
            self.out.sendto(data, self.to)


class Relay(asyncio.DatagramProtocol):
    """Stands between one phone's call and the PBX; dial ``sip:...@127.0.0.1:{port}`` through it.

    ``up`` is what the phone sends, ``down`` what it hears.
    """

    def __init__(
        self, sip_port: int, *, jitter: float = 0.0, loss: float = 0.0, seed: int, first: int | None = 1
    ) -> None:
        """Before the PBX at ``sip_port``; ``jitter`` in s, ``loss`` from 0 to 1, ``first``: RTP sequence number."""
        self.up = Line(Random(seed), Weather(jitter, loss), first)
        self.down = Line(Random(seed + 1), Weather(jitter, loss), first)
        self._pbx: Address = (HOST, sip_port)
        self._phone: Address | None = None
        self._transports: list[asyncio.DatagramTransport] = []
        self.port = 0

    async def __aenter__(self) -> Relay:
        """Open its ports."""
        loop = asyncio.get_running_loop()
        for protocol in (self, self.up, self.down):
            transport, _ = await loop.create_datagram_endpoint(lambda protocol=protocol: protocol, (HOST, 0))
            self._transports.append(transport)
        # What one side sends arrives at the socket that it takes for the other one; answers must come from there.
        self._sip, from_phone, from_pbx = self._transports
        self.up.out, self.down.out = from_pbx, from_phone
        self.port = self._sip.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close them."""
        for transport in self._transports:
            transport.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """SIP: send it on to the other side."""
        if addr == self._pbx:
            if self._phone is not None:
                self._sip.sendto(self._rewritten(data, self.up, self.down.out), self._phone)
        else:
            self._phone = addr
            self._sip.sendto(self._rewritten(data, self.down, self.up.out), self._pbx)

    @staticmethod
    def _rewritten(message: bytes, towards: Line, stand_in: asyncio.DatagramTransport | None) -> bytes:
        """Note where the sender wants its RTP, and put the relay's own port there."""
        head, _, body = message.partition(b"\r\n\r\n")
        media = re.search(rb"^m=audio (\d+)", body, re.M)
        if media is None or stand_in is None:
            return message
        towards.to = (HOST, int(media[1]))
        port = stand_in.get_extra_info("sockname")[1]
        body = re.sub(rb"^m=audio \d+", b"m=audio %d" % port, body, flags=re.M)
        body = re.sub(rb"^a=rtcp:.*\r\n", b"", body, flags=re.M)
        head = re.sub(rb"(?im)^(content-length|l)\s*:\s*\d+", b"Content-Length: %d" % len(body), head)
        return head + b"\r\n\r\n" + body
