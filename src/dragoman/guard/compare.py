"""Which figures of the source the translation lacks. Pure.

A figure of the translation answers for one of the source, whole or by a part of it ("seven nine two" may have become
``792`` or ``7, 9, 2``). What matches exactly is paired first, so that a loose match takes nothing from a sure one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dragoman.guard.figures import Date, Digits, Figure, Time, conflict, keys, plain

LONG = 4
"""Digits in a row that, found within the digits of the translation, are no accident: grouping may differ."""


@dataclass(slots=True)
class _Slot:
    """A figure of the translation and what of it was not yet used."""

    figure: Figure
    keys: frozenset[str]
    parts: list[str]
    used: bool = False
    touched: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """``missing``: figures of the source not in the translation. ``spare``: figures there that answer for none."""

    missing: tuple[Figure, ...] = ()
    spare: tuple[Figure, ...] = field(default=())


def compare(source: Sequence[Figure], target: Sequence[Figure], *, strict_dates: bool = True) -> Comparison:
    """Compare what the two texts say.

    ``strict_dates`` False: the target language's month names are not known, a date's day and year are enough.
    """
    slots = [_Slot(figure, keys(figure.value), list(plain(figure))) for figure in target if not figure.foreign]
    strong = [figure for figure in source if not figure.weak]
    missing = [figure for figure in strong if not _same(figure, slots)]
    missing = [figure for figure in missing if not _alike(figure, slots)]
    missing = [figure for figure in missing if not _in_parts(figure, slots, strict_dates)]
    # What is weak may be there, and takes its figure away from those that look spare.
    for figure in source:
        if figure.weak:
            _alike(figure, slots)
    spare = [slot.figure for slot in slots if not (slot.used or slot.touched)]
    spare += [figure for figure in target if figure.foreign]
    spare = [figure for figure in spare if not (figure.weak or figure.apart)]
    return Comparison(tuple(missing), tuple(sorted(spare, key=lambda figure: figure.start)))


def _same(figure: Figure, slots: list[_Slot]) -> bool:
    for slot in slots:
        if not (slot.used or slot.figure.weak) and slot.figure.value == figure.value:
            slot.used = True
            return True
    return False


def _alike(figure: Figure, slots: list[_Slot]) -> bool:
    wanted = keys(figure.value)
    for slot in slots:
        if slot.used or slot.touched or not wanted & slot.keys or conflict(figure.value, slot.figure.value):
            continue
        slot.used = True
        return True
    return isinstance(figure.value, Digits) and len(figure.value.text) >= LONG and _within(figure.value.text, slots)


def _within(digits: str, slots: list[_Slot]) -> bool:
    """Whether the digits stand in the translation in one stretch, cut into figures in another way."""
    written = [
        (slot.figure.value.text if isinstance(slot.figure.value, Digits) else min(sorted(slot.keys), key=len))
        for slot in slots
    ]
    stream = "".join(written)
    at = stream.find(digits)
    if at < 0:
        return False
    end, here = at + len(digits), 0
    for slot, text in zip(slots, written, strict=True):
        if here < end and here + len(text) > at:
            slot.used = True
        here += len(text)
    return True


def _in_parts(figure: Figure, slots: list[_Slot], strict_dates: bool) -> bool:
    """Whether each number the figure is made of stands there by itself, or the figure is a part of another."""
    wanted: tuple[str, ...]
    if isinstance(figure.value, Date):
        if strict_dates:
            return False
        wanted = plain(figure)
    elif isinstance(figure.value, Time):
        # "Ten to six" is not "ten past six", nor is "half past six" six; as two numbers they may be a time unread.
        wanted = plain(figure) if len(figure.parts) > 1 else ()
        slots = [slot for slot in slots if not isinstance(slot.figure.value, Time)]
    elif figure.parts:
        wanted = plain(figure)
    else:
        wanted = tuple(keys(figure.value))[:1] if len(keys(figure.value)) == 1 else ()
    if not wanted:
        return False
    taken: list[tuple[_Slot, str | None]] = []
    for number in wanted:
        for slot in slots:
            whole = (
                not (slot.used or slot.touched)
                and number in slot.keys
                and not any(slot is other for other, _ in taken)
                and not conflict(figure.value, slot.figure.value)
            )
            if whole:
                taken.append((slot, None))
                break
            left = slot.parts.count(number) - sum(other is slot and part == number for other, part in taken)
            if not slot.used and left > 0:
                taken.append((slot, number))
                break
        else:
            return False
    for slot, part in taken:
        if part is None:
            slot.used = True
        else:
            slot.parts.remove(part)
            slot.touched = True
    return True
