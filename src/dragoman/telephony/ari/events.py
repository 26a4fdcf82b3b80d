"""The ARI events that we use, as frozen dataclasses, and the parser that makes them.

An event of another type is None to the parser (a newer Asterisk may send it), unknown fields are ignored, and a missing
required field raises: the reader counts all three.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dragoman.errors import AriMalformed
from dragoman.telephony.ari.model import Bridge, Channel, parse_bridge, parse_channel, required


@dataclass(frozen=True, slots=True)
class StasisStart:
    """A channel is in our application from now on: only now can it be put into a bridge (else 422)."""

    channel: Channel
    args: tuple[str, ...] = ()
    """What the dialplan gave to ``Stasis()`` behind the application's name."""


@dataclass(frozen=True, slots=True)
class StasisEnd:
    """A channel left our application: it was hung up, continued in the dialplan, or what it snooped on ended."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class BridgeCreated:
    """A bridge came into being."""

    bridge: Bridge


@dataclass(frozen=True, slots=True)
class BridgeDestroyed:
    """A bridge is gone."""

    bridge: Bridge


@dataclass(frozen=True, slots=True)
class ChannelEnteredBridge:
    """``bridge.channels`` is who is in it afterwards. ``channel`` is optional in Asterisk's own description."""

    bridge: Bridge
    channel: Channel | None


@dataclass(frozen=True, slots=True)
class ChannelLeftBridge:
    """``bridge.channels`` is who is in it afterwards."""

    bridge: Bridge
    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelDestroyed:
    """A channel is gone."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelVarset:
    """A variable was set; ``channel`` is None for a global one."""

    channel: Channel | None
    variable: str
    value: str


@dataclass(frozen=True, slots=True)
class ChannelHold:
    """The far end put the call on hold."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelUnhold:
    """The far end took the call back."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelDtmfReceived:
    """A key was pressed."""

    channel: Channel
    digit: str


@dataclass(frozen=True, slots=True)
class PlaybackFinished:
    """A prompt was played, or could not be."""

    playback_id: str


@dataclass(frozen=True, slots=True)
class RecordingFinished:
    """A recording is complete."""

    name: str


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """A recording could not be made."""

    name: str


@dataclass(frozen=True, slots=True)
class ApplicationReplaced:
    """Another client connected with our application's name; this socket stays open and silent."""


Event = (
    StasisStart
    | StasisEnd
    | BridgeCreated
    | BridgeDestroyed
    | ChannelEnteredBridge
    | ChannelLeftBridge
    | ChannelDestroyed
    | ChannelVarset
    | ChannelHold
    | ChannelUnhold
    | ChannelDtmfReceived
    | PlaybackFinished
    | RecordingFinished
    | RecordingFailed
    | ApplicationReplaced
)


def _channel(obj: Mapping[str, Any]) -> Channel:
    return parse_channel(obj.get("channel"))


def _optional_channel(obj: Mapping[str, Any]) -> Channel | None:
    return parse_channel(obj["channel"]) if "channel" in obj else None


def _bridge(obj: Mapping[str, Any]) -> Bridge:
    return parse_bridge(obj.get("bridge"))


def _args(obj: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(arg for arg in required(obj, "args", list, "StasisStart") if isinstance(arg, str))


def _part(obj: Mapping[str, Any], what: str, key: str) -> str:
    return str(required(required(obj, what, dict, "event"), key, str, what))


_PARSERS: dict[str, Callable[[Mapping[str, Any]], Event]] = {
    "StasisStart": lambda o: StasisStart(_channel(o), _args(o)),
    "StasisEnd": lambda o: StasisEnd(_channel(o)),
    "BridgeCreated": lambda o: BridgeCreated(_bridge(o)),
    "BridgeDestroyed": lambda o: BridgeDestroyed(_bridge(o)),
    "ChannelEnteredBridge": lambda o: ChannelEnteredBridge(_bridge(o), _optional_channel(o)),
    "ChannelLeftBridge": lambda o: ChannelLeftBridge(_bridge(o), _channel(o)),
    "ChannelDestroyed": lambda o: ChannelDestroyed(_channel(o)),
    "ChannelVarset": lambda o: ChannelVarset(
        _optional_channel(o), required(o, "variable", str, "ChannelVarset"), required(o, "value", str, "ChannelVarset")
    ),
    "ChannelHold": lambda o: ChannelHold(_channel(o)),
    "ChannelUnhold": lambda o: ChannelUnhold(_channel(o)),
    "ChannelDtmfReceived": lambda o: ChannelDtmfReceived(_channel(o), required(o, "digit", str, "ChannelDtmfReceived")),
    "PlaybackFinished": lambda o: PlaybackFinished(_part(o, "playback", "id")),
    "RecordingFinished": lambda o: RecordingFinished(_part(o, "recording", "name")),
    "RecordingFailed": lambda o: RecordingFailed(_part(o, "recording", "name")),
    "ApplicationReplaced": lambda _: ApplicationReplaced(),
}

EVENT_TYPES: tuple[str, ...] = tuple(_PARSERS)
"""What the event filter lets through. A list without ApplicationReplaced silences that one too (measured)."""


def parse_event(obj: object) -> Event | None:
    """One decoded JSON message of the events websocket, or None if its type is not one of ours.

    Raises:
        AriMalformed: it is no object, has no type, or lacks a required field; the message names which.
    """
    if not isinstance(obj, dict):
        raise AriMalformed(f"event: an object is required, not {type(obj).__name__}")
    kind = required(obj, "type", str, "event")
    parser = _PARSERS.get(kind)
    if parser is None:
        return None
    try:
        return parser(obj)
    except AriMalformed as error:
        raise AriMalformed(f"{kind}: {error}") from None
