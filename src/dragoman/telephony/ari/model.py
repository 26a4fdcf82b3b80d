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
