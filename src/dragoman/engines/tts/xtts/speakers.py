"""Whose voice a clause is spoken in: what the decoder and the vocoder are conditioned on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import structlog

from dragoman.engines.tts.voices import VoiceAssigner

Floats = npt.NDArray[np.float32]

SOUND_RATE = 24_000
"""Hz of what the model makes."""

RATE_STEP = 200
"""Hz in which a shifted pitch is rounded: 0.4 % or 7 cents, which nobody hears, and the filters stay small."""

UNHEARD = 0.01
"""Of the speed: 1 % more or less is not heard, and leaves the model's own latents as they are."""

TOLD = 1000
"""Speakers of whom it is remembered that their voice cannot be used; the oldest is told of again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """A voice."""

    latents: Floats
    """GPT latents, [32, width of the model] (1024 for XTTS v2)."""
    embedding: Floats
    """Speaker embedding of the vocoder, [512], of unit length."""
    voice: str
    """A key of it, by which its loudness is remembered."""
    speed: float = 1.0
    """Times the voice's own; coqui's ``speed``."""
    pitch: float = 0.0
    """Semitones up. What is made is played faster, and its latents are stretched so that it takes as long as before."""
    gain_db: float = 0.0
    """dB above what all engines speak at."""
    own: bool = False
    """Whether it is a person's own voice, and not a stock one."""
    instead_of: str = ""
    """Why a stock voice speaks in place of a person's own."""

    @property
    def rate(self) -> int:
        """Hz at which the model's sound is to be taken, so that it has this pitch."""
        return round(SOUND_RATE * 2 ** (self.pitch / 12) / RATE_STEP) * RATE_STEP

    @property
    def stretch(self) -> float:
        """How much longer the latents are to be made; 1 where that would be less than anybody hears."""
        stretch = self.rate / SOUND_RATE / self.speed
        return 1.0 if abs(stretch - 1) < UNHEARD else stretch


class VoiceSource(Protocol):
    """Where people's own voices come from."""

    def conditioning(self, speaker: str, style: Sequence[float] | None) -> Conditioning | None:
        """The voice of ``speaker`` (SpeechRequest's key), in the style (GST vector) of what he just said, if known.

        None: he has none; a stock voice of the model speaks for him. Called in the synthesizer's thread: it may
        calculate, but must not wait for anything, and must be safe to call while the loop's thread changes what it
        knows.
        """


class Voices(Protocol):
    """Whose voice anybody has."""

    def conditioning(self, speaker: str, style: Sequence[float] | None) -> Conditioning:
        """As VoiceSource has it, but always with an answer."""


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
        """See Voices; stock voices have no styles."""
        if speaker in self._voices:
            return self._voices[speaker]
        return self._voices[self._names[self._assign(speaker)]]


class OwnVoices:
    """People's own voices; stock ones for who has none, or one that cannot be used. No clause is lost for a voice."""

    def __init__(self, source: VoiceSource, stock: Voices) -> None:
        self._source = source
        self._stock = stock
        self._like = stock.conditioning("", None)
        self._told: dict[str, tuple[str, str]] = {}

    def conditioning(self, speaker: str, style: Sequence[float] | None) -> Conditioning:
        """See Voices."""
        try:
            own = self._source.conditioning(speaker, style)
            wrong = "" if own is None else _wrong(own, self._like)
        except Exception as error:
            own, wrong = None, f"{type(error).__name__}: {error}"
        if own is not None and not wrong:
            self._told.pop(speaker, None)
            return own
        self._say(speaker, own.voice if own is not None else "", wrong)
        return replace(self._stock.conditioning(speaker, style), instead_of=wrong)

    def _say(self, speaker: str, voice: str, wrong: str) -> None:
        """Once, and not for each of his clauses; once more when it is broken again."""
        if not wrong:
            self._told.pop(speaker, None)
        elif self._told.get(speaker) != (voice, wrong):
            log.error("voice not usable: a stock one speaks", speaker=speaker, voice=voice, reason=wrong)
            self._told[speaker] = voice, wrong
            while len(self._told) > TOLD:
                self._told.pop(next(iter(self._told)))


def _wrong(own: Conditioning, like: Conditioning) -> str:
    """Why the model, which has voices ``like`` this one, cannot speak so; empty: it can."""
    for what, theirs, ours in (("latents", own.latents, like.latents), ("embedding", own.embedding, like.embedding)):
        if theirs.shape != ours.shape:
            return f"{what} of {theirs.shape}, the model has {ours.shape}"
        if not np.isfinite(theirs).all():
            return f"{what} with numbers that are none"
    return ""
