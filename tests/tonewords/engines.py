"""Engines that speak tone words, by the protocols of dragoman.engines.base: for calls whose every word is checked.

Settings load them by path, with the repository root on PYTHONPATH::

    [engines]
    recognizers = ["tests.tonewords.engines:ToneRecognizer"]
    translators = ["tests.tonewords.engines:ToneTranslator"]
    synthesizers = ["tests.tonewords.engines:ToneSynthesizer"]
    [engines.options."tests.tonewords.engines:ToneTranslator"]
    latency_ms = 150
    fail_on = [3]
    fail_with = "timeout"

Each counts its calls (recogniser: ``finalize``; translator: ``translate``; synthesizer: ``synthesize``) from 1, over
all legs. Options of all three: ``latency_ms`` before every answer (a recogniser's partials too); ``fail_on``, numbers
of the calls that fail; ``fail_with``, "crashed" (default), "timeout", "rejected", or "hang" (never answers).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
from tests.tonewords.code import GAP_MS, LANGUAGES, WORD_MS, codebook, translate
from tests.tonewords.decode import HeardWord, ToneDecoder
from tests.tonewords.encode import encode

from dragoman.engines.base import (
    EngineInfo,
    Hypothesis,
    SpeechRequest,
    Stage,
    StreamRequest,
    Translation,
    TranslationRequest,
    Word,
)
from dragoman.errors import ConfigError, EngineCrashed, EngineError, EngineRejected, EngineTimeout
from dragoman.media.format import SAMPLE_RATE, Pcm

_FAILURES = {"crashed": EngineCrashed, "timeout": EngineTimeout, "rejected": EngineRejected}


@dataclass(frozen=True, slots=True)
class Faults:
    """The options that all three engines share, and the count of calls that they refer to."""

    engine: str
    latency_s: float
    fail_on: frozenset[int]
    fail_with: str

    @classmethod
    def of(cls, engine: str, options: Mapping[str, object], known: Sequence[str] = ()) -> Faults:
        """Read the options; ``known`` are those of the engine's own.

        Raises:
            ConfigError: an option is unknown, or not what it should be.
        """
        allowed = ("latency_ms", "fail_on", "fail_with", *known)
        for key in options:
            if key not in allowed:
                raise ConfigError(f"engines.options.{engine}.{key} is unknown; there are {', '.join(allowed)}")
        fail_with = str(options.get("fail_with", "crashed"))
        if fail_with not in (*_FAILURES, "hang"):
            raise ConfigError(f"engines.options.{engine}.fail_with: {fail_with!r} is none of {[*_FAILURES, 'hang']}")
        latency = float(cast(float, options.get("latency_ms", 0.0)))
        return cls(engine, latency / 1000, frozenset(cast(Sequence[int], options.get("fail_on", ()))), fail_with)

    def failure(self, call: int) -> EngineError | None:
        """How this call fails, if it is one of those that do (and not by hanging)."""
        if not self.hangs(call) and call in self.fail_on:
            return _FAILURES[self.fail_with](self.engine, f"call {call} fails by its options")
        return None

    def hangs(self, call: int) -> bool:
        return call in self.fail_on and self.fail_with == "hang"


def _info(name: str, stage: Stage, languages: tuple[str, ...]) -> EngineInfo:
    return EngineInfo(
        name,
        stage,
        languages,
        streaming=True,
        licence="Apache-2.0",
        commercial_use=True,
        purpose="tone words, for tests",
    )


class _ToneEngine:
    """What the three have in common."""

    name: ClassVar[str]
    known: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: Mapping[str, object]) -> None:
        self.options = options
        self.faults = Faults.of(self.name, options, self.known)
        self.calls = 0

    async def start(self, languages: Sequence[str] = ()) -> None:
        codebook()

    async def close(self) -> None:
        """Nothing is held."""

    async def _call(self) -> None:
        """Count a call; wait its latency; fail or hang where the options say so."""
        self.calls += 1
        call = self.calls
        await asyncio.sleep(self.faults.latency_s)
        if self.faults.hangs(call):
            await asyncio.Event().wait()
        if error := self.faults.failure(call):
            raise error


class ToneRecognizer(_ToneEngine):
    """Hears tone words of persons (not of booths); a damaged word is recognised as nothing.

    Options of its own: ``final_words`` (0: none), after so many words a final comes within the utterance, as cloud
    recognisers do; ``crash_at_word``, the stream dies when it has heard so many words (0: never), once; ``spelt``, what
    it writes for some words, ``{en100c = "yes"}``; ``hears_booths``, whether it hears booths too, and of all voices the
    leg's language only.
    """

    name = "tone-asr"
    known = ("final_words", "crash_at_word", "spelt", "hears_booths")

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.info = _info(self.name, Stage.ASR, LANGUAGES)
        self.final_words = int(cast(int, options.get("final_words", 0)))
        self.crash_at_word = int(cast(int, options.get("crash_at_word", 0)))
        self.spelt = cast(Mapping[str, str], options.get("spelt", {}))
        self.hears_booths = bool(options.get("hears_booths", False))

    def supports(self, language: str) -> bool:
        return language in LANGUAGES

    async def open(self, request: StreamRequest) -> ToneStream:
        if not self.supports(request.language):
            raise EngineRejected(self.name, f"no language {request.language!r}")
        return ToneStream(self, request.language if self.hears_booths else None)


class ToneStream:
    """One leg: partials as words come, a final on ``finalize``."""

    def __init__(self, engine: ToneRecognizer, only: str | None = None) -> None:
        """``only``: this language is heard, whoever speaks; None: every language, of persons."""
        self._engine = engine
        self._only = only
        self._decoder = ToneDecoder()
        self._origin = 0
        """Audio time of the decoder's first sample."""
        self._end: int | None = None
        """Audio time behind the last sample that was pushed; None: nothing since the last finalize."""
        self._words: list[Word] = []
        """Since the last final."""
        self._heard = 0
        self._out: asyncio.Queue[tuple[float, Hypothesis | EngineError | None]] = asyncio.Queue()
        self._dead: EngineError | None = None

    async def push(self, pcm: Pcm, at: int) -> None:
        self._check()
        if at != self._end:  # silence was not sent: what came before is complete
            self._take(self._decoder.flush())
            self._decoder, self._origin = ToneDecoder(), at
        self._end = at + len(pcm)
        self._take(self._decoder.feed(pcm))

    async def finalize(self, at: int) -> None:
        self._check()
        if self._end is None:
            return
        self._take(self._decoder.flush())
        words, self._words, self._end = tuple(self._words), [], None
        self._engine.calls += 1
        faults = self._engine.faults
        if error := faults.failure(self._engine.calls):
            self._die(error)
        elif not faults.hangs(self._engine.calls):
            self._give(Hypothesis(words, is_final=True, end_of_utterance=True, upto=at))

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        loop = asyncio.get_running_loop()
        while True:
            due, item = await self._out.get()
            await asyncio.sleep(due - loop.time())
            if item is None:
                return
            if isinstance(item, EngineError):
                raise item
            yield item

    async def aclose(self) -> None:
        if self._dead is None:
            self._dead = EngineCrashed(self._engine.name, "the stream is closed")
            self._give(None)

    def _check(self) -> None:
        if self._dead is not None:
            raise self._dead

    def _die(self, error: EngineError) -> None:
        self._dead = error
        self._give(error)

    def _give(self, item: Hypothesis | EngineError | None) -> None:
        due = asyncio.get_running_loop().time() + (self._engine.faults.latency_s if item is not None else 0.0)
        self._out.put_nowait((due, item))

    def _hears(self, text: str, booth: bool) -> bool:
        return not booth if self._only is None else text.startswith(self._only)

    def _take(self, heard: list[HeardWord]) -> None:
        for word in sorted(heard, key=lambda word: word.start_s):
            if word.text is None or not self._hears(word.text, word.source.booth):
                continue
            self._heard += 1
            start, end = (self._origin + round(s * SAMPLE_RATE) for s in (word.start_s, word.end_s))
            self._words.append(Word(self._engine.spelt.get(word.text, word.text), start, end, word.confidence))
            if self._heard == self._engine.crash_at_word:
                self._engine.crash_at_word = 0
                self._die(EngineCrashed(self._engine.name, f"crashes at word {self._heard} by its options"))
                self._check()
            final = len(self._words) == self._engine.final_words
            hypothesis = Hypothesis(tuple(self._words), is_final=final, end_of_utterance=False, upto=end)
            if final:
                self._words = []
            self._give(hypothesis)


class ToneTranslator(_ToneEngine):
    """Word by word: ``en017a`` to Spanish is ``es017a``."""

    name = "tone-mt"

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.info = _info(self.name, Stage.MT, tuple(f"{a}-{b}" for a in LANGUAGES for b in LANGUAGES if a != b))

    def supports(self, source: str, target: str) -> bool:
        return source in LANGUAGES and target in LANGUAGES and source != target

    async def translate(self, request: TranslationRequest) -> Translation:
        await self._call()
        try:
            return Translation(translate(request.text, request.target), self.name)
        except ValueError as error:
            raise EngineRejected(self.name, str(error)) from error


class ToneSynthesizer(_ToneEngine):
    """Says words in the booth family of the voice that they carry.

    Options of its own: ``stretch`` (1.0), how long the speech is beside the plain words (by longer gaps: 1.25 says that
    a translation is a quarter longer); ``chunk_ms`` (100), length of the pieces it comes in.
    """

    name = "tone-tts"
    known = ("stretch", "chunk_ms")

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.info = _info(self.name, Stage.TTS, LANGUAGES)
        self.pause_ms = (float(cast(float, options.get("stretch", 1.0))) - 1.0) * (WORD_MS + GAP_MS)
        self.chunk = round(float(cast(float, options.get("chunk_ms", 100))) * SAMPLE_RATE / 1000)

    def supports(self, language: str) -> bool:
        return language in LANGUAGES

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        await self._call()
        try:
            pause = np.zeros(round(self.pause_ms * SAMPLE_RATE / 1000), np.int16)
            pcm = np.concatenate([part for word in request.text.split() for part in (encode(word, booth=True), pause)])
        except ValueError as error:
            raise EngineRejected(self.name, str(error)) from error
        for at in range(0, len(pcm), self.chunk):
            yield pcm[at : at + self.chunk]
            await asyncio.sleep(0)
