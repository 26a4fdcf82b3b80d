"""What the telephony side and the conference side say to each other: plain data and one listener protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

Address = tuple[str, int]
"""IPv4 address and UDP port."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One person in a room: a channel that sits in a ConfBridge, seen in one epoch.

    Leaving and coming back (language change, transfer back) is a new epoch, hence a new Leg.
    """

    channel_id: str
    epoch: int
    room: str
    language: str
    name: str
    """What to call the speaker: caller name, else number, else the channel's endpoint."""
    muted: bool = False
    caller: str = ""
    """The number he calls from, as it came; whether he may be believed is not known."""
    voice: str = ""
    """Id of the voice profile that the dialplan gave him (DRAGOMAN_VOICE); empty: none."""

    @property
    def id(self) -> str:
        """Unique while the daemon lives."""
        return f"{self.channel_id}.{self.epoch}"


@dataclass(frozen=True, slots=True)
class Tap:
    """A leg's tap is up: Asterisk sends slin16 (PT 118, big-endian) from ``remote``; what goes there is whispered."""

    leg: Leg
    channel_id: str
    """Id of the ExternalMedia channel."""
    remote: Address


@dataclass(frozen=True, slots=True)
class Booth:
    """A language's booth is up: what we send to ``remote`` (G.722, PT 9) is heard in its ConfBridge."""

    room: str
    language: str
    channel_id: str
    remote: Address

    @property
    def id(self) -> str:
        """Unique while the daemon lives."""
        return self.channel_id


class AttachListener(Protocol):
    """Told by the attacher, in order, from the event loop's thread. Implementations are quick and never raise."""

    def tap_ready(self, tap: Tap) -> None:
        """The tap carries audio from now on."""

    def tap_closed(self, tap: Tap, *, lost: bool = False) -> None:
        """The leg left the room, or (``lost``) its tap is gone; a repaired tap comes as a new ``tap_ready``."""

    def booth_ready(self, booth: Booth) -> None:
        """The booth is in its ConfBridge."""

    def booth_closed(self, booth: Booth) -> None:
        """The booth is gone."""

    def leg_muted(self, leg_id: str, muted: bool) -> None:
        """The caller pressed ``*6``: what he says from now on must not be recognised."""

    def leg_held(self, leg_id: str, held: bool) -> None:
        """The caller put the call on hold (music may come) or took it back."""

    def away(self, room: str, languages: frozenset[str], since: float, unspoken_s: float) -> None:
        """At start: people were in this room already, and no daemon since monotonic time ``since``; taps follow.

        What was said up to ``unspoken_s`` before that may be missing too.
        """

    def gap(self, since: float, unspoken_s: float) -> None:
        """ARI was lost at monotonic time ``since`` and is back; a resync follows.

        What did not survive it is closed already: there what was said up to ``unspoken_s`` before may be missing too.
        """
