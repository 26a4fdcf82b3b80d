"""Since when nobody interpreted, when a daemon begins: what the one before it left in Asterisk.

A sign of life says when, twice: by the time of day, which the dialplan compares with its own and another host can
read, and by the monotonic clock of this boot of this host. The time of day may be set while nobody is there to see
it: within one boot the other clock decides. It also says how far back that reaches which was said and not interpreted
yet: whoever dies takes it with him.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.roster import Roster

HEARTBEAT = "DRAGOMAN_HEARTBEAT"
"""Global variable of the dialplan: a ``sign`` of when the daemon was last known to be well; empty: it went."""

WENT = "DRAGOMAN_WENT"
"""Global variable: a ``sign`` of when a daemon that was told to stop had let go of its calls."""

FORGOTTEN_S = 86_400.0
"""s after which nobody cares any more since when there was no daemon: a day."""

UNSURE_S = 60.0
"""s of absence that are told where a sign is from the future: another host's clock is wrong, or ours was set back. A
daemon that dies is started again within this, and a gap that is too long hides nothing."""

MOST_UNSPOKEN_S = 120.0
"""s of speech before a sign that may be missing, at most: a chain gives up what is older than that, and says so."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Absence:
    """Of a daemon that is gone."""

    since: float
    """When it was last well, s."""
    unspoken_s: float
    """How long before that the oldest was said which it had not interpreted."""


def sign(unspoken_s: float = 0.0) -> str:
    """Of life, now: "1700000060.5123.1b4e28ba.4".

    That is unix time in s, this boot's monotonic time in s, which boot that is, and for how many s back something that
    was said is not interpreted yet.
    """
    unspoken = ceil(min(max(unspoken_s, 0.0), MOST_UNSPOKEN_S))
    return f"{int(time.time())}.{int(time.monotonic())}.{_boot()}.{unspoken}"


async def last_seen(client: AriClient, now: float) -> Absence | None:
    """Of the daemon before us, by the clock of ``now``; None: there was none, or nobody knows.

    Raises:
        FAILURES: Asterisk does not answer.
    """
    for variable in (HEARTBEAT, WENT):
        left = await client.get_global(variable)
        age = _age(left)
        if age is not None and age <= FORGOTTEN_S:
            return Absence(now - age, _unspoken(left))
    return None


def _age(sign: str) -> float | None:
    """Of what a daemon left, s; None: it is no sign."""
    unix, _, rest = sign.partition(".")
    monotonic, _, rest = rest.partition(".")
    boot, _, _ = rest.partition(".")
    if not _is_number(unix):
        return None
    if boot and boot == _boot() and _is_number(monotonic) and int(monotonic) <= time.monotonic():
        return time.monotonic() - int(monotonic)
    age = time.time() - int(unix)
    return age if age >= 0 else UNSURE_S


def _unspoken(sign: str) -> float:
    """What a daemon left says of it, s; those before this version say nothing."""
    fields = sign.split(".")
    return min(float(fields[3]), MOST_UNSPOKEN_S) if len(fields) == 4 and _is_number(fields[3]) else 0.0


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _boot() -> str:
    """The first letters of this boot's id; empty where the kernel tells none."""
    try:
        return _BOOT.read_text("ascii")[:8]
    except OSError:
        return ""


def rooms_of(roster: Roster) -> list[tuple[str, frozenset[str]]]:
    """Rooms in which people sit, and the languages they speak there."""
    rooms: dict[str, set[str]] = {}
    for seat in roster.seats.values():
        rooms.setdefault(seat.room, set()).add(seat.language)
    return [(room, frozenset(languages)) for room, languages in sorted(rooms.items())]
