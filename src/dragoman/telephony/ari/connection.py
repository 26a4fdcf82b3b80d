"""The events websocket: one reader, kept connected for ever, that fills one ordered queue."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import aiohttp
import structlog

from dragoman.errors import AriError, AriMalformed, AriReplaced, AriTransportError
from dragoman.recovery.backoff import Backoff
from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.ari.events import ApplicationReplaced, parse_event
from dragoman.telephony.ari.queue import EventQueue, Gap, Lost

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ConnectionStats:
    """Plain counters, read at scrape time."""

    reconnects: int = 0
    received: int = 0
    unknown: int = 0
    """Events of a type that we do not use."""
    malformed: int = 0
    """Messages that are no JSON, or lack what they must have."""
    last_error: str = ""
    """Why the connection is down, or was last; empty if it never failed."""


class AriConnection:
    """Keeps the application registered; ``run`` returns only by cancellation or AriReplaced.

    In the queue it puts ``Gap(None)`` once the first websocket is up, then events; ``Lost`` when a websocket ends, also
    by a clean close; ``Gap(since)`` when the next one is up.
    """

    def __init__(self, client: AriClient, queue: EventQueue, backoff: Backoff | None = None) -> None:
        self.stats = ConnectionStats()
        self._client = client
        self._queue = queue
        self._backoff = backoff or Backoff()
        self._lost_at: float | None = None

    @property
    def connected(self) -> bool:
        """Whether the websocket is up."""
        return self._client.connected

    async def run(self) -> None:
        """Connect, read, reconnect.

        Raises:
            AriReplaced: another client took the application; going on would make two daemons fight over the same calls.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                socket = await self._client.events()
            except (AriError, AriTransportError) as error:
                self._note(str(error))
            else:
                await self._serve(socket)
            # A timer, not a wait for a condition: nothing tells when Asterisk is back.
            await asyncio.sleep(self._backoff.failed(loop.time()))

    async def _serve(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Read one websocket until it ends."""
        loop = asyncio.get_running_loop()
        self._backoff.up(loop.time())
        if self._lost_at is not None:
            self.stats.reconnects += 1
        self._client.connected = True
        self._queue.put_control(Gap(self._lost_at))
        log.info("ari.connected", app=self._client.app, reconnects=self.stats.reconnects)
        try:
            async with socket:
                async for message in socket:
                    self._take(message)
                error = socket.exception()
            self._note(f"websocket closed with code {socket.close_code}" + (f": {error}" if error else ""))
        finally:
            self._client.connected = False
            self._lost_at = loop.time()
            self._queue.put_control(Lost(self._lost_at))

    def _take(self, message: aiohttp.WSMessage) -> None:
        if message.type is not aiohttp.WSMsgType.TEXT:
            return
        self.stats.received += 1
        try:
            event = parse_event(json.loads(message.data))
        except (ValueError, RecursionError) as error:
            self._malformed(f"no JSON: {error}")
            return
        except AriMalformed as error:
            self._malformed(str(error))
            return
        if event is None:
            self.stats.unknown += 1
        elif isinstance(event, ApplicationReplaced):
            raise AriReplaced(
                f"another client connected to Asterisk as application {self._client.app!r} and gets its events now: "
                "one PBX serves one daemon, stop the other or give it another application and PBX"
            )
        else:
            self._queue.put(event, asyncio.get_running_loop().time())

    def _malformed(self, why: str) -> None:
        self.stats.malformed += 1
        log.warning("ari.malformed", why=why)

    def _note(self, why: str) -> None:
        """Log a failure once, not at every try."""
        if why != self.stats.last_error:
            log.warning("ari.down", why=why)
        self.stats.last_error = why
