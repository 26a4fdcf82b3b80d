"""Which leg a datagram belongs to, by its source address, for a whole batch at once."""

from __future__ import annotations

import ipaddress
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.errors import MediaError
from dragoman.telephony.model import Address

REST_S: Final = 2.0
"""Seconds that a freed address rests. Asterisk may give a port to the next channel at once while packets of the last
one are still queued on the way; within this time its SSRC is known and its packets are dropped."""

UNKNOWN: Final = -1
RESTING: Final = -2
BOOTH: Final = -3


def source_key(address: Address) -> int:
    """IPv4 address and port in one integer, as the receive path reads it from a ``sockaddr_in``.

    Raises:
        MediaError: the host is no IPv4 address, or the port is out of range.
    """
    host, port = address
    try:
        number = int(ipaddress.IPv4Address(host))
    except ValueError:
        raise MediaError(f"{host!r} is not an IPv4 address: packets are told apart by numeric source") from None
    if not 0 < port < 65536:
        raise MediaError(f"port {port} of {host} is out of range")
    return number << 16 | port


class SourceTable:
    """Source address to row; what is unknown is told apart from what was freed a moment ago."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        self._resting: dict[int, tuple[float, int | None]] = {}
        self._booths: set[int] = set()
        self._keys: npt.NDArray[np.int64]
        self._values: npt.NDArray[np.int64]
        self._rebuild()

    def add(self, address: Address, row: int, now: float) -> int | None:
        """Give the address to a row.

        Returns:
            The SSRC of its former owner if the address has not rested yet: packets that carry it are not the row's.

        Raises:
            MediaError: the address is taken or is no IPv4 address and port.
        """
        key = source_key(address)
        if key in self._rows:
            raise MediaError(f"{address[0]}:{address[1]} already belongs to a leg")
        freed, ssrc = self._resting.pop(key, (0.0, None))
        self._rows[key] = row
        self._rebuild()
        return ssrc if now - freed < REST_S else None

    def remove(self, address: Address, ssrc: int | None, now: float) -> None:
        """Free the address; ``ssrc`` is what was last heard from it."""
        key = source_key(address)
        self._resting = {k: v for k, v in self._resting.items() if now - v[0] < REST_S}
        if self._rows.pop(key, None) is not None:
            self._resting[key] = (now, ssrc)
        self._rebuild()

    def add_booth(self, address: Address) -> None:
        """What a conference sends to its booth comes from here: it is expected, and nobody's.

        Raises:
            MediaError: it is no IPv4 address and port.
        """
        self._booths.add(source_key(address))
        self._rebuild()

    def remove_booth(self, address: Address) -> None:
        """Forget it; idempotent."""
        self._booths.discard(source_key(address))
        self._rebuild()

    def _rebuild(self) -> None:
        entries = dict.fromkeys(self._resting, RESTING) | dict.fromkeys(self._booths, BOOTH) | self._rows
        keys = sorted(entries)
        # The last entry is above every key, so that a search always ends on one.
        self._keys = np.array([*keys, np.iinfo(np.int64).max], np.int64)
        self._values = np.array([*(entries[key] for key in keys), UNKNOWN], np.int64)

    def lookup(self, sources: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Row of each source key; ``BOOTH`` for a booth, ``RESTING`` for one freed lately, else ``UNKNOWN``."""
        found = self._keys.searchsorted(sources)
        return np.where(self._keys[found] == sources, self._values[found], UNKNOWN)
