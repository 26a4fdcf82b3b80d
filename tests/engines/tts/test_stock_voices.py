"""Every language that callers can choose has a named voice, by an engine that speaks it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from dragoman.cli import app
from dragoman.engines.tts.espeak import EspeakSynthesizer
from dragoman.engines.tts.stock_voices import STOCK_VOICES
from dragoman.engines.tts.xtts.languages import LANGUAGES as XTTS
from dragoman.languages import LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_a_voice_and_another_without_a_gpu(language: str) -> None:
    voice = STOCK_VOICES[language]
    assert {"xtts": language in XTTS, "espeak": EspeakSynthesizer({}).supports(language)}[voice.engine]
    assert voice.otherwise == LANGUAGES[language].espeak


def test_no_voice_stands_for_two_languages() -> None:
    assert len({(voice.engine, voice.voice) for voice in STOCK_VOICES.values()}) == len(STOCK_VOICES) == len(LANGUAGES)


def test_the_command_lists_them() -> None:
    printed = CliRunner().invoke(app, ["engines"], env={"COLUMNS": "200"}).stdout
    for language, voice in STOCK_VOICES.items():
        line = next(line for line in printed.splitlines() if line.startswith(f"{language} "))
        assert voice.engine in line and voice.voice in line
