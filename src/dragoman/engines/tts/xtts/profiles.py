"""People's voice profiles as XTTS takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from dragoman.engines.tts.xtts.speakers import Conditioning
from dragoman.voices import conditioning as voices


class Speaking(Protocol):
    """Whose voice each speaker has just now (voices.source.LiveVoices)."""

    def voice(self, speaker: str) -> tuple[str, voices.Conditioning] | None:
        """The voice to speak his next clause in, and a name of it; None: the neutral one. From any thread, at once."""


class ProfileVoices:
    """Implements VoiceSource.

    The style of a clause is that of what its speaker last said, which is known there.
    """

    def __init__(self, speaking: Callable[[], Speaking | None]) -> None:
        """``speaking``: None while no profiles can be had."""
        self._speaking = speaking

    def conditioning(self, speaker: str, style: Sequence[float] | None) -> Conditioning | None:
        """See VoiceSource."""
        live = self._speaking()
        found = None if live is None else live.voice(speaker)
        if found is None:
            return None
        name, voice = found
        return Conditioning(
            latents=voice.gpt,
            embedding=voice.speaker,
            voice=f"profile:{name}",
            speed=voice.speed,
            pitch=voice.pitch,
            gain_db=voice.gain_db,
            own=True,
        )
