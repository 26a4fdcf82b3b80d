"""Texts become tokens as coqui's tokenizer makes them, with numbers in words first, in every language."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("TTS")

from dragoman.engines.tts.xtts import torchaudio_compat  # torch must be there

torchaudio_compat.ensure()

from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer  # noqa: E402  # torchaudio must come first

from dragoman.engines.tts.xtts.languages import LANGUAGES  # noqa: E402
from dragoman.engines.tts.xtts.speller import MAX_CHARACTERS, Speller  # noqa: E402


@pytest.fixture(scope="module")
def tokenizer(plain: Path) -> VoiceBpeTokenizer:
    return VoiceBpeTokenizer(vocab_file=plain / "vocab.json")


@pytest.fixture(scope="module")
def speller(tokenizer: VoiceBpeTokenizer) -> Speller:
    return Speller(tokenizer, 200)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello there, this is a test of the tokenizer.", "en"),
        ("Dr. Smith paid $20 for 14% of it, didn't he?", "en"),
        ("Eso le costará 1.250 euros, señor.", "es"),
        ("Ceci est le 1er test de la journée.", "fr"),
        ("Das kostet 12,5 Euro und nicht mehr.", "de"),
        ("我们有50名士兵在这里，他们很高兴。", "zh"),
    ],
)
def test_tokens_of_a_piece_are_coquis(speller: Speller, tokenizer: VoiceBpeTokenizer, text: str, language: str) -> None:
    (piece,) = speller(text, language)
    assert list(piece.tokens) == tokenizer.encode(text, language)
    assert not any(char.isdigit() for char in piece.text)


@pytest.mark.parametrize(
    ("text", "language", "spelled"),
    [
        ("Room 12 at 3", "en", "room twelve at three"),
        ("Sala 12", "es", "sala doce"),
        ("Zimmer 12", "de", "zimmer zwölf"),
        ("Chambre 12", "fr", "chambre douze"),
        ("Stanza 12", "it", "stanza dodici"),
        ("Sala 12", "pt", "sala doze"),
        ("Kamer 12", "nl", "kamer twaalf"),
        ("Pokój 12", "pl", "pokój dwanaście"),
        ("Oda 12", "tr", "oda oniki"),
        ("Phòng 12", "vi", "phòng mười hai"),
        ("Phòng 12, 3,5%", "vi", "phòng mười hai , ba phẩy năm phần trăm"),
        ("部屋12", "ja", "部屋 十二"),
        ("कमरा 12", "hi", "कमरा 12"),  # num2words has no Hindi
        ("Code 1234567890123456789", "en", "code one two three four five six seven eight nine zero one two three"),
    ],
)
def test_numbers_are_spelled_in_the_language(speller: Speller, text: str, language: str, spelled: str) -> None:
    assert speller.spelled(text, language).startswith(spelled)


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "ja"])
@pytest.mark.parametrize(
    "text", ["1", "0,5 0.5 1.000.000 1,000,000", "12.12.2024 12:30", "-5 +5 5% 5€ $5 £5 1/2", "٣ ½ ²"]
)
def test_odd_numbers_break_no_language(speller: Speller, language: str, text: str) -> None:
    assert speller(text, language)


def test_long_texts_are_cut_after_they_are_spelled(speller: Speller) -> None:
    text = "It costs 1234567 euros, or 7654321 dollars. " * 8
    found = speller(text, "en")
    assert len(found) > 3
    assert all(len(piece.text) <= MAX_CHARACTERS and len(piece.tokens) <= 200 for piece in found)
    assert " ".join(piece.text for piece in found) == speller.spelled(text, "en")


def test_a_piece_of_too_many_tokens_is_cut_again(tokenizer: VoiceBpeTokenizer) -> None:
    found = Speller(tokenizer, 40)("a sentence of quite a few words, of which not all go into one piece of forty", "en")
    assert len(found) >= 2
    assert all(len(piece.tokens) <= 40 for piece in found)


def test_nothing_to_say(speller: Speller) -> None:
    assert speller("... !", "en") == []
