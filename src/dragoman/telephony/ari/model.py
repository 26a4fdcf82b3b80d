"""Channels and bridges as ARI describes them, reduced to what we read; and how JSON becomes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dragoman.errors import AriMalformed


@dataclass(frozen=True, slots=True)
class Channel:
    """One call leg in Asterisk (ARI model ``Channel``)."""

    id: str
    name: str
    """Technology, endpoint and serial: ``PJSIP/ann-00000001``."""
    state: str = "Up"
    caller_name: str = ""
    caller_number: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)
    """``channelvars``: what ``ari.conf`` lists, and in the answer to a create what was set there."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """One mixing bridge (ARI model ``Bridge``)."""

    id: str
    name: str
    creator: str
    """``ConfBridge`` for a conference, ``Stasis`` for one that an ARI client made."""
    channels: tuple[str, ...]
    """Ids of the channels in it, in no particular order."""


@dataclass(frozen=True, slots=True)
class RtpStatistics:
    """What Asterisk counted of a phone's RTP since the call began (ARI model ``RTPstat``); 0 where it says nothing.

    ``received``: what the phone sent and Asterisk got; ``sent``: the other way, of which the loss and jitter are what
    the phone's RTCP reports say.
    """

    received: int
    received_lost: int
    received_jitter: float
    """Seconds (RFC 3550 section 6.4.1)."""
    sent: int
    sent_lost: int
    sent_jitter: float
    round_trip: float | None
    """Seconds; None while no RTCP told."""


RTT_LIMIT = 60.0
"""Seconds of round trip beyond which none was measured: Asterisk 22.10 tells of 65536 where its clock and the phone's
differ by microseconds (seen on loopback)."""


def required(obj: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    """The value of a required field.

    Raises:
        AriMalformed: it is missing or of another JSON type.
    """
    value = obj.get(key)
    if not isinstance(value, kind):
        raise AriMalformed(f"{where}.{key}: a {kind.__name__} is required, not {type(value).__name__}")
    return value


def parse_channel(obj: object, where: str = "channel") -> Channel:
    """Read an ARI ``Channel``; unknown fields are ignored.

    Raises:
        AriMalformed: a required field is missing.
    """
    if not isinstance(obj, dict):
        raise AriMalformed(f"{where}: a Channel is required, not {type(obj).__name__}")
    caller = required(obj, "caller", dict, where)
    variables = obj.get("channelvars")
    return Channel(
        id=required(obj, "id", str, where),
        name=required(obj, "name", str, where),
        state=required(obj, "state", str, where),
        caller_name=required(caller, "name", str, f"{where}.caller"),
        caller_number=required(caller, "number", str, f"{where}.caller"),
        variables=_strings(variables) if isinstance(variables, dict) else {},
    )


def parse_bridge(obj: object, where: str = "bridge") -> Bridge:
    """Read an ARI ``Bridge``; unknown fields are ignored.

    Raises:
        AriMalformed: a required field is missing.
    """
    if not isinstance(obj, dict):
        raise AriMalformed(f"{where}: a Bridge is required, not {type(obj).__name__}")
    channels = required(obj, "channels", list, where)
    if not all(isinstance(channel, str) for channel in channels):
        raise AriMalformed(f"{where}.channels: a list of channel ids is required")
    return Bridge(
        id=required(obj, "id", str, where),
        name=required(obj, "name", str, where),
        creator=required(obj, "creator", str, where),
        channels=tuple(channels),
    )


def _strings(variables: Mapping[object, object]) -> Mapping[str, str]:
    return {key: value for key, value in variables.items() if isinstance(key, str) and isinstance(value, str)}


def parse_rtp_statistics(obj: object) -> RtpStatistics:
    """Read an ARI ``RTPstat``; unknown fields are ignored.

    Raises:
        AriMalformed: a required field is missing, or one is no number.
    """
    if not isinstance(obj, dict):
        raise AriMalformed(f"RTPstat: an object is required, not {type(obj).__name__}")

    def number(key: str, *default: float) -> float:
        value = obj.get(key, *default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise AriMalformed(f"RTPstat.{key}: a number is required, not {type(value).__name__}")
        return float(value)

    round_trip = number("rtt", 0.0)
    return RtpStatistics(
        received=round(number("rxcount")),
        received_lost=round(number("rxploss", 0.0)),
        # Asterisk names these two the other way round than packets and losses (res_rtp_asterisk.c, ast_rtp_get_stat):
        # txjitter is what it found itself, rxjitter what the phone reports. A phone behind a line with jitter, whose
        # RTCP goes nowhere, has an rxjitter of 0.
        received_jitter=number("txjitter", 0.0),
        sent=round(number("txcount")),
        sent_lost=round(number("txploss", 0.0)),
        sent_jitter=number("rxjitter", 0.0),
        round_trip=round_trip if 0.0 < round_trip < RTT_LIMIT else None,
    )
