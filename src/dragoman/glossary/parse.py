"""A glossary file as people write it, in a text editor or saved by a spreadsheet. Pure.

The first line that is no comment names the columns: ``source`` (the term where a language has no cell of its own: a
name), languages (``en``, ``es`` ... or their names), ``said`` and ``said:es`` (how it is said), ``note`` (not read).
TAB separates them, or ``;`` or ``,`` where the header has no TAB. Lines that begin with ``#``, and empty ones, are
skipped. UTF-8 with or without a byte order mark, or UTF-16 with one: Excel's "Unicode text".
"""

from __future__ import annotations

import codecs
import csv
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from dragoman.errors import ConfigError
from dragoman.glossary.matching import fold, tokens
from dragoman.glossary.model import ABSENT, ANY, Entry
from dragoman.languages import LANGUAGES

MAX_BYTES = 1_000_000
"""Bytes of a file: ten thousand terms in four languages; more is another file by mistake."""

MAX_TERMS = 5000
"""Terms of a file: the largest a provider's glossary takes in practice, and read in well under a second."""

MAX_CELL = 200
"""Characters of a cell: a term is a few words, not a text."""

SOURCE_COLUMNS = frozenset({"source", "source term", "term"})
SAID_COLUMNS = frozenset({"said", "how it is said", "pronunciation"})
NOTES = frozenset({"note", "notes"})

_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
"""What comes along when a term is copied from a page (soft hyphen, zero width space, word joiner, byte order mark): a
term with one of them in it would never be found."""

_BY_NAME = {fold(name): code for code, each in LANGUAGES.items() for name in (code, each.name, each.native)}


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds; ``problems`` names the lines (or columns) that do not count, and why."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """What a column is for; ``language`` is ANY where it holds for all."""

    said: bool
    language: str


def parse_glossary(data: bytes, name: str) -> Parsed:
    """Read the bytes of a glossary file; ``name`` is what problems call it.

    Raises:
        ConfigError: no line names the columns, or the file is too large: nothing of it counts.
    """
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{name}: larger than {MAX_BYTES} bytes")
    columns: list[Column | None] = []
    delimiter = ""
    entries: list[Entry] = []
    problems: list[str] = []
    seen: dict[tuple[str, str], int] = {}
    for number, line in _lines(data):
        where = f"{name} line {number}"
        if isinstance(line, UnicodeDecodeError):
            problems.append(f"{where}: not UTF-8 ({line.reason} at byte {line.start})")
            continue
        if not line.strip(" \t;,") or line.lstrip(' \t"').startswith("#"):
            continue
        delimiter = delimiter or next((mark for mark in "\t;," if mark in line), "\t")
        try:
            (cells,) = csv.reader([line], delimiter=delimiter, strict=True)
        except (csv.Error, ValueError):
            problems.append(f'{where}: a cell begins with a " that is not closed in this line, or goes on behind it')
            continue
        cells = [" ".join(unicodedata.normalize("NFC", cell.translate(_UNSEEN)).split()) for cell in cells]
        if not columns:
            columns = _header(cells, where, problems)
            continue
        if len(entries) == MAX_TERMS:
            problems.append(f"{where}: only the first {MAX_TERMS} terms count")
            break
        entry = _entry(number, cells, columns, where, problems)
        if entry is not None:
            entries.append(entry)
            problems += _repeated(entry, seen, where)
    if not columns:
        raise ConfigError(f"{name}: no line names the columns, such as source<TAB>en<TAB>es<TAB>said")
    return Parsed(tuple(entries), tuple(problems))


def _lines(data: bytes) -> Iterator[tuple[int, str | UnicodeDecodeError]]:
    """The lines with their numbers, counted from 1; a line that is no text by its error."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", errors="replace").encode("utf-8", errors="replace")
    data = data.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for number, raw in enumerate(data.split(b"\n"), start=1):
        try:
            yield number, raw.decode()
        except UnicodeDecodeError as error:
            yield number, error


def _header(cells: Sequence[str], where: str, problems: list[str]) -> list[Column | None]:
    columns: list[Column | None] = []
    for number, cell in enumerate(cells, start=1):
        column = _column(cell)
        if column is None and cell and fold(cell) not in NOTES:
            known = " ".join(LANGUAGES)
            problems.append(
                f"{where}: column {number}, {cell!r}, is not used: it is none of source, said, said:LANGUAGE, note "
                f"and no language of {known}"
            )
        elif column is not None and column in columns:
            problems.append(f"{where}: column {number}, {cell!r}, is not used: there is one already")
            column = None
        columns.append(column)
    if not any(column is not None and not column.said for column in columns):
        raise ConfigError(f"{where}: no column for a term; the first line must name some, such as source or en")
    return columns


def _column(cell: str) -> Column | None:
    kind, _, language = (part.strip() for part in fold(cell).partition(":"))
    if kind in SAID_COLUMNS:
        if not language:
            return Column(True, ANY)
        return Column(True, _BY_NAME[language]) if language in _BY_NAME else None
    if language:
        return None
    if kind in SOURCE_COLUMNS:
        return Column(False, ANY)
    return Column(False, _BY_NAME[kind]) if kind in _BY_NAME else None


def _entry(
    line: int, cells: Sequence[str], columns: Sequence[Column | None], where: str, problems: list[str]
) -> Entry | None:
    texts: dict[str, str] = {}
    said: dict[str, str] = {}
    for number, cell in enumerate(cells, start=1):
        if not cell:
            continue
        if number > len(columns):
            problems.append(f"{where}: column {number} has a cell, but the first line names {len(columns)} columns")
            return None
        column = columns[number - 1]
        if column is None:
            continue
        if wrong := _wrong(cell):
            problems.append(f"{where}: column {number} {wrong}")
            return None
        (said if column.said else texts)[column.language] = cell
    if not any(text != ABSENT for text in texts.values()):
        problems.append(f"{where}: no term" + (", only how it is said" if said else ""))
        return None
    return Entry(line, MappingProxyType(texts), MappingProxyType(said))


def _wrong(cell: str) -> str | None:
    """Why a cell does not count, or None."""
    if len(cell) > MAX_CELL:
        return f"has {len(cell)} characters; a term has at most {MAX_CELL}"
    if any(unicodedata.category(c) == "Cc" for c in cell):
        return "has a control character in it"
    if cell != ABSENT and not any(c.isalnum() for token in tokens(cell) for c in token.text):
        return f"has no word in it: {cell!r}"
    return None


def _repeated(entry: Entry, seen: dict[tuple[str, str], int], where: str) -> list[str]:
    """What was a term before; the entry counts where it says something new."""
    problems = []
    for language, text in entry.texts.items():
        if text == ABSENT:
            continue
        first = seen.setdefault((language, fold(text)), entry.line)
        if first != entry.line:
            of = f" in {language}" if language != ANY else ""
            problems.append(f"{where}: {text!r} is a term{of} in line {first} already; that one counts")
    return problems
