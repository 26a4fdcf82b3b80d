"""How the phones' own RTP fares, between them and Asterisk: asked of Asterisk now and then, shown as histograms.

What goes between Asterisk and us (the taps and booths) is counted in ``observe/media.py``: it is another network, and
other people mend it. No label names a caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Histogram

from dragoman.errors import AriError, AriMalformed, AriTransportError
from dragoman.telephony.ari.model import RtpStatistics

EVERY_S: Final = 10.0
"""Seconds between two questions about the same phone: RTCP reports come every 5 s (RFC 3550 section 6.2)."""

LOSS_BUCKETS: Final = (0.0, 0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5)
"""Shares. Speech suffers audibly from 0.03 on, recognition from 0.01."""

JITTER_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
"""Seconds. A jitter buffer of a conference holds 0.04 to 0.2."""

ROUND_TRIP_BUCKETS: Final = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)
"""Seconds. ITU-T G.114: conversation suffers from 0.15 one way on."""

Ask = Callable[[str], Awaitable[RtpStatistics | None]]
"""Gives what Asterisk counted of a channel."""


class PhoneMetrics:
    """Part of the daemon's registry; of each phone it is told the counts so far, and observes what happened since."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.loss = Histogram(
            "dragoman_phone_loss_ratio",
            "Share of packets lost between a phone and Asterisk, per phone and 10 s",
            ["direction"],
            buckets=LOSS_BUCKETS,
            registry=registry,
        )
        self.jitter = Histogram(
            "dragoman_phone_jitter_seconds",
            "Jitter between a phone and Asterisk, per phone and 10 s",
            ["direction"],
            buckets=JITTER_BUCKETS,
            registry=registry,
        )
        self.round_trip = Histogram(
            "dragoman_phone_round_trip_seconds",
            "Round trip between a phone and Asterisk, by RTCP, per phone and 10 s",
            buckets=ROUND_TRIP_BUCKETS,
            registry=registry,
        )
        self._before: dict[str, RtpStatistics] = {}

    def seen(self, channel: str, now: RtpStatistics) -> None:
        """The counts of a phone so far; the first ones only begin."""
        before = self._before.get(channel)
        self._before[channel] = now
        if before is None:
            return
        ways = (
            (
                "from_phone",
                now.received - before.received,
                now.received_lost - before.received_lost,
                now.received_jitter,
            ),
            ("to_phone", now.sent - before.sent, now.sent_lost - before.sent_lost, now.sent_jitter),
        )
        for direction, came, lost, jitter in ways:
            # A late packet takes its loss back; a count that falls is a new stream's (a re-INVITE).
            lost = max(lost, 0)
            if came < 0 or came + lost == 0:
                continue
            self.loss.labels(direction).observe(lost / (came + lost))
            self.jitter.labels(direction).observe(jitter)
        if now.round_trip is not None:
            self.round_trip.observe(now.round_trip)

    def keep(self, channels: Iterable[str]) -> None:
        """Forget all other phones."""
        present = set(channels)
        for gone in self._before.keys() - present:
            del self._before[gone]

    async def watch(self, channels: Callable[[], Iterable[str]], ask: Ask) -> None:
        """Ask about every phone there is, one after the other within EVERY_S, until cancelled."""
        while True:
            present = list(channels())
            self.keep(present)
            for channel in present:
                try:
                    found = await ask(channel)
                except (AriError, AriTransportError, AriMalformed):
                    found = None  # Asterisk is away or talks nonsense, which others tell
                if found is not None:
                    self.seen(channel, found)
                await asyncio.sleep(EVERY_S / len(present))
            if not present:
                await asyncio.sleep(EVERY_S)
