"""Whose voice a clause is spoken in: what the decoder and the vocoder are conditioned on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dragoman.engines.tts.voices import VoiceAssigner

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """A voice."""

    latents: Floats
    """GPT latents, [32, width of the model] (1024 for XTTS v2)."""
    embedding: Floats
    """Speaker embedding of the vocoder, [512], of unit length."""
    voice: str
    """A key of it, by which its loudness is remembered."""


class VoiceSource(Protocol):
    """Where voices come from: the stock ones of the model, or people's profiles."""

    def conditioning(self, speaker: str, style: Sequence[float] | None) -> Conditioning:
        """The voice of ``speaker`` (SpeechRequest's key), in the style (GST vector) of what he just said, if known.

        Called in the synthesizer's thread: it may calculate, but must not wait for anything, and must be safe to call
        while the loop's thread changes what it knows. It always has an answer: somebody without a profile gets a stock
        voice.
        """


class StockVoices:
    """The voices that came with the model. A speaker always has the same, and one of his own while there are free ones.

    A speaker who is called like a stock voice has that one.
    """

    def __init__(self, voices: Mapping[str, tuple[Floats, Floats]]) -> None:
        """Name to (latents, embedding), at least one."""
        self._voices = {
            name: Conditioning(latents, embedding, f"stock:{name}") for name, (latents, embedding) in voices.items()
        }
        self._names = sorted(self._voices)
        self._assign = VoiceAssigner(len(self._names))

    def conditioning(self, speaker: str, style: Sequence[float] | None) -> Conditioning:
        """See VoiceSource; stock voices have no styles."""
        if speaker in self._voices:
            return self._voices[speaker]
        return self._voices[self._names[self._assign(speaker)]]
