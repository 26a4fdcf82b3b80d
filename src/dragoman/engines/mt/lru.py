"""A least-recently-used store with two bounds at once, entries and bytes. Pure.

``cachetools.LRUCache`` has one bound: by entries it may grow large, by bytes its per-entry cost is forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sized


class Lru:
    """Bytes by bytes; what was not asked for the longest goes first."""

    def __init__(self, entries: int, size: int) -> None:
        """At most ``entries`` entries, and ``size`` bytes of keys and values together; 0 keeps nothing."""
        self._entries = entries
        self._size = size
        self._held: OrderedDict[bytes, bytes] = OrderedDict()
        self.size = 0
        """Bytes of the keys and values held."""

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: bytes) -> bytes | None:
        """The value, which counts as used now; None: not held."""
        value = self._held.get(key)
        if value is not None:
            self._held.move_to_end(key)
        return value

    def put(self, key: bytes, value: bytes) -> None:
        """Hold it, for which others may have to go; one that alone is too large is not held."""
        self.size -= _cost(key, self._held.pop(key, None))
        self._held[key] = value
        self.size += _cost(key, value)
        while self._held and (len(self._held) > self._entries or self.size > self._size):
            oldest, gone = self._held.popitem(last=False)
            self.size -= _cost(oldest, gone)


def _cost(key: Sized, value: Sized | None) -> int:
    return 0 if value is None else len(key) + len(value)
