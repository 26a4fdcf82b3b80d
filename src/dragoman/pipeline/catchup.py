"""How a chain that is behind catches up: faster speech first, then fewer clauses, then gaps that are told. Pure.

1. *Tempo*, as the design has it: up to ``BRISK`` while anything waits, up to ``FAST`` beyond 3 s.
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

EASY = 0.2
"""Seconds behind that are a pause between two clauses: nobody is hurried for them."""

BUSY = 0.8
"""Seconds behind at which ``BRISK`` is reached."""

LATE = 1.0
"""Seconds behind beyond which speech gets faster than ``BRISK``."""

VERY_LATE = 1.8
"""Seconds behind at which ``FAST`` is reached. Where translations are 1.25 times as long as the speech, 1.25x is
reached between the two, and the lag stays there."""

SLOW = 0.92
"""Tempo while the synthesizer is slower than speech: a slow voice is better than one that halts."""

CLAUSE = 2.0
"""Seconds of a clause that is still being said which do not count: it cannot be spoken before it has an end."""

AT_HAND = 0.3
"""Seconds in which a clause that has its end is translated and begins to sound, if it was begun ahead."""

FASTER = 0.4
SLOWER = 0.2
"""Most that the tempo changes per second of speech: 0.15 in less than half a second, which glides. It goes down more
slowly than up, so that it does not swing with every clause."""

STILL = 0.02
"""Changes below this are not made: it would be heard as unrest, not as speed."""

MERGE = 6.0
"""Seconds of backlog from which on waiting neighbours are merged: twice what the fastest tempo holds."""

DROP = 20.0
"""Seconds of backlog at which listeners no longer follow the talk: half a minute lies between a word and its answer."""

KEEP = 8.0
"""Seconds of backlog that are left when clauses are dropped: the newest, so that the rest makes sense together."""


def behind(left: float, waiting: float, said: float, *, talking: bool) -> float:
    """Seconds by which what comes next will be late, if nobody hurries.

    Args:
        left: seconds of audio of all committed clauses.
        waiting: seconds of them that the newest has to wait for.
        said: seconds that the translation takes of what the speaker has said since.
        talking: whether there is such.
    """
    coming = left + said - CLAUSE - AT_HAND if talking else 0.0
    return max(coming, waiting, 0.0)


def wanted_tempo(late: float) -> float:
    """The tempo for so many seconds behind."""
    if late <= LATE:
        return 1.0 + (BRISK - 1.0) * min(max((late - EASY) / (BUSY - EASY), 0.0), 1.0)
    return BRISK + (FAST - BRISK) * min((late - LATE) / (VERY_LATE - LATE), 1.0)


@dataclass(slots=True)
class Tempo:
    """One voice's tempo: follows what is wanted, smoothly."""

    now: float = 1.0
    limit: float = FAST
    """The fastest that it may be; 1.0: it never changes."""
    starved: bool = False
    """Whether the synthesizer gives less than is played."""

    def begin(self, late: float) -> float:
        """A clause begins behind silence: nobody hears the tempo change there."""
        self.now = self._wanted(late)
        return self.now

    def step(self, late: float, samples: int) -> float:
        """The tempo of the next ``samples``, with so many seconds behind."""
        wanted = self._wanted(late)
        seconds = samples / SAMPLE_RATE
        if wanted != 1.0 and abs(wanted - self.now) < STILL:
            return self.now
        self.now = min(max(wanted, self.now - SLOWER * seconds), self.now + FASTER * seconds)
        return self.now

    def _wanted(self, late: float) -> float:
        if self.limit <= 1.0:
            return 1.0
        wanted = min(wanted_tempo(late), self.limit)
        return min(wanted, SLOW) if self.starved else wanted
