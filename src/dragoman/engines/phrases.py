"""The phrase file: one editable table of sentences in several languages.

It is the phrase book of the translator and the list of sentences that the embedded recogniser knows. UTF-8, TAB between
columns; lines that begin with ``#`` and empty lines are skipped; the first other line names the languages (ISO 639-1);
then a sentence per line. An empty cell means "no translation". A wrong line is told by its number, the rest counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dragoman.errors import ConfigError
from dragoman.languages import LANGUAGES
from dragoman.resources import shared
from dragoman.writing import spaceless

MAX_BYTES = 4_000_000
"""Bytes of a phrase file; ten thousand sentences in four languages are 2 MB, more is another file by mistake."""

_WORD = re.compile(r"[\w·]+(?:'[\w·]+)*'?")
"""A word: letters, digits, and inside of them an apostrophe (let's, d'acord, un po') or a Catalan l·l."""


def tokens(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared: lower case, NFC, no punctuation, hyphens separate.

    Of scripts that put no space between words, the characters.
    """
    text = unicodedata.normalize("NFC", text).casefold().replace("’", "'").replace("_", " ")
    found: list[str] = []
    for word in _WORD.findall(text):
        found += word if any(map(spaceless, word)) else (word,)
    return tuple(found)


def without_accents(word: str) -> str:
    """``reunión`` -> ``reunion``: people leave accents out when they write in haste."""
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


@dataclass(frozen=True, slots=True)
class Phrase:
    """One sentence: language code -> how it is written; ``line`` is where it stands in the file."""

    line: int
    texts: Mapping[str, str]


class Column:
    """The phrases of one language, found by their words."""

    def __init__(self, language: str, phrases: Iterable[Phrase]) -> None:
        """Of two phrases with the same words the first one counts."""
        self.language = language
        self._exact: dict[tuple[str, ...], Phrase] = {}
        self._loose: dict[tuple[str, ...], Phrase] = {}
        for phrase in phrases:
            if (text := phrase.texts.get(language)) is not None:
                words = tokens(text)
                self._exact.setdefault(words, phrase)
                self._loose.setdefault(tuple(map(without_accents, words)), phrase)
        self._longest = max(map(len, self._exact), default=0)

    def __len__(self) -> int:
        return len(self._exact)

    @property
    def texts(self) -> tuple[str, ...]:
        """The sentences as they are written, in the file's order."""
        return tuple(phrase.texts[self.language] for phrase in self._exact.values())

    def parse(self, words: Sequence[str]) -> tuple[Phrase, ...] | None:
        """The phrases that ``words`` (as ``tokens`` gives them) are made of, in order; the fewest there can be.

        Accents count unless nothing is found with them. None: not wholly made of phrases.
        """
        found = self._split(self._exact, tuple(words))
        return found or self._split(self._loose, tuple(map(without_accents, words)))

    def _split(self, index: Mapping[tuple[str, ...], Phrase], words: tuple[str, ...]) -> tuple[Phrase, ...] | None:
        """Shortest path over word positions: best[n] holds the fewest phrases that make up the first n words."""
        best: list[tuple[Phrase, ...] | None] = [()] + [None] * len(words)
        for stop in range(1, len(words) + 1):
            for start in range(max(0, stop - self._longest), stop):
                before, phrase = best[start], index.get(words[start:stop])
                if before is None or phrase is None:
                    continue
                now = best[stop]
                if now is None or len(before) + 1 < len(now):
                    best[stop] = (*before, phrase)
        return best[-1] or None


@dataclass(frozen=True, slots=True)
class PhraseTable:
    """What a phrase file holds; ``problems`` names the lines that do not count, and why."""

    languages: tuple[str, ...]
    phrases: tuple[Phrase, ...]
    problems: tuple[str, ...] = ()

    def column(self, language: str) -> Column:
        """The phrases of one language (none, if the file lacks it)."""
        return Column(language, self.phrases)


def parse_table(data: bytes, name: str) -> PhraseTable:
    """Read the bytes of a phrase file; ``name`` is what problems call it.

    Raises:
        ConfigError: no usable header line.
    """
    languages: tuple[str, ...] = ()
    phrases: list[Phrase] = []
    problems: list[str] = []
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            line = raw.decode().rstrip("\r")
        except UnicodeDecodeError as error:
            problems.append(f"{name} line {number}: not UTF-8 ({error.reason} at byte {error.start})")
            continue
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = [" ".join(cell.split()) for cell in line.split("\t")]
        if not languages:
            languages = _header(cells, f"{name} line {number}")
            continue
        problem = _problem(cells, len(languages))
        if problem:
            problems.append(f"{name} line {number}: {problem}")
            continue
        texts = {code: cell for code, cell in zip(languages, cells, strict=False) if cell}
        phrases.append(Phrase(number, MappingProxyType(texts)))
    if not languages:
        why = f" ({problems[0]})" if problems else ""
        raise ConfigError(f"{name}: no line names the languages, such as en<TAB>es{why}")
    return PhraseTable(languages, tuple(phrases), tuple(problems))


def load_table(path: Path) -> PhraseTable:
    """Read a phrase file.

    Raises:
        ConfigError: it cannot be read, or has no usable header line; the message names it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"phrase file {path}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"phrase file {path}: larger than {MAX_BYTES} bytes")
    return parse_table(data, str(path))


def load_option(engine: str, path: Path) -> PhraseTable:
    """Read the phrase file that is ``engine``'s option ``phrases``.

    Raises:
        ConfigError: as ``load_table``, and names the option.
    """
    try:
        return load_table(path)
    except ConfigError as error:
        raise ConfigError(f"engines.options.{engine}.phrases: {error}") from None


def default_path() -> Path:
    """The phrase file that comes with Dragoman."""
    return shared("config/phrases.tsv")


def _header(cells: list[str], where: str) -> tuple[str, ...]:
    unknown = [cell for cell in cells if cell not in LANGUAGES]
    if unknown or len(set(cells)) != len(cells):
        wrong = f"unknown language {unknown[0]!r}" if unknown else "a language comes twice"
        raise ConfigError(f"{where}: {wrong}; it must name the columns' languages, of {' '.join(LANGUAGES)}")
    return tuple(cells)


def _problem(cells: list[str], columns: int) -> str | None:
    """Why a line does not count, or None."""
    if len(cells) > columns:
        return f"{len(cells)} columns, but {columns} languages"
    for number, cell in enumerate(cells, start=1):
        if cell and not tokens(cell):
            return f"column {number} has no word in it: {cell!r}"
        if any(unicodedata.category(c) == "Cc" for c in cell):
            return f"column {number} has a control character in it"
    if not any(cells):
        return "no sentence"
    return None
