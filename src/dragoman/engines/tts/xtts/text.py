"""Cuts a text into the pieces that XTTS can say in one go. Pure.

The words are left as they are and in order; only the space between pieces goes. What a number is called is coqui's
business (``speller.py``), before the cut, for words are longer than digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

SHORT = 12
"""Characters (letters and digits) below which XTTS tends to add sounds or stretch a syllable. Its users report it of
one or two words; nobody here could listen to it, for want of weights."""

_BREAKS = (
    re.compile(r"(?<=[.!?…。！？؟।])[\"'”’»)\]]*\s*"),
    re.compile(r"(?<=[;:；：])\s*"),
    re.compile(r"(?<=[,，、،–—])\s*"),
    re.compile(r"\s+"),
)
"""Where a text may be cut, best first: sentences, parts of them, phrases, words."""

_DIGITS = re.compile(r"\d{16,}")

PAUSES = ".!?…。！？؟।"


def pieces(text: str, limit: int) -> list[str]:
    """``text`` in pieces of at most ``limit`` characters, cut where it hurts least.

    Pieces shorter than SHORT are joined with a neighbour where that stays within the limit. Nothing for a text without
    a letter or digit.
    """
    text = " ".join(text.split())
    if not _letters(text):
        return []
    found = list(_cut(text, limit, 0))
    return [padded(piece) for piece in _merged(found, limit)]


def padded(piece: str) -> str:
    """A piece that is short even so ends in a drawn-out pause, which keeps XTTS from adding sounds of its own.

    As its users do it; to be heard with real weights.
    """
    if _letters(piece) >= SHORT:
        return piece
    return piece.rstrip(" .…") + "..." if piece[-1] not in "!?。！？؟।" else f"{piece} ..."


def spaced_digits(text: str) -> str:
    """Digits beyond what has a name are read one by one."""
    return _DIGITS.sub(lambda found: " ".join(found[0]), text)


def _letters(text: str) -> int:
    return sum(char.isalnum() for char in text)


def _cut(text: str, limit: int, rank: int) -> Iterator[str]:
    """Parts of at most ``limit``, as long as they can be, by the breaks from ``rank`` on."""
    if len(text) <= limit:
        yield text
        return
    if rank == len(_BREAKS):
        yield from (text[at : at + limit] for at in range(0, len(text), limit))
        return
    line = ""
    for part, gap in _parts(text, _BREAKS[rank]):
        if line and len(line) + len(part) <= limit:
            line += part + gap
            continue
        if line.strip():
            yield line.strip()
        line = ""
        if len(part) <= limit:
            line = part + gap
        else:
            *whole, line = _cut(part, limit, rank + 1)
            yield from whole
            line += gap
    if line.strip():
        yield line.strip()


def _parts(text: str, breaks: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """(part, the space behind it)."""
    start = 0
    for found in breaks.finditer(text):
        part = text[start : found.end()]
        if part.strip():
            kept = part.rstrip()
            yield kept, part[len(kept) :]
            start = found.end()
    if start < len(text):
        yield text[start:], ""


def _merged(found: list[str], limit: int) -> list[str]:
    """Short pieces joined with the one before or behind."""
    joined: list[str] = []
    for piece in found:
        if joined and min(_letters(piece), _letters(joined[-1])) < SHORT and len(joined[-1]) + 1 + len(piece) <= limit:
            joined[-1] = f"{joined[-1]} {piece}"
        else:
            joined.append(piece)
    return joined
