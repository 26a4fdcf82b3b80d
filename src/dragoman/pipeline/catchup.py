"""How a chain that is behind catches up: faster speech first, then fewer clauses, then gaps that are told. Pure.

1. *Tempo*: as fast as what is spoken must be for the next clause not to wait for it, up to ``FAST``. When the next one
   can be ready is foreseen from what the speaker has said since; so a long clause is hurried from its first word, not
   when a short one behind it waits already. Who has stopped is not hurried at all. ``FAST`` keeps up with one who talks
   on, but with little to spare; so where much has been left for a while, it may be up to ``FASTEST``.
2. *Merging*: beyond ``MERGE`` seconds, clauses that wait for the translator are translated with their neighbours, which
   saves the pauses between them, and requests.
3. *Dropping*: beyond ``DROP`` seconds the oldest clauses that do not sound yet are not spoken, until ``KEEP`` seconds
   are left. Readers keep their text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dragoman.media.format import SAMPLE_RATE

FAST = 1.3
"""Tempo at which speech is still easily understood; no more is asked of anybody for a clause or two."""

FASTEST = 1.4
"""Tempo that is asked of listeners while much is left for long. Synthesizers speak some 170 words a minute, which makes
240; comprehension begins to fall at 275 (Foulke & Sticht 1969)."""

MUCH = (2.0, 2.5)
"""Seconds left, on average over ``LONG``: from so many on the tempo may be above ``FAST``, and at so many ``FASTEST``.
Of one who never pauses 1.5 are left where his translation takes as long as he does, 2.3 where 1.25 times as long."""

LONG = 20.0
"""Seconds of speech over which is averaged what is left: eight clauses, so that none of them makes the tempo swing."""

EASY = 0.1
"""Seconds for which a finished clause may wait and nobody is hurried: a short pause between two clauses."""

BUSY = 0.4
"""Seconds that a finished clause would wait at which ``FAST`` is reached."""

SLOW = 0.92
"""Tempo while the synthesizer is slower than speech: a slow voice is better than one that halts."""

SHORTEST = 1.4
"""Seconds that a clause which is being said will have at least: four words, the least that is cut at a comma."""

READY = 0.45
"""Seconds from the end of a clause until its first sound can be ready at the soonest: 250 ms until its last word is
known, 200 for a quick translation and synthesis. What is slower finds the booth free."""

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
    heard: float = 0.0
    """For how long he has talked since, as the VAD hears it, which is earlier; 0: he does not."""

    @property
    def due(self) -> float:
        """Seconds until the clause that is being said can sound at the soonest; infinite where none is."""
        since = max(self.heard, self.said + UNHEARD if self.talking else 0.0)
        return max(SHORTEST - since, 0.0) + READY if since > 0.0 else math.inf


def wanted_tempo(backlog: Backlog, most: float = FAST) -> float:
    """The tempo for this backlog, of ``most``: 1 as long as nothing will be late, whatever there is to be spoken."""
    waiting = 1.0 + (most - 1.0) * (backlog.ahead - EASY) / (BUSY - EASY)
    return min(max(backlog.left / backlog.due, waiting, 1.0), most)


def most_for(left: float) -> float:
    """How fast one may speak of whom so many seconds were left lately, on average."""
    low, high = MUCH
    return FAST + (FASTEST - FAST) * min(max((left - low) / (high - low), 0.0), 1.0)


@dataclass(slots=True)
class Tempo:
    """One voice's tempo: follows what is wanted, smoothly."""

    now: float = 1.0
    limit: float = FASTEST
    """The fastest that it may be; 1.0: it never changes."""
    starved: bool = False
    """Whether the synthesizer gives less than is played."""
    lately: float = 0.0
    """Seconds that were left, on average over the last ``LONG`` seconds of speech."""

    def begin(self, backlog: Backlog) -> float:
        """A clause begins behind silence: nobody hears the tempo change there, and no more is left than this."""
        self.lately = min(self.lately, backlog.left)
        self.now = self._wanted(backlog)
        return self.now

    def step(self, backlog: Backlog, samples: int) -> float:
        """The tempo of the next ``samples``."""
        seconds = samples / SAMPLE_RATE
        self.lately += min(seconds / LONG, 1.0) * (backlog.left - self.lately)
        wanted = self._wanted(backlog)
        if wanted != 1.0 and abs(wanted - self.now) < STILL:
            return self.now
        self.now = min(max(wanted, self.now - SLOWER * seconds), self.now + FASTER * seconds)
        return self.now

    def _wanted(self, backlog: Backlog) -> float:
        if self.limit <= 1.0:
            return 1.0
        wanted = min(wanted_tempo(backlog, most_for(self.lately)), self.limit)
        return min(wanted, SLOW) if self.starved else wanted
