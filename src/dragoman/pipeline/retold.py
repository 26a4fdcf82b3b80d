"""Which of the words that a recogniser tells are known already, by their texts and their times together. Pure.

A stream that hears audio again tells the words of it again, at times that are off by some tens of milliseconds, now and
then by more than half a word; it may hear one of them as another, join two, or tell half of the one that its beginning
cuts. So no word is judged alone: what is known and what is told are aligned as two sequences (Needleman and Wunsch
1970), and what is told behind the last known word is new. Texts decide where times are in doubt, times where a word is
said twice. The streams' clocks differ by about the same for all words, so the alignment is made a second time with what
the first one found that difference to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from dragoman.engines.base import Word
from dragoman.media.format import ms_to_samples
from dragoman.pipeline.digits import digits_of
from dragoman.pipeline.plain import plain

_NEVER = float("inf")

MOST_JOINED = 10
"""Words that one word may stand for: the digits of a telephone number."""

CLEAR = ms_to_samples(150)
"""A word that ends so far behind the last known one is another, wherever it begins: no time is off by more."""

UNHEARD = ms_to_samples(300)
"""How far a hypothesis must reach behind a known word to be expected to tell it: partials tell their last ones late."""

CUT = ms_to_samples(250)
"""How far behind the beginning of a replay a known word must lie to be sure to be told again, whole."""

# Costs, in units of a word that is told again exactly (-1). Found by simulation of both streams' habits
# (tests/pipeline/replayed.py): the failures hardly change within 20 % of these values.
SUBSTITUTED = 0.35
"""A word at a known one's place with another text, without its distance in time."""

GROWN = 0.45
"""More, where the one may be a part of the other: "25" at the place of "20" is rather a new word."""

ADDED = 0.8
"""A word told before the end of what is known, at the place of none."""

CUT_WORD = 0.2
"""The same of the first word of a replay, which may be half a word."""

TAIL = 0.5
"""What it is worth that the first word of a replay is the end of the number that its beginning cuts."""

OMITTED = 1.0
"""A known word that should be told again and is not."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a recogniser's times are worth; samples."""

    same: int
    """By how much the same word may be elsewhere."""
    slope: int
    """How far before the end of what is known a new word costs as much as a repeat is worth."""


class Alignment(NamedTuple):
    """How the told words stand to the known ones."""

    told: int
    """How many of the told words, from the first, are known."""
    known: int
    """How many of the known words, from the first, were told, or passed over."""
    offset: int
    """How much later they are told, samples."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """A word with what its text is compared by."""

    text: str
    """Without punctuation and hyphens; a number's digits."""
    number: bool
    spelt: str
    start: int
    end: int
    language: str

    @classmethod
    def of(cls, word: Word, offset: int, language: str) -> _Heard:
        """The word as it would stand if it had been told ``offset`` sooner."""
        text = plain(word.text)
        digits = digits_of(text, language)
        return cls(digits or _bare(text), bool(digits), text, word.start - offset, word.end - offset, language)


class _Cell(NamedTuple):
    cost: float
    shift: int  # sum over words matched by text
    matches: int
    passed: int  # known words up to the last one that was told


_NOWHERE = _Cell(_NEVER, 0, 0, 0)


def align(
    known: Sequence[Word],
    told: Sequence[Word],
    tolerance: Tolerance,
    *,
    since: int | None,
    upto: int,
    language: str = "",
) -> Alignment:
    """How many of the told words, from the first, are among the known ones.

    Args:
        known: words in the order in which they were told, not empty.
        told: words of one hypothesis.
        tolerance: for both.
        since: audio time from which on all that is known is told again; None: nothing need be.
        upto: audio time that the hypothesis covers.
        language: of the words, by which numbers are known however they are written.
    """
    before = [_Heard.of(word, 0, language) for word in known]
    first = _aligned(before, [_Heard.of(word, 0, language) for word in told], tolerance, since, upto)
    if not first.offset:
        return first
    moved = [_Heard.of(word, first.offset, language) for word in told]
    return _aligned(before, moved, tolerance, since, upto)


def same_first(known: Sequence[Word], told: Sequence[Word], jitter: int) -> int:
    """How many words from the first are the same in both, and within ``jitter``: what most partials begin with."""
    for i, (one, other) in enumerate(zip(known, told, strict=False)):
        if abs(_middle(one) - _middle(other)) > jitter or plain(one.text) != plain(other.text):
            return i
    return min(len(known), len(told))


def _aligned(
    known: Sequence[_Heard], told: Sequence[_Heard], tolerance: Tolerance, since: int | None, upto: int
) -> Alignment:
    until = known[-1].end
    omitted = [_omitted(word, since, upto) for word in known]
    added = [_added(i, word, until, since is not None) for i, word in enumerate(told)]
    rows = len(known) + 1
    # column j holds the best alignments of the first j told words with the first i known ones
    columns: list[list[_Cell]] = []
    best, ended = _NOWHERE, 0
    for j in range(len(told) + 1):
        column = [_NOWHERE] * rows
        for i in range(rows):
            cell = _Cell(0.0, 0, 0, 0) if not i and not j else _NOWHERE
            if i:
                cell = min(cell, _more(column[i - 1], omitted[i - 1]))
            if j and i < rows - 1:
                cell = min(cell, _more(columns[j - 1][i], added[j - 1]))
            if i and j:
                told_here = _joined(columns, known, told, i, j, tolerance, exact=since is None)
                if j == 1 and since is not None:
                    told_here = min(told_here, _tail(columns[0][i - 1], known[i - 1], told[0], tolerance, since))
                cell = min(cell, told_here._replace(passed=i))
            column[i] = cell
        columns.append(column)
        cost = column[-1].cost + (_new(told[j], until, tolerance) if j < len(told) else 0.0)
        if cost < best.cost:
            best, ended = column[-1]._replace(cost=cost), j
    return Alignment(ended, best.passed, round(2 * best.shift / (2 * best.matches + 1)))


def _joined(
    columns: list[list[_Cell]],
    known: Sequence[_Heard],
    told: Sequence[_Heard],
    i: int,
    j: int,
    tolerance: Tolerance,
    *,
    exact: bool,
) -> _Cell:
    """The best alignment that ends with known word i at the place of told word j, or one of them with several."""
    one, other = known[i - 1], told[j - 1]
    if one.start - other.end > 3 * tolerance.same or other.start - one.end > 3 * tolerance.same:
        return _NOWHERE
    cell = _pair(columns[j - 1][i - 1], one, other, tolerance, exact=exact)
    for count in range(2, min(MOST_JOINED, j) + 1):
        part = told[j - count : j]
        if other.start - part[0].start > (one.end - one.start) + 2 * tolerance.same:
            break
        cell = min(cell, _several(columns[j - count][i - 1], one, part, tolerance, sign=1))
    for count in range(2, min(MOST_JOINED, i) + 1):
        part = known[i - count : i]
        if one.start - part[0].start > (other.end - other.start) + 2 * tolerance.same:
            break
        cell = min(cell, _several(columns[j - 1][i - count], other, part, tolerance, sign=-1))
    return cell


def _pair(cell: _Cell, one: _Heard, other: _Heard, tolerance: Tolerance, *, exact: bool) -> _Cell:
    shift = _middle(other) - _middle(one)
    if exact and abs(other.start - one.start) <= tolerance.same // 3:  # told by two ranges, which were cut in mid-word
        shift = other.start - one.start
    near = tolerance.same if exact else max(tolerance.same, min(one.end - one.start, other.end - other.start) // 2)
    if cell.cost == _NEVER or abs(shift) > near:
        return _NOWHERE
    if one.text == other.text:
        return _Cell(cell.cost - 1 + abs(shift) / near, cell.shift + shift, cell.matches + 1, 0)
    if exact:
        return _NOWHERE
    if not _akin(one, other):
        return _more(cell, SUBSTITUTED + abs(shift) / tolerance.same)
    apart = max(abs(other.start - one.start), other.end - one.end, abs(shift))
    return _more(cell, SUBSTITUTED + GROWN + apart / tolerance.same)


def _several(cell: _Cell, whole: _Heard, parts: Sequence[_Heard], tolerance: Tolerance, *, sign: int) -> _Cell:
    """One word at the place of several that say the same: "21", "twenty-one", "twenty one"."""
    first, last = parts[0].start - whole.start, parts[-1].end - whole.end
    apart = max(abs(first), abs(last))
    if cell.cost == _NEVER or apart > max(tolerance.same, (whole.end - whole.start) // 2):
        return _NOWHERE
    if not _says(parts, whole):
        return _NOWHERE
    shift = sign * (first + last) // 2
    return _Cell(cell.cost + abs(shift) / tolerance.same - len(parts), cell.shift + shift, cell.matches + 1, 0)


def _tail(cell: _Cell, one: _Heard, other: _Heard, tolerance: Tolerance, since: int) -> _Cell:
    """The end of a number in whose middle a replay begins: "five" of 35."""
    if one.start >= since or not (one.number and other.number) or len(other.text) >= len(one.text):
        return _NOWHERE
    if not one.text.endswith(other.text):
        return _NOWHERE
    return _more(cell, 2 * abs(other.end - one.end) / tolerance.same - TAIL)


def _omitted(word: _Heard, since: int | None, upto: int) -> float:
    if since is None or word.end > upto - UNHEARD:
        return 0.0
    return OMITTED * min(max((_middle(word) - since) / CUT, 0.0), 1.0)


def _added(i: int, word: _Heard, until: int, due: bool) -> float:
    behind = max(_reach(word) - until, 0) / CLEAR
    return behind * 2 + (CUT_WORD if due and i == 0 else ADDED)


def _new(word: _Heard, until: int, tolerance: Tolerance) -> float:
    """What the first new word costs, by its place before the end of what is known."""
    return max((until - _reach(word)) / tolerance.slope, 0.0)


def _reach(word: _Heard) -> int:
    return max(_middle(word), word.end - CLEAR)


def grown_from(whole: Word, part: Word, language: str = "") -> bool:
    """Whether the text of ``whole`` may hold that of ``part``: "25" holds "twenty", "twenty-five" that and "20"."""
    mine, its = _Heard.of(whole, 0, language), _Heard.of(part, 0, language)
    return mine.text != its.text and _akin(mine, its) and (mine.number or len(mine.text) > len(its.text))


def left_of(whole: Word, told: Sequence[Word], language: str) -> Word | None:
    """What is still to be told of a number of which the last words of a final told the beginning: "one" of "31"."""
    mine = _Heard.of(whole, 0, language)
    if not mine.number:
        return None
    for count in range(min(MOST_JOINED, len(told)), 0, -1):
        part = told[-count:]
        near = abs(part[0].start - whole.start) <= (whole.end - whole.start) // 2 and part[-1].end < whole.end
        if near and (left := _behind(mine.text, digits_of(" ".join(plain(word.text) for word in part), language))):
            return replace(whole, text=left, start=max(part[-1].end, whole.start))
    return None


def _behind(number: str, head: str) -> str:
    """The digits of a number behind those of its beginning: "1" of 31 behind "30", "15" of 415 behind "4"."""
    if head and len(head) < len(number) and number.startswith(head):
        return number[len(head) :]
    stem = head.rstrip("0")
    if stem and stem != head and len(head) == len(number) and number.startswith(stem):
        return number[len(stem) :].lstrip("0")
    return ""


def _akin(one: _Heard, other: _Heard) -> bool:
    """Whether one text may be a part of the other's; of numbers, any: "20" is a part of "25"."""
    if one.number or other.number:
        return one.number and other.number
    return bool(one.text and other.text) and (one.text.startswith(other.text) or other.text.startswith(one.text))


def _says(parts: Sequence[_Heard], whole: _Heard) -> bool:
    """Whether the words say together what one word says: "twenty" and "one", or "20" and "one", say 21."""
    if not whole.number or not all(part.number for part in parts):
        return "".join(part.text for part in parts) == whole.text
    filled = ""
    for part in parts:
        place = len(filled) - len(part.text)
        fits = filled and not filled[place:].strip("0")  # "20" has room for a "5"
        filled = filled[:place] + part.text if fits else filled + part.text
    return whole.text in (filled, digits_of(" ".join(part.spelt for part in parts), whole.language))


def _more(cell: _Cell, cost: float) -> _Cell:
    return cell if cell.cost == _NEVER else cell._replace(cost=cell.cost + cost)


def _bare(text: str) -> str:
    return text.replace("-", "").replace(" ", "").replace("'", "")


def _middle(word: Word | _Heard) -> int:
    return (word.start + word.end) // 2
