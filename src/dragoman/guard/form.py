"""A figure as another language writes it: CLDR's patterns, through Babel. Pure."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

from babel.dates import format_date, format_skeleton
from babel.numbers import format_currency, format_decimal, format_percent

from dragoman.guard.figures import LEAP, ORDINAL, PERCENT, Amount, Date, Digits, Time, Value
from dragoman.guard.locale import locale_of

_ORDINALS = {
    "es": lambda n: f"{n}.º",
    "fr": lambda n: "1er" if n == 1 else f"{n}e",
    "de": lambda n: f"{n}.",
    "pt": lambda n: f"{n}.º",
    "it": lambda n: f"{n}º",
    "ca": lambda n: f"{n}{ {1: 'r', 2: 'n', 3: 'r', 4: 't'}.get(n, 'è') }",
    "nl": lambda n: f"{n}e",
    "en": lambda n: f"{n}{'th' if 10 < n % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}",
}


def written(value: Value, language: str, *, grouped: bool = True) -> str:
    """``value`` in the form of ``language``; ``grouped`` False: no separators of thousands (years)."""
    return _written(value, language, grouped).replace("\u202f", "\u00a0")  # synthesizers know the wider one


def _written(value: Value, language: str, grouped: bool) -> str:
    locale = locale_of(language)
    match value:
        case Amount(number, str(unit)) if unit == PERCENT:
            return str(format_percent(number / 100, locale=locale, decimal_quantization=False))
        case Amount(number, str(unit)) if unit == ORDINAL:
            form = _ORDINALS.get(language)
            return form(int(number)) if form is not None else str(number)
        case Amount(number, str(unit)):
            return _sum(number, unit, language)
        case Amount(number, None):
            return str(format_decimal(number, locale=locale, decimal_quantization=False, group_separator=grouped))
        case Date(month, None, None):
            return str(format_skeleton("MMMM", datetime.date(LEAP, month, 1), locale=locale))
        case Date(month, None, int(year)):
            return str(format_skeleton("yMMMM", datetime.date(year, month, 1), locale=locale))
        case Date(month, int(day), year):
            date = datetime.date(year or LEAP, month, day)
            text = str(
                format_date(date, "long", locale=locale) if year else format_skeleton("MMMMd", date, locale=locale)
            )
            return text.replace("1", "1er", 1) if day == 1 and language == "fr" else text  # CLDR writes "1 mars"
        case Time(hour, minute, sure):
            return _clock(hour % 24, minute, sure, language)
        case Digits(text, as_written):
            return as_written or text
    raise AssertionError(f"no form for {value!r}")


def _sum(number: Decimal, unit: str, language: str) -> str:
    """A sum without the decimals of a round one: what is read aloud is then shorter."""
    locale = locale_of(language)
    pattern = locale.currency_formats["standard"].pattern
    if number == int(number):
        pattern = re.sub(r"\.0+", "", pattern)
    return str(format_currency(number, unit, format=pattern, locale=locale, currency_digits=False))


def _clock(hour: int, minute: int, sure: bool, language: str) -> str:
    if language == "en" and sure:
        return f"{hour % 12 or 12}:{minute:02} {'AM' if hour < 12 else 'PM'}"
    return f"{hour}:{minute:02}"
