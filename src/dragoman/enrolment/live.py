"""A voice that is learnt in the call: which stretches of a leg's speech become clips, and when they are used. Pure.

For a caller without a profile who agreed: the first profile comes after FIRST_S of his speech, a better one whenever he
has spoken twice as much, up to ENOUGH_S. It lasts until he hangs up, unless he keeps it. Whoever runs this makes the
profiles (voices.make: ``make_profile`` with ``min_clips=1``, then ``extend_profile``) in a thread, one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dragoman.media.format import SAMPLE_RATE

LEAST_S: Final = 2.0
"""Seconds of an utterance that is worth a clip: shorter ones say too little (voices.clip.MIN_SPEECH_S)."""

MOST_S: Final = 12.0
"""Seconds of a clip; a longer utterance is several. XTTS takes its reference in pieces of 4 to 6 s."""

FIRST_S: Final = 6.0
"""Seconds of speech for the first profile: one reference of XTTS's own length (gpt_cond_len's default)."""

ENOUGH_S: Final = 60.0
"""Seconds after which more speech makes nothing better: XTTS takes in 30 s, and the poorer half is left out."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Audio time [start, end) of one clip, samples on the leg's timeline."""

    start: int
    end: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start) / SAMPLE_RATE


class LiveLearning:
    """One per leg whose caller agreed.

    ``heard`` every utterance in order; while ``due`` gives stretches, have a profile made of them (with those before)
    and tell ``made`` or ``failed``. Only one making is under way at a time.
    """

    def __init__(self) -> None:
        self.learnt_s = 0.0
        """Seconds of speech in the profile."""
        self.versions = 0
        """Profiles made so far."""
        self.rejected = 0
        """Clips that made none: noise, somebody else."""
        self._waiting: list[Stretch] = []
        self._making: tuple[Stretch, ...] = ()

    @property
    def done(self) -> bool:
        """Whether nothing more is learnt."""
        return self.learnt_s >= ENOUGH_S

    def heard(self, start: int, end: int) -> tuple[Stretch, ...]:
        """The leg's VAD heard an utterance from ``start`` to ``end`` (audio time); the clips that it is worth."""
        taken = []
        most, least = round(MOST_S * SAMPLE_RATE), round(LEAST_S * SAMPLE_RATE)
        pieces = max(1, -(-(end - start) // most))
        for number in range(pieces):
            piece = Stretch(
                start + (end - start) * number // pieces,
                start + (end - start) * (number + 1) // pieces,
            )
            if (
                piece.end - piece.start >= least
                and self.learnt_s + self._seconds(*self._making, *self._waiting) < ENOUGH_S
            ):
                self._waiting.append(piece)
                taken.append(piece)
        return tuple(taken)

    def due(self) -> tuple[Stretch, ...]:
        """The stretches to learn from now; empty: not yet, or a making is under way."""
        if self._making or not self._waiting:
            return ()
        # Twice as much as before: a making costs as much as all before it together, so that the sum stays linear.
        wanted = FIRST_S if not self.versions else min(self.learnt_s, ENOUGH_S - self.learnt_s)
        if self._seconds(*self._waiting) < wanted:
            return ()
        self._making, self._waiting = tuple(self._waiting), []
        return self._making

    def made(self, used: int) -> None:
        """A profile was made; ``used`` of the clips that were due are in it, the others were bad."""
        good = sorted(self._making, key=lambda stretch: -stretch.seconds)[:used]
        self.learnt_s += sum(stretch.seconds for stretch in good)
        self.rejected += len(self._making) - len(good)
        self.versions += used > 0
        self._making = ()

    def failed(self) -> None:
        """None of them could be used."""
        self.made(0)

    @staticmethod
    def _seconds(*stretches: Stretch) -> float:
        return sum(stretch.seconds for stretch in stretches)
