"""When a recogniser that is given speech and says nothing of it counts as stalled. Pure."""

from __future__ import annotations

SILENT_MS = 1200
"""Speech, ms, of which a stream must have said something (the stage table): four words; a partial comes every 100 to
300 ms from engines that stream."""

MISSED = 2
"""Partials in a row that may be missing of an engine that gives them more rarely than every 600 ms."""

STALLS = 2
"""Streams in a row that may be given up for it: after that it may be that there is nothing to hear."""


def silent_after_ms(cadence_ms: int) -> int:
    """The limit for an engine whose partials come every ``cadence_ms`` of audio, ms (``EngineInfo.stall_ms``)."""
    return max(SILENT_MS, MISSED * cadence_ms)


class SilenceWatch:
    """One leg's. Both must have passed: so much speech, and so much time, for a replay comes faster than speech."""

    def __init__(self) -> None:
        self._given = 0
        self._since = 0.0
        self._stalls = 0

    def opened(self) -> None:
        """A new stream; what the one before was given does not count."""
        self._given = 0

    def given(self, samples: int, now: float) -> None:
        """The stream took so much speech; ``now`` in s."""
        if not self._given:
            self._since = now
        self._given += samples

    def heard(self) -> None:
        """It said something, if only that it heard no word."""
        self._given = self._stalls = 0

    def stalled(self, limit: int, rate: int, now: float) -> bool:
        """Whether to give the stream up, after ``limit`` samples at ``rate`` Hz of which it said nothing (0: never).

        True is told once a stream, and of STALLS streams in a row.
        """
        if not limit or self._stalls >= STALLS or self._given < limit or now - self._since < limit / rate:
            return False
        self._stalls += 1
        self._given = 0
        return True
