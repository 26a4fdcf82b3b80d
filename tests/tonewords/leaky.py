"""Engines that tell their key to everybody who listens: in errors, in bugs, at their start; then the next one works.

As an engine that somebody else wrote may, around a server that repeats what it is sent. Option: ``api_key``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

import structlog
from tests.tonewords.engines import ToneRecognizer, ToneStream, ToneSynthesizer, ToneTranslator

from dragoman.engines.base import SpeechRequest, StreamRequest, Translation, TranslationRequest
from dragoman.errors import EngineRejected
from dragoman.media.format import Pcm

log = structlog.get_logger(__name__)


class _Leaky:
    """Counts its calls, and fails at each in another way."""

    def __init__(self, options: Mapping[str, object]) -> None:
        self.key = str(options["api_key"])
        self.told = 0

    def tell(self, engine: str) -> None:
        self.told += 1
        said = f"401: there is no account for {self.key}, it says"
        log.error("it refused us", said=said, answer={"body": [said]})
        if self.told % 2:
            raise EngineRejected(engine, said)
        raise KeyError(said)


class LeakyRecognizer(ToneRecognizer):
    """Opens no stream."""

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__({})
        self.leak = _Leaky(options)

    name = "leaky-asr"

    async def open(self, request: StreamRequest) -> ToneStream:
        self.leak.tell(self.name)
        raise AssertionError("it told")


class LeakyTranslator(ToneTranslator):
    """Translates nothing."""

    name = "leaky-mt"

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__({})
        self.leak = _Leaky(options)

    async def translate(self, request: TranslationRequest) -> Translation:
        self.leak.tell(self.name)
        raise AssertionError("it told")


class LeakySynthesizer(ToneSynthesizer):
    """Says nothing."""

    name = "leaky-tts"

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__({})
        self.leak = _Leaky(options)

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        self.leak.tell(self.name)
        raise AssertionError("it told")
        yield  # it would be an iterator


class BrokenTranslator(ToneTranslator):
    """Does not start."""

    name = "broken-mt"

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__({})
        self.key = str(options["api_key"])

    async def start(self, languages: Sequence[str] = ()) -> None:
        raise RuntimeError(f"no model for {self.key}")
