"""Which terms of the glossary a clause lost on its way. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from dragoman.glossary.matching import TermIndex, tokens

ENDING = 3
"""Letters by which a word of the term may be longer in the text: German and Polish names have cases."""

STEM = 4
"""Letters a word must have for that: shorter ones are the beginning of too many others."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A term of the source whose counterpart is not in the translation."""

    source: str
    target: str


@lru_cache(maxsize=32)
def _index(terms: tuple[tuple[str, str], ...]) -> TermIndex[Lost]:
    return TermIndex((source, Lost(source, target)) for source, target in terms)


def lost(source: str, target: str, terms: tuple[tuple[str, str], ...]) -> tuple[Lost, ...]:
    """The terms that are in ``source`` and whose counterparts are not in ``target``, each once, in order."""
    if not terms:
        return ()
    found = dict.fromkeys(match.value for match in _index(terms).find(source))
    if not found:
        return ()
    words = _words(target)
    return tuple(term for term in found if not _stands(_words(term.target), words))


def in_place(text: str, term: Lost) -> str | None:
    """``text`` with the source's term, where it was left as it is, replaced by the target's; None: it is not there."""
    matches = TermIndex([(term.source, term)]).find(text)
    if not matches:
        return None
    for match in reversed(matches):
        text = text[: match.start] + term.target + text[match.end :]
    return text


def _words(text: str) -> list[str]:
    """Words without accents: a translator may drop or add one in a name."""
    return [
        "".join(c for c in unicodedata.normalize("NFD", token.text) if not unicodedata.combining(c)) or token.text
        for token in tokens(text)
    ]


def _stands(term: Sequence[str], text: Sequence[str]) -> bool:
    """Whether the words of the term stand in the text in a row, each with an ending of its own perhaps."""
    size = len(term)
    return any(all(map(_same, term, text[at : at + size])) for at in range(len(text) - size + 1))


def _same(term: str, word: str) -> bool:
    return term == word or (len(term) >= STEM and word.startswith(term) and len(word) <= len(term) + ENDING)
