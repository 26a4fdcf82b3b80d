"""Several who are told of callers by the attacher, as one."""

from __future__ import annotations

from dragoman.telephony.ari.events import Event
from dragoman.telephony.attacher import Guests


class AllGuests:
    """Implements attacher.Guests: each is told, in this order."""

    def __init__(self, *guests: Guests) -> None:
        self._guests = guests

    def see(self, event: Event) -> None:
        """Guests."""
        for each in self._guests:
            each.see(event)

    def lost(self) -> None:
        """Guests."""
        for each in self._guests:
            each.lost()

    def synced(self) -> None:
        """Guests."""
        for each in self._guests:
            each.synced()
