"""The degradation ladder of one speaker in one language: how much of the interpretation its listeners get. Pure.

Each clause tells how far it came. Some in a row that came less far bring the ladder down, to what they did reach; more
in a row that came farther bring it up again, after a pause that grows when that was too soon. Between, from time to
time, a clause is tried on the highest rung: only use tells whether it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from dragoman.errors import IllegalTransition

FALLS = 2
"""Clauses in a row that come less far before the ladder goes down: one is a bad moment, and each is one too many."""

RISES = 3
"""Clauses in a row that come farther before it goes up: about ten seconds of speech."""

PAUSE_S = 10.0
"""s on a rung after a fall before a higher one is tried: a change that is undone at once only confuses."""

LONGEST_PAUSE_S = 120.0
"""s at most. The pause doubles with each fall and each trial that fails, so that what flaps settles below."""

RELAPSE_S = 60.0
"""s on a rung that was risen to, within which a fall is a relapse: the pause is not as short as at first."""

LATE_S = 25.0
"""s of ear-voice span from which a voice is of no use. What comes before keeps it shorter: tempo and merging below 3 s
while the engines keep up, dropping the oldest clauses (pipeline.catchup, beyond 20 s of backlog) whenever one voice is
too slow. Only engines that take this long themselves get here."""


class Rung(StrEnum):
    """What listeners get; also the label of its metric."""

    CLONED = "cloned"
    """The translation in the speaker's own voice."""
    STOCK = "stock"
    """The translation in another voice."""
    CAPTIONS = "captions"
    """The translation to read."""
    ORIGINAL = "original"
    """The speaker himself, at full level."""

    @property
    def height(self) -> int:
        """0 at the bottom."""
        return _HEIGHT[self]


class Step(StrEnum):
    """One rung."""

    DOWN = "down"
    UP = "up"


_TRANSITIONS: Mapping[tuple[Rung, Step], Rung] = MappingProxyType(
    {
        (Rung.CLONED, Step.DOWN): Rung.STOCK,
        (Rung.STOCK, Step.DOWN): Rung.CAPTIONS,
        (Rung.CAPTIONS, Step.DOWN): Rung.ORIGINAL,
        (Rung.ORIGINAL, Step.UP): Rung.CAPTIONS,
        (Rung.CAPTIONS, Step.UP): Rung.STOCK,
        (Rung.STOCK, Step.UP): Rung.CLONED,
    }
)

_HEIGHT = {rung: height for height, rung in enumerate((Rung.ORIGINAL, Rung.CAPTIONS, Rung.STOCK, Rung.CLONED))}


@dataclass(frozen=True, slots=True)
class Change:
    """The listeners get something else from now on."""

    before: Rung
    after: Rung
    why: str

    @property
    def down(self) -> bool:
        """Whether it is less."""
        return self.after.height < self.before.height


class Ladder:
    """One speaker's into one language. ``now`` in s of one monotonic clock."""

    def __init__(self, top: Rung, now: float) -> None:
        """``top``: the most there can be; it begins there."""
        self.rung = top
        self.since = now
        """When it came to this rung."""
        self._top = top
        self._streak: list[Rung] = []  # how far the last clauses came, all below the rung or all above
        self._ended: list[Rung] = []  # the streak of falls that the last clause ended
        self._sure = False  # whether the first clause that comes farther lifts it: what was lost is back
        self._pause = PAUSE_S
        self._try_at = now
        self._risen_at: float | None = None

    @property
    def top(self) -> Rung:
        """The most there can be."""
        return self._top

    def allow(self, top: Rung, now: float) -> bool:
        """There can be more, or less, from now on (a profile came or went); True if it moved. Nobody need be told."""
        before, was_top = self.rung, self._top
        self._top = top
        if self.rung.height > top.height or (self.rung is was_top and not self._streak):
            self.rung = top
        if self.rung is not before:
            self.since = now
            self._streak.clear()
        return self.rung is not before

    def attempt(self, now: float) -> Rung:
        """How far the next clause is to be tried: the highest rung where it stands there, or a trial is due.

        At the bottom everything is tried with every clause: what is translated at all may as well be spoken.
        """
        free = self.rung in (self._top, Rung.ORIGINAL)
        return self._top if free or now >= self._try_at else self.rung

    def hope(self, now: float) -> None:
        """What failed was seen to work: the pause is over."""
        self._try_at = min(self._try_at, now)

    def reached(self, rung: Rung, now: float, why: str = "") -> Change | None:
        """A clause came so far; ``why`` not farther."""
        rung = min(rung, self._top, key=lambda each: each.height)
        if rung is self.rung:
            climbing = bool(self._streak) and self._streak[0].height > rung.height
            if climbing or (now >= self._try_at and rung is not self._top):
                self._longer(now)  # the trial failed
            self._ended = [] if climbing else self._streak
            self._streak = []
            return None
        self._ended = []
        down = rung.height < self.rung.height
        if self._streak and (self._streak[0].height < self.rung.height) is not down:
            self._streak.clear()
        self._streak.append(rung)
        if down:
            return self._fall(now, why) if len(self._streak) >= FALLS else None
        if len(self._streak) < (1 if self._sure else RISES):
            return None
        return self._rise(now)

    def retract(self) -> None:
        """The clause that came last as far as the rung began well and broke off: what it ended goes on."""
        if self._ended:
            self._streak, self._ended = self._ended, []

    def lost(self, now: float, why: str) -> Change | None:
        """Nothing of it can be had just now; the first clause that comes farther shows that it is back.

        Of what is lost again soon, RISES of them do: what comes and goes with every utterance settles below.
        """
        if self.rung is Rung.ORIGINAL:
            self._streak.clear()
            return None
        change = self._move(Rung.ORIGINAL, now, why)
        self._sure = not self._relapses(now)
        self._try_at = now
        return change

    def _fall(self, now: float, why: str) -> Change:
        to = max(self._streak, key=lambda each: each.height)
        if not self._relapses(now):
            self._pause = PAUSE_S
        change = self._move(to, now, why)
        self._longer(now)
        return change

    def _relapses(self, now: float) -> bool:
        return self._risen_at is not None and now - self._risen_at < RELAPSE_S

    def _rise(self, now: float) -> Change:
        change = self._move(min(self._streak, key=lambda each: each.height), now, "it works again")
        self._risen_at = now
        self._try_at = now  # it may go on
        return change

    def _longer(self, now: float) -> None:
        self._try_at = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE_S)

    def _move(self, to: Rung, now: float, why: str) -> Change:
        before = self.rung
        while self.rung is not to:
            self._go(Step.DOWN if to.height < self.rung.height else Step.UP)
        self.since = now
        self._streak.clear()
        self._ended = []
        self._sure = False
        return Change(before, to, why)

    def _go(self, step: Step) -> None:
        after = _TRANSITIONS.get((self.rung, step))
        if after is None:
            raise IllegalTransition("ladder", self.rung, step)
        self.rung = after
