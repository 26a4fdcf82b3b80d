"""What the pipeline needs of the media plane, the translators and the glossary: protocols, to run it without them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from dragoman.engines.base import Hypothesis, Translation, TranslationRequest
from dragoman.media.format import Pcm
from dragoman.telephony.model import Address

OnHypothesis = Callable[[Hypothesis, float, float], None]
"""Called with (hypothesis, monotonic time of the finalize it answers or of now, now)."""


class LegAudioListener(Protocol):
    """Told in the 20 ms tick; must be quick and must not raise."""

    def on_audio(self, end: int) -> None:
        """The leg's audio reached the mark set by ``wake_when``."""

    def on_speech_start(self, at: int) -> None:
        """The VAD heard speech from audio time ``at``."""

    def on_speech_end(self, at: int) -> None:
        """The hangover passed; the last speech ended at audio time ``at``."""


class LegAudio(Protocol):
    """One leg's audio on its timeline."""

    @property
    def end(self) -> int:
        """Samples so far; audio time of the next one."""

    @property
    def heard_until(self) -> int:
        """Audio time behind the last speech that the VAD heard, a window or two late; 0 before any."""

    @property
    def gated(self) -> bool:
        """Whether the leg is replaced by silence (mute, hold)."""

    @gated.setter
    def gated(self, value: bool) -> None: ...

    @property
    def loudspeaker(self) -> bool:
        """Whether the leg was found to send back what it hears."""

    @property
    def echo_delay(self) -> float | None:
        """Seconds by which what a booth said was found to come back; None: it was not, or not yet."""

    def echo_likeness(self, start: int, stop: int) -> float:
        """How much what came between two audio times was nothing but its echo: 1 all of it, 0 a voice, or less."""

    def read(self, start: int, stop: int) -> Pcm:
        """Samples [start, stop); zeros where they left the ring or are not there yet."""

    def time_of(self, sample: int) -> float:
        """Monotonic time (s) at which this audio time arrived."""

    def wake_when(self, sample: int) -> None:
        """Call ``on_audio`` once, when ``end`` reached ``sample``."""


class FrameSource(Protocol):
    """Asked by the tick for what a booth says."""

    def next_frame(self, now: float) -> Pcm | None:
        """The next 320 samples, or None for silence."""

    def on_sent(self, at: float) -> None:
        """The frame given was sent at monotonic time ``at``."""


class Media(Protocol):
    """The media plane, as far as the conference drives it."""

    def add_leg(self, leg_id: str, remote: Address, listener: LegAudioListener | None) -> LegAudio:
        """Take the audio that comes from ``remote``."""

    def remove_leg(self, leg_id: str) -> None:
        """Forget the leg; idempotent. What was there of its LegAudio can still be read."""

    def add_booth(self, booth_id: str, remote: Address, source: FrameSource) -> None:
        """Send what ``source`` says to ``remote``, continuously."""

    def remove_booth(self, booth_id: str) -> None:
        """Stop sending; idempotent."""

    def set_floor(
        self, booth_id: str, legs: Iterable[str], gain_db: float, loud: Collection[str] = frozenset()
    ) -> None:
        """Mix these legs' original audio under what the booth says, those of ``loud`` at full level."""

    def set_room(self, room: str, legs: Iterable[str], booths: Iterable[str]) -> None:
        """Which booths and legs can be heard at each of these legs, so that their echoes are known."""


class Stretcher(Protocol):
    """Speech at another tempo and the same pitch (media.sonic); one stream, of one voice."""

    def stretch(self, pcm: Pcm, tempo: float) -> Pcm:
        """The next piece, ``tempo`` times as fast; it may hold some back, but nothing at 1.0."""

    def drain(self) -> Pcm:
        """What was held back; the next piece may follow."""


class Translates(Protocol):
    """The ordered translators, as one."""

    async def translate(self, request: TranslationRequest) -> Translation:
        """Translate by the first engine that can, within a bounded time; raises EngineError when none can."""


class Terms(Protocol):
    """The words a room cares about (glossary.store); asked anew each time, because a person may edit them meanwhile."""

    def keyterms(self, language: str) -> tuple[str, ...]:
        """What is likely to be said in this language."""

    def pairs(self, source: str, target: str) -> tuple[tuple[str, str], ...]:
        """(source term, target term) for the translator, sorted; names stand for themselves."""

    def say(self, text: str, language: str) -> str:
        """``text`` as a synthesizer must be given it to say the terms right."""


class NoTerms:
    """Terms of a site without a glossary."""

    def keyterms(self, language: str) -> tuple[str, ...]:
        """Terms."""
        return ()

    def pairs(self, source: str, target: str) -> tuple[tuple[str, str], ...]:
        """Terms."""
        return ()

    def say(self, text: str, language: str) -> str:
        """Terms."""
        return text


NO_TERMS = NoTerms()
