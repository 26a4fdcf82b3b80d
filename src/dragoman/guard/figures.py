"""Figures as values: what a number, a sum, a date, a time or a telephone number says, however written. Pure."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from decimal import Decimal

PERCENT = "%"
ORDINAL = "#"
CENT = Decimal(100)
SHORT, PHONE = 2, 7
"""Digits up to which, and from which on, zeros before them say nothing: a day, "0034" of a telephone number. Between
lie codes and rooms: 007 is not 7."""
LEAP = 2024
"""Any year with a 29 February, for a day of which no year is known."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number; ``unit``: an ISO 4217 code, PERCENT, ORDINAL or None."""

    value: Decimal
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Date:
    """A day, or a month of a year; ``swappable``: written as 3/5, which is May in one country and March in another."""

    month: int
    day: int | None
    year: int | None = None
    swappable: bool = False


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day; ``sure``: known to be in the morning or in the afternoon (17:00, 5 pm)."""

    hour: int
    minute: int
    sure: bool


@dataclass(frozen=True, slots=True)
class Digits:
    """Figures in a row, that may be one number (a telephone number, a year said in two halves) or several."""

    text: str
    written: str = ""
    """As it was written in digits, empty when it was words."""


Value = Amount | Date | Time | Digits


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, and where it stands in the text."""

    value: Value
    start: int
    end: int
    weak: bool = False
    """It may be no figure at all (an article, "second"): never demanded, but taken where it fits."""
    written: bool = False
    """In digits, not in words."""
    parts: tuple[Decimal, ...] = ()
    """The numbers it is made of, where there are several."""
    apart: bool = False
    """There are words in it that are not its own ("two hours and a half"): it cannot be replaced by another."""
    foreign: bool = False
    """Written as another language writes it: 1,234.50 in a Spanish text."""


def exists(month: int, day: int | None, year: int | None) -> bool:
    """Whether the calendar has this day (29 February in some year)."""
    return 1 <= month <= 12 and (day is None or 1 <= day <= calendar.monthrange(year or LEAP, month)[1])


def canonical(value: Decimal) -> str:
    """One text per value: 5, 5.0 and 005 are the same."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.lstrip("0") or "0" if not text.startswith(("0.", "-")) else text


def keys(value: Value) -> frozenset[str]:
    """What a value may be recognised by in the other language; two figures that share a key say the same."""
    match value:
        case Amount(number, unit):
            found = {canonical(number)}
            if unit not in (None, PERCENT, ORDINAL) and number < 1:
                found.add(canonical(number * CENT))  # 0.20 euros are 20 cents
        case Date(month, day, _, swappable):
            found = {f"{month}-{day}"}
            if swappable and day is not None and day <= 12:
                found.add(f"{day}-{month}")
        case Time(hour, minute, _):
            found = {f"{hour % 12}:{minute:02}", f"{hour}{minute:02}", f"{hour % 12 or 12}{minute:02}"}
            found.add(f"{hour % 12 + 12}{minute:02}")
            if minute % 15 == 0:  # "deux heures et demie" may be two and a half hours
                found |= {canonical(Decimal(each) + Decimal(minute) / 60) for each in (hour, hour % 12)}
            if not minute:
                found |= {str(hour), str(hour % 12 or 12), str(hour % 12 + 12)}
        case Digits(text):
            found = {text}
            if not _is_code(text):
                found.add(text.lstrip("0") or "0")
            if len(text) in (3, 4) and int(text[-2:]) < 60 and int(text[:-2]) <= 24:
                found.add(f"{int(text[:-2]) % 12}:{text[-2:]}")
    return frozenset(found)


def _is_code(digits: str) -> bool:
    return digits.startswith("0") and SHORT < len(digits) < PHONE


def conflict(one: Value, other: Value) -> bool:
    """Whether both cannot hold of the same thing: euros and dollars, 1998 and 1999, 5 am and 5 pm."""
    match one, other:
        case Amount(_, a), Amount(_, b):
            return a != b and not {a, b} & {None, ORDINAL}
        case Date(_, _, a), Date(_, _, b):
            return a is not None and b is not None and a != b
        case Time(a, _, True), Time(b, _, True):
            return a % 24 != b % 24
    return False


def plain(figure: Figure) -> tuple[str, ...]:
    """The keys of the numbers that a figure is made of; a code such as 007 is made of nothing else."""
    if len(figure.parts) == 1 and isinstance(figure.value, Digits) and _is_code(figure.value.text):
        return ()
    return tuple(canonical(part) for part in figure.parts)
