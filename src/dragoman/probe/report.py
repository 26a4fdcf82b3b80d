"""What a test call found, as a line for cron and Nagios, an exit status, and a file for Prometheus. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from dragoman.probe.measure import Ear


class Status(IntEnum):
    """Exit statuses, as Nagios has them (Monitoring Plugins Development Guidelines, "Plugin Return Codes")."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of ear-voice span, at the ear, from which it is late."""

    warning: float = 2.0
    critical: float = 4.0


@dataclass(frozen=True, slots=True)
class Found:
    """One test call; what it did not get to is None."""

    room: str
    source: str
    target: str
    answer_s: float | None = None
    """Seconds from dialling to the later of the two phones being answered."""
    span_s: float | None = None
    """Ear-voice span at the ear: from the sentence's end at one phone to the first sound at the other."""
    ear: Ear | None = None
    why: str = ""
    """What went wrong, for people; empty where nothing did."""
    ours: bool = False
    """Whether what went wrong is the probe's own: nothing is known of the interpretation."""

    def status(self, limits: Limits) -> Status:
        """How bad it is."""
        if self.why:
            return Status.UNKNOWN if self.ours else Status.CRITICAL
        if self.span_s is None or self.span_s >= limits.critical:
            return Status.CRITICAL
        return Status.WARNING if self.span_s >= limits.warning else Status.OK


def line(found: Found, limits: Limits) -> str:
    """One line: the status, what was found, and figures as Nagios draws them."""
    status = found.status(limits)
    way = f"{found.source}>{found.target} in room {found.room}"
    if found.why:
        text = f"{way}: {found.why}"
    elif found.span_s is None or found.ear is None:
        text = f"{way}: said, but not heard in {found.target}; {_next(found)}, and dragoman check"
    else:
        text = (
            f"{way}: heard after {found.span_s * 1000:.0f} ms, {found.ear.sound_s:.1f} s of it "
            f"at {found.ear.level_db:.0f} dBFS"
        )
        if status is not Status.OK:
            text += f"; where the time went: {_next(found)}"
    figures = []
    if found.span_s is not None:
        figures.append(f"ear_voice_span={found.span_s:.3f}s;{limits.warning:g};{limits.critical:g};0")
    if found.answer_s is not None:
        figures.append(f"answer={found.answer_s:.3f}s;;;0")
    return f"DRAGOMAN {status.name} - {text}" + (f" | {' '.join(figures)}" if figures else "")


def _next(found: Found) -> str:
    """Where to look, of the daemon; the runbook tells what each answer means."""
    return f"ask the daemon for /api/rooms/{found.room}/trace.txt (runbook, DragomanProbeFailed)"


def textfile(found: Found, limits: Limits, now: float) -> bytes:
    """For node_exporter's textfile collector; ``now`` in Unix seconds.

    A probe that could not do its own work says nothing of the interpretation: the time of its last run stays behind,
    which is an alert of its own. It must not be written then.
    """
    registry = CollectorRegistry()
    labels = {"room": found.room, "source": found.source, "target": found.target}

    def gauge(name: str, text: str, value: float) -> None:
        Gauge(f"dragoman_probe_{name}", text, list(labels), registry=registry).labels(**labels).set(value)

    gauge("success", "1 where the last test call was interpreted in time", found.status(limits) < Status.CRITICAL)
    gauge("last_run_timestamp_seconds", "When the last test call was made", now)
    if found.span_s is not None:
        gauge("ear_voice_span_seconds", "End of the sentence to the first sound, at the phones", found.span_s)
    if found.answer_s is not None:
        gauge("answer_seconds", "Dialling to being answered", found.answer_s)
    return generate_latest(registry)
