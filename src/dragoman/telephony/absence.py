"""Since when nobody interpreted, when a daemon begins: what the one before it left in Asterisk."""

from __future__ import annotations

import time

from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.roster import Roster

HEARTBEAT = "DRAGOMAN_HEARTBEAT"
"""Global variable of the dialplan: unix time in s at which the daemon was last known to be well; empty: it went."""

WENT = "DRAGOMAN_WENT"
"""Global variable: unix time in s at which a daemon that was told to stop had let go of its calls."""

FORGOTTEN_S = 86_400.0
"""s after which nobody cares any more since when there was no daemon: a day."""


async def last_seen(client: AriClient, now: float) -> float | None:
    """When the daemon before us was last well, in s of the clock of ``now``; None: there was none, or nobody knows.

    Raises:
        FAILURES: Asterisk does not answer.
    """
    unix = time.time()
    for variable in (HEARTBEAT, WENT):
        value = await client.get_global(variable)
        if value.isascii() and value.isdigit() and 0 <= unix - int(value) <= FORGOTTEN_S:
            return now - (unix - int(value))
    return None


def rooms_of(roster: Roster) -> list[tuple[str, frozenset[str]]]:
    """Rooms in which people sit, and the languages they speak there."""
    rooms: dict[str, set[str]] = {}
    for seat in roster.seats.values():
        rooms.setdefault(seat.room, set()).add(seat.language)
    return [(room, frozenset(languages)) for room, languages in sorted(rooms.items())]
