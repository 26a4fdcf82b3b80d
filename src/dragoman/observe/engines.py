"""The state of the engines, their changes and what they count themselves, as metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dragoman.engines.availability import Circuit
from dragoman.engines.base import Stage
from dragoman.engines.circuits import Change, EngineState
from dragoman.media.format import SAMPLE_RATE

STATE = {Circuit.CLOSED: 0, Circuit.PROBING: 1, Circuit.OPEN: 2}
"""Values of ``dragoman_engine_state``: the higher, the worse."""


class EnginesView(Protocol):
    """What is read of the engines (engines.circuits.Circuits)."""

    @property
    def changes(self) -> Mapping[Change, int]: ...  # noqa: D102  # told where it is defined
    @property
    def fallbacks(self) -> Mapping[Change, int]: ...  # noqa: D102  # told where it is defined
    def states(self) -> Sequence[EngineState]: ...  # noqa: D102  # told where it is defined


class EngineCollector(Collector):
    """Shows what ``refresh`` read last: the engines themselves belong to the event loop, a scrape runs in a thread."""

    def __init__(self, engines: EnginesView) -> None:
        self._engines = engines
        self.refresh()

    def refresh(self) -> None:
        """Read the engines; in the event loop."""
        self._states = tuple(self._engines.states())
        self._changes = dict(self._engines.changes)
        self._fallbacks = dict(self._engines.fallbacks)

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        labels = ["stage", "engine"]
        state = GaugeMetricFamily(
            "dragoman_engine_state", "0 the engine works, 1 it is being probed, 2 it is not asked", labels=labels
        )
        opened = CounterMetricFamily(
            "dragoman_engine_opened", "Times an engine was given up for a while", labels=labels
        )
        probes = CounterMetricFamily("dragoman_engine_probes", "Requests sent to see whether it is back", labels=labels)
        events = CounterMetricFamily(
            "dragoman_engine_events", "What an engine counts itself", labels=[*labels, "event"]
        )
        seconds = CounterMetricFamily(
            "dragoman_provider_audio_seconds", "Speech given to a recogniser", labels=["engine"]
        )
        characters = CounterMetricFamily(
            "dragoman_provider_characters", "Text given to a translator or synthesizer", labels=labels
        )
        for each in self._states:
            about = [each.stage, each.engine]
            state.add_metric(about, STATE[each.circuit])
            opened.add_metric(about, each.opened)
            probes.add_metric(about, each.probes)
            for event, count in each.counts.items():
                events.add_metric([*about, event], count)
            if each.stage is Stage.ASR:
                seconds.add_metric([each.engine], each.asked / SAMPLE_RATE)
            else:
                characters.add_metric(about, each.asked)
        yield from (state, opened, probes, events, seconds, characters)
        yield _changes("dragoman_engine_changes", "Times an engine took over from another", self._changes)
        yield _changes(
            "dragoman_engine_fallbacks", "Requests served by another engine than the first one", self._fallbacks
        )


def _changes(name: str, text: str, counts: Mapping[Change, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=["stage", "from", "to"])
    for change, count in counts.items():
        family.add_metric(list(change), count)
    return family
