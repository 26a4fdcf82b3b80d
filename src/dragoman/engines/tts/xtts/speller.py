"""From the text of a clause to the tokens of its pieces, by coqui's tokenizer and num2words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from dragoman.engines.tts.xtts import text as cutting
from dragoman.engines.tts.xtts.languages import MADE_LATER, VOCABULARY

MAX_CHARACTERS = 160
"""Of one piece, where the language's own limit is no lower: some 11 s of speech. A longer one would say nothing better,
but the cache has room for the longest one in every row."""

SPACED = 2
"""Characters that a limit is kept below coqui's: a short piece may be padded."""

_DIGITS = re.compile(r"\d+(?:[.,]\d+)?")


_POINT = {"vi": "phẩy"}
"""How a decimal comma is read, with the digits behind it one by one, where num2words reads those wrongly."""

_SIGNS = {"vi": (("%", " phần trăm "), ("&", " và "), ("€", " euro "), ("$", " đô la "))}
"""Signs of languages that coqui's tokenizer does not know."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece: what is said in one go."""

    text: str
    """As it is read: numbers in words."""
    tokens: tuple[int, ...]


class Speller:
    """The tokenizer of one model. Not to be shared by threads."""

    def __init__(self, tokenizer: Any, max_tokens: int) -> None:
        """``tokenizer`` is coqui's; ``max_tokens`` of one piece, which is cut again where it has more."""
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens

    def __call__(self, text: str, language: str) -> list[Piece]:
        """The pieces of ``text`` in this ISO 639-1 language; none for a text that has nothing to say."""
        limit = min(self._tokenizer.char_limits.get(language, MAX_CHARACTERS), MAX_CHARACTERS) - SPACED
        spelled = self.spelled(text, language)
        found = []
        for piece in cutting.pieces(spelled, limit):
            found += self._within(piece, language, limit)
        return found

    def spelled(self, text: str, language: str) -> str:
        """Lower case, with numbers, sums, signs and abbreviations in words."""
        text = cutting.spaced_digits(text)
        if language in MADE_LATER or language == "ja":
            for sign, word in _SIGNS.get(language, ()):
                text = text.replace(sign, word)
            return _digits_in_words(text.lower(), language)
        from TTS.tts.layers.xtts import tokenizer as coqui

        try:
            spelled: str = coqui.multilingual_cleaners(text, language)
        except Exception:  # num2words lacks a language (Hindi), or this kind of number; it says so in many ways
            spelled = coqui.expand_abbreviations_multilingual(text.lower(), language)
            spelled = coqui.expand_symbols_multilingual(_digits_in_words(spelled, language), language)
        return spelled

    def _within(self, piece: str, language: str, limit: int) -> list[Piece]:
        tokens = self._tokens(piece, language)
        if len(tokens) <= self._max_tokens:
            return [Piece(piece, tokens)]
        if limit <= 1:
            return []  # a single character of more tokens than there is room for: no language has one
        limit = max(1, len(piece) // 2)
        return [each for part in cutting.pieces(piece, limit) for each in self._within(part, language, limit)]

    def _tokens(self, piece: str, language: str) -> tuple[int, ...]:
        written = f"[{VOCABULARY.get(language, language)}]{self._sounds(piece, language)}".replace(" ", "[SPACE]")
        return tuple(self._tokenizer.tokenizer.encode(written).ids)

    def _sounds(self, piece: str, language: str) -> str:
        """In the script that the vocabulary has."""
        from TTS.tts.layers.xtts import tokenizer as coqui

        if language == "zh":
            return str(coqui.chinese_transliterate(piece))
        if language == "ja":
            return str(coqui.japanese_cleaners(piece, self._tokenizer.katsu))
        if language == "ko":
            return str(coqui.hangul_romanize(piece))
        return piece


def _digits_in_words(text: str, language: str) -> str:
    """Number by number; one that has no words is left as it is."""
    return " ".join(_DIGITS.sub(lambda found: f" {_number(found[0], language)} ", text).split())


def _number(digits: str, language: str) -> str:
    from num2words import num2words

    whole, comma, behind = digits.replace(".", ",").partition(",")
    if comma and language in _POINT:
        return " ".join([_number(whole, language), _POINT[language], *(_number(digit, language) for digit in behind)])
    try:
        number = int(digits) if digits.isdecimal() else float(digits.replace(",", "."))
        return str(num2words(number, lang=language))
    except Exception:  # as above
        return digits
