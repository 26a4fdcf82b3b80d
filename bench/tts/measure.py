"""What is written down of each clause, and what comes of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Heard:
    """One clause's sound as it came: (seconds since all clauses were asked for, seconds of sound)."""

    pieces: list[tuple[float, float]] = field(default_factory=list)

    @property
    def first(self) -> float:
        """When its first sound came, s."""
        return self.pieces[0][0]

    @property
    def seconds(self) -> float:
        """Of sound."""
        return sum(length for _, length in self.pieces)

    @property
    def ran_dry(self) -> bool:
        """Whether playback, begun with the first sound, would have had to wait for more."""
        played_until = self.first
        for came, length in self.pieces:
            if came > played_until:
                return True
            played_until += length
        return False


@dataclass
class Stopwatch:
    """Since when all clauses were asked for."""

    began: float = field(default_factory=time.perf_counter)

    def __call__(self) -> float:
        """Seconds."""
        return time.perf_counter() - self.began


def row(
    engine: str, device: str, dtype: str, tokens: int, rounds: list[tuple[float, list[Heard]]], cpu: float
) -> dict[str, Any]:
    """One row of the results.

    Args:
        engine: whose.
        device: it computes on.
        dtype: its precision.
        tokens: of each clause.
        rounds: each its wall time (s) and its clauses, which were asked for together.
        cpu: seconds of processor time that they took, whoever else was on the machine.
    """
    heard = [clause for _, clauses in rounds for clause in clauses]
    wall, sound = sum(wall for wall, _ in rounds), sum(clause.seconds for clause in heard)
    streams = len(rounds[0][1])
    first = np.percentile([clause.first * 1000 for clause in heard], [50, 95, 99])
    return {
        "engine": engine,
        "device": device,
        "dtype": dtype,
        "tokens": tokens,
        "streams": streams,
        "first_audio_ms": dict(zip(("p50", "p95", "p99"), (round(float(value), 1) for value in first), strict=True)),
        "realtime_factor": round(wall * streams / sound, 3),
        "audio_seconds_per_second": round(sound / wall, 3),
        "cpu_seconds_per_audio_second": round(cpu / sound, 3),
        "clauses": len(heard),
        "underruns": sum(clause.ran_dry for clause in heard),
    }


def sustained(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By engine and tokens: the most streams at which, as at all fewer, no playback ran dry."""
    most: dict[tuple[str, int], int] = {}
    failed: set[tuple[str, int]] = set()
    for each in sorted(rows, key=lambda each: int(each["streams"])):
        which = each["engine"], int(each["tokens"])
        most.setdefault(which, 0)
        if each["underruns"]:
            failed.add(which)
        elif which not in failed:
            most[which] = each["streams"]
    return [{"engine": engine, "tokens": tokens, "streams": streams} for (engine, tokens), streams in most.items()]


def ratios(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """By tokens and streams, how many times coqui's throughput ours is.

    ``concurrent``: of its best case, as many streams at once; ``one_by_one``: of its own, one after the other;
    ``by_cpu``: of its best case for the same processor time, which others on the machine do not change.
    """
    spoken = {(each["engine"], int(each["tokens"]), int(each["streams"])): each for each in rows}
    found = []
    for (engine, tokens, streams), ours in sorted(spoken.items(), key=lambda item: item[0]):
        theirs, alone = spoken.get(("coqui", tokens, streams)), spoken.get(("coqui", tokens, 1))
        if engine == "dragoman" and theirs and alone:
            rate = "audio_seconds_per_second"
            cost = "cpu_seconds_per_audio_second"
            found.append(
                {
                    "tokens": tokens,
                    "streams": streams,
                    "concurrent": round(ours[rate] / theirs[rate], 2),
                    "one_by_one": round(ours[rate] / alone[rate], 2),
                    "by_cpu": round(theirs[cost] / ours[cost], 2),
                }
            )
    return found
