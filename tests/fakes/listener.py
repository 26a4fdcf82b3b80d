"""An AttachListener that keeps what it was told, and lets a test wait for it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from dragoman.telephony.model import Booth, Tap


class Recorder:
    """``told`` is everything in order; ``taps`` and ``booths`` what is up now. It checks the order of both."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.taps: dict[str, Tap] = {}
        self.lost: list[Tap] = []
        """Those that were told to be lost, not left."""
        self.booths: dict[str, Booth] = {}
        self._unseen: deque[tuple[str, Any]] = deque()
        self._news = asyncio.Event()

    def _tell(self, what: str, value: Any) -> None:
        self.told.append((what, value))
        self._unseen.append((what, value))
        self._news.set()

    async def next(self, what: str, within: float = 20.0) -> Any:
        """The next notice of this kind that no call returned yet; others stay for later."""
        async with asyncio.timeout(within):
            while True:
                for notice in self._unseen:
                    if notice[0] == what:
                        self._unseen.remove(notice)
                        return notice[1]
                self._news.clear()
                await self._news.wait()

    def tap_ready(self, tap: Tap) -> None:
        assert tap.leg.id not in self.taps, "a second tap for one leg"
        self.taps[tap.leg.id] = tap
        self._tell("tap_ready", tap)

    def tap_closed(self, tap: Tap, *, lost: bool = False) -> None:
        assert self.taps.pop(tap.leg.id) == tap
        if lost:
            self.lost.append(tap)
        self._tell("tap_closed", tap)

    def booth_ready(self, booth: Booth) -> None:
        assert booth.id not in self.booths
        assert (booth.room, booth.language) not in {(b.room, b.language) for b in self.booths.values()}
        self.booths[booth.id] = booth
        self._tell("booth_ready", booth)

    def booth_closed(self, booth: Booth) -> None:
        assert self.booths.pop(booth.id) == booth
        self._tell("booth_closed", booth)

    def leg_muted(self, leg_id: str, muted: bool) -> None:
        assert leg_id in self.taps
        self._tell("leg_muted", (leg_id, muted))

    def leg_held(self, leg_id: str, held: bool) -> None:
        assert leg_id in self.taps
        self._tell("leg_held", (leg_id, held))

    def away(self, room: str, languages: frozenset[str], since: float, unspoken_s: float) -> None:
        self._tell("away", (room, languages, since, unspoken_s))

    def gap(self, since: float, unspoken_s: float) -> None:
        self._tell("gap", (since, unspoken_s))
