"""Which of espeak-ng's voices speaks for whom. Pure."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VoiceProfile:
    """A variant of espeak-ng (added to a language: ``es+f2``), its pitch and range (0-99), rate (words a minute)."""

    variant: str
    pitch: int
    range: int
    rate: int


PROFILES = (
    VoiceProfile("f2", 50, 50, 165),  # 188 Hz
    VoiceProfile("m3", 35, 50, 160),  # 91 Hz
    VoiceProfile("f5", 30, 50, 160),  # 168 Hz
    VoiceProfile("Andy", 55, 55, 165),  # 100 Hz
    VoiceProfile("Annie", 55, 60, 165),  # 281 Hz
    VoiceProfile("m7", 60, 45, 165),  # 113 Hz
    VoiceProfile("f3", 70, 55, 160),  # 262 Hz
    VoiceProfile("m1", 75, 55, 165),  # 121 Hz
)
"""Fundamentals as measured in Spanish. Neighbours in height (91, 100, 113, 121 Hz) differ in variant; nobody listened
to how well people tell them apart."""

MAX_SPEAKERS = 1000
"""Speakers whose voice is remembered; the one silent for longest is forgotten first."""


class VoiceAssigner:
    """Gives every speaker a profile of his own while there are free ones, and always the same.

    Who asks first gets the profile that his key's hash says, so that he mostly has the same voice after a restart too.
    When all are taken, he shares the one whose speaker was silent for longest.
    """

    def __init__(self, profiles: int = len(PROFILES)) -> None:
        """Assign the numbers 0 to ``profiles`` - 1."""
        self._profiles = profiles
        self._speakers: OrderedDict[str, int] = OrderedDict()

    def __call__(self, speaker: str) -> int:
        """The speaker's profile; he speaks now."""
        if speaker not in self._speakers:
            self._speakers[speaker] = self._choose(speaker)
            if len(self._speakers) > MAX_SPEAKERS:
                self._speakers.popitem(last=False)
        self._speakers.move_to_end(speaker)
        return self._speakers[speaker]

    def _choose(self, speaker: str) -> int:
        wish = int.from_bytes(hashlib.blake2s(speaker.encode()).digest()[:4]) % self._profiles
        last_used = {profile: when for when, profile in enumerate(self._speakers.values())}
        order = [(wish + i) % self._profiles for i in range(self._profiles)]
        return min(order, key=lambda profile: last_used.get(profile, -1))
