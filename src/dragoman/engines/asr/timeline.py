"""Where on a leg's timeline the audio belongs that was sent on one connection. Pure.

A cloud recogniser counts the audio that it was sent on this connection, from 0. We send speech only, and again after a
reconnect, so its count maps to the leg's timeline piece by piece.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from dragoman.media.format import SAMPLE_RATE

KEPT = 60 * SAMPLE_RATE
"""Sent samples behind the newest ones that can still be mapped: recognisers revise the last seconds only."""


@dataclass(slots=True)
class _Segment:
    sent: int
    """Count of samples sent before it."""
    at: int | None
    """Audio time of its first sample; None: silence of our own making, which is nowhere on the leg's timeline."""
    length: int

    @property
    def sent_end(self) -> int:
        return self.sent + self.length


class Timeline:
    """Segments (sent offset to audio time), in order of both. All units are samples."""

    def __init__(self) -> None:
        self._segments: list[_Segment] = []
        self.sent = 0
        """Samples sent so far."""

    def audio(self, at: int, length: int) -> None:
        """So many samples were sent, the first of which has audio time ``at``; a jump begins a new segment."""
        last = self._segments[-1] if self._segments else None
        if last is not None and last.at is not None and last.at + last.length == at:
            last.length += length
        else:
            self._append(at, length)
        self.sent += length

    def silence(self, length: int) -> None:
        """So many samples were sent that are none of the leg's."""
        self._append(None, length)
        self.sent += length

    def sent_at(self, at: int) -> int:
        """How much had been sent when audio time ``at`` was reached; ``at`` in a gap: before what comes behind it."""
        for segment in reversed(self._segments):
            if segment.at is not None and segment.at <= at:
                return segment.sent + min(at - segment.at, segment.length)
        return 0

    def audio_time(self, sent: int) -> int:
        """Audio time that this sent offset reaches up to; never more than what was sent, never going back."""
        for segment in reversed(self._segments[: self._index(sent) + 1]):
            if segment.at is not None:
                return segment.at + min(max(sent - segment.sent, 0), segment.length)
        return 0

    def locate(self, start: int, end: int) -> tuple[int, int] | None:
        """Audio time of what was heard in [start, end) of what was sent; None: only in our own silence, or nowhere.

        A word lies where its middle lies: recognisers let words reach over a pause by some tens of milliseconds, and
        beyond the pause another part of the leg's timeline may begin.
        """
        if not self._segments:
            return None
        middle = min(max((start + end) // 2, 0), self.sent - 1)
        segment = self._segments[self._index(middle)]
        if segment.at is None:
            return None
        first = min(max(start, segment.sent), segment.sent_end)
        last = min(max(end, first), segment.sent_end)
        return segment.at + first - segment.sent, segment.at + last - segment.sent

    def _index(self, sent: int) -> int:
        return max(bisect_right(self._segments, sent, key=lambda segment: segment.sent) - 1, 0)

    def _append(self, at: int | None, length: int) -> None:
        last = self._segments[-1] if self._segments else None
        if at is None and last is not None and last.at is None:
            last.length += length
            return
        self._segments.append(_Segment(self.sent, at, length))
        if len(self._segments) > 2 and self._segments[1].sent_end < self.sent - KEPT:
            del self._segments[0]


def in_order(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same spans, each beginning at the earliest where the one before ends: recognisers let words overlap."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        first = max(start, found[-1][1]) if found else start
        found.append((first, max(end, first)))
    return found
