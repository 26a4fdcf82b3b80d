"""Catalan number words, which text2num does not read. Pure.

The same shape as ``text_to_num.find_numbers``: words in, occurrences out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_UNITS = {
    "zero": 0,
    "un": 1,
    "una": 1,
    "u": 1,
    "dos": 2,
    "dues": 2,
    "tres": 3,
    "quatre": 4,
    "cinc": 5,
    "sis": 6,
    "set": 7,
    "vuit": 8,
    "huit": 8,
    "nou": 9,
}
_TEENS = {"deu": 10, "onze": 11, "dotze": 12, "tretze": 13, "catorze": 14, "quinze": 15, "setze": 16, "disset": 17}
_TEENS |= {"desset": 17, "dèsset": 17, "divuit": 18, "devuit": 18, "díhuit": 18, "dinou": 19, "denou": 19, "dènou": 19}
_TENS = {"vint": 20, "trenta": 30, "quaranta": 40, "cinquanta": 50, "seixanta": 60, "setanta": 70, "vuitanta": 80}
_TENS |= {"huitanta": 80, "noranta": 90}
_BIG = {"milió": 10**6, "milions": 10**6, "bilió": 10**12, "bilions": 10**12}
_ORDINALS = {"primer": 1, "primera": 1, "segon": 2, "segona": 2, "tercer": 3, "tercera": 3, "quart": 4, "quarta": 4}
_STEMS = {"cinqu": 5, "sis": 6, "set": 7, "vuit": 8, "nov": 9, "des": 10, "onz": 11, "dotz": 12, "tretz": 13}
_STEMS |= {"catorz": 14, "quinz": 15, "setz": 16, "disset": 17, "divuit": 18, "dinov": 19, "vint": 20, "trent": 30}
_ORDINALS |= {stem + ending: value for stem, value in _STEMS.items() for ending in ("è", "ena", "é")}

_COMMA = "coma"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A number made of the words [start, end); ``text``: its digits."""

    start: int
    end: int
    text: str
    is_ordinal: bool


def find_numbers(words: Sequence[str]) -> list[Occurrence]:
    """The numbers in ``words``, lower case; what is no word is any text that is in none of the tables."""
    found: list[Occurrence] = []
    at = 0
    while at < len(words):
        if (value := _ORDINALS.get(words[at])) is not None:
            found.append(Occurrence(at, at + 1, str(value), True))
            at += 1
        elif (number := _number(words, at)) is not None:
            value, end = number
            text = str(value)
            if end + 1 < len(words) and words[end] == _COMMA and (rest := _number(words, end + 1)) is not None:
                text, end = f"{text},{rest[0]}", rest[1]
            found.append(Occurrence(at, end, text, False))
            at = end
        else:
            at += 1
    return found


def _number(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """The number that begins at ``at``: value and where it ends."""
    total, here, below = 0, at, 10**15
    while here < len(words):
        part = _thousands(words, here)
        if part is None:
            break
        value, end = part
        scale = _BIG.get(words[end], 1) if end < len(words) else 1
        if value * scale >= below or (total and not value):
            break
        total, here, below = total + value * scale, end + (scale > 1), scale
        if scale == 1:
            break
    return (total, here) if here > at else None


def _thousands(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """Below a million: ``dos mil tres-cents vint-i-cinc``."""
    if words[at] == "mil":
        value, end = 1000, at + 1
    else:
        head = _hundreds(words, at)
        if head is None:
            return None
        value, end = head
        if end < len(words) and words[end] == "mil" and value:
            value, end = value * 1000, end + 1
        else:
            return head
    tail = _hundreds(words, end) if end < len(words) else None
    return (value + tail[0], tail[1]) if tail is not None and tail[0] else (value, end)


def _hundreds(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """Below a thousand: ``tres-cents vint-i-cinc``, with or without hyphens."""
    value = _hundred(words[at])
    end = at + 1
    if value is None:
        unit = _UNITS.get(words[at])
        if unit and unit > 1 and end < len(words) and words[end] in ("cents", "centes"):
            value, end = unit * 100, end + 1
        else:
            return _tens(words, at)
    tail = _tens(words, end) if end < len(words) else None
    return (value + tail[0], tail[1]) if tail is not None and tail[0] else (value, end)


def _hundred(word: str) -> int | None:
    if word == "cent":
        return 100
    unit, hyphen, hundred = word.partition("-")
    if hyphen and hundred in ("cents", "centes") and unit in _UNITS:
        return _UNITS[unit] * 100
    return None


def _tens(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """Below a hundred: ``vint-i-cinc``, ``vint i cinc``, ``trenta-dos``, ``trenta dos``."""
    word = words[at]
    if (value := _TEENS.get(word, _UNITS.get(word))) is not None:
        return value, at + 1
    head, *rest = word.split("-")
    if head not in _TENS:
        return None
    if rest:
        unit = _UNITS.get(rest[-1], 0)
        return (_TENS[head] + unit, at + 1) if unit and rest[:-1] in ([], ["i"]) else None
    after = at + 1
    joined = after + 1 < len(words) and words[after] == "i" and head == "vint"
    unit_at = after + 1 if joined else after
    unit = _UNITS.get(words[unit_at], 0) if unit_at < len(words) else 0
    return (_TENS[head] + unit, unit_at + 1) if unit else (_TENS[head], after)
