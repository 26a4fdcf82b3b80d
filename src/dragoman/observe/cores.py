"""How long the thread of the ticks was ready to run and had no core to run on, as Linux counts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

SCHEDSTAT: Final = Path("/proc/self/schedstat")
"""Of this process's first thread, which the event loop runs in: ns on a core, ns ready without one, turns
(https://docs.kernel.org/scheduler/sched-stats.html)."""


class CoreCollector(Collector):
    """Reads the kernel's count when a scrape asks. Nothing is shown where it does not count."""

    def __init__(self, schedstat: Path = SCHEDSTAT) -> None:
        self._schedstat = schedstat

    def collect(self) -> Iterator[Metric]:
        """One family, empty where the kernel does not say."""
        text = "Time in which the thread of the ticks was ready to run and had no core"
        family = CounterMetricFamily("dragoman_core_wait_seconds", text)
        with suppress(OSError, ValueError, IndexError):
            family.add_metric([], int(self._schedstat.read_text("ascii").split()[1]) / 1e9)
        yield family
