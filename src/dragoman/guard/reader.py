"""What figures a text says: its numbers, and the times, dates, sums and percentages they are parts of. Pure.

The text is rendered as words, marks and numbers joined by single spaces ("half past #"), so that one pattern holds for
digits and words alike; what a pattern finds becomes one number of another kind, and the next pattern sees that.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from functools import cache, lru_cache

from dragoman.guard.figures import ORDINAL, PERCENT, Amount, Date, Digits, Figure, Time, exists
from dragoman.guard.languages import table_of
from dragoman.guard.languages.table import LanguageTable, TimeRule
from dragoman.guard.locale import currency_signs, writing
from dragoman.guard.numerals import CARDINAL, CLOCK, DAY, ROW, Item, items, simplified

SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "￥": "JPY", "₺": "TRY", "₹": "INR", "₫": "VND", "zł": "PLN"}
CODES = ("EUR", "USD", "GBP", "JPY", "CHF", "CNY", "TRY", "PLN", "BRL", "VND", "INR")

MONEY, SHARE = "M", "P"
"""How a sum and a percentage are rendered."""

SCALES = (10**9, 10**6, 10**3)
"""What is halved and multiplied as a word: a half more of two million is half a million."""

YEARS = range(1000, 3000)

Build = Callable[[re.Match[str], "Rendered"], Item | None]


class Rendered:
    """Items as one text, and back."""

    def __init__(self, found: list[Item]) -> None:
        self.items = found
        self.text = " ".join(item.mark for item in found)
        self._starts: list[int] = []
        at = 0
        for item in found:
            self._starts.append(at)
            at += len(item.mark) + 1

    def at(self, position: int) -> int:
        """Index of the item rendered at ``position``, or of the first one behind it."""
        return bisect_left(self._starts, position)

    def item(self, match: re.Match[str], group: str | int) -> Item:
        """The item that a group matched."""
        return self.items[self.at(match.start(group))]

    def within(self, match: re.Match[str]) -> list[Item]:
        """All items that the pattern matched, but for those that only lead to it."""
        return self.items[self.at(begin(match)) : self.at(match.end())]


def rendered(text: str) -> str:
    """A text without numbers as it is rendered."""
    return Rendered(items(text, "")).text


def begin(match: re.Match[str]) -> int:
    """Where what the pattern is about begins: behind its group ``lead``."""
    lead = match.groupdict().get("lead")
    return match.start() if lead is None else match.end("lead") + 1


def number(item: Item) -> Decimal:
    """The value of an item rendered as a number."""
    return item.value.value if isinstance(item.value, Amount) else Decimal(0)


@lru_cache(maxsize=64)  # a clause is read once per target, its translation again while it is mended
def read(text: str, language: str) -> tuple[Figure, ...]:
    """The figures of ``text`` (NFC), in order; those that words such as "dozen" may stand for are among them, weak."""
    masked, whole = simplified(text, language), simplified(text, language, idioms=False)
    figures = _figures(masked, language)
    if masked != whole:  # within an idiom they are not demanded, but taken where they fit
        figures += [
            replace(figure, weak=True)
            for figure in _figures(whole, language)
            if masked[figure.start : figure.end] != whole[figure.start : figure.end]
        ]
    figures += _equivalents(text, table_of(language))
    return tuple(sorted(figures, key=lambda figure: figure.start))


def _figures(text: str, language: str) -> list[Figure]:
    found = items(text, language)
    for pattern, build in _rules(language):
        found = _apply(found, pattern, build)
    return [
        Figure(item.value, item.start, item.end, item.weak, item.written, item.parts, item.apart, item.foreign)
        for item in _rows(found)
        if item.value is not None
    ]


def _apply(found: list[Item], pattern: re.Pattern[str], build: Build) -> list[Item]:
    rendered = Rendered(found)
    merged: list[Item] = []
    done = 0
    for match in pattern.finditer(rendered.text):
        item = build(match, rendered)
        if item is not None:
            merged += (*found[done : rendered.at(begin(match))], item)
            done = rendered.at(match.end())
    return [*merged, *found[done:]] if done else found


@cache
def _rules(language: str) -> tuple[tuple[re.Pattern[str], Build], ...]:
    """All patterns of a language, in the order in which they are applied."""
    table = table_of(language)
    rules: list[tuple[str, Build]] = []
    if table.halves:
        rules.append((r"(?P<n>#) " + _any(table.halves) + r" (?P<scale>#)", _half_more_of))
    rules.append((r"(?P<n>#) (?P<scale>#)", _part_of_scale))
    if table.half_of:
        rules.append((_any(table.half_of) + r" (?P<n>#)", _half_of))
    if scales := [word for word in table.scales if word.isalpha()]:
        rules.append((r"(?P<n>#) " + f"(?P<scale>{'|'.join(map(re.escape, scales))})", _scaled(table)))
    rules += [(_with_part_of_day(rule.pattern, table), _time(rule)) for rule in table.times]
    if parts := _parts_of_day(table):
        rules += [(rf"(?P<h>[#{CLOCK}]) (?:{parts})", _time(TimeRule(""))), (f"# # (?:{parts})", _two_numbers)]
    if table.halves:
        units = f"(?: (?P<unit>{table.units}))?" if table.units else ""
        rules.append((rf"(?P<n>#){units} {_any(table.halves)}", _and_a_half))
    rules += _dates(table, language)
    rules.append((r"% ?(?P<n>#)|(?P<m>#) ?%", _share))
    rules += _money(table, language)
    return tuple((re.compile(rf"(?<!\S)(?:{pattern})(?!\S)"), build) for pattern, build in rules)


def _any(patterns: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(patterns, key=len, reverse=True))})"


# times


def _parts_of_day(table: LanguageTable) -> str:
    parts = {"am": table.morning, "pm": table.afternoon, "night": table.night}
    return "|".join(f"(?P<{name}>{pattern})" for name, pattern in parts.items() if pattern)


def _with_part_of_day(pattern: str, table: LanguageTable) -> str:
    parts = _parts_of_day(table)
    return rf"{pattern}(?: (?:{parts}))?" if parts else pattern


def _time(rule: TimeRule) -> Build:
    def build(match: re.Match[str], rendered: Rendered) -> Item | None:
        hour_item = rendered.item(match, "h")
        groups = match.groupdict()
        if isinstance(hour_item.value, Time):
            hour, minute = hour_item.value.hour, hour_item.value.minute
            parts = hour_item.parts
        else:
            values = [number(hour_item)] + ([number(rendered.item(match, "m"))] if groups.get("m") else [])
            if any(value != int(value) or not 0 <= value < 60 for value in values) or values[0] > 24:
                return None
            minutes = int(values[0]) * 60 + rule.base + rule.times * (int(values[1]) if len(values) > 1 else 0)
            hour, minute = divmod(minutes % 1440, 60)
            hour = 24 if not hour and not minute and values[0] == 24 else hour
            parts = tuple(values)
        sure = hour > 12
        if groups.get("am"):
            hour, sure = (0 if hour == 12 else hour), True
        elif groups.get("pm"):
            hour, sure = (hour + 12 if hour < 12 else hour), True
        elif groups.get("night"):
            hour, sure = (0 if hour == 12 else hour + 12 if 5 <= hour < 12 else hour), True
        return _whole(rendered.within(match), CLOCK, Time(hour, minute, sure), parts)

    return build


def _two_numbers(match: re.Match[str], rendered: Rendered) -> Item | None:
    """``five thirty pm``."""
    hour, minute = (number(item) for item in rendered.within(match)[:2])
    if not (hour == int(hour) <= 12 and minute == int(minute) < 60):
        return None
    at = int(hour) % 12 + (0 if match["am"] else 12)
    return _whole(rendered.within(match), CLOCK, Time(at, int(minute), sure=True), (hour, minute))


def _whole(found: list[Item], mark: str, value: Amount | Date | Time | Digits, parts: tuple[Decimal, ...]) -> Item:
    """Several items as one."""
    numbers = [item for item in found if item.value is not None]
    return Item(
        mark,
        found[0].start,
        found[-1].end,
        value,
        written=bool(numbers) and all(item.written for item in numbers),
        foreign=any(item.foreign for item in numbers),
        parts=parts,
    )


# halves, scales


def _half_more_of(match: re.Match[str], rendered: Rendered) -> Item | None:
    """``two and a half million``."""
    scale = number(rendered.item(match, "scale"))
    if scale not in SCALES:
        return None
    value = (number(rendered.item(match, "n")) + Decimal("0.5")) * scale
    return _whole(rendered.within(match), CARDINAL, Amount(value), ())


def _part_of_scale(match: re.Match[str], rendered: Rendered) -> Item | None:
    """``one point five million``, ``zweieinhalb Millionen``."""
    value, scale = number(rendered.item(match, "n")), number(rendered.item(match, "scale"))
    if scale not in SCALES or value % 1 == 0:
        return None
    return _whole(rendered.within(match), CARDINAL, Amount(value * scale), ())


def _half_of(match: re.Match[str], rendered: Rendered) -> Item | None:
    item = rendered.item(match, "n")
    if number(item) < 1000:
        return None
    return _whole(rendered.within(match), CARDINAL, Amount(number(item) / 2), ())


def _scaled(table: LanguageTable) -> Build:
    def build(match: re.Match[str], rendered: Rendered) -> Item | None:
        value = number(rendered.item(match, "n")) * table.scales[match["scale"]]
        return _whole(rendered.within(match), CARDINAL, Amount(value), ())

    return build


def _and_a_half(match: re.Match[str], rendered: Rendered) -> Item | None:
    """``three and a half``; of a million, half a million."""
    value = number(rendered.item(match, "n"))
    unit = next((scale for scale in SCALES if value and value % scale == 0), 1)
    whole = _whole(rendered.within(match), CARDINAL, Amount(value + Decimal(unit) / 2), ())
    return replace(whole, apart=bool(match.groupdict().get("unit")))


# dates


def _dates(table: LanguageTable, language: str) -> list[tuple[str, Build]]:
    months = writing(language).months
    if not months:
        return []
    names = "(?P<month>" + "|".join(sorted(map(re.escape, months), key=len, reverse=True)) + ")"
    of = rf"(?: (?:{table.of}|,|'))*" if table.of else "(?: ,)?"
    year = rf"{of} (?:l ' any )?(?P<year>#(?: #)?)"
    build = _date(months)
    return [
        (pattern + rest, build)
        for rest in (year, "")
        for pattern in (rf"(?P<day>[#@])(?: \.)?{of} {names}", rf"{names} (?:the )?(?P<day>[#@])", names)
        if rest or pattern != names
    ]


def _date(months: dict[str, int]) -> Build:
    def build(match: re.Match[str], rendered: Rendered) -> Item | None:
        groups = match.groupdict()
        day = year = None
        if groups.get("day"):
            day = number(rendered.item(match, "day"))
            if day != int(day) or not 1 <= day <= 31:
                return None
        if groups.get("year"):
            at = rendered.at(match.start("year"))
            year = _year([number(item) for item in rendered.items[at : at + 1 + match["year"].count(" ")]])
            if year is None:
                return None  # "on 5 March, 300 people came": the rule without a year comes next
        date = Date(months[match["month"]], None if day is None else int(day), year)
        if not exists(date.month, date.day, date.year):
            return None
        parts = tuple(Decimal(part) for part in (date.day, year) if part is not None)
        return _whole(rendered.within(match), DAY, date, parts)

    return build


def _year(numbers: list[Decimal]) -> int | None:
    """``2026``, or two halves: ``nineteen ninety nine``."""
    if len(numbers) == 2:
        century, rest = numbers
        value = century * 100 + rest if 10 <= century < 30 and rest < 100 else Decimal(0)
    else:
        (value,) = numbers
    return int(value) if value == int(value) and int(value) in YEARS else None


# percentages, sums


def _share(match: re.Match[str], rendered: Rendered) -> Item | None:
    found = rendered.within(match)
    item = next(item for item in found if item.value is not None)
    return replace(_whole(found, SHARE, Amount(number(item), PERCENT), ()), weak=item.weak)


def _money(table: LanguageTable, language: str) -> list[tuple[str, Build]]:
    signs = {rendered(sign): code for sign, code in currency_signs(language, CODES).items()}
    words = signs | SIGNS | {code.lower(): code for code in CODES} | dict(table.currencies)
    names = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    of = rf"(?: (?:{table.of}))?" if table.of else ""
    build = _sum(words)
    rules: list[tuple[str, Build]] = [(rf"(?P<n>#){of} (?P<behind>{names})|(?P<before>{names}) #", build)]
    if table.cents:
        rules.append((rf"(?P<sum>{MONEY})(?: \w+)? (?P<cents>#) (?:{table.cents})", _and_cents))
    rules.append((rf"(?P<sum>{MONEY}) (?:con |y |and |mit |e |et |i |amb |com )?(?P<cents>#)(?! [\w%@#])", _and_cents))
    return rules


def _sum(words: dict[str, str]) -> Build:
    def build(match: re.Match[str], rendered: Rendered) -> Item | None:
        found = rendered.within(match)
        item = next(item for item in found if item.value is not None)
        unit = words[match["behind"] or match["before"]]
        return replace(_whole(found, MONEY, Amount(number(item), unit), ()), weak=item.weak)

    return build


def _and_cents(match: re.Match[str], rendered: Rendered) -> Item | None:
    whole, cents = rendered.item(match, "sum"), number(rendered.item(match, "cents"))
    if not isinstance(whole.value, Amount) or whole.value.value % 1 or cents % 1 or not 0 < cents < 100:
        return None
    value = Amount(whole.value.value + cents / 100, whole.value.unit)
    return _whole(rendered.within(match), MONEY, value, (whole.value.value, cents))


# the rest


def _rows(found: list[Item]) -> list[Item]:
    """Numbers side by side as one: a telephone number, a year in two halves; its parts stay known."""
    merged: list[Item] = []
    for item in found:
        last = merged[-1] if merged else None
        if last is not None and _in_row(last) and _in_row(item):
            text = _digits(last) + _digits(item)
            written = last.written and item.written
            merged[-1] = Item(
                ROW, last.start, item.end, Digits(text), written=written, parts=(*_parts(last), *_parts(item))
            )
        else:
            merged.append(item)
    return merged


def _in_row(item: Item) -> bool:
    if item.mark == CARDINAL and isinstance(item.value, Amount):
        return item.value.value == int(item.value.value)
    return item.mark == ROW


def _digits(item: Item) -> str:
    return item.value.text if isinstance(item.value, Digits) else format(int(number(item)), "d")


def _parts(item: Item) -> tuple[Decimal, ...]:
    return item.parts or (number(item),)


def _equivalents(text: str, table: LanguageTable) -> list[Figure]:
    lower = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    found = [
        Figure(Amount(Decimal(str(value))), match.start(), match.end(), weak=True)
        for pattern, values in _equivalent_patterns(table)
        for match in pattern.finditer(lower)
        for value in values
    ]
    for match in _ROMAN.finditer(text):
        found.append(Figure(Amount(Decimal(_roman(match[0])), ORDINAL), match.start(), match.end(), weak=True))
    return found


_ROMAN = re.compile(r"(?<!\w)(?=[IVXL]{2})X{0,4}L?X{0,3}(?:IX|IV|V?I{0,4})(?!\w)")
"""Two letters at least, up to 89: kings, popes and centuries, which other languages write as ordinals."""


def _roman(text: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50}[letter] for letter in text]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))


@cache
def _equivalent_patterns(table: LanguageTable) -> tuple[tuple[re.Pattern[str], tuple[float, ...]], ...]:
    return tuple((re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"), values) for pattern, values in table.equivalents.items())
