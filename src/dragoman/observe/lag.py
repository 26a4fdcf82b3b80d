"""Metrics of how far interpretation is behind, and of what is done about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge

WAITS = ("mt", "tts", "playback")
"""Where audio that is not spoken yet may wait."""


class LagView(Protocol):
    """How far one chain is behind (pipeline.conference.Lag)."""

    @property
    def target(self) -> str:
        """Language that it speaks."""

    @property
    def stages(self) -> Mapping[str, float]:
        """Seconds of audio that is not spoken yet, by where it waits."""

    @property
    def tempo(self) -> float:
        """How fast it is spoken."""


class LagCounts(Protocol):
    """What is read of the conference."""

    def totals(self) -> Mapping[str, int]:
        """Counters by name; see Conference.totals."""

    def lags(self) -> Iterable[LagView]:
        """How far each chain is behind, now."""


class LagMetrics:
    """Of each target language the speaker whose interpretation is furthest behind: no label grows with callers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lag = Gauge(
            "dragoman_lag_seconds",
            "Audio of committed clauses not spoken yet, of the speaker furthest behind, by where it waits",
            ["target", "waits"],
            registry=registry,
        )
        self.tempo = Gauge(
            "dragoman_tempo_ratio", "Fastest tempo of the speech in a language", ["target"], registry=registry
        )
        self.backpressure = Counter(
            "dragoman_backpressure",
            "Times a stage was behind, and what is beside it held back",
            ["stage"],
            registry=registry,
        )
        self._seen: set[str] = set()

    def watch(self, conference: LagCounts) -> Callable[[], None]:
        """What reads them, to be called in the event loop before every scrape."""

        def refresh() -> None:
            worst: dict[str, Mapping[str, float]] = {target: dict.fromkeys(WAITS, 0.0) for target in self._seen}
            tempos = dict.fromkeys(self._seen, 1.0)
            for each in conference.lags():
                if sum(each.stages.values()) >= sum(worst.get(each.target, {}).values()):
                    worst[each.target] = each.stages
                tempos[each.target] = max(tempos.get(each.target, 1.0), each.tempo)
            for target, stages in worst.items():
                for where, seconds in stages.items():
                    self.lag.labels(target, where).set(seconds)
                self.tempo.labels(target).set(tempos[target])
            self._seen.update(worst)

        return refresh
