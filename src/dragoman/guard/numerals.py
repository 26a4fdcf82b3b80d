"""The numbers of a text, in digits and in words, and the words between them. Pure.

What a number means beside its value (a date, a sum, a time) is for ``reader``.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from text_to_num import find_numbers

from dragoman.guard import catalan
from dragoman.guard.figures import ORDINAL, Amount, Date, Digits, Time, Value, exists
from dragoman.guard.languages import table_of
from dragoman.guard.languages.table import LanguageTable
from dragoman.guard.locale import SPACES, Writing, writing

MASK = "…"
"""Stands for an idiom."""

FILLER = "\ufffc"
"""Stands where an idiom was, and what a percent sign was longer than: no word, no mark, no digit."""

MAX_DIGITS = 15
"""Digits (and separators) of what is taken for a number: with a scale of 10^12 behind it, it fits Decimal's 28."""

LONG_NUMBER = 9
"""Digits in groups of three between spaces that make a telephone number, where numbers are not grouped by spaces."""

SHORT_YEARS = range(1920, 2030)
"""Years that are said without their century."""

CARDINAL, ORDINAL_MARK, CLOCK, DAY, ROW = "#", "@", "T", "D", "R"
"""How the reader renders a number, an ordinal, a time, a date, and digits in a row."""


@dataclass(frozen=True, slots=True)
class Item:
    """A word, a mark or a number of the text, as ``reader`` renders it."""

    mark: str
    """The word or mark itself, or how a number is rendered."""
    start: int
    end: int
    value: Value | None = None
    written: bool = False
    weak: bool = False
    foreign: bool = False
    apart: bool = False
    parts: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class _Word:
    """text2num's Token."""

    word: str
    number: bool = True

    def text(self) -> str:
        return self.word

    def nt_separated(self, previous: _Word) -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return not self.number


def simplified(text: str, language: str, *, idioms: bool = True) -> str:
    """``text`` in NFC as it is read, of the same length: lower case, ASCII digits and spaces, ``idioms`` taken out."""
    table = table_of(language)
    text = "".join(map(_simple, text))
    for pattern in _idioms(table) if idioms else ():
        text = pattern.sub(lambda match: MASK + FILLER * (len(match[0]) - 1), text)
    for pattern in _percents(table):
        text = pattern.sub(lambda match: "%" + FILLER * (len(match[0]) - 1), text)
    return text


def _simple(char: str) -> str:
    if char.isascii():
        return char.lower()
    if char in SPACES:
        return " "
    if char == "’":
        return "'"
    if (digit := unicodedata.decimal(char, None)) is not None:
        return str(digit)
    if char in "٫٬":
        return "." if char == "٫" else ","
    if char in "％٪":
        return "%"
    lower = char.lower()
    return lower if len(lower) == 1 else char


@cache
def _percents(table: LanguageTable) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(rf"(?<!\w)(?:{each})(?!\w)") for each in table.percent)


@cache
def _idioms(table: LanguageTable) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(rf"(?<![\w-])(?:{each})(?![\w-])") for each in table.idioms)


def items(text: str, language: str) -> list[Item]:
    """Everything in ``text`` (as ``simplified`` gives it), in order."""
    table, how = table_of(language), writing(language)
    found: list[Item] = []
    at = 0
    for match in _numeric(table).finditer(text):
        found += _words(text, at, match.start())
        item = _read(match, table, how)
        found.append(item)
        found += _words(text, item.end, match.end())
        at = match.end()
    found += _words(text, at, len(text))
    if not table.words:
        return found
    return _with_words([part for item in found for part in _unjoined(item, table)], table)


_WORD = re.compile(r"o'clock\b|[^\W\d_]+(?:-[^\W\d_]+)*")
_ANY = re.compile(rf"{_WORD.pattern}|[^\s{FILLER}]{FILLER}*")


def _words(text: str, start: int, stop: int) -> Iterator[Item]:
    for match in _ANY.finditer(text, start, stop):
        word = match[0].rstrip(FILLER)
        yield Item({"#": "♯", "@": "＠"}.get(word, word), match.start(), match.end())


@cache
def _numeric(table: LanguageTable) -> re.Pattern[str]:
    """Everything that is written in digits, the most special first."""
    edge = r"(?!\w)" if table.words else ""
    scales = "|".join(sorted(map(re.escape, table.scales), key=len, reverse=True)) or r"(?!)"
    ordinal = table.ordinals or r"(?!)"
    return re.compile(
        rf"""
          (?P<iso>\d{{4}}-\d{{1,2}}-\d{{1,2}}(?!\d))
        | (?P<dmy>\d{{1,2}}(?P<sep>[/.-])\d{{1,2}}(?P=sep)(?:\d{{4}}|\d\d)(?![\d.]\d|\d))
        | (?P<cjk>(?:\d{{4}}\s?年\s?)?\d{{1,2}}\s?月(?:\s?\d{{1,2}}\s?日)?)
        | (?P<viet>(?:\d{{1,2}}\ )?tháng\ \d{{1,2}}(?:(?:\ năm|,)\ \d{{4}})?)
        | (?P<clock>(?<![\d.,:])(?:[01]?\d|2[0-4])
            (?: :[0-5]\d(?::[0-5]\d)? | [ ]?h[ ]?[0-5]\d | \.[0-5]\d(?=[ ]?(?:uhr|[ap]\.?m)) )(?!\d))
        | (?P<number>(?P<grouped>\d{{1,3}}(?P<mark>[., '])\d{{3}}(?:(?P=mark)\d{{3}})*(?:[.,]\d+)?(?!\d)(?![ .,-]\d))
            (?:[ ]?(?P<scale>{scales}){edge})?)
        | (?P<phone>\+\d[\d ().-]{{5,}}\d | \(\d{{2,5}}\)[ -]?\d[\d -]{{3,}}\d
            | \d{{2,4}}(?:[ .-]\d{{2,4}}){{2,}}(?![.-]?\d))
        | (?P<plain>\d+(?:[.,]\d+)*)(?: (?P<ordinal>{ordinal})(?!\w) | [ ]?(?P<scales>{scales}){edge}
            | (?P<decade>'?s)(?!\w) )?
        """,
        re.VERBOSE,
    )


def _read(match: re.Match[str], table: LanguageTable, how: Writing) -> Item:
    """What stands there in digits."""
    start, end = match.span()
    written = match[0]
    if match["iso"] or match["dmy"] or match["cjk"] or match["viet"]:
        date = _date([int(part) for part in re.findall(r"\d+", written)], match, table)
        if date is not None:
            parts = tuple(Decimal(part) for part in (date.day, date.year) if part is not None)
            return Item(DAY, start, end, date, written=True, parts=parts)
        return _row(written, start, end)
    if match["clock"]:
        hour, minute = (int(part) for part in re.findall(r"\d+", written)[:2])
        time = Time(hour, minute, sure=hour > 12)
        return Item(CLOCK, start, end, time, written=True, parts=(Decimal(hour), Decimal(minute)))
    if match["phone"]:
        return _row(written, start, end)
    digits = match["grouped"] or match["plain"]
    if match["mark"] == " " and how.group != " " and len(re.sub(r"\D", "", digits)) >= LONG_NUMBER:
        return _row(written, start, end)
    number = parse_number(digits, how) if len(digits) <= MAX_DIGITS else None
    if number is None or (digits[0] == "0" and digits.isdigit() and len(digits) > 1):
        return _row(digits, start, start + len(digits))
    value, foreign = number
    scale = match["scale"] or match["scales"]
    if scale:
        value *= table.scales[scale]
    if match["ordinal"]:
        return Item(ORDINAL_MARK, start, end, Amount(value, ORDINAL), written=True, foreign=foreign)
    weak = bool(match["decade"])  # "the 1990s" are "los noventa"
    short = _short_year(value) if digits.isdigit() and not scale else ()
    return Item(CARDINAL, start, end, Amount(value), written=True, weak=weak, foreign=foreign, parts=short)


def _short_year(value: Decimal) -> tuple[Decimal, ...]:
    """What is left of a year where its century goes without saying."""
    return (value % 100,) if value % 1 == 0 and int(value) in SHORT_YEARS else ()


def _row(written: str, start: int, end: int) -> Item:
    groups = re.findall(r"\d+", written)
    return Item(ROW, start, end, Digits("".join(groups), written), written=True, parts=tuple(map(Decimal, groups)))


def _date(numbers: list[int], match: re.Match[str], table: LanguageTable) -> Date | None:
    year: int | None = None
    swappable = False
    if match["cjk"]:
        if "年" in match[0]:
            year, *numbers = numbers
        month, day = (numbers[0], numbers[1] if len(numbers) > 1 else None)
    elif match["viet"]:
        day = None if match["viet"].startswith("t") else numbers.pop(0)
        month, year = numbers if len(numbers) > 1 else (numbers[0], None)
    elif match["iso"]:
        year, month, day = numbers
    else:
        day, month, year = numbers
        if year < 100:
            year += 2000 if year < 70 else 1900  # as POSIX strptime %y, near enough
        swappable = match["sep"] == "/" and max(day, month) <= 12
        if month > 12 or (table.month_first and match["sep"] == "/" and day <= 12):
            day, month = month, day
    if year is not None and not datetime.MINYEAR <= year <= datetime.MAXYEAR:
        return None
    if not exists(month, day, year):
        return None
    return Date(month, day, year, swappable)


def parse_number(text: str, how: Writing) -> tuple[Decimal, bool] | None:
    """The value of digits with separators, and whether it is written as this language would not write it.

    None: no number but digits in a row (3.11.2). One separator before three digits groups unless it is the language's
    decimal sign: 1,234 is a thousand and more in English, one and a bit in Spanish.
    """
    text = text.replace(" ", "").replace("'", "")
    marks = [char for char in text if char in ".,"]
    if not marks:
        return Decimal(text), False
    last = marks[-1]
    if len(set(marks)) == 2:
        if marks.count(last) > 1 or not re.fullmatch(r"\d{1,3}(?:[.,]\d{3})*[.,]\d+", text):
            return None
        whole, _, part = text.rpartition(last)
        return Decimal(f"{re.sub('[.,]', '', whole)}.{part}"), last != how.decimal
    groups = text.split(last)
    grouped = all(len(group) == 3 for group in groups[1:]) and 1 <= len(groups[0]) <= 3 and groups[0] != "0"
    if len(marks) > 1:
        return (Decimal("".join(groups)), last == how.decimal) if grouped else None
    if grouped and last != how.decimal:
        return Decimal("".join(groups)), False
    return Decimal(".".join(groups)), False


def _with_words(found: list[Item], table: LanguageTable) -> list[Item]:
    """``found`` with the number words in it made numbers."""
    if table.half_suffix:
        found = [_with_half(item, table) for item in found]
    words = [_respelled(item.mark, table) for item in found]
    merged: list[Item] = []
    at = 0
    for start, end, text, ordinal in _occurrences(words, found, table.code):
        merged += found[at:start]
        merged.append(_worded(found, start, end, text, ordinal, table))
        at = end
    return [*merged, *found[at:]]


def _unjoined(item: Item, table: LanguageTable) -> list[Item]:
    """``five-star`` as two words, ``twenty-five`` as the one number that it is."""
    if item.value is not None or "-" not in item.mark[1:-1]:
        return [item]
    whole = next(_occurrences([_respelled(item.mark, table)], [item], table.code), None)
    if whole is not None:
        return [item]
    words = re.finditer(r"[^-]+", item.mark)
    return [Item(word[0], item.start + word.start(), item.start + word.end()) for word in words]


def _respelled(word: str, table: LanguageTable) -> str:
    if word in table.other:
        return "…"
    for lost, whole in table.elisions:
        word = word.replace(lost, whole)
    return table.respell.get(word, word)


def _with_half(item: Item, table: LanguageTable) -> Item:
    """``zweieinhalb`` as one number."""
    word = item.mark.removesuffix(table.half_suffix)
    if item.value is not None or word == item.mark:
        return item
    whole = find_numbers([_Word(word)], table.code, 0)
    if not whole:
        return item
    return Item(CARDINAL, item.start, item.end, Amount(Decimal(whole[0].text) + Decimal("0.5")))


def _occurrences(words: list[str], found: list[Item], language: str) -> Iterator[tuple[int, int, str, bool]]:
    if language == "ca":
        for number in catalan.find_numbers(words):
            yield number.start, number.end, number.text, number.is_ordinal
        return
    tokens = [_Word(word, item.value is None) for word, item in zip(words, found, strict=True)]
    for each in find_numbers(tokens, language, 0):
        # Of some short forms, "tercer", it tells only by the sign behind the digits that they are ordinals.
        yield each.start, each.end, each.text, each.is_ordinal or not each.text[-1].isdigit()


def _worded(found: list[Item], start: int, end: int, text: str, ordinal: bool, table: LanguageTable) -> Item:
    first, last = found[start], found[end - 1]
    digits = re.match(r"\d+(?:[.,]\d+)?", text)
    value = Decimal(digits[0].replace(",", ".")) if digits else Decimal(0)
    weak = end - start == 1 and first.mark in table.weak
    if ordinal:
        before = found[start - 1] if start else None
        part = before is not None and (before.value is not None or re.fullmatch(table.fraction, before.mark))
        weak = weak or value <= 2 or bool(part) or text.endswith("s") or first.mark.endswith("s")
        return Item(ORDINAL_MARK, first.start, last.end, Amount(value, ORDINAL), weak=weak)
    if text.isdigit() and (len(text) > MAX_DIGITS or (len(text) > 1 and text[0] == "0")):
        return Item(ROW, first.start, last.end, Digits(text), parts=(value,))
    return Item(CARDINAL, first.start, last.end, Amount(value), weak=weak or value <= 1, parts=_short_year(value))
