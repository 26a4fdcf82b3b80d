"""How a chain that is behind catches up: faster speech first, then fewer clauses, then gaps that are told. Pure.

1. *Tempo*, as the design has it: up to ``BRISK`` while anything is late, up to ``FAST`` beyond 3 s of backlog.
2. *Merging*: beyond ``MERGE`` seconds, clauses that wait for the translator are translated with their neighbours, which
   saves the pauses between them, and requests.
3. *Dropping*: beyond ``DROP`` seconds the oldest clauses that do not sound yet are not spoken, until ``KEEP`` seconds
   are left. Readers keep their text.
"""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.media.format import SAMPLE_RATE

BRISK = 1.15
"""Tempo that listeners hardly notice."""

FAST = 1.3
"""Tempo at which speech is still easily understood; no more is asked of anybody."""

EASY = 0.1
"""Seconds late that nobody is hurried for: a short pause between two clauses."""

BUSY = 0.4
"""Seconds late at which ``BRISK`` is reached: a second that is waited is heard by everybody, this tempo by nobody."""

FULL = 3.0
"""Seconds of backlog beyond which speech gets faster than ``BRISK``."""

FASTEST = 3.2
"""Seconds of backlog at which ``FAST`` is reached. Where translations are 1.25 times as long as the speech, 1.25x is
reached between the two, and the lag stays there."""

SLOW = 0.92
"""Tempo while the synthesizer is slower than speech: a slow voice is better than one that halts."""

CLAUSE = 1.0
"""Seconds of a clause that is still being said which make nobody late: it cannot be spoken before it has an end."""

AT_HAND = 0.3
"""Seconds in which a clause that has its end is translated and begins to sound, if it was begun ahead."""

UNHEARD = 0.35
"""Seconds of speech behind the last known word, while one talks: so long recognisers take to tell a word."""

FASTER = 0.6
SLOWER = 0.1
"""Most that the tempo changes per second of speech: 0.15 in a quarter of a second, which glides. It goes down more
slowly than up, so that it does not swing with every clause."""

STILL = 0.02
"""Changes below this are not made: it would be heard as unrest, not as speed."""

MERGE = 6.0
"""Seconds of backlog from which on waiting neighbours are merged: twice what the fastest tempo holds."""

DROP = 20.0
"""Seconds of backlog at which listeners no longer follow the talk: half a minute lies between a word and its answer."""

KEEP = 8.0
"""Seconds of backlog that are left when clauses are dropped: the newest, so that the rest makes sense together."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one chain has still to speak, in seconds of audio."""

    left: float
    """Of all committed clauses."""
    ahead: float
    """Of those before the newest, which has to wait for them."""
    said: float
    """Of what the speaker has said since, as far as its words are known."""
    talking: bool
    """Whether there is such."""

    @property
    def total(self) -> float:
        """All of it, with what has no words yet."""
        return self.left + (self.said + UNHEARD if self.talking else 0.0)

    @property
    def late(self) -> float:
        """By how much what comes next will be late, if nobody hurries."""
        coming = self.left + self.said - CLAUSE - AT_HAND if self.talking else 0.0
        return max(coming, self.ahead, 0.0)


def wanted_tempo(backlog: Backlog) -> float:
    """The tempo for this backlog: 1 as long as nothing is late, whatever there is to be spoken."""
    late = backlog.late
    brisk = 1.0 + (BRISK - 1.0) * min(max((late - EASY) / (BUSY - EASY), 0.0), 1.0)
    if late <= BUSY or backlog.total <= FULL:
        return brisk
    return brisk + (FAST - BRISK) * min((backlog.total - FULL) / (FASTEST - FULL), 1.0)


@dataclass(slots=True)
class Tempo:
    """One voice's tempo: follows what is wanted, smoothly."""

    now: float = 1.0
    limit: float = FAST
    """The fastest that it may be; 1.0: it never changes."""
    starved: bool = False
    """Whether the synthesizer gives less than is played."""

    def begin(self, backlog: Backlog) -> float:
        """A clause begins behind silence: nobody hears the tempo change there."""
        self.now = self._wanted(backlog)
        return self.now

    def step(self, backlog: Backlog, samples: int) -> float:
        """The tempo of the next ``samples``."""
        wanted = self._wanted(backlog)
        seconds = samples / SAMPLE_RATE
        if wanted != 1.0 and abs(wanted - self.now) < STILL:
            return self.now
        self.now = min(max(wanted, self.now - SLOWER * seconds), self.now + FASTER * seconds)
        return self.now

    def _wanted(self, backlog: Backlog) -> float:
        if self.limit <= 1.0:
            return 1.0
        wanted = min(wanted_tempo(backlog), self.limit)
        return min(wanted, SLOW) if self.starved else wanted
