"""A model of the Asterisk that Dragoman sees through ARI: calls in ConfBridges, our channels and bridges, their events.

Each rule in it was seen on Asterisk 22.10.1. It knows nothing of HTTP (tests/fakes/ari.py serves it), of time, or of
the code under test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

Json = dict[str, Any]


@dataclass
class Chan:
    id: str
    name: str
    number: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    bridge: str | None = None
    stasis: bool = False
    spied: str | None = None
    rtp_port: int = 0
    booth: bool = False

    def json(self, **more: str) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "state": "Up",
            "protocol_id": "",
            "caller": {"name": "", "number": self.number},
            "connected": {"name": "", "number": ""},
            "accountcode": "",
            "dialplan": {"context": "default", "exten": "s", "priority": 1, "app_name": "", "app_data": ""},
            "creationtime": "2026-01-01T00:00:00.000+0000",
            "language": "en",
            "channelvars": {
                name: self.variables.get(name, "")
                for name in ("DRAGOMAN_ROOM", "DRAGOMAN_LANG", "DRAGOMAN_MUTED", "DRAGOMAN_VOICE")
            }
            | more,
        }


@dataclass
class Mix:
    id: str
    name: str
    creator: str
    members: list[str] = field(default_factory=list)

    def json(self) -> Json:
        return {
            "id": self.id,
            "technology": "softmix",
            "bridge_type": "mixing",
            "bridge_class": "base",
            "creator": self.creator,
            "name": self.name,
            "channels": list(self.members),
            "creationtime": "2026-01-01T00:00:00.000+0000",
        }


class FakeAsterisk:
    """``emit`` gets every event as JSON, whoever is subscribed to what."""

    def __init__(self, emit: Callable[[Json], None]) -> None:
        self.emit = emit
        self.channels: dict[str, Chan] = {}
        self.bridges: dict[str, Mix] = {}
        self.globals: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        """What the dialplan keeps of rooms in its database: it outlives everything else."""
        self.errands: list[str] = []
        self.moved: list[tuple[str, str, str, str]] = []
        self.heard: dict[str, list[str]] = {}
        """Media played to each guest."""
        self.recordings: dict[str, bytes] = {}
        self._serial = count(1)

    def _event(self, kind: str, **fields: Any) -> None:
        self.emit({"type": kind, "application": "dragoman", "timestamp": "2026-01-01T00:00:00.000+0000", **fields})

    # ---- calls

    def call(self, conference: str, *, variables: bool = True) -> str:
        """Somebody dials in; the dialplan puts him into ConfBridge ``conference``."""
        serial = next(self._serial)
        room, _, language = conference.partition("-")
        caller = Chan(f"1700000000.{serial}", f"PJSIP/phone{serial}-{serial:08x}", str(100 + serial))
        if variables:
            caller.variables = {"DRAGOMAN_ROOM": room, "DRAGOMAN_LANG": language, "DRAGOMAN_MUTED": "0"}
        self.channels[caller.id] = caller
        self.enter(caller.id, conference)
        return caller.id

    def phone(self, name: str = "") -> str:
        """A channel in no bridge."""
        serial = next(self._serial)
        channel = Chan(f"1700000000.{serial}", name or f"PJSIP/phone{serial}-{serial:08x}", str(100 + serial))
        self.channels[channel.id] = channel
        return channel.id

    def talk(self, *channel_ids: str) -> None:
        """These are bridged, and with nobody else."""
        bridge = Mix(f"talk{next(self._serial)}", "", "")
        self.bridges[bridge.id] = bridge
        for channel_id in channel_ids:
            channel = self.channels[channel_id]
            if channel.bridge is not None:
                self._part(channel)
            self._join(channel, bridge)

    def enter(self, channel_id: str, conference: str) -> None:
        bridge = next((b for b in self.bridges.values() if b.creator == "ConfBridge" and b.name == conference), None)
        if bridge is None:
            bridge = Mix(f"conf{next(self._serial)}", conference, "ConfBridge")
            self.bridges[bridge.id] = bridge
            self._event("BridgeCreated", bridge=bridge.json())
        self._join(self.channels[channel_id], bridge)

    def leave(self, channel_id: str) -> None:
        """A caller leaves the conference; his call goes on in the dialplan."""
        caller = self.channels[channel_id]
        bridge = self.bridges[str(caller.bridge)]
        self._part(caller)
        if not any(not self.channels[member].booth for member in bridge.members):  # end_marked: the last caller went
            for booth in list(bridge.members):
                self._part(self.channels[booth])
                self._end(self.channels[booth])
            if bridge.id in self.bridges:
                self._destroy(bridge)

    def swap(self, channel_id: str) -> str:
        """An attended transfer: another channel, without our variables, takes the caller's seat."""
        caller = self.channels[channel_id]
        bridge = self.bridges[str(caller.bridge)]
        serial = next(self._serial)
        other = Chan(f"1700000000.{serial}", f"PJSIP/other{serial}-{serial:08x}")
        self.channels[other.id] = other
        self._join(other, bridge)
        self._part(caller)
        self._end(caller)
        return other.id

    def hang_up(self, channel_id: str) -> bool:
        channel = self.channels.get(channel_id)
        if channel is None:
            return False
        if channel.bridge is not None:
            if self.bridges[channel.bridge].creator == "ConfBridge" and not channel.booth:
                self.leave(channel_id)
            else:
                self._part(channel)
        self._end(channel)
        return True

    def set_variable(self, channel_id: str, name: str, value: str) -> None:
        self.channels[channel_id].variables[name] = value
        self._event("ChannelVarset", channel=self.channels[channel_id].json(), variable=name, value=value)

    def hold(self, channel_id: str, held: bool) -> None:
        self._event("ChannelHold" if held else "ChannelUnhold", channel=self.channels[channel_id].json())

    # ---- callers in our application

    def guest(self, *args: str, number: str = "600") -> str:
        """Somebody whom the dialplan sends into our application."""
        serial = next(self._serial)
        caller = Chan(f"1700000000.{serial}", f"PJSIP/phone{serial}-{serial:08x}", number, stasis=True)
        self.channels[caller.id] = caller
        self._event("StasisStart", args=list(args), channel=caller.json())
        return caller.id

    def press(self, channel_id: str, digits: str) -> None:
        for digit in digits:
            self._event("ChannelDtmfReceived", digit=digit, duration_ms=100, channel=self.channels[channel_id].json())

    def played(self, channel_id: str, playback_id: str, media: list[str]) -> None:
        """It takes no time here."""
        self.heard.setdefault(channel_id, []).extend(media)
        state = {"media_uri": media[-1], "target_uri": f"channel:{channel_id}", "language": "en", "state": "done"}
        self._event("PlaybackFinished", playback={"id": playback_id, **state})

    def recorded(self, channel_id: str, name: str, data: bytes | None) -> None:
        """A recording is complete; None: it failed."""
        if data is not None:
            self.recordings[name] = data
        state = {"format": "wav16", "target_uri": f"channel:{channel_id}", "state": "done"}
        self._event("RecordingFailed" if data is None else "RecordingFinished", recording={"name": name, **state})

    # ---- what ARI does

    def errand(self, channel_id: str, endpoint: str, variables: dict[str, str]) -> Json:
        """A Local channel runs an errand of the dialplan (asterisk/extensions_dragoman.conf) and ends."""
        what = endpoint.removeprefix("Local/").removesuffix("@dragoman-errand/n")
        given = {name.removeprefix("DRAGOMAN_TO_"): value for name, value in variables.items()}
        self.errands.append(what)
        how = ""
        match what:
            case "keep":
                self.kept[given["ROOM"]] = f"{given['PIN']}|{given['LANGUAGES']}|{given['MOST']}"
            case "forget":
                self.kept.pop(given["ROOM"], None)
            case "list":
                self.globals["DRAGOMAN_ROOMS"] = ",".join(self.kept)
            case "move":
                how = "SUCCESS" if given["CHANNEL"] in self.channels else "NOCHANNEL"
                if how == "SUCCESS":
                    self.moved.append((given["CHANNEL"], given["ROOM"], given["LANGUAGE"], given["MUTED"]))
        self.globals["DRAGOMAN_DONE"] = f"{given['TOKEN']}-{how}"
        return Chan(channel_id, f"{endpoint};1").json()

    def external_media(self, channel_id: str, variables: dict[str, str]) -> Json | None:
        """The answer, or None: a duplicate id (500)."""
        if channel_id in self.channels:
            return None
        serial = next(self._serial)
        channel = Chan(channel_id, f"UnicastRTP/127.0.0.1:5000-0x{serial:x}", variables=variables, stasis=True)
        channel.rtp_port = 10_000 + 2 * serial
        self.channels[channel_id] = channel
        self._event("StasisStart", args=[], channel=channel.json())
        return channel.json(UNICASTRTP_LOCAL_ADDRESS="127.0.0.1", UNICASTRTP_LOCAL_PORT=str(channel.rtp_port))

    def snoop(self, spied: str, snoop_id: str) -> Json | None:
        """The answer, or None: no such channel (404)."""
        if spied not in self.channels:
            return None
        channel = Chan(snoop_id, f"Snoop/{spied}-00000001", stasis=True, spied=spied)
        self.channels[snoop_id] = channel
        self._event("StasisStart", args=[], channel=channel.json())
        return channel.json()

    def create_bridge(self, bridge_id: str) -> Json:
        bridge = self.bridges[bridge_id] = Mix(bridge_id, bridge_id, "Stasis")
        self._event("BridgeCreated", bridge=bridge.json())
        return bridge.json()

    def add_channel(self, bridge_id: str, channel_id: str) -> None:
        self._join(self.channels[channel_id], self.bridges[bridge_id])

    def continue_booth(self, channel_id: str) -> None:
        """Into the dialplan's context dragoman-booth."""
        channel = self.channels[channel_id]
        channel.stasis = False
        self._event("StasisEnd", channel=channel.json())
        if "DRAGOMAN_BOOTH_ROOM" not in channel.variables:
            return  # a guest goes on in the dialplan
        channel.booth = True
        room, language = (channel.variables[f"DRAGOMAN_BOOTH_{part}"] for part in ("ROOM", "LANG"))
        self.enter(channel_id, f"{room}-{language}")

    def destroy_bridge(self, bridge_id: str) -> bool:
        bridge = self.bridges.get(bridge_id)
        if bridge is None:
            return False
        for member in list(bridge.members):
            self._part(self.channels[member])
        self._destroy(bridge)
        return True

    # ----

    def _join(self, channel: Chan, bridge: Mix) -> None:
        bridge.members.append(channel.id)
        channel.bridge = bridge.id
        self._event("ChannelEnteredBridge", bridge=bridge.json(), channel=channel.json())

    def _part(self, channel: Chan) -> None:
        bridge = self.bridges[str(channel.bridge)]
        bridge.members.remove(channel.id)
        channel.bridge = None
        self._event("ChannelLeftBridge", bridge=bridge.json(), channel=channel.json())
        if bridge.creator == "ConfBridge" and not bridge.members:
            self._destroy(bridge)

    def _destroy(self, bridge: Mix) -> None:
        del self.bridges[bridge.id]
        self._event("BridgeDestroyed", bridge=bridge.json())

    def _end(self, channel: Chan) -> None:
        del self.channels[channel.id]
        if channel.stasis:
            self._event("StasisEnd", channel=channel.json())
        if channel.spied is None:  # none comes for a snoop
            self._event("ChannelDestroyed", cause=16, cause_txt="Normal Clearing", channel=channel.json())
        for other in [c for c in self.channels.values() if c.spied == channel.id]:
            if other.bridge is not None:
                self._part(other)
            self._end(other)
