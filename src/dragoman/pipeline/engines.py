"""What a conference needs of the engines, as a protocol."""

from __future__ import annotations

from typing import Protocol

from dragoman.engines.base import Recognizer, Synthesizer
from dragoman.engines.circuits import Circuits
from dragoman.pipeline.ports import Translates


class Engines(Protocol):
    """The configured engines, chosen by language."""

    @property
    def circuits(self) -> Circuits:
        """Of all engines; those that fail are not asked for a while."""

    @property
    def translator(self) -> Translates:
        """The ordered translators, as one."""

    def recognizers(self, language: str) -> tuple[Recognizer, ...]:
        """Those that hear this language, in the order in which they are asked."""

    def synthesizers(self, language: str) -> tuple[Synthesizer, ...]:
        """Those that speak this language, in the order in which they are asked."""
