"""What should be attached, against what is: one pure rule for start, events and reconnects alike.

``plan`` compares the roster (who sits where) with our holdings (taps and booths, ready or under way) and says what to
do. Every caller in a conference gets one tap; every conference with a caller in it gets one booth; objects in Asterisk
with our prefix that no holding owns are orphans (of a killed daemon, or of an attempt that failed) and are swept.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from dragoman.errors import IllegalTransition
from dragoman.recovery.backoff import delay
from dragoman.telephony.model import Booth, Tap
from dragoman.telephony.roster import Kind, Names, Place, Roster, Seat

AT_ONCE = 8
"""Creations and sweeps under way at once, at most. A tap keeps Asterisk busy with five requests for 10-15 ms; more at
once finish no sooner, and on a PBX at its limit a hundred at once all miss their deadlines, again and again (seen)."""


LEFT = ("the caller left", "the last caller left")
"""Why a tap or booth is dropped when nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class LegKey:
    """Names a leg: one channel in one epoch."""

    channel_id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class BoothKey:
    """Names the booth of a room's language."""

    room: str
    language: str


Key = LegKey | BoothKey


class State(Enum):
    """Where a holding is in its life."""

    CREATING = auto()
    READY = auto()
    DROPPING = auto()
    GONE = auto()


class Step(Enum):
    """What moves a holding on."""

    UP = auto()
    """All its parts work."""
    DROP = auto()
    """It is no longer wanted, or a part of it is gone."""
    FAILED = auto()
    """It could not be created, and what there was of it has been undone."""
    DELETED = auto()
    """Its parts were deleted as far as Asterisk answered."""


_TRANSITIONS: dict[tuple[State, Step], State] = {
    (State.CREATING, Step.UP): State.READY,
    (State.CREATING, Step.DROP): State.DROPPING,
    (State.CREATING, Step.FAILED): State.GONE,
    (State.READY, Step.DROP): State.DROPPING,
    (State.DROPPING, Step.DELETED): State.GONE,
}


@dataclass(slots=True)
class Holding:
    """A tap or booth of ours, from the decision to create it until its parts are deleted."""

    key: Key
    parts: dict[Kind, str]
    """Ids of its objects in Asterisk, known before they exist."""
    since: float
    """When it was first missed, s, monotonic: before its turn came, and before an attempt that failed."""
    state: State = State.CREATING
    value: Tap | Booth | None = None
    """What the listener was told; set with READY."""
    muted: bool = False
    held: bool = False
    """What the listener knows of the leg."""


@dataclass(slots=True)
class _Failure:
    attempts: int
    retry_at: float


class Holdings:
    """All that we have or are about to have, and when what failed may be tried again.

    Args:
        names: makes the ids.
        chance: gives a number in [0, 1) for the jitter.
    """

    def __init__(self, names: Names, chance: Callable[[], float] = random.random) -> None:
        self.names = names
        self._chance = chance
        self._by_key: dict[Key, Holding] = {}
        self._sweeping: set[str] = set()
        self._failures: dict[Key | str, _Failure] = {}
        self._wanted: dict[Key, float] = {}

    def __iter__(self) -> Iterator[Holding]:
        return iter(list(self._by_key.values()))

    def __contains__(self, key: Key) -> bool:
        return key in self._by_key

    def get(self, key: Key) -> Holding | None:
        """The holding of that key, unless it is gone."""
        return self._by_key.get(key)

    def owned(self) -> set[str]:
        """Ids of all objects that belong to a holding or are being swept."""
        return self._sweeping.union(*(holding.parts.values() for holding in self._by_key.values()))

    def begin(self, key: Key, now: float) -> Holding:
        """A new holding in state CREATING, with ids for its parts."""
        serial = self.names.next()
        kinds = (Kind.MEDIA, Kind.SNOOP, Kind.MIX) if isinstance(key, LegKey) else (Kind.BOOTH,)
        parts = {kind: self.names.name(kind, serial) for kind in kinds}
        holding = Holding(key, parts, since=self._wanted.get(key, now))
        self._by_key[key] = holding
        return holding

    def step(self, holding: Holding, step: Step, now: float) -> None:
        """Move a holding on.

        Raises:
            IllegalTransition: the table has no such step; a bug.
        """
        state = _TRANSITIONS.get((holding.state, step))
        if state is None:
            raise IllegalTransition(f"holding {holding.key}", holding.state.name, step.name)
        holding.state = state
        if state is State.GONE:
            self._by_key.pop(holding.key, None)  # not there after a clear
        if step is Step.FAILED:
            self._failed(holding.key, now)
        elif step is Step.UP:
            self._failures.pop(holding.key, None)

    def clear(self) -> None:
        """All of it was given up at once."""
        self._by_key.clear()

    def missing(self, keys: Iterable[Key], now: float) -> None:
        """What is wanted and not there: since when, is remembered until it is."""
        self._wanted = {key: self._wanted.get(key, now) for key in keys if key not in self._by_key}

    def sweeping(self, name: str) -> None:
        """An orphan is being deleted."""
        self._sweeping.add(name)

    def swept(self, name: str, now: float, *, ok: bool) -> None:
        """Its deletion came to an end."""
        self._sweeping.discard(name)
        if ok:
            self._failures.pop(name, None)
        else:
            self._failed(name, now)

    def under_way(self) -> int:
        """How many creations and sweeps there are at the moment."""
        return len(self._sweeping) + sum(holding.state is State.CREATING for holding in self._by_key.values())

    def may_try(self, key: Key | str, now: float) -> bool:
        """Whether its back-off is over, or it never failed."""
        failure = self._failures.get(key)
        return failure is None or now >= failure.retry_at

    def next_retry(self) -> float | None:
        """When the first back-off ends, s, monotonic; None if nothing waits."""
        busy = self._by_key.keys() | self._sweeping
        return min((failure.retry_at for key, failure in self._failures.items() if key not in busy), default=None)

    def forget_failures(self, keep: Callable[[Key | str], bool]) -> None:
        """Forget failures of what is no longer wanted, or of everything after a reconnect."""
        self._failures = {key: failure for key, failure in self._failures.items() if keep(key)}

    def _failed(self, key: Key | str, now: float) -> None:
        attempts = self._failures[key].attempts if key in self._failures else 0
        self._failures[key] = _Failure(attempts + 1, now + delay(attempts, self._chance))


# ---- actions


@dataclass(frozen=True, slots=True)
class CreateTap:
    """Give this caller a tap."""

    seat: Seat


@dataclass(frozen=True, slots=True)
class CreateBooth:
    """Send a booth into this conference."""

    key: BoothKey


@dataclass(frozen=True, slots=True)
class Drop:
    """Give up a tap or booth, ready or under way."""

    key: Key
    why: str


@dataclass(frozen=True, slots=True)
class SweepOrphan:
    """Delete an object with our prefix that nobody here owns."""

    name: str
    kind: Kind | None


@dataclass(frozen=True, slots=True)
class TellMuted:
    """The listener has not heard of the leg's present state."""

    key: LegKey
    muted: bool


@dataclass(frozen=True, slots=True)
class TellHeld:
    """The listener has not heard of the leg's present state."""

    key: LegKey
    held: bool


Action = Drop | CreateBooth | CreateTap | SweepOrphan | TellMuted | TellHeld


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should be attached."""

    taps: dict[LegKey, Seat] = field(default_factory=dict)
    booths: frozenset[BoothKey] = frozenset()

    def __contains__(self, key: Key) -> bool:
        return key in (self.taps if isinstance(key, LegKey) else self.booths)


def wanted(roster: Roster) -> Wanted:
    """A tap for every caller, a booth for every conference with a caller in it."""
    seats = roster.seats.values()
    return Wanted(
        taps={LegKey(seat.channel_id, seat.epoch): seat for seat in seats},
        booths=frozenset(BoothKey(seat.room, seat.language) for seat in seats),
    )


def plan(roster: Roster, holdings: Holdings, now: float) -> list[Action]:
    """What is to be done now: drops first, so that a listener hears of an end before the beginning that follows it.

    Once the shell has taken the actions on (``begin``, ``step``, ``sweeping``), the next plan lacks them. What failed
    is left out until its back-off is over, and a caller who came back until the tap of his former epoch is deleted:
    nothing ever acts twice on one leg at a time. So is what would be more than AT_ONCE; call again when something ends.
    Failures of what is no longer wanted are forgotten.
    """
    want = wanted(roster)
    holdings.forget_failures(lambda key: key in roster.own if isinstance(key, str) else key in want)
    holdings.missing((*want.taps, *want.booths), now)
    drops: list[Action] = []
    tells: list[Action] = []
    for holding in holdings:
        key = holding.key
        if holding.state is State.DROPPING:
            continue
        if key not in want:
            drops.append(Drop(key, LEFT[0] if isinstance(key, LegKey) else LEFT[1]))
        elif holding.state is State.READY and (why := _broken(holding, roster)):
            drops.append(Drop(key, why))
        elif holding.state is State.READY and isinstance(key, LegKey):
            seat = want.taps[key]
            if seat.muted != holding.muted:
                tells.append(TellMuted(key, seat.muted))
            if seat.held != holding.held:
                tells.append(TellHeld(key, seat.held))
    booths = [
        CreateBooth(key)
        for key in sorted(want.booths, key=lambda key: (key.room, key.language))
        if key not in holdings and holdings.may_try(key, now)
    ]
    busy = {holding.key.channel_id for holding in holdings if isinstance(holding.key, LegKey)}
    taps = [
        CreateTap(seat) for key, seat in want.taps.items() if key.channel_id not in busy and holdings.may_try(key, now)
    ]
    owned = holdings.owned()
    sweeps = [
        SweepOrphan(name, kind)
        for name, kind in roster.own.items()
        if name not in owned and holdings.may_try(name, now)
    ]
    room = max(0, AT_ONCE - holdings.under_way())
    beginnings: list[Action] = [*booths, *taps, *sweeps]
    return [*drops, *beginnings[:room], *tells]


def _broken(holding: Holding, roster: Roster) -> str:
    """Which part of a ready holding Asterisk no longer has; empty if it is whole."""
    for kind, name in holding.parts.items():
        if name not in roster.own:
            return f"its {kind.value} is gone"
    if isinstance(holding.key, BoothKey):
        place: Place = (holding.key.room, holding.key.language)
        if roster.place_of(holding.parts[Kind.BOOTH]) != place:
            return "it is no longer in its conference"
    return ""
