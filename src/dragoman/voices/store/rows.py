"""Rows of the tables from what they hold, sealed, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog

from dragoman.errors import ProfileInvalid, VoiceError
from dragoman.vault import Vault
from dragoman.voices.make import Audio
from dragoman.voices.profile import VoiceProfile
from dragoman.voices.store.codec import read_profile, write_manifest, write_vectors

log = structlog.get_logger(__name__)

_AUDIO = np.dtype("<i2")

Row = Any
"""sqlalchemy.Row, whose type has one parameter in SQLAlchemy 2.0 and any number in 2.1."""


@dataclass(frozen=True, slots=True)
class ProfileHead:
    """A profile in a list."""

    profile: VoiceProfile
    """Without its vectors and latents."""
    callers: tuple[str, ...]


def place(profile: str, column: str, clip: str = "") -> str:
    """What a sealed value is bound to."""
    return f"{profile}/{column}/{clip}" if clip else f"{profile}/{column}"


class Rows:
    """Writes and reads rows with a vault. Slow enough for large profiles that a thread should do it."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def of_profile(self, profile: VoiceProfile) -> dict[str, object]:
        """Its row."""
        return {
            "id": profile.id,
            "version": profile.version,
            "created": profile.created,
            "manifest": self._vault.seal(write_manifest(profile), place(profile.id, "manifest")),
            "vectors": self._vault.seal(write_vectors(profile), place(profile.id, "vectors")),
        }

    def of_clips(self, key: str, audio: Mapping[str, Audio]) -> list[dict[str, object]]:
        """The rows of a profile's recordings."""
        return [
            {
                "profile": key,
                "clip": clip,
                "audio": self._vault.seal(pcm.astype(_AUDIO).tobytes(), place(key, "audio", clip)),
            }
            for clip, pcm in audio.items()
        ]

    def of_caller(self, caller: str, key: str) -> dict[str, object]:
        """The row that gives a caller a profile."""
        sealed = self._vault.seal(caller.encode(), place(key, "caller"))
        return {"lookup": self._vault.name(caller), "caller": sealed, "profile": key}

    def profile(self, row: Row) -> VoiceProfile:
        """The profile of its row; raises StoreLocked, ProfileInvalid."""
        manifest = self._vault.open(row.manifest, place(row.id, "manifest"))
        profile = read_profile(manifest, self._vault.open(row.vectors, place(row.id, "vectors")))
        if (profile.id, profile.version) != (row.id, row.version):
            raise ProfileInvalid(f"the row of {row.id} holds another profile or version")
        return profile

    def heads(self, rows: Iterable[Row], callers: Mapping[str, Sequence[str]]) -> tuple[ProfileHead, ...]:
        """Profiles without their vectors; one that cannot be read is told to the log and left out."""
        heads = []
        for row in rows:
            try:
                manifest = self._vault.open(row.manifest, place(row.id, "manifest"))
                heads.append(ProfileHead(read_profile(manifest, None), tuple(callers.get(row.id, ()))))
            except VoiceError as error:
                log.warning("voice profile cannot be read", profile=row.id, error=str(error))
        return tuple(heads)

    def recordings(self, key: str, rows: Iterable[Row]) -> dict[str, Audio]:
        """Recordings by clip id; raises StoreLocked."""
        return {
            row.clip: np.frombuffer(self._vault.open(row.audio, place(key, "audio", row.clip)), _AUDIO).astype(np.int16)
            for row in rows
        }

    def callers(self, rows: Iterable[Row]) -> Mapping[str, Sequence[str]]:
        """Callers by profile; raises StoreLocked."""
        found: dict[str, list[str]] = {}
        for row in rows:
            caller = self._vault.open(row.caller, place(row.profile, "caller")).decode()
            found.setdefault(row.profile, []).append(caller)
        return {key: sorted(callers) for key, callers in found.items()}
