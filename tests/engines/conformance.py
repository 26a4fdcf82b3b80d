"""Where our own tests take the conformance suite from; it lives in the package, for engines that others write."""

from __future__ import annotations

from dragoman.engines.conformance import (
    RecognizerConformance,
    SynthesizerConformance,
    TranslatorConformance,
    hear,
    until_final,
)
from dragoman.engines.conformance.asr import CHUNK
from dragoman.engines.conformance.common import DEADLINE_S

__all__ = [
    "CHUNK",
    "DEADLINE_S",
    "RecognizerConformance",
    "SynthesizerConformance",
    "TranslatorConformance",
    "hear",
    "until_final",
]
