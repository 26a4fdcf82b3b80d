"""What is set up of a room over REST, and what Asterisk has to know of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class Room:
    """A room that was set up. A room that was not can be dialled all the same, with the site's settings."""

    room: str
    """Its number, as it is dialled."""
    name: str = ""
    pin: SecretStr | None = None
    """Digits to be keyed before entering, in place of the site's."""
    languages: tuple[str, ...] = ()
    """Those that callers may choose; empty: all of the site's."""
    glossary: str = ""
    """Terms, as in a file of the glossary folder (docs/glossary.md); they stand over that file's."""
    most_legs: int | None = None
    """People at once."""
    most_cost: float | None = None
    """What may be spent on engines in a day (UTC), in the currency of the prices."""
    keep_hours: float = 0.0
    """How long what was said is kept; 0: not at all."""
    created: float = 0.0
    changed: float = 0.0
    """Unix time, s."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the dialplan keeps of a room; it works with it while the daemon is away."""

    pin: str = ""
    languages: str = ""
    """Codes, joined by ``-``."""
    most: str = ""

    def __repr__(self) -> str:
        """Without the PIN."""
        return f"Kept(languages={self.languages!r}, most={self.most!r})"


@dataclass(frozen=True, slots=True)
class Steps:
    """What is to be told to Asterisk."""

    keep: Mapping[str, Kept]
    forget: tuple[str, ...]


def kept(room: Room) -> Kept:
    """What the dialplan has to know of a room."""
    return Kept(
        pin="" if room.pin is None else room.pin.get_secret_value(),
        languages="-".join(room.languages),
        most="" if room.most_legs is None else str(room.most_legs),
    )


def steps(rooms: Mapping[str, Room], there: Mapping[str, Kept | None], also: Collection[str] = ()) -> Steps:
    """How Asterisk comes to know what was set up.

    Args:
        rooms: those that are set up.
        there: what was told since the last look, by room; None: told to be forgotten.
        also: rooms that Asterisk has something of, whatever it is.
    """
    wanted = {name: kept(room) for name, room in rooms.items()}
    keep = {name: line for name, line in wanted.items() if there.get(name) != line}
    old = {name for name, line in there.items() if line is not None} | set(also)
    return Steps(keep, tuple(sorted(old - wanted.keys())))
