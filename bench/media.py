"""What the media plane costs: CPU per leg, tick lateness, loss, and the time from a packet in to a packet out.

    python -m bench.media                       every row, about 3 minutes
    python -m bench.media audio --legs 100      one of them

Kinds of rows:

``audio``
    The audio path alone, as ``facts``' peers were measured: 50 packets a second each way for every leg, one booth per
    leg that hears it through the floor mixer, no VAD, a codec that costs nothing.
``kernel``
    The floor under ``audio``: the same packets received and sent each tick with nothing done to them.
``dsp``
    VAD and G.722 on, speech on 30 % of the legs, two booths for every five legs, each listener reading 60 ms at a time.

The load comes from a second process; a third only sleeps, to show what the machine itself adds to lateness. Rows are
merged into ``results/media.json`` by kind, legs and booths, and shown in ``results/media.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine
from dragoman.media.clock import PERIOD
from dragoman.media.codec import Encoder, G722Encoder
from dragoman.media.format import Pcm
from dragoman.media.leg_audio import LegAudio
from dragoman.media.plane import MediaConfig, MediaPlane, freeze_garbage
from dragoman.media.socket import BATCH
from dragoman.media.stats import MediaStats

RESULTS = Path(__file__).parent / "results"
WARM_UP_S = 3.0
DSP_CHUNK = 960
"""Samples (60 ms) that a recogniser takes at a time."""

SENTENCES = (
    "good morning everybody and welcome to the meeting",
    "let us look at the numbers of the last quarter",
    "the new office opens on monday at nine",
    "can you hear me well, or shall I call again",
    "we should send the invoice before the end of the week",
)


class Cut:
    """A codec that costs nothing: the first 80 samples as they are, so that the other side can read them."""

    payload_type = 11

    def encode(self, frame: Pcm) -> bytes:
        """160 bytes."""
        return frame[:80].tobytes()


class Quiet:
    """A booth's source that has nothing to say: only the floor is heard."""

    def next_frame(self, now: float) -> Pcm | None:
        """Nothing."""
        return None

    def on_sent(self, at: float) -> None:
        """Never called."""


class Recogniser:
    """Listens as a leg's recognition does: reads 60 ms at a time while there is speech."""

    def __init__(self) -> None:
        self.audio: LegAudio | None = None
        self.heard = 0
        self.events = 0
        self._at = 0
        self._speaking = False

    def on_audio(self, end: int) -> None:
        """Take a chunk, ask for the next."""
        if self.audio is not None and self._speaking:
            self.heard += len(self.audio.read(self._at, end))
            self._at = end
            self.audio.wake_when(end + DSP_CHUNK)

    def on_speech_start(self, at: int) -> None:
        """Begin to read."""
        self.events += 1
        self._speaking = True
        self._at = at
        if self.audio is not None:
            self.audio.wake_when(at + DSP_CHUNK)

    def on_speech_end(self, at: int) -> None:
        """Stop reading."""
        self.events += 1
        self._speaking = False


def speech_clip(folder: str) -> str:
    """Some seconds of flite's speech with natural pauses, as a file for the load process."""
    parts = []
    for sentence in SENTENCES:
        made = subprocess.run(
            ["flite", "-voice", "rms", "-t", sentence, "-o", "/dev/stdout"], capture_output=True, check=True
        )
        parts += [np.frombuffer(made.stdout[44:], np.int16), np.zeros(9600, np.int16)]
    path = str(Path(folder) / "speech.npy")
    np.save(path, np.concatenate(parts))
    return path


def percentiles(values: list[float], *points: float) -> dict[str, float] | None:
    """Named percentiles, rounded to us."""
    if not values:
        return None
    return {f"p{point:g}".replace(".", ""): round(float(np.percentile(values, point)), 3) for point in points}


class Bare(MediaPlane):
    """Receives and sends what a plane does, and does nothing in between."""

    def tick(self, now: float, skipped: int = 0) -> None:
        """Drain, and send a packet to every booth."""
        wire = self._open()
        count = wire.socket.receive()
        self.stats.packets_in += count
        while count == BATCH:
            count = wire.socket.receive()
            self.stats.packets_in += count
        self.stats.packets_out += wire.socket.send(self.rows)

    rows = np.zeros(0, np.int64)


class Recorder:
    """Keeps every tick's lateness of whatever plane runs; the daemon itself only keeps a histogram."""

    def __init__(self) -> None:
        self.lateness_ms: list[float] = []
        count_tick = MediaStats.count_tick

        def recorded(stats: MediaStats, lateness: float, skipped: int, late: bool) -> None:
            self.lateness_ms.append(lateness * 1000)
            count_tick(stats, lateness, skipped, late)

        MediaStats.count_tick = recorded  # type: ignore[method-assign]


async def measure(
    recorder: Recorder, kind: str, legs: int, booths: int, seconds: float, clip: str | None
) -> dict[str, Any]:
    """One row: build a plane, load it, watch it for so many seconds."""
    light = kind != "dsp"
    encoder: Callable[[], Encoder] = Cut if light else G722Encoder
    plane = (Bare if kind == "kernel" else MediaPlane)(MediaConfig(vad="none" if light else "silero"), encoder)
    if isinstance(plane, Bare):
        plane.rows = np.arange(booths)
    await plane.start()
    order = {"media": plane.address, "legs": legs, "speaking": 0.3, "clip": clip}
    load = await spawn("bench.load", json.dumps(order))
    sleeper = await spawn("bench.sleeper")
    ports = (await answer(load))["ports"]
    listeners = []
    for leg, port in enumerate(ports):
        listener = None if light else Recogniser()
        audio = plane.add_leg(f"leg {leg}", ("127.0.0.1", port), listener)
        if listener is not None:
            listener.audio = audio
            listeners.append(listener)
    for booth in range(booths):
        plane.add_booth(f"booth {booth}", ("127.0.0.1", ports[booth]), Quiet())
        heard = [leg for leg in range(legs) if leg * booths // legs == booth]
        plane.set_floor(f"booth {booth}", [f"leg {leg}" for leg in heard], 0.0 if light else -18.0)
    freeze_garbage()
    tell(load, "go")
    await asyncio.sleep(WARM_UP_S)
    tell(load, "mark")
    before = snapshot(plane.stats)
    recorder.lateness_ms.clear()
    spent = cpu_seconds()
    await asyncio.sleep(seconds)
    spent = cpu_seconds() - spent
    late = list(recorder.lateness_ms)
    counted = {name: value - before[name] for name, value in snapshot(plane.stats).items()}
    tell(load, "stop")
    outside = await answer(load)
    slept = json.loads((await sleeper.communicate(b""))[0])
    await load.wait()
    await plane.close()
    gc.unfreeze()
    return {
        "kind": kind,
        "legs": legs,
        "booths": booths,
        "seconds": seconds,
        "cpu_percent_per_leg": round(100 * spent / seconds / legs, 4),
        "late_ms": percentiles(late, 50, 99, 99.9),
        "sleeper_late_ms": percentiles(slept, 50, 99, 99.9),
        "lost": counted["lost"],
        "concealed": counted["concealed"],
        "skipped_slots": counted["skipped_slots"],
        "rtp_in_to_out_ms": percentiles(outside["in_to_out_ms"], 50, 99),
        "packets_in_per_s": round(counted["packets_in"] / seconds),
        "packets_out_per_s": round(counted["packets_out"] / seconds),
        "vad_windows_per_s": round(counted["vad_windows"] / seconds),
        "speech_events": sum(listener.events for listener in listeners),
        "sender_slipped_ms": round(outside["slipped_ms"], 1),
        "load_average": machine.describe()["load_average"],
        "nice": os.nice(0),
    }


def snapshot(stats: MediaStats) -> dict[str, int]:
    """The plain counters."""
    names = ("lost", "concealed", "skipped_slots", "packets_in", "packets_out", "vad_windows")
    return {name: getattr(stats, name) for name in names}


def cpu_seconds() -> float:
    """User and system time of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def spawn(module: str, *arguments: str) -> asyncio.subprocess.Process:
    """Another process of this bench."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 28,
    )  # fmt: skip


def tell(process: asyncio.subprocess.Process, line: str) -> None:
    """Say a line to another process."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n".encode())


async def answer(process: asyncio.subprocess.Process) -> dict[str, Any]:
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


async def run(kinds: list[str], legs: list[int] | None, seconds: float) -> None:
    """Measure and publish."""
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            clip = speech_clip(folder) if kind == "dsp" else None
            for count in legs or ([100] if kind == "dsp" else [50, 100, 200, 400]):
                booths = count * 2 // 5 if kind == "dsp" else count
                row = await measure(recorder, kind, count, booths, seconds, clip)
                print(json.dumps(row), flush=True)
                publish([row])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("kinds", nargs="*", choices=["kernel", "audio", "dsp", []], help="which rows (default: all)")
    parser.add_argument("--legs", type=int, nargs="+", help="how many legs (default: the published sizes)")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the measurement")
    options = parser.parse_args()
    asyncio.run(run(options.kinds or ["kernel", "audio", "dsp"], options.legs, options.seconds))


if __name__ == "__main__":
    main()
