"""Captions: what was said and what was spoken, fanned out to the readers of a (room, language).

A bounded queue per subscriber, drop policy "oldest, counted".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from dragoman.subscription import Subscription


class CaptionKind(StrEnum):
    """What a caption event tells; also the SSE event name."""

    PARTIAL = "partial"
    """Words as they are recognised, in the speaker's language; replaced by the next partial or the clause."""
    CLAUSE = "clause"
    """A clause is committed and, for other languages, translated."""
    SPOKEN = "spoken"
    """The first sound of that clause left the booth: carries ``ear_voice_span_ms``."""
    DROPPED = "dropped"
    """The clause will not be spoken; ``note`` says why."""
    GAP = "gap"
    """What was said between ``start_unix`` and ``end_unix``, by ``speaker`` or (empty) by anybody, is not here."""


class GapCause(StrEnum):
    """What kept something from being interpreted."""

    DAEMON_AWAY = "daemon-away"
    """No daemon was there, or the one that was there had stopped."""
    ASTERISK_AWAY = "asterisk-away"
    """The connection to Asterisk was down: who came meanwhile was not heard."""
    USED_UP = "used-up"
    """The room has used up what it may spend."""
    NO_RECOGNISER = "no-recogniser"
    """None can be had for the speaker; it is tried again."""
    NOT_RECOGNISED = "not-recognised"
    """No recogniser got the audio before it was too old, or each ended of it."""
    STOOD_STILL = "stood-still"
    """The daemon or its machine did, or the kernel sent nothing of any booth: what was being spoken has a hole."""
    NOT_HEARD = "not-heard"
    """What came from Asterisk found no room in the daemon's socket, or found it closed; or a speaker's tap was lost."""
    ECHO = "echo"
    """His phone sent back what it was played, and words of it were recognised; they are in no clause."""


def up_to(seconds: float) -> str:
    """How long a hole is at most, as a note tells it: to the next tenth of a second, the shortest have 0.02."""
    return f"up to {ceil(seconds * 10 - 1e-6) / 10:.1f} s"


@dataclass(frozen=True, slots=True)
class Caption:
    """One caption event, for readers of ``language`` in ``room``."""

    kind: CaptionKind
    room: str
    language: str
    """Language of ``text``."""
    clause: str
    """Identifies the clause over its events (``clause``, then ``spoken``)."""
    speaker: str
    source_language: str
    source_text: str
    text: str
    start_unix: float
    """When the clause's first word began, seconds since the epoch."""
    end_unix: float
    """When the clause's last word ended acoustically."""
    ear_voice_span_ms: float | None = None
    """SPOKEN: clause end to first translated sample on the booth's wire."""
    engine: str | None = None
    """Which translator made ``text``."""
    note: str | None = None
    cause: GapCause | None = None
    """GAP: what kept it from being interpreted."""


SUBSCRIBER_DEPTH = 256
"""Events a slow reader may lag behind before its oldest are dropped."""

HISTORY_DEPTH = 100
"""Clauses per (room, language) kept for a late reader (SSE Last-Event-ID)."""


class CaptionSubscription(Subscription[Caption]):
    """One reader of (room, language)."""

    def __init__(self, room: str, language: str, on_close: Callable[[], None]) -> None:
        """Made by CaptionHub.subscribe only."""
        super().__init__(SUBSCRIBER_DEPTH, on_close)
        self.room = room
        self.language = language


class CaptionHub:
    """Fans captions out; knows who reads what, so that a reader counts as a listener of the language."""

    def __init__(self, on_demand: Callable[[], None] = lambda: None, first: int = 0) -> None:
        """``on_demand`` is called when the set of read (room, language) pairs changed.

        Events are numbered from ``first`` on: the time of day keeps a reader's Last-Event-ID right over a restart.
        """
        self._subscriptions: dict[tuple[str, str], list[CaptionSubscription]] = {}
        self._history: dict[tuple[str, str], deque[tuple[int, Caption]]] = {}
        self._on_demand = on_demand
        self._number = first
        self.dropped = 0
        self.record: Callable[[Caption], None] = lambda caption: None
        """Told of every caption, whether or not somebody reads it."""

    def languages(self, room: str) -> frozenset[str]:
        """Languages somebody reads in this room now."""
        return frozenset(language for r, language in self._subscriptions if r == room)

    def audience(self, room: str) -> frozenset[str]:
        """Languages in which what is missing has to be told: those read now, and those in which something was said."""
        return self.languages(room) | {language for r, language in self._history if r == room}

    def subscribe(self, room: str, language: str, after: int | None = None) -> CaptionSubscription:
        """A new reader; with ``after`` (an event number) it first gets what it missed, as far as it is kept."""
        key = (room, language)
        subscription = CaptionSubscription(room, language, lambda: self._forget(subscription))
        if after is not None:
            for number, caption in self._history.get(key, ()):
                if number > after:
                    subscription.put(number, caption)
        self._subscriptions.setdefault(key, []).append(subscription)
        self._on_demand()
        return subscription

    def publish(self, caption: Caption) -> None:
        """Give an event to every reader of its room and language."""
        self._number += 1
        key = (caption.room, caption.language)
        if caption.kind is not CaptionKind.PARTIAL:
            self._history.setdefault(key, deque(maxlen=HISTORY_DEPTH)).append((self._number, caption))
        self.record(caption)
        for subscription in self._subscriptions.get(key, ()):
            subscription.put(self._number, caption)

    def close_room(self, room: str) -> None:
        """Forget the history of a room that ended; readers stay, it may be dialled again."""
        for key in [key for key in self._history if key[0] == room]:
            del self._history[key]

    @property
    def rooms(self) -> frozenset[str]:
        """Rooms of which somebody reads something now, whether anybody is in them or not."""
        return frozenset(room for room, _ in self._subscriptions)

    def _forget(self, subscription: CaptionSubscription) -> None:
        self.dropped += subscription.dropped
        key = (subscription.room, subscription.language)
        readers = self._subscriptions.get(key, [])
        if subscription in readers:
            readers.remove(subscription)
            if not readers:
                del self._subscriptions[key]
        self._on_demand()
