"""What must be known of a language to read its figures, as data: a file per language.

Patterns run over lower-case text. Those of times and halves run over the text as the reader renders it: its words and
marks joined by single spaces, every cardinal number replaced by ``#``, every ordinal by ``@``, every clock time such as
17:30 by ``T``.
"""

from __future__ import annotations

from dragoman.guard.languages import ca, de, en, es, fr, it, nl, pt
from dragoman.guard.languages.table import LanguageTable

TABLES: dict[str, LanguageTable] = {
    table.code: table for table in (en.TABLE, es.TABLE, fr.TABLE, de.TABLE, pt.TABLE, it.TABLE, ca.TABLE, nl.TABLE)
}

SCALES: dict[str, dict[str, int]] = {
    "pl": {"tys": 10**3, "tysięcy": 10**3, "tysiące": 10**3, "mln": 10**6, "milionów": 10**6, "miliony": 10**6}
    | {"milion": 10**6, "mld": 10**9, "miliard": 10**9, "miliardów": 10**9, "miliardy": 10**9},
    "tr": {"bin": 10**3, "milyon": 10**6, "milyar": 10**9},
    "vi": {"nghìn": 10**3, "ngàn": 10**3, "triệu": 10**6, "tỷ": 10**9, "tỉ": 10**9},
    "ja": {"千": 10**3, "万": 10**4, "億": 10**8},
    "zh": {"千": 10**3, "万": 10**4, "百万": 10**6, "亿": 10**8},
}
"""Words behind a number in digits, in languages whose number words are not read."""

PLAIN = LanguageTable("")
"""For a language without a table: digits only."""


def table_of(language: str) -> LanguageTable:
    """The table of a language; one that knows digits only where there is none."""
    table = TABLES.get(language)
    if table is None:
        return LanguageTable(language, scales=SCALES[language]) if language in SCALES else PLAIN
    return table
