"""Where the picture's texts go: above a waveform, in rows where they would run into each other. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

LINE_PX = 17.0
"""Height of a line."""

WRAP_PX = 190.0
"""Width at which a text is wrapped."""

MAX_LINES = 3
"""Of a text: a longer clause would push the other lanes apart."""

GAP_PX = 12.0
"""Free between two texts side by side, and around a row."""

TextWidth = Callable[[str], float]
"""Pixels that a line of text is wide."""


@dataclass(frozen=True, slots=True)
class Label:
    """A text that belongs to what begins at ``x`` pixels; ``span`` is a line of its own above it."""

    x: float
    text: str
    colour: str
    span: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A label in its place, pixels."""

    label: Label
    lines: tuple[str, ...]
    x: float
    above: float
    """Distance of its lower edge from the waveform."""
    width: float

    @property
    def height(self) -> float:
        """Of all its lines."""
        return LINE_PX * (len(self.lines) + bool(self.label.span))


def place_labels(labels: Iterable[Label], width_of: TextWidth, right: float) -> list[Placed]:
    """Place labels so that none overlaps another or goes beyond ``right``: the lowest where each fits."""
    placed: list[Placed] = []
    for label in sorted(labels, key=lambda label: label.x):
        lines = wrap(label.text, width_of)
        width = max(width_of(line) for line in (*lines, label.span))
        x = min(label.x + 3.0, right - width)
        beside = [other for other in placed if x < other.x + other.width + GAP_PX and other.x < x + width + GAP_PX]
        height = LINE_PX * (len(lines) + bool(label.span))
        above = GAP_PX / 3
        for other in sorted(beside, key=lambda other: other.above):
            if other.above < above + height + GAP_PX / 2 and above < other.above + other.height + GAP_PX / 2:
                above = other.above + other.height + GAP_PX / 2
        placed.append(Placed(label, lines, x, above, width))
    return placed


def wrap(text: str, width_of: TextWidth) -> tuple[str, ...]:
    """The words of ``text`` in lines of WRAP_PX; what is more than MAX_LINES ends with an ellipsis."""
    lines: list[str] = []
    for word in text.split():
        if lines and width_of(f"{lines[-1]} {word}") <= WRAP_PX:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 1], lines[MAX_LINES - 1] + " …"]
    return tuple(lines) or ("",)
