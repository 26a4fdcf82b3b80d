"""Is the caller really the owner of the profile that his number has? Pure; told what is heard.

Somebody else may hold the owner's phone. Speaking in the owner's voice what another person said would put words into
his mouth, so a caller who does not sound like the profile is given the neutral voice. The verdict has hysteresis: one
cough must not flip it, and between the two thresholds it stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy.typing as npt

from dragoman.voices.conditioning import cosine
from dragoman.voices.profile import Vector

MARGIN: Final = 0.05
"""Cosine above and below the model's threshold that changes a verdict: between them it stays."""

SMOOTHING: Final = 0.35
"""Share of the newest piece in the running likeness: three pieces of 3 s outweigh what was before."""

MIN_SECONDS: Final = 1.5
"""Seconds of speech in a piece that is judged: less says too little of who speaks."""

SURE_SECONDS: Final = 6.0
"""Seconds of speech until the owner's voice is taken away for the first time; giving it takes the first good piece."""


class Verdict(Enum):
    """Which voice the caller gets."""

    UNKNOWN = "unknown"
    """Too little was heard: he has the profile's voice on trust, for his number is the owner's."""
    OWNER = "owner"
    STRANGER = "stranger"

    @property
    def neutral(self) -> bool:
        """Whether he must get the neutral voice."""
        return self is Verdict.STRANGER


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one piece of speech led to."""

    verdict: Verdict
    changed: bool
    likeness: float
    """Running cosine with the owner."""


class IdentityGuard:
    """One per call with a profile."""

    def __init__(self, owner: Vector, threshold: float, *, trust: bool = True) -> None:
        """``threshold`` is the identity model's; without ``trust`` the voice must be earned by the first good piece."""
        self._owner = owner
        self._enter = min(1.0, threshold + MARGIN)
        self._leave = max(-1.0, threshold - MARGIN)
        self._likeness: float | None = None
        self._seconds = 0.0
        self.verdict = Verdict.UNKNOWN if trust else Verdict.STRANGER

    def heard(self, vector: npt.ArrayLike, seconds: float) -> Judgement:
        """A piece of the caller's speech, ``seconds`` of it, embedded by the model that made the profile's identity."""
        if seconds < MIN_SECONDS:
            return Judgement(self.verdict, False, self._likeness if self._likeness is not None else 0.0)
        now = cosine(vector, self._owner)
        self._likeness = now if self._likeness is None else self._likeness + SMOOTHING * (now - self._likeness)
        self._seconds += seconds
        before = self.verdict
        if self._likeness >= self._enter:
            self.verdict = Verdict.OWNER
        elif self._likeness < self._leave and self._seconds >= SURE_SECONDS:
            self.verdict = Verdict.STRANGER
        changed = self.verdict is not before
        return Judgement(self.verdict, changed, self._likeness)
