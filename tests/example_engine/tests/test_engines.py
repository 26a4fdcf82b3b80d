"""The engines, run through Dragoman's conformance suite."""

import numpy as np
import pytest

from dragoman.engines.base import SpeechRequest, TranslationRequest
from dragoman.engines.conformance import RecognizerConformance, SynthesizerConformance, TranslatorConformance


class TestPigLatin(TranslatorConformance):
    name = "piglatin"

    @pytest.fixture
    def known(self):
        return TranslationRequest("good morning", "en", "la")


class TestBeeper(SynthesizerConformance):
    name = "beeper"

    @pytest.fixture
    def known(self):
        return SpeechRequest("Good morning to everybody.", "en", "leg-1")


class TestLoudness(RecognizerConformance):
    name = "loudness"
    language = "en"

    @pytest.fixture
    def speech(self):
        """16 kHz, int16: three bursts of sound, 0.3 s of silence before and 0.1 s behind."""
        burst = np.concatenate([np.full(4800, 2000), np.zeros(1600)])
        return np.concatenate([np.zeros(4800), burst, burst, burst]).astype(np.int16)
