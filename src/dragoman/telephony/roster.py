"""Who sits where: our picture of Asterisk's conferences, kept from snapshots and events. Pure."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from itertools import count

from dragoman.telephony.ari.events import (
    BridgeCreated,
    BridgeDestroyed,
    ChannelDestroyed,
    ChannelEnteredBridge,
    ChannelHold,
    ChannelLeftBridge,
    ChannelUnhold,
    ChannelVarset,
    Event,
    StasisEnd,
    StasisStart,
)
from dragoman.telephony.ari.model import Bridge, Channel

CONFBRIDGE = "ConfBridge"
"""``creator`` of the bridges that the dialplan's ConfBridge() makes."""

VOICE = "DRAGOMAN_VOICE"
"""Channel variable in which the dialplan may name a caller's voice profile."""

MUTED = "DRAGOMAN_MUTED"
"""Channel variable that the dialplan sets to 1 or 0 at ``*6``: a snoop may hear a muted caller all the same."""

_SEPARATOR = "."
"""Between an application's name and the rest of an id; no name can have it (config.AsteriskSettings.app), so that no
application takes what another one named after it made for its own."""

_ROOM_NAME = re.compile(r"([0-9]+)-([a-z]{2,3})")


Place = tuple[str, str]
"""Room and language."""


class Kind(Enum):
    """What one of our objects in Asterisk is; the word stands in its id, after the instance."""

    MEDIA = "media"
    """ExternalMedia channel of a tap."""
    SNOOP = "snoop"
    """Snoop channel of a tap."""
    MIX = "mix"
    """Bridge of a tap."""
    BOOTH = "booth"
    """ExternalMedia channel of a booth."""


def prefix(app: str) -> str:
    """Ids of all that an application makes in Asterisk begin with it: what a killed daemon left can be told by it."""
    return app + _SEPARATOR


class Names:
    """Makes ids ``{app}.{instance}-{kind}-{serial}`` that no other daemon, nor this one, ever makes again."""

    def __init__(self, app: str, instance: str) -> None:
        self.prefix = f"{prefix(app)}{instance}-"
        self._serial = count(1)

    def next(self) -> int:
        """A serial for one attempt; the objects of one tap share it, so that they are found together in a listing."""
        return next(self._serial)

    def name(self, kind: Kind, serial: int) -> str:
        """The id of an object."""
        return f"{self.prefix}{kind.value}-{serial}"


@dataclass(frozen=True, slots=True)
class Seat:
    """A caller in a room's conference, from entering to leaving (one epoch)."""

    channel_id: str
    epoch: int
    bridge_id: str
    room: str
    language: str
    name: str
    """Caller name, else number, else the channel's endpoint."""
    muted: bool
    held: bool = False
    caller: str = ""
    voice: str = ""
    channel_name: str = ""
    """As the dialplan names the channel: ``PJSIP/ann-00000001``."""


class Roster:
    """The callers in conferences, and our own objects.

    A conference is ours to interpret by its **name**, ``{room}-{language}``: it is where the booth will go, and it is
    right for whoever sits in it. The channel variables DRAGOMAN_ROOM and DRAGOMAN_LANG tell where the dialplan once put
    a caller; after an attended transfer they are missing or another call's, so they are compared and counted only.

    Args:
        app: name of our Stasis application; objects of others are none of ours.
        languages: codes that are interpreted; a conference in another language is left alone.
    """

    def __init__(self, app: str, languages: Container[str]) -> None:
        self.seats: dict[str, Seat] = {}
        """By the caller's channel id."""
        self.own: dict[str, Kind | None] = {}
        """Ids in Asterisk with our prefix, of this daemon or another; None where the id says no kind that we know."""
        self.disagreements = 0
        """Callers whose variables named another room or language than the conference they sit in."""
        self._prefix = prefix(app)
        self._languages = languages
        self._epochs = count(1)
        self._rooms: dict[str, Place] = {}
        self._members: dict[str, frozenset[str]] = {}
        self._where: dict[str, str] = {}
        self._muted_early: dict[str, bool] = {}  # told before the event that its channel sits anywhere

    def place_of(self, channel_id: str) -> Place | None:
        """Room and language of the conference that a channel is in: whether a booth is where it belongs."""
        return self._rooms.get(self._where.get(channel_id, ""))

    # ---- from Asterisk

    def replace(self, bridges: Iterable[Bridge], channels: Iterable[Channel]) -> None:
        """Take a snapshot for the truth. Who still sits in the same bridge keeps his epoch."""
        bridges = list(bridges)
        known = {channel.id: channel for channel in channels}
        self.own = {}
        self._muted_early.clear()
        self.note_own(*known, *(bridge.id for bridge in bridges))
        present = {bridge.id for bridge in bridges}
        for bridge_id in [bridge_id for bridge_id in self._rooms if bridge_id not in present]:
            self._close(bridge_id)
        for bridge in bridges:
            self._seat(bridge, known)
        for channel_id, seat in self.seats.items():
            if channel_id in known:
                self.seats[channel_id] = replace(seat, muted=_muted(known[channel_id]))

    def apply(self, event: Event) -> None:
        """Take in one event, in the order of arrival."""
        match event:
            case ChannelEnteredBridge(bridge, channel):
                self._seat(bridge, {channel.id: channel} if channel else {})
            case ChannelLeftBridge(bridge, _):
                self._seat(bridge, {})
            case BridgeDestroyed(bridge):
                self.own.pop(bridge.id, None)
                self._close(bridge.id)
            case BridgeCreated(bridge):
                self.note_own(bridge.id)
            case StasisStart(channel):
                self.note_own(channel.id)
            case StasisEnd(channel):
                # A booth leaves for the dialplan; anything else of ours that leaves is ending, and no
                # ChannelDestroyed comes for a snoop whose caller hung up (measured).
                if self.own.get(channel.id) is not Kind.BOOTH:
                    self.own.pop(channel.id, None)
            case ChannelDestroyed(channel):
                self._gone(channel.id)
            case ChannelVarset(channel, variable, value):
                if variable == MUTED and channel is not None:
                    if channel.id in self.seats:
                        self.seats[channel.id] = replace(self.seats[channel.id], muted=value == "1")
                    else:
                        self._muted_early[channel.id] = value == "1"
            case ChannelHold(channel) | ChannelUnhold(channel):
                if channel.id in self.seats:
                    held = isinstance(event, ChannelHold)
                    self.seats[channel.id] = replace(self.seats[channel.id], held=held)

    # ---- from ourselves: what an answer told us, maybe ahead of the event

    def note_own(self, *names: str) -> None:
        """Objects with our prefix exist; other names are ignored."""
        self.own.update((name, _kind(name)) for name in names if name.startswith(self._prefix))

    def forget_own(self, *names: str) -> None:
        """Objects of ours were deleted."""
        for name in names:
            self._gone(name)

    def note_muted(self, channel_id: str, muted: bool) -> None:
        """The variable was read."""
        if channel_id in self.seats:
            self.seats[channel_id] = replace(self.seats[channel_id], muted=muted)

    # ----

    def _seat(self, bridge: Bridge, known: dict[str, Channel]) -> None:
        """Take over who is in a bridge."""
        place = self._place(bridge)
        if place is None:
            return
        self._rooms[bridge.id] = place
        before = self._members.get(bridge.id, frozenset())
        self._members[bridge.id] = now = frozenset(bridge.channels)
        for channel_id in before - now:
            self._vacate(channel_id, bridge.id)
        for channel_id in sorted(now - before):  # sorted: epochs must not depend on hashing
            self._where[channel_id] = bridge.id
            if channel_id.startswith(self._prefix):
                self.note_own(channel_id)
            else:
                self._sit(channel_id, bridge.id, place, known.get(channel_id))

    def _sit(self, channel_id: str, bridge_id: str, place: Place, channel: Channel | None) -> None:
        if channel is not None and _variables(channel) not in (place, ("", "")):
            self.disagreements += 1
        room, language = place
        early = self._muted_early.pop(channel_id, None)
        muted = _muted(channel) if early is None and channel else bool(early)
        self.seats[channel_id] = Seat(
            channel_id,
            next(self._epochs),
            bridge_id,
            room,
            language,
            name=_display_name(channel) if channel else channel_id,
            muted=muted,
            caller=channel.caller_number if channel else "",
            voice=channel.variables.get(VOICE, "") if channel else "",
            channel_name=channel.name if channel else "",
        )

    def _vacate(self, channel_id: str, bridge_id: str) -> None:
        # The event of entering the next bridge may come before that of leaving this one.
        if self._where.get(channel_id) == bridge_id:
            del self._where[channel_id]
            self.seats.pop(channel_id, None)

    def _close(self, bridge_id: str) -> None:
        for channel_id in self._members.pop(bridge_id, frozenset()):
            self._vacate(channel_id, bridge_id)
        self._rooms.pop(bridge_id, None)

    def _gone(self, channel_id: str) -> None:
        self.own.pop(channel_id, None)
        self.seats.pop(channel_id, None)
        self._where.pop(channel_id, None)
        self._muted_early.pop(channel_id, None)
        for bridge_id, members in self._members.items():
            if channel_id in members:
                self._members[bridge_id] = members - {channel_id}

    def _place(self, bridge: Bridge) -> Place | None:
        if bridge.creator != CONFBRIDGE:
            return None
        match = _ROOM_NAME.fullmatch(bridge.name)
        if match is None or match[2] not in self._languages:
            return None
        return match[1], match[2]


def _kind(name: str) -> Kind | None:
    parts = name.partition(_SEPARATOR)[2].split("-")
    return next((kind for kind in Kind if len(parts) == 3 and parts[1] == kind.value), None)


def _variables(channel: Channel) -> Place:
    return channel.variables.get("DRAGOMAN_ROOM", ""), channel.variables.get("DRAGOMAN_LANG", "")


def _muted(channel: Channel) -> bool:
    return channel.variables.get(MUTED) == "1"


def _display_name(channel: Channel) -> str:
    endpoint = channel.name.partition("/")[2].rpartition("-")[0]
    return channel.caller_name or channel.caller_number or endpoint or channel.name
