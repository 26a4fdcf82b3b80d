"""Several who are told by the attacher of what is not the conference's: one after the other, in order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
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

    def __init__(self, seeing: Sequence[Seeing], *others: Connected) -> None:
        """``seeing`` are told of events; all are told of the connection, ``others`` last."""
        self._seeing = tuple(seeing)
        self._all: tuple[Connected, ...] = (*self._seeing, *others)

    def see(self, event: Event) -> None:
        """Guests."""
        for each in self._seeing:
            each.see(event)

    def lost(self) -> None:
        """Guests."""
        for each in self._all:
            each.lost()

    def synced(self) -> None:
        """Guests."""
        for each in self._all:
            each.synced()
