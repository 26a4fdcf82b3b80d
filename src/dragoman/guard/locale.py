"""How a language writes numbers and names its months: Unicode's CLDR data, through Babel. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.dates import get_month_names
from babel.numbers import get_currency_symbol, get_decimal_symbol, get_group_symbol

SPACES = " \u00a0\u202f\u2009"


@dataclass(frozen=True, slots=True)
class Writing:
    """What reading a language's figures needs of its locale."""

    decimal: str
    group: str
    """A blank for any kind of space."""
    months: dict[str, int]
    """Lower-case name -> 1 to 12, as in dates and by itself; those that are one word."""


@cache
def locale_of(language: str) -> Locale:
    """The locale of an ISO 639-1 code; English where CLDR has none."""
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en")


def currency_signs(language: str, codes: Iterable[str]) -> dict[str, str]:
    """What ``language`` writes for these currencies (``US$`` in Spanish), lower case -> ISO 4217."""
    return {str(get_currency_symbol(code, locale=locale_of(language))).lower(): code for code in codes}


@cache
def writing(language: str) -> Writing:
    """How ``language`` writes its figures."""
    locale = locale_of(language)
    months: dict[str, int] = {}
    for context in ("format", "stand-alone"):
        for number, name in get_month_names("wide", context, locale).items():
            folded = str(name).lower().rpartition(" ")[2]  # Catalan: "de març"
            folded = re.split("['’]", folded)[-1]
            if folded.isalpha():
                months[folded] = number
    group = get_group_symbol(locale)
    return Writing(get_decimal_symbol(locale), " " if group in SPACES else group, months)
