"""What ``bench.media`` and ``bench.legs`` have in common: a plane under load is watched, and a row of it is published.

The load comes from a second process (``bench.load``); a third only sleeps, to show what the machine itself adds to
lateness. Rows are merged into ``results/media.json`` by kind, legs and booths, and shown in ``results/media.md``.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine
from dragoman.media.clock import PERIOD
from dragoman.media.format import Pcm
from dragoman.media.garbage import freeze_garbage
from dragoman.media.plane import MediaPlane
from dragoman.media.stats import MediaStats

RESULTS = Path(__file__).parent / "results"
WARM_UP_S = 3.0


class Cut:
    """A codec that costs nothing: the first 80 samples as they are, so that the other side can read them."""

    payload_type = 11

    def encode(self, frame: Pcm) -> bytes:
        """160 bytes."""
        return frame[:80].tobytes()


class Recorder:
    """Keeps every tick's lateness of whatever plane runs; the daemon itself only keeps a histogram."""

    def __init__(self) -> None:
        self.lateness_ms: list[float] = []
        count_tick = MediaStats.count_tick

        def recorded(stats: MediaStats, lateness: float, skipped: int, late: bool) -> None:
            self.lateness_ms.append(lateness * 1000)
            count_tick(stats, lateness, skipped, late)

        MediaStats.count_tick = recorded  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Watched:
    """A plane in its window of ``seconds``: CPU it took (s), how late ticks were (ms), what it and the load counted."""

    seconds: float
    spent: float
    late: list[float]
    slept: list[float]
    counted: dict[str, int]
    outside: dict[str, Any]

    def row(self, legs: int) -> dict[str, Any]:
        """What every kind of row says."""
        return {
            "seconds": self.seconds,
            "cpu_percent_per_leg": round(100 * self.spent / self.seconds / legs, 4),
            "late_ms": percentiles(self.late, 50, 99, 99.9),
            "sleeper_late_ms": percentiles(self.slept, 50, 99, 99.9),
            "lost": self.counted["lost"],
            "concealed": self.counted["concealed"],
            "skipped_slots": self.counted["skipped_slots"],
            "packets_in_per_s": round(self.counted["packets_in"] / self.seconds),
            "packets_out_per_s": round(self.counted["packets_out"] / self.seconds),
            "load_average": machine.describe()["load_average"],
        }


async def watch(
    recorder: Recorder,
    plane: MediaPlane,
    load: Process,
    sleeper: Process,
    seconds: float,
    *,
    also: Callable[[], dict[str, int]] = dict,
) -> Watched:
    """Load the plane, let it warm up, watch it for so many seconds, and end both processes.

    ``also`` are counters of others, read at both ends as the plane's own are.
    """
    freeze_garbage()
    tell(load, "go")
    await asyncio.sleep(WARM_UP_S)
    tell(load, "mark")
    before = snapshot(plane.stats) | also()
    recorder.lateness_ms.clear()
    spent = cpu_seconds()
    await asyncio.sleep(seconds)
    spent = cpu_seconds() - spent
    late = list(recorder.lateness_ms)
    counted = {name: value - before[name] for name, value in (snapshot(plane.stats) | also()).items()}
    tell(load, "stop")
    outside = await answer(load)
    slept = json.loads((await sleeper.communicate(b""))[0])
    await load.wait()
    return Watched(seconds, spent, late, slept, counted, outside)


def percentiles(values: list[float], *points: float) -> dict[str, float] | None:
    """Named percentiles, rounded to us."""
    if not values:
        return None
    return {f"p{point:g}".replace(".", ""): round(float(np.percentile(values, point)), 3) for point in points}


def snapshot(stats: MediaStats) -> dict[str, int]:
    """The plain counters."""
    names = ("lost", "concealed", "skipped_slots", "packets_in", "packets_out", "vad_windows")
    return {name: getattr(stats, name) for name in names}


def cpu_seconds() -> float:
    """User and system time of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def spawn(module: str, *arguments: str) -> Process:
    """Another process of this bench."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 28,
    )  # fmt: skip


def tell(process: Process, line: str) -> None:
    """Say a line to another process."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n".encode())


async def answer(process: Process) -> dict[str, Any]:
    """What it says next."""
    assert process.stdout is not None
    said: dict[str, Any] = json.loads(await process.stdout.readline())
    return said


def publish(rows: list[dict[str, Any]]) -> None:
    """Merge rows into the results: a new row replaces an old one of its kind and size."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "media.json"
    known = json.loads(path.read_text())["rows"] if path.exists() else []
    merged = {(row["kind"], row["legs"], row["booths"]): row for row in [*known, *rows]}
    result = {"machine": machine.describe(), "rows": [merged[key] for key in sorted(merged)]}
    path.write_text(json.dumps(result, indent=1) + "\n")
    lines = [
        "# What the media plane costs",
        "",
        f"{machine.in_words(result['machine'])}. CPU is user + system time of the daemon's process; late: how long "
        "after its 20 ms deadline a tick began; sleeper: the same of a process beside it that only sleeps.",
        "",
        "A row says nothing of the program where the machine gave it no time: see the sleeper, the load average, and "
        "whether it kept up (at most one slot in a thousand skipped, and all packets there).",
        "",
        "| kind | legs | booths | CPU % of a core per leg | late ms p50 / p99 / p99.9 | sleeper ms p50 / p99 / p99.9 "
        "| lost | in to out ms p50 / p99 | load average | nice | kept up |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        cells = [row["kind"], row["legs"], row["booths"], row["cpu_percent_per_leg"], _cell(row["late_ms"])]
        cells += [_cell(row["sleeper_late_ms"]), row["lost"], _cell(row["rtp_in_to_out_ms"])]
        cells += [row["load_average"][0], row.get("nice", 0), "yes" if kept_up(row) else "NO"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    (RESULTS / "media.md").write_text("\n".join(lines) + "\n")


def kept_up(row: dict[str, Any]) -> bool:
    """Whether what the row measured is the work of so many legs, and not of what was left of it."""
    slots, packets = row["seconds"] / PERIOD, row["legs"] * row["seconds"] / PERIOD
    return row["skipped_slots"] <= slots / 1000 and row["packets_in_per_s"] * row["seconds"] >= 0.995 * packets


def _cell(points: dict[str, float] | None) -> str:
    return "" if points is None else " / ".join(f"{value:.2f}" for value in points.values())
