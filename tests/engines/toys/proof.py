"""The suite over the toys: a test class per toy. Run by ``test_conformance.py``, which knows what has to fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from tests.engines.toys import asr, mt, tts
from tests.engines.toys.kinds import DEFECTS, GOOD, leftovers

from dragoman.engines.base import SpeechRequest, Stage, TranslationRequest
from dragoman.engines.conformance import (
    RecognizerConformance,
    SynthesizerConformance,
    TranslatorConformance,
    common,
    running,
)
from dragoman.engines.conformance import asr as asr_checks
from dragoman.engines.conformance import mt as mt_checks
from dragoman.engines.conformance import tts as tts_checks
from dragoman.media.format import Pcm

SUITES: dict[Stage, type] = {
    Stage.ASR: RecognizerConformance,
    Stage.MT: TranslatorConformance,
    Stage.TTS: SynthesizerConformance,
}

PROCESSES = (mt.ByCat, tts.ByCat, asr.ByCat)
"""Good toys that have processes. They and the broken ones made of them need real time; the others' time is virtual."""


class Toys:
    """What the toys' test classes are given."""

    toy: Any

    @pytest.fixture
    def options(self) -> Mapping[str, object]:
        return dict(getattr(self.toy, "options", {}))

    @pytest.fixture(autouse=True)
    def hurried(self, unhurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is waited for in real time, and never comes from a broken toy, need not be waited for long."""
        if self.toy not in DEFECTS:
            return
        monkeypatch.setattr(running, "GRACE_S", 0.2)
        monkeypatch.setattr(running, "LET_GO_S", 2.0)
        for module in (common, asr_checks, mt_checks, tts_checks):
            monkeypatch.setattr(module, "CLOSE_DEADLINE", 2.0)
        if issubclass(self.toy, PROCESSES):
            monkeypatch.setattr(common, "CLOSE_ENGINE_S", 1.0)
            for module in (common, asr_checks, mt_checks, tts_checks):
                monkeypatch.setattr(module, "DEADLINE_S", 5.0)

    @pytest.fixture
    async def engine(self, options: Mapping[str, object]) -> AsyncIterator[Any]:
        engine = self.toy(options)
        await engine.start()
        yield engine
        for free in leftovers:
            free()
        leftovers.clear()
        with suppress(Exception):
            async with asyncio.timeout(1):
                await engine.close()

    @pytest.fixture
    def known(self) -> Any:
        if issubclass(self.toy, GOOD[Stage.TTS]):
            return SpeechRequest("Good morning to everybody.", "en", "leg-1")
        return TranslationRequest("good morning", "en", "la")

    @pytest.fixture
    def speech(self) -> Pcm:
        burst = np.concatenate([np.full(4800, 2000), np.zeros(1600)])
        return np.concatenate([np.zeros(4800), burst, burst, burst]).astype(np.int16)


def _prove(stage: Stage, toy: type) -> None:
    name = class_name(stage, toy)
    made = type(name, (Toys, SUITES[stage]), {"toy": toy, "__module__": __name__})
    if toy is mt.Misnamed:
        made.name = "misnamed"  # type: ignore[attr-defined]  # as a subclass would say it beside an engine of its own
    globals()[name] = made if issubclass(toy, PROCESSES) else pytest.mark.virtual_time(made)


def class_name(stage: Stage, toy: type) -> str:
    return f"Test_{stage}_{toy.__name__}"


for _stage, _toy in GOOD.items():
    _prove(_stage, _toy)
for _stage, _toy in zip((Stage.MT, Stage.TTS, Stage.ASR), PROCESSES, strict=True):
    _prove(_stage, _toy)
for _toy, (_stage, _) in DEFECTS.items():
    _prove(_stage, _toy)
