from __future__ import annotations

import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from dragoman.errors import ConfigError, PbxError
from dragoman.languages import LANGUAGES
from dragoman.telephony.admission_texts import TEXTS as ADMISSION
from dragoman.telephony.enrolment_texts import TEXTS as ENROLMENT
from dragoman.telephony.prompts import NAMES, TEXTS, make_prompts, text_of
from dragoman.telephony.voice_texts import TEXTS as VOICE

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def test_every_language_with_texts_has_all_of_them_and_is_known() -> None:
    for code, texts in TEXTS.items():
        assert code in LANGUAGES
        assert {*texts, *ADMISSION[code], *ENROLMENT[code], *VOICE[code]} == set(NAMES)
        every = (*texts.values(), *ADMISSION[code].values(), *ENROLMENT[code].values(), *VOICE[code].values())
        assert all(text.strip() for text in every)
        assert "{key}" in texts["choose"]


def test_the_menu_line_names_its_key_in_its_own_language() -> None:
    assert text_of(LANGUAGES["es"], "choose", 2) == (LANGUAGES["es"], "Para español, pulse 2.")


def test_a_language_without_texts_is_offered_by_its_own_name_and_speaks_english() -> None:
    vietnamese = LANGUAGES["vi"]
    assert vietnamese.code not in TEXTS
    assert text_of(vietnamese, "choose", 4) == (vietnamese, "Tiếng Việt: 4.")
    assert text_of(vietnamese, "muted", 4) == (LANGUAGES["en"], "You are muted.")


@needs_espeak
def test_prompts_are_made_once_and_have_the_format_asterisk_expects(tmp_path: Path) -> None:
    made = make_prompts(tmp_path / "a", ["es", "vi"], cache=tmp_path / "cache")
    assert [str(path.relative_to(tmp_path / "a")) for path in made] == [
        *(f"{code}/{name}.wav16" for code in ("es", "vi") for name in NAMES),
        "enrol-beep.wav16",
    ]
    for path in made:
        with wave.open(str(path), "rb") as sound:
            assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2)
            samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        assert 0.15 < len(samples) / 16_000 < 12
        assert np.abs(samples).max() > 3000
    cached = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    again = make_prompts(tmp_path / "b", ["es", "vi"], cache=tmp_path / "cache")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()} == cached
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in made]


@needs_espeak
def test_another_order_of_languages_speaks_other_keys_and_nothing_else_anew(tmp_path: Path) -> None:
    make_prompts(tmp_path / "a", ["es", "fr"], cache=tmp_path / "cache")
    before = set((tmp_path / "cache").iterdir())
    make_prompts(tmp_path / "b", ["fr", "es"], cache=tmp_path / "cache")
    assert len(set((tmp_path / "cache").iterdir()) - before) == 2  # the two menu lines


def test_without_espeak_one_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PbxError, match="apt-get install espeak-ng"):
        make_prompts(tmp_path / "a", ["en"], cache=tmp_path / "cache")


def test_an_unknown_language_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'xx' is unknown"):
        make_prompts(tmp_path, ["xx"], cache=tmp_path / "cache")
