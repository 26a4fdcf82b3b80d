"""Checks a translation's figures and names, and puts in those that it lacks. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from dragoman.guard import names
from dragoman.guard.compare import Comparison, compare
from dragoman.guard.figures import Amount, Date, Digits, Figure, Time, Value
from dragoman.guard.form import written
from dragoman.guard.languages import TABLES
from dragoman.guard.reader import YEARS, read

SMALL = 12
"""Where number words cannot be read, numbers up to here are not looked for: translators write them as words."""

CLOSING = ".!?…。！？»”\"')"
"""What may end a clause: what is put in goes before it."""

PASSES = 6
"""Times a text is mended at most; each makes it lack less. Each replaces one figure or appends all that are left."""

MAX_TEXT = 2000
"""Characters of a clause or translation that are checked, in 40 ms at worst: ten seconds of speech are some 200."""


@dataclass(frozen=True, slots=True)
class Clause:
    """What the translation of a clause is held against."""

    text: str
    source: str
    target: str
    terms: tuple[tuple[str, str], ...] = ()
    """(source term, target term)."""


@dataclass(frozen=True, slots=True)
class Lack:
    """What a translation lacks; false when it lacks nothing."""

    figures: Comparison
    names: tuple[names.Lost, ...]

    def __bool__(self) -> bool:
        return bool(self.figures.missing or self.names)

    def __len__(self) -> int:
        return len(self.figures.missing) + len(self.names)


@dataclass(frozen=True, slots=True)
class Mended:
    """The text with what was put in, in the order in which it was; ``whole``: nothing is missing any more."""

    text: str
    put: tuple[str, ...]
    whole: bool


_VERSION = re.compile(r"\d+(?:\.\d{1,2})+")

NOTHING = Lack(Comparison(), ())


def warm_up(languages: Iterable[str]) -> None:
    """Compile patterns and load locales, tens of ms each, before a clause waits for them; call it in a thread."""
    for language in languages:
        read("5", language)
        for value in (Amount(Decimal(5), "EUR"), Date(3, 5, 2026)):
            written(value, language)


def check(clause: Clause, translation: str) -> Lack:
    """What of the clause's figures and names the translation lacks."""
    if max(len(clause.text), len(translation)) > MAX_TEXT:
        return NOTHING
    figures = [figure for figure in read(_nfc(clause.text), clause.source) if _demanded(figure, clause)]
    found = compare(figures, read(_nfc(translation), clause.target), strict_dates=clause.target in TABLES)
    return Lack(found, names.lost(clause.text, translation, clause.terms))


def _demanded(figure: Figure, clause: Clause) -> bool:
    """Figures the target's reader cannot see are not asked for."""
    if clause.target in TABLES:
        return True
    if not figure.written:
        return False
    return not (isinstance(figure.value, Amount) and figure.value.value <= SMALL)


def mend(clause: Clause, translation: str) -> Mended:
    """Put what is missing into the translation: in the place of what is wrong where that is clear, else at its end.

    Nothing else is taken out. A translation that lacks nothing comes back as it is.
    """
    text = translation
    put: list[str] = []
    for _ in range(PASSES):
        lack = check(clause, text)
        if not lack:
            return Mended(text, tuple(put), True)
        for way in (_replaced, _added):
            after, added = way(_nfc(text), lack, clause)
            if added and len(check(clause, after)) < len(lack):
                text = after
                put += added
                break
        else:
            break
    return Mended(text, tuple(dict.fromkeys(put)), not check(clause, text))


def _replaced(text: str, lack: Lack, clause: Clause) -> tuple[str, list[str]]:
    """Terms left in the source's language, and the one wrong figure for the one missing, where they are alike."""
    put: list[str] = []
    missing, spare = lack.figures.missing, lack.figures.spare
    for kind in (Amount, Date, Time):
        wanted = [figure for figure in missing if _kind(figure.value) is kind]
        wrong = [figure for figure in spare if _kind(figure.value) is kind]
        if len(wanted) == len(wrong) == 1:
            form = _instead(wrong[0], text, wanted[0], clause)
            text = text[: wrong[0].start] + form + text[wrong[0].end :]
            return text, [form]  # what stands behind it has moved
    for term in lack.names:
        changed = names.in_place(text, term)
        if changed is not None:
            text = changed
            put.append(term.target)
    return text, put


def _instead(wrong: Figure, text: str, wanted: Figure, clause: Clause) -> str:
    """What the wanted figure is written as where the wrong one stands in ``text``."""
    said = _nfc(clause.text)[wanted.start : wanted.end]
    if _VERSION.fullmatch(said) and _VERSION.fullmatch(text[wrong.start : wrong.end]):
        return said  # the translator left its point where the language has a comma: no number to him
    return _form(_with_unit_of(wrong.value, wanted), clause)


def _kind(value: Value) -> type[Amount | Date | Time]:
    return Amount if isinstance(value, Digits) else type(value)


def _with_unit_of(wrong: Value, wanted: Figure) -> Figure:
    """The wanted figure, so that it fits where the wrong one stands: "5 %" for "6 %", but "5" for "6" (of "6 euro")."""
    if isinstance(wrong, Amount) and isinstance(wanted.value, Amount):
        if wanted.value.unit is None or wrong.unit is None:
            return replace(wanted, value=Amount(wanted.value.value, wrong.unit))
    return wanted


def _added(text: str, lack: Lack, clause: Clause) -> tuple[str, list[str]]:
    """``text`` with all that is missing in brackets before what closes it."""
    put = [_form(figure, clause) for figure in lack.figures.missing] + [term.target for term in lack.names]
    body = text.rstrip()
    end = len(body) if body.endswith(")") else len(body.rstrip(CLOSING + " "))
    bracket = f"({'; '.join(put)})"
    lead = " " if end else ""
    return f"{body[:end]}{lead}{bracket}{body[end:]}{text[len(body) :]}", put


def _form(figure: Figure, clause: Clause) -> str:
    value = figure.value
    year = isinstance(value, Amount) and value.unit is None and value.value % 1 == 0 and int(value.value) in YEARS
    grouped = not year or (figure.written and not _nfc(clause.text)[figure.start : figure.end].isdigit())
    return written(value, clause.target, grouped=grouped)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
