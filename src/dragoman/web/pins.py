"""The PIN of a room, and tickets that stand for it where no header can be sent: a browser's EventSource."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from math import ceil

from pydantic import SecretStr

from dragoman.web.rates import Rates

PIN_HEADER = "Dragoman-Room-Pin"

TICKET_S = 4 * 3600.0
"""Seconds that a ticket is good: a long meeting. It stands in a URL, so it must not be good for ever."""

ROOM_GUESSES = 60
"""Wrong PINs for one room in an hour, from all addresses together: at that rate four digits take days on average."""


_STAMP = re.compile(r"[0-9a-f]{1,10}", re.ASCII)


class Pins:
    """Checks PINs and tickets.

    Args:
        pin_of: the PIN of a room, its own or the site's; None: it has none, and then none opens it.
        guesses: wrong PINs from one address in a minute.
    """

    def __init__(self, pin_of: Callable[[str], SecretStr | None], guesses: int) -> None:
        self._pin_of = pin_of
        self._by_address = Rates(guesses, 60.0)
        self._by_room = Rates(ROOM_GUESSES, 3600.0)
        self._key = secrets.token_bytes(32)

    def wait(self, room: str, address: str, now: float) -> int:
        """Whole seconds until another guess is taken; 0: now. Too many wrong ones keep the right one out as well."""
        return ceil(max(self._by_address.wait(address, now), self._by_room.wait(room, now)))

    def right(self, room: str, given: str, address: str, now: float) -> bool:
        """Whether this is the room's PIN; a wrong one is counted. ``now``: monotonic, s."""
        pin = self._pin_of(room)
        expected = "" if pin is None else pin.get_secret_value()
        if hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()) and expected:
            return True
        self._by_address.take(address, now)
        self._by_room.take(room, now)
        return False

    def ticket(self, room: str, now: float) -> tuple[str, float]:
        """A ticket for a room, and the unix time at which it expires. ``now``: unix, s."""
        expires = int(now + TICKET_S)
        return f"{expires:x}.{self._sign(room, expires)}", float(expires)

    def good(self, room: str, ticket: str, now: float) -> bool:
        """Whether a ticket is one of ours for this room, in force, and of its PIN of now. ``now``: unix, s."""
        stamp, _, signature = ticket.partition(".")
        if not _STAMP.fullmatch(stamp):
            return False
        expires = int(stamp, 16)
        same = hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign(room, expires).encode())
        return same and now < expires

    def _sign(self, room: str, expires: int) -> str:
        pin = self._pin_of(room)
        secret = "" if pin is None else pin.get_secret_value()
        return hmac.new(self._key, f"{room}/{expires}/{secret}".encode(), hashlib.sha256).hexdigest()
