"""GPU memory as metrics, where an engine has torch on CUDA in this process; else nothing is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

KINDS: Final[tuple[tuple[str, Callable[[Any, int], int]], ...]] = (
    ("allocated", lambda cuda, device: cuda.memory_allocated(device)),
    ("reserved", lambda cuda, device: cuda.memory_reserved(device)),
    ("peak", lambda cuda, device: cuda.max_memory_allocated(device)),
    ("free", lambda cuda, device: cuda.mem_get_info(device)[0]),
    ("total", lambda cuda, device: cuda.mem_get_info(device)[1]),
)
"""What of a device's memory is shown: held by tensors, kept by torch's allocator, the most that tensors held, and free
and whole memory of the device, over all processes."""


class GpuCollector(Collector):
    """Reads torch when a scrape asks, in the scrape's thread. It never loads torch, nor starts CUDA."""

    def __init__(self, torch: Callable[[], ModuleType | None] = lambda: sys.modules.get("torch")) -> None:
        """``torch`` gives the module while somebody loaded it."""
        self._torch = torch

    def collect(self) -> Iterator[Metric]:
        """One family, empty without a device in use."""
        family = GaugeMetricFamily("dragoman_gpu_memory_bytes", "Memory of the GPU", labels=["device", "kind"])
        cuda = getattr(self._torch(), "cuda", None)
        try:
            if cuda is not None and cuda.is_initialized():
                for device in range(cuda.device_count()):
                    for kind, read in KINDS:
                        family.add_metric([str(device), kind], read(cuda, device))
        except Exception:  # a broken device must not cost the scrape; that it is broken is told by the engine's state
            family.samples.clear()
        yield family
