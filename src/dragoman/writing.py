"""How words are written together, by script: most put a space between two, and some put none. Pure.

By characters, not by language: a clause of Japanese may hold an English name. The blocks are those of Unicode 16.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_EAST_ASIAN = (
    (0x2E80, 0x312F),  # radicals, CJK marks, kana, Bopomofo
    (0x3190, 0x33FF),  # annotations, Bopomofo and kana extensions, enclosed and squared characters
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xF900, 0xFAFF),  # Han, compatibility
    (0xFE30, 0xFE4F),  # marks of vertical text
    (0xFF00, 0xFF9F),  # full-width letters and marks, half-width kana
    (0x1AFF0, 0x1B16F),  # kana, historic and small
    (0x20000, 0x3FFFF),  # Han, extensions B and on
)
"""Chinese and Japanese. Hangul is not among them: Korean puts spaces."""

_SOUTH_EAST_ASIAN = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x19E0, 0x19FF),  # Khmer symbols
    (0xA9E0, 0xA9FF),  # Myanmar, extension B
    (0xAA60, 0xAA7F),  # Myanmar, extension A
)
"""They put a space between sentences and phrases, none between words."""

WORD = 4
"""Units of ``worth`` that make a word."""

_EAST_ASIAN_UNITS = 2
"""Of a Chinese or Japanese character: n words of English are 1.6 n characters of Chinese, 2.2 n of Japanese."""

_SOUTH_EAST_ASIAN_UNITS = 1
"""Of a Thai, Lao, Khmer or Myanmar letter: a word has four or five of them, marks not counted."""


def joined(words: Iterable[str]) -> str:
    """The words of one clause as their script writes them; empty ones leave nothing."""
    text = ""
    for word in words:
        text += word if not text or not word or _close(text[-1], word[0]) else f" {word}"
    return text


def joined_clauses(clauses: Iterable[str]) -> str:
    """Clauses that follow each other: as ``joined``, but scripts that part sentences by a space do so."""
    text = ""
    for clause in clauses:
        together = text and clause and east_asian(text[-1]) and east_asian(clause[0])
        text += clause if not text or not clause or together else f" {clause}"
    return text


@lru_cache(maxsize=4096)
def worth(text: str) -> int:
    """How much of a clause it is, in quarters of a word (``WORD``): one word, or what its characters come to.

    A recogniser of Chinese may call a character a word, or a whole clause; in Spanish a word is a word.
    """
    units = 0
    for char in text:
        if unicodedata.category(char)[0] in "LN":
            units += _EAST_ASIAN_UNITS if east_asian(char) else _SOUTH_EAST_ASIAN_UNITS if _south_east(char) else 0
    return units if any(map(spaceless, text)) else WORD


def spaceless(char: str) -> bool:
    """Whether this character's script puts no space between words."""
    return east_asian(char) or _south_east(char)


def east_asian(char: str) -> bool:
    """Whether it is a character or a mark of Chinese or Japanese."""
    return char > "\u2e7f" and _within(ord(char), _EAST_ASIAN)


def _south_east(char: str) -> bool:
    return "\u0dff" < char < "\uab00" and _within(ord(char), _SOUTH_EAST_ASIAN)


def _close(before: str, after: str) -> bool:
    """Whether no space stands between these two."""
    if spaceless(before) and spaceless(after):
        return True
    return (east_asian(before) and after.isdecimal()) or (before.isdecimal() and east_asian(after))


def _within(code: int, blocks: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in blocks)
