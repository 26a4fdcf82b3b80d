"""The shape of a language's table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TimeRule:
    """How a time is said: ``hour * 60 + base + times * minutes``.

    ``pattern`` has ``(?P<lead>...)`` for words before it that are no part of the time,
    ``(?P<h>#)`` for the hour and, where ``times`` is not 0, ``(?P<m>#)``: "half past six" is base 30,
    "ten to six" is times -1, the Catalan "dos quarts de sis" (half past five) is base -60, times 15.
    """

    pattern: str
    base: int = 0
    times: int = 0
    sure: bool = False
    """Whether the hour is that of a clock of 24 hours where it is over 12."""


@dataclass(frozen=True, slots=True, eq=False)
class LanguageTable:
    """See the package; every field but the code may be empty."""

    code: str
    idioms: tuple[str, ...] = ()
    """What has a number word in it and says no figure."""
    weak: frozenset[str] = frozenset()
    """Number words that are something else as often as not; 0, 1, first and second are so in every language."""
    other: frozenset[str] = frozenset()
    """Words that are never read as a number: a quarter and a room are also "fourth". ``equivalents`` has them."""
    half_suffix: str = ""
    """What a number word ends with that has a half more: "zweieinhalb"."""
    fraction: str = ""
    """What stands before an ordinal that is a fraction: "a third"."""
    equivalents: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """What says a figure without a number word: "dozen", "both", "a fortnight"."""
    respell: Mapping[str, str] = field(default_factory=dict)
    """Number words as they are also written."""
    elisions: tuple[tuple[str, str], ...] = ()
    """Letters lost within a number word, and what they were: ``centottanta`` is ``centoottanta``."""
    scales: Mapping[str, int] = field(default_factory=dict)
    """Words that multiply the number before them."""
    halves: tuple[str, ...] = ()
    """What adds a half to the number before it."""
    units: str = ""
    """What may stand between a number and its half: two *hours* and a half."""
    half_of: tuple[str, ...] = ()
    """What halves the scale behind it: "half a" million."""
    percent: tuple[str, ...] = ()
    currencies: Mapping[str, str] = field(default_factory=dict)
    """Word -> ISO 4217; only those that are nothing else (a pound is also a weight)."""
    cents: str = ""
    times: tuple[TimeRule, ...] = ()
    morning: str = ""
    afternoon: str = ""
    night: str = ""
    """Behind 12 it is midnight, behind a small hour the morning."""
    of: str = ""
    """What may stand between a number and a month, a year or a currency."""
    ordinals: str = ""
    """What may follow digits to make them an ordinal."""
    month_first: bool = False
    """Whether 3/5 is March."""
    words: bool = False
    """Whether number words can be read at all."""
