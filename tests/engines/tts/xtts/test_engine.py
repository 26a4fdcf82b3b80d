"""The XTTS engine on a tiny model, through the real loading code: what every synthesizer must do, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest
from tests.engines.conformance import SynthesizerConformance
from tests.engines.missing import without

from dragoman.engines.base import SpeechRequest
from dragoman.engines.tts.xtts.engine import XttsSynthesizer
from dragoman.errors import ConfigError, EngineBusy, EngineCrashed, EngineRejected, EngineUnavailable

pytest.importorskip("torch")
pytest.importorskip("TTS")

KNOWN = SpeechRequest("Good morning to everybody who is in this meeting.", "en", "anna")


@pytest.mark.usefixtures("narrow")
class TestConformance(SynthesizerConformance):
    name = "xtts"
    crashes = False

    @pytest.fixture
    def options(self, talkative: Path) -> Mapping[str, object]:
        return {"model": str(talkative), "accept_cpml": True, "device": "cpu", "slots": 4}

    @pytest.fixture
    def known(self) -> SpeechRequest:
        return KNOWN
