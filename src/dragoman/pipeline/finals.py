"""Which finals one leg's recognisers were asked for, since when, and who of them failed meanwhile. Pure.

A final that is asked anew of another stream is waited for since it was asked of the first one: what the listener waits
for is the recognisers' time, and of that, what passed until another stream was asked for is the time of the one that
failed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from dragoman.engines.base import Attempt

FINAL_DEADLINE = 3.0
"""Seconds a recogniser may take for the final after it was asked; then the stream counts as dead. One that was given
a replay may take that much longer."""

REMEMBERED = 16
"""Finals that were asked for, and streams that failed, which are remembered: more than there are for one utterance."""


class Finals:
    """One leg's. ``now`` is monotonic seconds, ``at`` the audio time of the end of an utterance."""

    def __init__(self) -> None:
        self.began = 0.0
        """When the stream in use was asked for."""
        self._asked: deque[tuple[int, float]] = deque()  # of the stream in use, without an answer
        self._since: dict[int, float] = {}  # when they were asked for first, by audio time
        self._failed: deque[Attempt] = deque(maxlen=REMEMBERED)

    def opening(self, now: float) -> float:
        """Another stream is asked for: up to here it was the last one's fault if nothing was had. Returns ``now``."""
        if self._failed:
            last = self._failed[-1]
            if last.begin == self.began:
                self._failed[-1] = replace(last, end=now)
        self.began = now
        return now

    def opened(self) -> None:
        """It is there; nothing was asked of it yet."""
        self._asked.clear()

    def failed(self, engine: str, now: float) -> None:
        """It was not had, or died."""
        self._failed.append(Attempt(engine, self.began, now))

    def due(self, at: int, now: float) -> None:
        """An utterance ended there, and no stream can be asked."""
        self._since.setdefault(at, now)
        while len(self._since) > REMEMBERED:
            del self._since[next(iter(self._since))]

    def ask(self, at: int, now: float) -> None:
        """The stream in use is asked for the final of what ended there."""
        self.due(at, now)
        self._asked.append((at, now))

    def left(self, replayed: float, now: float) -> float:
        """Seconds for which the oldest answer may still be waited; ``replayed``: that the stream may need more."""
        asked = self._asked[0][1] if self._asked else now
        return max(asked + FINAL_DEADLINE + replayed - now, 0.0)

    def answered(self, now: float) -> float:
        """The oldest answer came: since when it was waited for, by whomever it was asked; ``now`` if nobody did."""
        return self._since.pop(self._asked.popleft()[0], now) if self._asked else now

    def tried(self, since: float) -> list[Attempt]:
        """Recognisers that failed after that time, in order."""
        return [attempt for attempt in self._failed if attempt.end > since]
