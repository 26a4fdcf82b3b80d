"""On what a measurement was taken: a number without this says nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path


def describe() -> dict[str, object]:
    """Processor, cores, memory, kernel, versions, and how busy the machine was just now."""
    cpu = _field("/proc/cpuinfo", "model name") or platform.processor()
    memory = _field("/proc/meminfo", "MemTotal")
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory.split()[0]) / 2**20, 1) if memory else None,
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("numpy", "onnxruntime", "G722")},
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def in_words(machine: dict[str, object]) -> str:
    """One line for the head of a table."""
    return (
        f"{machine['cores']} x {machine['cpu']}, {machine['memory_gib']} GiB, Linux {machine['kernel']}, "
        f"Python {machine['python']}, numpy {machine['numpy']}"
    )


def _field(path: str, name: str) -> str | None:
    file = Path(path)
    if not file.exists():
        return None
    for line in file.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None
