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
    """Counts its calls, and fails at each in another way; before the engine that it takes the place of."""

    name: str

    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__({})  # the engine's
        self.key = str(options["api_key"])
        self.told = 0

    def leak(self) -> None:
        self.told += 1
        said = f"401: there is no account for {self.key}, it says"
        log.error("it refused us", said=said, answer={"body": [said]})
        if self.told % 2:
            raise EngineRejected(self.name, said)
        raise KeyError(said)


class LeakyRecognizer(_Leaky, ToneRecognizer):
    """Opens no stream."""

    name = "leaky-asr"

    async def open(self, request: StreamRequest) -> ToneStream:
        self.leak()
        raise AssertionError("it told")


class LeakyTranslator(_Leaky, ToneTranslator):
    """Translates nothing."""

    name = "leaky-mt"

    async def translate(self, request: TranslationRequest) -> Translation:
        self.leak()
        raise AssertionError("it told")


class LeakySynthesizer(_Leaky, ToneSynthesizer):
    """Says nothing."""

    name = "leaky-tts"

    async def synthesize(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        self.leak()
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
