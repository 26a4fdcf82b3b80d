"""What broken toy engines are made of: the mark that says which check finds the defect, and the good engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tests.example_engine.src.dragoman_example.beeper import Beeper
from tests.example_engine.src.dragoman_example.loudness import Loudness, LoudnessStream
from tests.example_engine.src.dragoman_example.piglatin import PigLatin

from dragoman.engines.base import Stage

__all__ = ["DEFECTS", "GOOD", "Beeper", "Loudness", "LoudnessStream", "PigLatin", "found_by", "leftovers"]

T = TypeVar("T", bound=type)

GOOD: dict[Stage, Any] = {Stage.MT: PigLatin, Stage.TTS: Beeper, Stage.ASR: Loudness}

DEFECTS: dict[type, tuple[Stage, tuple[str, ...]]] = {}
"""Toy -> its stage, and the checks that must find its defect."""

leftovers: list[Callable[[], object]] = []
"""What frees what a toy left on purpose; called after each test."""


def found_by(stage: Stage, *checks: str) -> Callable[[T], T]:
    """Marks a toy by what has to find it out."""

    def mark(toy: T) -> T:
        DEFECTS[toy] = (stage, checks)
        return toy

    return mark
