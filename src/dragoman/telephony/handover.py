"""Who is behind the far end of a Local channel, and when that becomes somebody else. Pure.

A secretary who transfers by Asterisk's keys (features.conf, ``atxfer``) calls the room through a pair of Local
channels: ``;2`` sits in the conference, ``;1`` is bridged with her, and with her caller once she has hung up. The pair
stays, so to the conference the leg is the same; but what is said in it comes from another phone, with RTP numbers of
its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dragoman.telephony.ari.events import ChannelDestroyed, ChannelEnteredBridge, ChannelLeftBridge, Event
from dragoman.telephony.ari.model import Bridge, Channel

_NEAR = re.compile(r"(Local/.+);1", re.DOTALL)


class Handovers:
    """Notices handovers, from snapshots and events."""

    def __init__(self) -> None:
        self._halves: dict[str, str] = {}
        """Name of a pair, by the channel id of its ``;1``."""
        self._partners: dict[str, frozenset[str]] = {}
        """Channel ids that the ``;1`` of this id was last bridged with."""

    def replace(self, bridges: Iterable[Bridge], channels: Iterable[Channel]) -> list[str]:
        """Take a snapshot for the truth; returns as ``apply`` does."""
        known = {channel.id: pair[1] for channel in channels if (pair := _NEAR.fullmatch(channel.name))}
        self._halves = known
        self._partners = {channel_id: who for channel_id, who in self._partners.items() if channel_id in known}
        return [far for bridge in bridges for far in self._meet(bridge)]

    def apply(self, event: Event) -> list[str]:
        """Take in one event.

        Returns:
            Names of the channels ``;2`` through which somebody else speaks from here on.
        """
        match event:
            case ChannelEnteredBridge(bridge, channel):
                if channel is not None and (pair := _NEAR.fullmatch(channel.name)):
                    self._halves[channel.id] = pair[1]
                return self._meet(bridge)
            case ChannelLeftBridge(bridge, _):
                return self._meet(bridge)
            case ChannelDestroyed(channel):
                self._halves.pop(channel.id, None)
                self._partners.pop(channel.id, None)
        return []

    def _meet(self, bridge: Bridge) -> list[str]:
        changed = []
        for channel_id in self._halves.keys() & set(bridge.channels):
            partners = frozenset(bridge.channels) - {channel_id}
            if not partners:
                continue  # he who will be there is on his way
            if self._partners.get(channel_id, partners) != partners:
                changed.append(f"{self._halves[channel_id]};2")
            self._partners[channel_id] = partners
        return sorted(changed)
