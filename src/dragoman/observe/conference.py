"""What the conference counts over all legs and booths, as metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from dragoman.observe.lag import LagCounts


class ConferenceCounts(LagCounts, Protocol):
    """What is read of the conference; CONFERENCE_COUNTERS are among its totals."""

    def queue_depths(self) -> Mapping[str, int]:
        """What waits now, by queue."""


CONFERENCE_COUNTERS: tuple[tuple[str, str, Callable[[Mapping[str, int]], float]], ...] = (
    ("clauses_merged", "Clauses merged into the one before, not to be late", lambda c: c["merged_clauses"]),
    ("recognizer_restarts", "Recognizer streams lost, each replaced by another", lambda c: c["recognizer_restarts"]),
    (
        "recognizer_dropped_seconds",
        "Speech given up because the recognizer fell behind",
        lambda c: c["recognizer_dropped_ms"] / 1000,
    ),
    ("booth_underruns", "Times a booth had nothing to say in the middle of a clause", lambda c: c["booth_underruns"]),
    ("repeated_words", "Words that a new stream heard again, not used again", lambda c: c["repeated_words"]),
    ("speculations_made", "Clauses translated before they were certain", lambda c: c["speculations_made"]),
    ("speculations_confirmed", "Of those, clauses spoken as they were", lambda c: c["speculations_confirmed"]),
    ("speculations_dropped", "Of those, clauses that the recognizer revised", lambda c: c["speculations_dropped"]),
    ("early_words", "Words used before the recognizer called them final", lambda c: c["early_words"]),
    ("tempo_saved_seconds", "Time that faster speech spared listeners", lambda c: c["tempo_saved_ms"] / 1000),
    ("echoes", "Utterances of which something was what the phone had been played", lambda c: c["echoes"]),
    ("echoed_words", "Words of them, which were left out", lambda c: c["echoed_words"]),
    ("revised_words", "Of those, words that the recognizer then revised", lambda c: c["revised_words"]),
)


class ConferenceCollector(Collector):
    """Shows what ``refresh`` read last: the conference belongs to the event loop, a scrape runs in a thread."""

    def __init__(self, conference: ConferenceCounts) -> None:
        self._conference = conference
        self.refresh()

    def refresh(self) -> None:
        """Read the conference; in the event loop."""
        self._totals = self._conference.totals()

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        for name, text, read in CONFERENCE_COUNTERS:
            yield CounterMetricFamily(f"dragoman_{name}", text, value=read(self._totals))
