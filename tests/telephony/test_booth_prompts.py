"""What booths say of themselves: a text and a sound for each change, in each language; without sound nothing fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.languages import LANGUAGES
from dragoman.media.format import SAMPLE_RATE
from dragoman.telephony.booth_prompts import NAMES, TEXTS, BoothPrompts
from dragoman.telephony.prompts import TEXTS as OF_THE_PBX


def test_every_language_that_the_pbx_speaks_has_every_text() -> None:
    assert set(TEXTS) == set(OF_THE_PBX) <= set(LANGUAGES)
    for texts in TEXTS.values():
        assert tuple(texts) == NAMES
        assert len(set(texts.values())) == len(NAMES)


def test_they_are_spoken_and_short_and_a_language_without_texts_is_told_in_english(tmp_path: Path) -> None:
    prompts = BoothPrompts()
    prompts.prepare(("en", "es", "vi"), tmp_path)
    for language in ("en", "es", "vi"):
        for name in NAMES:
            sound = prompts.get(language, name)
            assert sound is not None and sound.any()
            assert 0.5 < len(sound) / SAMPLE_RATE < 5
    english, spanish, vietnamese = (prompts.get(language, "original") for language in ("en", "es", "vi"))
    assert english is not None and vietnamese is not None and spanish is not None
    assert (english == vietnamese).all() and len(english) != len(spanish)
    assert prompts.get("fr", "original") is None


def test_without_espeak_there_are_none_and_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    prompts = BoothPrompts()
    prompts.prepare(("en",), tmp_path / "cache")
    assert prompts.get("en", "original") is None
