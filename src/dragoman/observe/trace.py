"""One trace per clause and language: the spans of its way, and the last ones of every room. Pure.

``GET /api/rooms/{room}/trace`` shows them without anything else running; a collector gets the same spans
(``observe/otel.py``). What the metrics count is in ``observe/clauses.py``; here each span lies where it really lay,
so that one sees what was done ahead.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from dragoman.pipeline.journey import Journey, Outcome

PER_ROOM: Final = 50
"""Traces kept of a room, the oldest go: at three clauses a minute and speaker, the last minutes of a lively one."""

ROOMS: Final = 200
"""Rooms of which traces are kept, those that were quiet longest go. 50 traces take 60 kB, all of them 12 MB."""

OPEN: Final = 500
"""Traces under way that are waited for: those of a chain that crashed never end. Beyond, the oldest counts as ended."""


@dataclass(frozen=True, slots=True)
class Span:
    """One part of a clause's way; seconds of the monotonic clock."""

    name: str
    begin: float
    end: float
    engine: str = ""
    """Who worked; empty: it was ours, or nobody's."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A journey as far as it is known; ``outcome`` None while it is under way."""

    journey: Journey
    outcome: Outcome | None = None
    why: str = ""
    """Why it was dropped, for people."""

    @property
    def spans(self) -> tuple[Span, ...]:
        """In the order of the clause's way: its speech first; what did not happen is missing.

        ``hangover``: until its end was certain. ``asr``: until the recogniser had said its words. ``segment``: until
        they were a clause. ``mt`` and ``tts`` (until the first sound), each with its wait before, where there was one.
        Before these three, ``asr_failed`` and so on of engines that were asked first, in vain. ``playback``: until its
        first sample was sent. ``booth``: until its last one.
        """
        times = self.journey.times
        found = [
            Span("speech", self.journey.begun, times.said),
            Span("hangover", times.said, times.finalized),
            *_engine_spans("asr", times.finalized, times.recognised, self.journey),
            Span("segment", times.recognised, times.committed),
        ]
        waited_since = times.committed
        for name, begin, end in (("mt", times.mt_begin, times.mt_end), ("tts", times.tts_begin, times.tts_first)):
            if begin is None or (end is None and not times.tried.get(name)):
                return tuple(found)
            if begin > waited_since:
                found.append(Span(f"{name}_wait", waited_since, begin))
            found += _engine_spans(name, begin, end, self.journey)
            if end is None:
                return tuple(found)
            waited_since = max(end, waited_since)
        if times.sent is not None:
            found.append(Span("playback", min(waited_since, times.sent), times.sent))
            if times.played is not None:
                found.append(Span("booth", times.sent, max(times.played, times.sent)))
        return tuple(found)

    @property
    def end(self) -> float:
        """When the last thing happened that is known, monotonic seconds."""
        return max(span.end for span in self.spans)


def _engine_spans(stage: str, begin: float, end: float | None, journey: Journey) -> Iterator[Span]:
    """Of a stage in which engines are asked: those that failed, then the one that did it; ``end`` None: none has."""
    for each in journey.times.tried.get(stage, ()):
        if end is None:
            yield Span(f"{stage}_failed", each.begin, each.end, each.engine)
            continue
        if stage == "asr":  # a stream may have served long before
            each = replace(each, begin=min(max(each.begin, begin), end), end=min(each.end, end))
        yield Span(f"{stage}_failed", each.begin, each.end, each.engine)
        begin = min(max(begin, each.end), end)
    if end is not None:
        yield Span(stage, begin, end, journey.engines.get(stage, ""))


class TraceBook:
    """Implements pipeline.journey.Traces: keeps the last traces of every room."""

    def __init__(self) -> None:
        self._rooms: OrderedDict[str, deque[Trace]] = OrderedDict()
        self._open: OrderedDict[str, Trace] = OrderedDict()
        self.on_end: Callable[[Trace], None] = lambda trace: None
        """Called with each trace to which nothing more happens; must be quick and must not raise."""

    def begun(self, journey: Journey) -> None:
        """Traces."""
        self._open[journey.trace_id] = trace = Trace(journey)
        self._keep(trace)
        if len(self._open) > OPEN:
            self.on_end(self._open.popitem(last=False)[1])

    def ended(self, journey: Journey, outcome: Outcome, why: str = "") -> None:
        """Traces."""
        self._open.pop(journey.trace_id, None)
        trace = Trace(journey, outcome, why)
        self._keep(trace)
        self.on_end(trace)

    def last(self, room: str, limit: int = PER_ROOM) -> tuple[Trace, ...]:
        """The last traces of a room, the oldest first; none of a room of which nothing is known."""
        return tuple(self._rooms.get(room, ()))[-limit:]

    def _keep(self, trace: Trace) -> None:
        room = trace.journey.room
        kept = self._rooms.setdefault(room, deque(maxlen=PER_ROOM))
        self._rooms.move_to_end(room)
        if len(self._rooms) > ROOMS:
            self._rooms.popitem(last=False)
        for place, other in enumerate(kept):
            if other.journey.trace_id == trace.journey.trace_id:
                kept[place] = trace
                return
        kept.append(trace)
