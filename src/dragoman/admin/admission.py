"""Who is let in, told to the dialplan in global variables, which it heeds while the daemon lives. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

SHUT = "DRAGOMAN_SHUT"
"""Why no new room begins (``drain``, ``busy``); empty: it may. ``DRAGOMAN_SHUT_1000``: why nobody gets into 1000."""

MOST = "DRAGOMAN_MOST"
"""How many people may be in rooms at once; empty: any number. Counted by the dialplan itself, to the last one."""

DRAIN, BUSY, SPENT = "drain", "busy", "spent"
"""The reasons; the prompt ``refused-REASON`` tells a caller."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken on; 0: as much as comes."""

    legs: int = 0
    rooms: int = 0
    cost_per_hour: float = 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """How it is just now."""

    rooms: Collection[str] = ()
    """Those with somebody in them."""
    draining: bool = False
    cost_last_hour: float = 0.0
    capped: Mapping[str, bool] = field(default_factory=dict)
    """Rooms that may spend so much a day, and whether it is used up."""


def shut(limits: Limits, load: Load) -> str:
    """Why no new room begins; empty: it may."""
    if load.draining:
        return DRAIN
    if limits.rooms and len(load.rooms) >= limits.rooms:
        return BUSY
    if limits.cost_per_hour and load.cost_last_hour >= limits.cost_per_hour:
        return BUSY
    return ""


def wanted(limits: Limits, load: Load) -> dict[str, str]:
    """The dialplan's variables, as they should be."""
    found = {MOST: str(limits.legs) if limits.legs else "", SHUT: shut(limits, load)}
    # Those with something left are named too: a daemon that ran before may have shut them.
    return found | {f"{SHUT}_{room}": SPENT if spent else "" for room, spent in load.capped.items()}


def changes(limits: Limits, load: Load, told: Mapping[str, str]) -> dict[str, str]:
    """What is to be set, given what was told since Asterisk was last connected to; what is no longer so is emptied."""
    target = dict.fromkeys(told, "") | wanted(limits, load)
    return {name: value for name, value in target.items() if told.get(name) != value}
