"""The three engine protocols, and what flows through them.

Audio time is a sample index (16 kHz) on the speaking leg's timeline. An engine never sees a wall clock. Every engine is
built from its options (a mapping from the settings), told to ``start`` once, used from the event loop's thread, and
told to ``close`` once. It must never block the loop: work goes to a process or a thread of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from dragoman.media.format import Pcm
from dragoman.writing import joined


class Stage(StrEnum):
    """What an engine does; also the label of its metrics."""

    ASR = "asr"
    MT = "mt"
    TTS = "tts"


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine says of itself, as data; ``dragoman engines`` prints it."""

    name: str
    stage: Stage
    languages: tuple[str, ...]
    """ISO 639-1 codes it can take (ASR, TTS) or pairs written ``en-es`` (MT); empty: it must be asked."""
    streaming: bool
    """ASR: gives partials while one speaks. TTS: first audio comes before the last is made."""
    licence: str
    """SPDX identifier, of code and weights together (the stricter one)."""
    commercial_use: bool
    purpose: str
    """One line: what to use it for."""
    continuous: bool = False
    """ASR: wants silence pushed too (a cloud stream). Else only speech with its pre-roll and hangover."""
    chunk_ms: int = 60
    """ASR: how much audio one ``push`` should bring, ms; a multiple of 20."""
    interim_agreement: int = 0
    """ASR: partials in a row that must agree on a word before it is worth translating ahead of its final
    (LocalAgreement-n). 0: its partials change too much, or its finals come so soon that nothing is gained."""
    early_finalize: bool = False
    """ASR: may be asked for a final at a pause shorter than the one that ends an utterance, because its final takes a
    round trip; what is said behind the pause must not be recognised worse for it."""
    stall_ms: int = 0
    """ASR: of so much speech a partial (which may be empty) has come, or the stream is stalled, ms; 0: no promise.
    What fits an engine's cadence is ``recovery.asr.silent_after_ms``."""
    open_ahead: bool = False
    """ASR: open a stream as soon as a leg's words are wanted, not at the first of them."""
    idle_s: int = 0
    """ASR: let a stream go when its leg has not spoken for so long, s; 0: keep it while the words are wanted."""
    clones: bool = False
    """TTS: speaks in the speaker's own voice where he has a profile."""
    retries: bool = False
    """MT: sends a clause a second time by itself where that may help; who fails so is not asked again for it, or a
    provider in an outage would get four requests for each clause."""


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word; ``start`` and ``end`` are audio time (samples on the leg's timeline)."""

    text: str
    start: int
    end: int
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What a recogniser believes of the audio since its last final.

    A partial (``is_final`` false) replaces the partial before it; a final freezes its words, and what comes after
    begins behind ``upto``. ``end_of_utterance`` says that the speaker paused here. No words is a valid final (noise).
    """

    words: tuple[Word, ...]
    is_final: bool
    end_of_utterance: bool
    upto: int
    """Audio time up to which this hypothesis covers the leg's audio, never less than a final before it did. A final
    may cover less than the partial before it: what lies between is told again."""

    @property
    def text(self) -> str:
        """The words, as their script joins them."""
        return joined(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a recogniser needs to know to open a stream for one speaking leg."""

    leg: str
    room: str
    language: str
    keyterms: tuple[str, ...] = ()
    """Words of the room's glossary that are likely to be said; an engine that can be primed with them should be."""


@runtime_checkable
class RecognizerStream(Protocol):
    """One leg's stream. ``push`` and ``finalize`` come from one task, iteration from one other."""

    async def push(self, pcm: Pcm, at: int) -> None:
        """Give audio whose first sample has audio time ``at``.

        ``at`` never goes back. A jump forward means silence that was not sent (a new utterance).

        Raises:
            EngineCrashed: the stream is dead; open another and replay what has no final yet.
        """

    async def finalize(self, at: int) -> None:
        """Our VAD says that the utterance ended at ``at``; the final should come as soon as may be.

        Every ``finalize`` after some audio is answered by exactly one Hypothesis with ``end_of_utterance`` (it may be
        empty), so that a caller can wait for it.
        """

    def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """Partials and finals in order of audio time; ends at ``aclose``; raises EngineCrashed when the stream dies."""

    async def aclose(self) -> None:
        """Free the stream at once; idempotent; unfinished audio is dropped."""


@runtime_checkable
class Recognizer(Protocol):
    """Speech to words."""

    @property
    def info(self) -> EngineInfo:
        """What it says of itself."""

    def supports(self, language: str) -> bool:
        """Whether a stream can be opened for this ISO 639-1 language."""

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Load, and warm up for these languages (ISO 639-1): those that the site offers, of which it may know some.

        Raises:
            EngineUnavailable: with what to install or set.
        """

    async def open(self, request: StreamRequest) -> RecognizerStream:
        """Open a stream for one leg.

        Raises:
            EngineRejected: the language is not supported.
            EngineBusy: no stream is free just now.
            EngineDenied: the provider does not serve us at all.
        """

    async def close(self) -> None:
        """Free everything; idempotent."""


@dataclass(frozen=True, slots=True)
class TranslationRequest:
    """One clause to translate; ``context`` holds the speaker's last clauses, oldest first, not to be translated."""

    text: str
    source: str
    target: str
    context: tuple[str, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    """(source term, target term) of the room's glossary for this pair, sorted; engines without glossaries ignore it."""
    careful: bool = False
    """Ask the slower, better model, where the engine has one: the first answer was not good enough."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An engine that was asked in vain, whether another one helped or not; ``begin``, ``end``: monotonic seconds."""

    engine: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Translation:
    """The clause in the target language, and which engine made it."""

    text: str
    engine: str
    note: str | None = None
    """For the readers of the captions: what was done to the text beside translating it."""
    provisional: bool = False
    """The engine would soon say it better (its glossary is still being made): fit to be spoken, not to be kept."""
    kept: bool = field(default=False, compare=False)
    """It was known from before: nobody was asked, and nothing is charged."""
    tried: tuple[Attempt, ...] = field(default=(), compare=False)
    """Who was asked before ``engine`` and failed; told by who chooses among engines, not by an engine."""


@runtime_checkable
class Translator(Protocol):
    """Clause to clause."""

    @property
    def info(self) -> EngineInfo:
        """What it says of itself."""

    def supports(self, source: str, target: str) -> bool:
        """Whether this pair can be translated (it may still reject a given text)."""

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Load, and warm up for these languages; raises EngineUnavailable with what to install or set."""

    async def translate(self, request: TranslationRequest) -> Translation:
        """Translate one clause.

        Raises:
            EngineRejected: not this text or pair; the next engine of the list is asked (a phrase book that lacks it).
            EngineTimeout, EngineCrashed: may be tried again.
        """

    async def close(self) -> None:
        """Free everything; idempotent."""


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """One clause to speak; ``speaker`` is a stable key of the person, so that he always gets the same voice."""

    text: str
    language: str
    speaker: str
    options: dict[str, str] = field(default_factory=dict)


@runtime_checkable
class Synthesizer(Protocol):
    """Clause to audio."""

    @property
    def info(self) -> EngineInfo:
        """What it says of itself."""

    def supports(self, language: str) -> bool:
        """Whether this ISO 639-1 language can be spoken."""

    async def start(self, languages: Sequence[str] = ()) -> None:
        """Load, and warm up for these languages; raises EngineUnavailable with what to install or set."""

    def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        """Audio at 16 kHz in pieces of any length as they come; closing the iterator cancels at once.

        Lead silence is trimmed, loudness is about -20 dBFS RMS.

        Raises:
            EngineRejected: not this language. EngineCrashed, EngineTimeout: may be tried again.
            EngineCutShort: it broke off; says what another voice should go on with.
        """

    async def close(self) -> None:
        """Free everything; idempotent."""


Engine = Recognizer | Translator | Synthesizer


@runtime_checkable
class Unsure(Protocol):
    """An engine may have this too: it was started, though not all that it needs is known to be there."""

    @property
    def unchecked(self) -> str:
        """What the start could not find out, such as why a provider did not answer; empty: nothing."""


@runtime_checkable
class Counting(Protocol):
    """An engine may have this too: what it counted is exported with its metrics and shown in ``/api/stats``."""

    def counts(self) -> Mapping[str, int]:
        """Counters that only grow, by a name such as ``cache_hits`` or ``characters``; few names, always the same."""
