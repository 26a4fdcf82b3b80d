"""The media path both ways, proven with a tone: one ExternalMedia channel takes it in, another one brings it back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from dragoman.check.finding import Finding, fail, ok
from dragoman.check.tone import PURITY, purity, tone_frame
from dragoman.errors import AriChannelGone, AriError, AriMalformed, AriTransportError, MalformedPacket
from dragoman.media.codec import SLIN16_PAYLOAD_TYPE, G722Encoder
from dragoman.media.format import FRAME_MS, SAMPLE_RATE
from dragoman.media.rtp import RtpPacket, build, parse
from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.ari.connection import AriConnection
from dragoman.telephony.ari.queue import EventQueue, Gap, Lost
from dragoman.telephony.model import Address
from dragoman.telephony.recipes import Arrivals, Stage, rtp_address, task_group
from dragoman.telephony.roster import Kind, Names

DEADLINE_S = 10.0
"""Seconds for the whole test; it takes under 2 when all is well."""

FRAMES = 60
"""20 ms frames of tone to send: 1.2 s, of which the middle is judged."""

G722_PAYLOAD_TYPE = 9
"""RFC 3551 table 4; its RTP clock runs at 8000 Hz though it carries 16 kHz."""


class _Ear(asyncio.DatagramProtocol):
    """Keeps what comes, by source."""

    def __init__(self) -> None:
        self.packets: dict[Address, list[RtpPacket]] = {}
        self.malformed = 0

    def datagram_received(self, data: bytes, addr: Address) -> None:
        try:
            self.packets.setdefault(addr, []).append(parse(data))
        except MalformedPacket:
            self.malformed += 1


async def check_media(client: AriClient, bind: str, advertised: str) -> list[Finding]:
    """Send a tone through Asterisk and hear it again.

    The client must be of an application of its own: a running daemon's would be taken over.
    """
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await _there_and_back(client, bind, advertised)
    except TimeoutError:
        remedy = "see Asterisk's log; is its ARI overloaded, or its websocket_write_timeout too short?"
        return [fail("media", f"no ExternalMedia channel came up within {DEADLINE_S:g} s", remedy)]
    except (AriError, AriChannelGone, AriTransportError, AriMalformed) as error:
        return [fail("media", str(error), "is chan_rtp loaded, and has rtp.conf free ports? See Asterisk's log")]
    except OSError as error:
        return [fail("media socket", f"{bind}: {error.strerror}", "set media.bind to an address of this host")]


async def _there_and_back(client: AriClient, bind: str, advertised: str) -> list[Finding]:
    loop = asyncio.get_running_loop()
    transport, ear = await loop.create_datagram_endpoint(_Ear, local_addr=(bind, 0))
    here = (advertised, transport.get_extra_info("sockname")[1])
    names = Names(client.app, secrets.token_hex(4))
    serial = names.next()
    speaker, listener, mix = (names.name(kind, serial) for kind in (Kind.BOOTH, Kind.MEDIA, Kind.MIX))
    try:
        async with _events(client) as arrivals:
            try:
                with (
                    arrivals.expect(speaker, Stage.IN_STASIS) as speaker_up,
                    arrivals.expect(listener, Stage.IN_STASIS) as listener_up,
                ):
                    to = rtp_address(await client.external_media(speaker, here))
                    source = rtp_address(await client.external_media(listener, here))
                    await client.create_bridge(mix)
                    await speaker_up
                    await listener_up
                await client.add_channels(mix, speaker, listener)
                await _speak(transport, to)
            finally:
                await client.hang_up(speaker)
                await client.hang_up(listener)
                await client.destroy_bridge(mix)
    finally:
        transport.close()
    return judge_packets(ear.packets, source)


async def _speak(transport: asyncio.DatagramTransport, to: Address) -> None:
    loop = asyncio.get_running_loop()
    encoder, frame = G722Encoder(), tone_frame()
    begin = loop.time()
    for n in range(FRAMES):
        payload = encoder.encode(frame)
        packet = RtpPacket(payload_type=G722_PAYLOAD_TYPE, sequence=n, timestamp=n * 160, ssrc=1, payload=payload)
        transport.sendto(build(packet), to)
        # The pace of the tone itself, on absolute deadlines.
        await asyncio.sleep(begin + (n + 1) * FRAME_MS / 1000 - loop.time())


def judge_packets(packets: dict[Address, list[RtpPacket]], source: Address) -> list[Finding]:
    """What the packets that came back prove of payload type and byte order."""
    came = packets.get(source, [])
    if not came:
        others = [f"{ip}:{port}" for ip, port in packets if (ip, port) != source]
        if others:
            remedy = (
                "something rewrites addresses between Asterisk and here (NAT, a firewall): they must see each other"
            )
            return [fail("media in", f"audio comes from {others}, not from {source}", remedy)]
        remedy = "let UDP through from Asterisk to media.bind, and set media.advertise to how Asterisk reaches it"
        return [fail("media in", "no RTP came from Asterisk", remedy)]
    types = sorted({packet.payload_type for packet in came})
    if types != [SLIN16_PAYLOAD_TYPE]:
        remedy = "no setting of Asterisk changes this: report the version of Asterisk"
        return [fail("media in", f"payload type {types}, {SLIN16_PAYLOAD_TYPE} was expected", remedy)]
    found = [ok("media in", f"slin16, payload type {SLIN16_PAYLOAD_TYPE}, from {source[0]}:{source[1]}")]
    loudest = _loudest(b"".join(packet.payload for packet in came))
    big, little = purity(loudest), purity(loudest.byteswap())
    if big >= PURITY:
        found.append(ok("media both ways", f"the tone came back, bytes in network order ({big:.0%} pure)"))
    elif little >= PURITY:
        found.append(fail("media both ways", "bytes come in little-endian order", "report the version of Asterisk"))
    else:
        remedy = "is codec_g722 loaded? Does a firewall keep UDP from here to Asterisk's RTP ports?"
        found.append(fail("media both ways", "the tone that was sent did not come back", remedy))
    return found


def _loudest(payload: bytes) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """The loudest half second, read as network order."""
    samples = np.frombuffer(payload[: len(payload) // 2 * 2], ">i2").astype(np.int16)
    length = SAMPLE_RATE // 2
    starts = range(0, max(len(samples) - length, 0) + 1, length // 4)
    return max((samples[start : start + length] for start in starts), key=lambda part: float(np.abs(part).mean()))


@asynccontextmanager
async def _events(client: AriClient) -> AsyncIterator[Arrivals]:
    """Our application connected and subscribed, its events going to the Arrivals that it yields."""
    arrivals, queue = Arrivals(), EventQueue()
    connected = asyncio.Event()

    async def consume() -> None:
        while True:
            item = await queue.get()
            if isinstance(item, Gap):
                await client.subscribe("bridge:")
                connected.set()
            elif isinstance(item, Lost):
                arrivals.lost()
            else:
                arrivals.see(item)  # type: ignore[arg-type]  # Due is the attacher's own

    async with task_group() as group:
        tasks = [group.create_task(AriConnection(client, queue).run()), group.create_task(consume())]
        await connected.wait()
        yield arrivals
        for task in tasks:
            task.cancel()
