"""The time axis of the picture: long stretches in which nothing happens are cut out. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

CUT_FROM_S = 4.0
"""Seconds in which nothing happens from which they are cut out."""

MARGIN_S = 0.8
"""Seconds that stay at either side of a cut."""

BREAK_S = 0.5
"""Width of a cut, as seconds of the axis."""


class TimeAxis:
    """Maps seconds of the meeting to places on the axis, which are seconds too, and back."""

    def __init__(self, length: float, events: Iterable[tuple[float, float]]) -> None:
        """``events``: begin and end of whatever is shown, seconds; the axis runs from 0 to ``length``."""
        cuts: list[tuple[float, float]] = []
        quiet_from = 0.0
        for begin, end in (*sorted(events), (length, length)):
            if begin - quiet_from > CUT_FROM_S:
                cuts.append((quiet_from + MARGIN_S, begin - MARGIN_S))
            quiet_from = max(quiet_from, end)
        self.length = length
        self.cuts = tuple(cuts)
        """Begin and end of what was cut out, seconds of the meeting."""
        seconds, places, place, last = [0.0], [0.0], 0.0, 0.0
        for begin, end in cuts:
            place += begin - last
            seconds += [begin, end]
            places += [place, place + BREAK_S]
            place, last = place + BREAK_S, end
        self._seconds = np.array([*seconds, length])
        self._places = np.array([*places, place + length - last])

    @property
    def width(self) -> float:
        """The last place."""
        return float(self._places[-1])

    def place(self, second: float) -> float:
        """Where a second of the meeting lies."""
        return float(np.interp(second, self._seconds, self._places))

    def second(self, place: float) -> float:
        """The second of the meeting at a place."""
        return float(np.interp(place, self._places, self._seconds))

    def marks(self, step: float) -> list[float]:
        """The seconds to be labelled: multiples of ``step`` that are not cut out, and not at the very edge of a cut."""
        return [
            float(second)
            for second in np.arange(0.0, self.length, step)
            if not any(begin - 0.3 < second < end + 0.3 for begin, end in self.cuts)
        ]
