"""Profiles in memory, the least recently used leave first: a lookup on the way of a clause must not wait for a disk."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from dragoman.voices.profile import VoiceProfile


@dataclass(slots=True)
class CacheCounts:
    """They only grow."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    """Profiles that left to make room."""
    forgotten: int = 0
    """Profiles that left because they were changed or deleted, here or by another daemon."""


def size_of(profile: VoiceProfile) -> int:
    """Bytes of its vectors; the rest is some kilobytes."""
    arrays = [profile.identity, profile.style]
    for clip in profile.clips:
        arrays += [clip.identity, clip.style]
        if clip.latents is not None:
            arrays += [clip.latents.gpt, clip.latents.speaker]
    return 4096 + sum(array.nbytes for array in arrays if array is not None)


KNOWN = 4096
"""Callers remembered for an outage of the database; who called least lately is forgotten."""


class KnownCallers:
    """Which profile each caller had when that was last asked; for when it cannot be asked."""

    def __init__(self) -> None:
        self._profiles: OrderedDict[str, str | None] = OrderedDict()

    def __contains__(self, lookup: str) -> bool:
        return lookup in self._profiles

    def get(self, lookup: str) -> str | None:
        """His profile; None: he had none, or nothing is known of him."""
        return self._profiles.get(lookup)

    def put(self, lookup: str, profile: str | None) -> None:
        """He has this one."""
        self._profiles[lookup] = profile
        self._profiles.move_to_end(lookup)
        if len(self._profiles) > KNOWN:
            self._profiles.popitem(last=False)

    def forget(self, profile: str) -> None:
        """This profile was deleted: nobody has it."""
        for lookup in [lookup for lookup, known in self._profiles.items() if known == profile]:
            del self._profiles[lookup]


class ProfileCache:
    """At most ``capacity`` bytes of profiles; one that is larger than all of it is not kept."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._profiles: OrderedDict[str, VoiceProfile] = OrderedDict()
        self._bytes = 0
        self._epoch = 0
        self.counts = CacheCounts()

    def __len__(self) -> int:
        return len(self._profiles)

    @property
    def epoch(self) -> int:
        """Goes up whenever something is forgotten: note it before reading what you will ``put``."""
        return self._epoch

    @property
    def bytes(self) -> int:
        """Of what is kept."""
        return self._bytes

    @property
    def versions(self) -> dict[str, int]:
        """Ids and versions of what is kept."""
        return {key: profile.version for key, profile in self._profiles.items()}

    def get(self, key: str) -> VoiceProfile | None:
        """The profile, if it is here; it is then the last to leave."""
        profile = self._profiles.get(key)
        if profile is None:
            self.counts.misses += 1
            return None
        self.counts.hits += 1
        self._profiles.move_to_end(key)
        return profile

    def put(self, profile: VoiceProfile, epoch: int) -> None:
        """Keep it, unless something was forgotten since ``epoch``: what was read may just have been deleted.

        An older version never replaces a newer one (two reads may overtake each other).
        """
        known = self._profiles.get(profile.id)
        if epoch != self._epoch or (known is not None and known.version > profile.version):
            return
        self._drop(profile.id)
        size = size_of(profile)
        if size > self._capacity:
            return
        self._profiles[profile.id] = profile
        self._bytes += size
        while self._bytes > self._capacity:
            self._drop(next(iter(self._profiles)))
            self.counts.evictions += 1

    def forget(self, key: str) -> bool:
        """Drop it; False if it was not here."""
        self._epoch += 1
        dropped = self._drop(key)
        self.counts.forgotten += dropped
        return dropped

    def clear(self) -> None:
        """Drop all."""
        self._epoch += 1
        self._profiles.clear()
        self._bytes = 0

    def _drop(self, key: str) -> bool:
        profile = self._profiles.pop(key, None)
        if profile is not None:
            self._bytes -= size_of(profile)
        return profile is not None
