"""Several who are told by the attacher of what is not the conference's: one after the other, in order. Pure."""

from __future__ import annotations

from typing import Protocol

from dragoman.telephony.ari.events import Event


class Connected(Protocol):
    """Who has to know whether events come."""

    def lost(self) -> None:
        """No event comes any more."""

    def synced(self) -> None:
        """Events come (again)."""


class Seeing(Connected, Protocol):
    """Who has to know the events as well."""

    def see(self, event: Event) -> None:
        """An event, in the order of arrival."""


class Guests:
    """Implements telephony.attacher.Guests."""

    def __init__(self, first: Seeing, *others: Connected) -> None:
        """``first`` is told of events; all are told of the connection."""
        self._first = first
        self._others = others

    def see(self, event: Event) -> None:
        """Guests."""
        self._first.see(event)

    def lost(self) -> None:
        """Guests."""
        for each in (self._first, *self._others):
            each.lost()

    def synced(self) -> None:
        """Guests."""
        for each in (self._first, *self._others):
            each.synced()
