"""GPU memory: shown where torch uses a device, and nothing of torch is begun by looking."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from dragoman.observe.gpu import GpuCollector


def torch(cuda: Any) -> ModuleType:
    module = ModuleType("torch")
    module.cuda = cuda  # type: ignore[attr-defined]  # as torch has it
    return module


def memory(module: ModuleType | None) -> dict[tuple[str, str], float]:
    registry = CollectorRegistry(auto_describe=True)
    registry.register(GpuCollector(lambda: module))
    return {
        (sample.labels["device"], sample.labels["kind"]): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def device(**changes: Any) -> SimpleNamespace:
    given = {
        "is_initialized": lambda: True,
        "device_count": lambda: 2,
        "memory_allocated": lambda device: 10 + device,
        "memory_reserved": lambda device: 20 + device,
        "max_memory_allocated": lambda device: 15 + device,
        "mem_get_info": lambda device: (60 + device, 80),
    }
    return SimpleNamespace(**given | changes)


def test_every_device_in_use_is_shown() -> None:
    assert memory(torch(device())) == {
        ("0", "allocated"): 10, ("0", "reserved"): 20, ("0", "peak"): 15, ("0", "free"): 60, ("0", "total"): 80,
        ("1", "allocated"): 11, ("1", "reserved"): 21, ("1", "peak"): 16, ("1", "free"): 61, ("1", "total"): 80,
    }  # fmt: skip


def failing(device: int) -> int:
    raise RuntimeError("CUDA error: an illegal memory access was encountered")


@pytest.mark.parametrize(
    "module",
    [
        None,
        ModuleType("torch"),  # half loaded
        torch(SimpleNamespace(is_initialized=lambda: False)),  # without CUDA nothing else may be called
        torch(device(memory_reserved=failing)),
    ],
)
def test_without_a_device_that_works_there_is_nothing(module: ModuleType | None) -> None:
    assert memory(module) == {}
