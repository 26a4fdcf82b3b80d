"""What a glossary says, ready to be asked: keyterms, pairs, and how things are said. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dragoman.glossary.matching import TermIndex, fold, replace_terms

ANY = ""
"""Key of what holds in every language."""

ABSENT = "-"
"""A cell that says: no term in this language, not even the one of the column ``source``."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a term.

    ``texts`` and ``said`` are by language (ISO 639-1); under ``ANY`` stands what holds where a language has none of its
    own: a name, which is not translated, and how it is said everywhere.
    """

    line: int
    texts: Mapping[str, str]
    said: Mapping[str, str]

    def text(self, language: str) -> str | None:
        """How the term is written in this language; None: it is no term there."""
        text = self.texts.get(language) or self.texts.get(ANY)
        return None if text == ABSENT else text

    def spoken(self, language: str) -> str | None:
        """How it is said in this language; None: as it is written."""
        said = self.said.get(language) or self.said.get(ANY)
        return None if said == ABSENT else said


class Glossary:
    """Entries in the order of their weight: where two share a term, the first one counts. Never changed once built."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(entries)
        self._keyterms: dict[str, tuple[str, ...]] = {}
        self._pairs: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
        self._said: dict[str, TermIndex[str]] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def over(self, other: Glossary) -> Glossary:
        """This one with what ``other`` has more: a room's glossary over its site's."""
        return Glossary((*self.entries, *other.entries))

    def keyterms(self, language: str) -> tuple[str, ...]:
        """The terms that are likely to be said in this language, in the file's order, each once."""
        if (found := self._keyterms.get(language)) is None:
            terms: dict[str, str] = {}
            for entry in self.entries:
                if text := entry.text(language):
                    terms.setdefault(fold(text), text)
            found = self._keyterms[language] = tuple(terms.values())
        return found

    def pairs(self, source: str, target: str) -> tuple[tuple[str, str], ...]:
        """(source term, target term) for this pair, sorted, each source term once; names stand for themselves."""
        key = (source, target)
        if (found := self._pairs.get(key)) is None:
            terms: dict[str, tuple[str, str]] = {}
            for entry in self.entries:
                if (text := entry.text(source)) and (other := entry.text(target)):
                    terms.setdefault(fold(text), (text, other))
            found = self._pairs[key] = tuple(sorted(terms.values()))
        return found

    def say(self, text: str, language: str) -> str:
        """``text`` as it is to be given to a synthesizer: whole words, in any case, the longest terms first."""
        if (index := self._said.get(language)) is None:
            index = self._said[language] = TermIndex(
                (term, said)
                for entry in self.entries
                if (term := entry.text(language)) and (said := entry.spoken(language))
            )
        return replace_terms(text, index)


EMPTY = Glossary()
"""No glossary."""
