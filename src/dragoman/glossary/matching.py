"""Finding terms in running text: whole words, in any case, the longest first. Pure.

Text and terms are cut into the same tokens, so "a whole word" needs no rule per script: a run of letters, marks and
digits is a token, every other visible character is one of its own, and so is, with its marks, every letter of a script
that puts no space between words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from dragoman.writing import spaceless

T = TypeVar("T")

_HYPHENS = frozenset("-\u2010\u2011\u2013")
"""They separate words and are not compared: recognisers write both ``check-in`` and ``check in``."""

_INSIDE = frozenset("\u00b7")
"""Letters by use, punctuation by Unicode: the middle dot of Catalan ``l·l``."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token as it is compared, and where it stands in the text."""

    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """The tokens of a text, in order: NFC, case folded, straight apostrophes."""
    found: list[Token] = []
    start = -1
    for at, char in enumerate(text):
        if _in_word(char):
            if start < 0:
                start = at
            continue
        if start >= 0:
            found.append(_token(text, start, at))
            start = -1
        if found and found[-1].end == at and unicodedata.category(char)[0] == "M":
            found[-1] = _token(text, found[-1].start, at + 1)
        elif not char.isspace() and char not in _HYPHENS:
            found.append(_token(text, at, at + 1))
    if start >= 0:
        found.append(_token(text, start, len(text)))
    return found


def _in_word(char: str) -> bool:
    if char.isascii():
        return char.isalnum()
    return (unicodedata.category(char)[0] in "LMN" or char in _INSIDE) and not spaceless(char)


def _token(text: str, start: int, end: int) -> Token:
    return Token(fold(text[start:end]), start, end)


def fold(text: str) -> str:
    """``text`` as it is compared."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).replace("\u2019", "'")


@dataclass(frozen=True, slots=True)
class Match(Generic[T]):
    """A term found at ``text[start:end]``, and what it stands for."""

    start: int
    end: int
    value: T


class TermIndex(Generic[T]):
    """Terms with a value each; of two terms with the same words the first one counts."""

    def __init__(self, terms: Iterable[tuple[str, T]]) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], T]]] = {}
        seen: set[tuple[str, ...]] = set()
        for term, value in terms:
            words = tuple(token.text for token in tokens(term))
            if words and words not in seen:
                seen.add(words)
                self._by_first.setdefault(words[0], []).append((words, value))
        for candidates in self._by_first.values():
            candidates.sort(key=lambda candidate: -len(candidate[0]))

    def __bool__(self) -> bool:
        return bool(self._by_first)

    def find(self, text: str) -> list[Match[T]]:
        """All terms in ``text``, from the left, none within another."""
        if not self._by_first:
            return []
        stream = tokens(text)
        words = [token.text for token in stream]
        found: list[Match[T]] = []
        at = 0
        while at < len(stream):
            for term, value in self._by_first.get(words[at], ()):
                if tuple(words[at : at + len(term)]) == term:
                    found.append(Match(stream[at].start, stream[at + len(term) - 1].end, value))
                    at += len(term)
                    break
            else:
                at += 1
        return found


def replace_terms(text: str, index: TermIndex[str]) -> str:
    """``text`` with every term of the index replaced by its value."""
    pieces: list[str] = []
    done = 0
    for match in index.find(text):
        pieces += (text[done : match.start], match.value)
        done = match.end
    return "".join((*pieces, text[done:])) if pieces else text
