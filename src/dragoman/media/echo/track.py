"""What becomes of a leg's frames while they may be echo: held until it is known, then let through or silenced.

One queue per leg. A frame that an echo explains waits a little (``LOOK_BACK``), for when somebody begins to talk over
it, the first sounds of a word are weak and look like the echo they lie in. A frame that nothing explains is speech once
``study`` looked at the stretch it ends; until then it waits, because the echo of a loudspeaker that is heard for the
first time is not explained by anything yet. Of what is let through, ``clean`` takes the echo.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

LOOK_BACK: Final = 12
"""Frames of echo that wait (240 ms), to be let through if somebody begins to speak over the echo; counted from where he
does, and not from where that is sure."""

HANGOVER: Final = 18
"""Frames (360 ms) after the last sound of somebody who talks over an echo during which what looks like echo is let
through as well: within a sentence his voice is weaker than the echo for about as long."""

LINGER: Final = 6
"""Frames (120 ms) for which he is still believed to, where an echo is found beside those that are known: one more is no
sign that it was all he said, and a filter that is new knows too little to tell his voice."""

STUDY_AT: Final = 4
STUDY_KNOWN_AT: Final = 2
"""Unexplained frames that wait when the stretch is looked at first: earlier there is too little to compare. The second
where an echo is known, and what is unexplained is somebody's voice most likely."""

STUDY_EVERY: Final = 2
"""Frames between looks while it is not clear."""

MOST_HELD: Final = 18
MOST_KNOWN: Final = 20
"""Frames that may wait (360 and 400 ms). What is not known to be echo by then is speech. The second where an echo is
known: those that look like it and lie before what does not wait as long as it takes to be sure of that."""

SURE_AT: Final = 8
"""Unexplained frames that wait when a look must decide: a stretch (160 ms). With fewer, what was before a delay jumped
is compared as well, and nothing is found."""

STRAY: Final = 2
"""Unexplained frames, fewer than which between others are what the filter missed, and not speech."""

RESTUDY: Final = (8, 16, 25)
"""Frames of somebody's talking between looks whether it has become echo; the last number from then on."""


class Kind(IntEnum):
    """What a frame looks like."""

    QUIET = 0
    """Nothing that anybody would take for speech, or nothing that it could be the echo of."""
    ECHO = 1
    """Explained by what the leg heard."""
    OPEN = 2
    """Not explained (yet)."""


@dataclass(slots=True)
class Track:
    """The queue of one leg, and what is known of who speaks there. Frames are counted, not kept."""

    held: deque[Kind] = field(default_factory=deque)
    """What waits, the oldest first."""
    now: int = 0
    """Frames since the leg began."""
    near_until: int = 0
    """Up to which frame somebody is taken to be speaking over the echo."""
    studied: int = 0
    """When the stretch was last looked at."""
    looks: int = 0
    """Studies in a row that found somebody speaking."""
    known: bool = False
    """Whether an echo was recognised on this leg."""
    wants_study: bool = False

    @property
    def sure(self) -> bool:
        """Whether a look must decide."""
        return self.near or self.held.count(Kind.OPEN) >= SURE_AT

    @property
    def near(self) -> bool:
        """Whether somebody is taken to be speaking over the echo."""
        return self.now < self.near_until

    def add(self, kind: Kind, now: int) -> list[tuple[int, bool]]:
        """A frame came, the ``now``-th of the leg; those before it that are not told of were let through.

        Returns:
            What leaves the queue: pairs (how many frames, whether they are let through), the oldest first.
        """
        self.held.append(kind)
        self.now = now
        if self.near:
            if kind == Kind.OPEN:
                self.near_until = now + HANGOVER
                if now - self.studied >= RESTUDY[min(self.looks, len(RESTUDY)) - 1]:
                    self.wants_study = True
            return self._pass_all()
        if kind == Kind.OPEN:
            self.looks = 0
            waiting = self.held.count(Kind.OPEN)
            if waiting >= (STUDY_KNOWN_AT if self.known else STUDY_AT) and now - self.studied >= STUDY_EVERY:
                self.wants_study = True
        left = self._drain()
        if len(self.held) < (MOST_KNOWN if self.known else MOST_HELD):
            return left
        if self.known and self.held.count(Kind.OPEN) < len(self.held) // 2:
            self.held[0] = Kind.ECHO
            return left + self._drain()
        return left + self.spoken()

    def spoken(self) -> list[tuple[int, bool]]:
        """Somebody speaks: what waits, and what follows, is let through. As ``add``."""
        self.near_until = self.now + HANGOVER
        self.looks += 1
        self.studied = self.now
        self.wants_study = False
        return self._pass_all()

    def doubt(self) -> None:
        """Who was taken to be speaking may not be who sounds from the next frame on: that waits to be looked at."""
        self.near_until = 0
        self.looks = 0

    def echoed(self, kinds: list[Kind]) -> list[tuple[int, bool]]:
        """What waits turns out to look like ``kinds``, the oldest first, for an echo was found. As ``add``."""
        self.held = deque(kinds)
        self.near_until = min(self.near_until, self.now + LINGER) if self.known else 0
        self.looks = 0
        self.studied = self.now
        self.wants_study = False
        self.known = True
        return self._drain()

    def spoken_over(self, kinds: list[Kind]) -> list[tuple[int, bool]]:
        """An echo was found, as ``echoed``, and somebody spoke before it came: he goes on under it.

        Else he is cut off: no filter was ever heard alone, so that his voice is taken for what it leaves. What looks
        like echo already goes, for it cannot be rid of it.
        """
        self.echoed([])
        self.near_until = self.now + HANGOVER
        self.looks = 1
        return [(1, kind != Kind.ECHO) for kind in kinds]

    def flush(self) -> list[tuple[int, bool]]:
        """Everything leaves as if much time had passed. As ``add``."""
        self.near_until = 0
        kinds = [kind == Kind.ECHO for kind in self.held]
        self.held.clear()
        return [(1, not echo) for echo in kinds]

    def _pass_all(self) -> list[tuple[int, bool]]:
        """All but the newest, whose end cannot be rid of its echo before the next one came."""
        keep = min(int(self.known), len(self.held))
        count = len(self.held) - keep
        self.held = deque([Kind.QUIET] * keep)
        return [(count, True)] if count else []

    def _echo_before(self) -> int:
        """Frames that wait before the first that is not explained; all, where that was missed or comes too late."""
        held = self.held
        unsure = held.count(Kind.OPEN) >= STRAY and len(held) < MOST_KNOWN
        return held.index(Kind.OPEN) if unsure else len(held)

    def _drain(self) -> list[tuple[int, bool]]:
        out = []
        held = self.held
        while held:
            first = held[0]
            if first == Kind.QUIET:
                held.popleft()
                out.append((1, True))
                continue
            if first == Kind.ECHO and len(held) > LOOK_BACK and self._echo_before() > LOOK_BACK:
                held.popleft()
                out.append((1, False))
                continue
            if first == Kind.OPEN and len(held) > SURE_AT and held.count(Kind.OPEN) < STRAY:
                held.popleft()
                out.append((1, not self.known))
                continue
            break
        return out
