"""Calls that come, talk and go: ``make soak MINUTES=10``, or ``python -m tests.soak``; any length.

Waves of calls in three languages, each caller saying tone words, so that everything runs: taps, booths, recognition,
translation, synthesis. After each wave, when the last caller has gone, it is noted what is left: memory, open files,
threads and tasks of the daemon, memory and open files of Asterisk, its channels and bridges; of open files those apart
that are connections between the two, of which as many wait for requests as were needed at once. Writes ``soak-out/``:
``soak.json``, ``soak.png``, the daemon's log. Exits 0 if nothing grew by more than it may (a straight line through the
samples, tolerances below) and nothing was ever left over; else 1, and says why.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import asyncio
import json
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tests.e2e.calling import place_calls, resident_kib
from tests.soak.files import open_files
from tests.soak.slope import Tolerance, Trend, trend
from tests.tonewords.code import words

from dragoman.demo.daemon import Daemon
from dragoman.errors import DragomanError
from dragoman.signals import ended_by_signals
from dragoman.telephony.ari.client import REQUESTS
from dragoman.telephony.pbx import Pbx, Site
from dragoman.telephony.pbx.ports import free_port

TONE = "tests.tonewords.engines:Tone"
CALLING_CODES = {"a": "44", "b": "34", "c": "376"}
"""By voice: English, Spanish, Catalan."""
CALLS = 6
"""Of each language in a wave."""
AT_ONCE = 2
"""Of each language."""
STAY_S = 4.0
WORDS = 8

QUIET_S = 30.0
"""Seconds after the last BYE within which nothing may be left."""

TOLERANCES: Mapping[str, Tolerance] = {
    "daemon MiB": Tolerance(8.0, 12.0),
    "daemon files": Tolerance(2.0, 2.0),
    "daemon threads": Tolerance(2.0, 2.0),
    "daemon tasks": Tolerance(2.0, 2.0),
    "asterisk MiB": Tolerance(12.0, 24.0),
    "asterisk files": Tolerance(4.0, 4.0),
}
"""Memory: an allocator's pieces, and what fragments: in an hour of 4500 calls the daemon's heap grows by 4 MiB, and
nothing of that is in use (docs/deploy.md). A leak of 3 kB a call is more than is allowed. The others: what happens to
be open when it is looked."""

CONNECTIONS: Mapping[str, float] = dict.fromkeys(("daemon connections", "asterisk connections"), REQUESTS + 1)
"""How many there may be at either end: the daemon's pool, and the events' websocket. More would be a leak."""

LEFT = ("channels", "bridges of ours", "legs", "booths", "recognizer streams")
"""What must be none after each wave: what is there is an orphan."""


async def figures(pbx: Pbx, daemon: Daemon) -> dict[str, float]:
    """What there is now."""
    assert daemon.pid is not None and pbx.pid is not None
    channels = await pbx.rx("core show channels count")
    bridges = await pbx.rx("bridge show all")
    async with aiohttp.ClientSession() as session, session.get(f"{daemon.url}/metrics") as answer:
        lines = [line.rsplit(" ", 1) for line in (await answer.text()).splitlines() if not line.startswith("#")]
    metrics = {name: float(value) for name, value in lines if "{" not in name}
    ours, its = open_files(daemon.pid, pbx.http_port), open_files(pbx.pid, pbx.http_port)
    return {
        "daemon MiB": resident_kib(daemon.pid) / 1024,
        "daemon files": ours.other,
        "daemon connections": ours.connections,
        "daemon threads": len(os.listdir(f"/proc/{daemon.pid}/task")),
        "daemon tasks": metrics["dragoman_tasks"],
        "asterisk MiB": resident_kib(pbx.pid) / 1024,
        "asterisk files": its.other,
        "asterisk connections": its.connections,
        "channels": int(channels.split()[0]),
        "bridges of ours": bridges.count("dragoman."),
        "legs": metrics["dragoman_legs"],
        "booths": metrics["dragoman_booths"],
        "recognizer streams": metrics["dragoman_recognizer_streams"],
    }


def left(now: Mapping[str, float]) -> list[str]:
    """What is there that should not be, in words."""
    orphans = [f"{now[name]:g} {name} left" for name in LEFT if now[name]]
    return orphans + [
        f"{now[name]:g} {name}, allowed are {most:g}" for name, most in CONNECTIONS.items() if now[name] > most
    ]


async def quiet(pbx: Pbx, daemon: Daemon) -> dict[str, float]:
    """Wait until nothing is left, or for QUIET_S; what there is then."""
    end = time.monotonic() + QUIET_S
    while True:
        now = await figures(pbx, daemon)
        if not left(now) or time.monotonic() > end:
            return now
        await daemon.pause()


async def wave(pbx: Pbx, folder: Path, number: int) -> None:
    """CALLS calls of each language, who talk."""
    async with asyncio.TaskGroup() as group:
        for voice, code in CALLING_CODES.items():
            language = {"44": "en", "34": "es", "376": "ca"}[code]
            said = " ".join(words(voice, language, WORDS, first=0))
            group.create_task(
                place_calls(pbx, folder / voice, CALLS, languages=[code], stay_s=STAY_S, say=said, at_once=AT_ONCE)
            )


async def run(seconds: float, out: Path) -> int:
    """Soak for so long; returns the exit status."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    task = asyncio.current_task()
    assert task is not None
    samples: list[tuple[float, dict[str, float]]] = []
    async with AsyncExitStack() as stack:
        stack.enter_context(ended_by_signals(task.cancel))
        pbx = await stack.enter_async_context(Pbx(Site(notice=False)))
        settings: dict[str, Any] = {
            "asterisk": {"url": pbx.ari_url, "username": pbx.ari_username, "password": pbx.ari_password},
            "engines": {
                "recognizers": [f"{TONE}Recognizer"],
                "translators": [f"{TONE}Translator"],
                "synthesizers": [f"{TONE}Synthesizer"],
            },
            "media": {"vad": "energy", "echo_guard": False},
        }
        daemon = Daemon(settings, out, free_port())
        await stack.enter_async_context(daemon)
        await daemon.wait_ready()
        begun = time.monotonic()
        while time.monotonic() - begun < seconds or len(samples) < 3:
            await wave(pbx, out, len(samples))
            samples.append((time.monotonic() - begun, await quiet(pbx, daemon)))
            at, now = samples[-1]
            print(f"{at:6.0f} s  " + ", ".join(f"{name} {value:g}" for name, value in now.items()), flush=True)
        spoken = (await daemon.stats())["clauses"]["spoken"]
    return conclude(samples, spoken, daemon.log_path.read_text("utf-8"), out)


def conclude(samples: list[tuple[float, dict[str, float]]], spoken: int, log: str, out: Path) -> int:
    """Judge, write, say why."""
    times = [at for at, _ in samples]
    trends = {
        name: trend(times, [now[name] for _, now in samples], tolerance) for name, tolerance in TOLERANCES.items()
    }
    why = [
        f"{name} grew by {found.growth:.1f}, allowed are {found.allowed:.1f}"
        for name, found in trends.items()
        if not found.flat
    ]
    why += [f"{what} at {at:.0f} s" for at, now in samples for what in left(now)]
    why += ["nothing was spoken"] if not spoken else []
    why += ["the daemon's log has a traceback"] if "Traceback" in log else []
    result = {
        "reasons": why,
        "seconds": round(times[-1], 1),
        "calls": len(samples) * CALLS * len(CALLING_CODES),
        "clauses_spoken": spoken,
        "trends": {name: [round(getattr(t, part), 2) for part in Trend.__slots__] for name, t in trends.items()},
        "trends_are": list(Trend.__slots__),
        "samples": [{"at": round(at, 1), **now} for at, now in samples],
    }
    (out / "soak.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    draw(samples, trends, out / "soak.png")
    print(f"{result['calls']} calls, {spoken} clauses spoken; in {out}: soak.json, soak.png, dragoman.log")
    for reason in why:
        print(f"not good: {reason}")
    return 1 if why else 0


def draw(samples: list[tuple[float, dict[str, float]]], trends: Mapping[str, Trend], path: Path) -> None:
    """Each figure over time."""
    figure = Figure(figsize=(11, 1.6 * len(trends)))
    FigureCanvasAgg(figure)
    for axes, (name, found) in zip(figure.subplots(len(trends), 1, sharex=True), trends.items(), strict=True):
        axes.plot([at / 60 for at, _ in samples], [now[name] for _, now in samples], ".-", linewidth=0.8)
        colour = "black" if found.flat else "red"
        axes.set_title(
            f"{name}: {found.growth:+.1f} (allowed {found.allowed:.1f})", fontsize=8, color=colour, loc="left"
        )
        axes.tick_params(labelsize=7)
        axes.margins(y=0.3)
    axes.set_xlabel("minutes", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=Path("soak-out"))
    options = parser.parse_args()
    status: int = 2
    try:
        status = asyncio.run(run(options.minutes * 60, options.out))
    except* asyncio.CancelledError:
        print("stopped", file=sys.stderr)
        status = 130
    except* (DragomanError, AssertionError) as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        print(f"tests.soak: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
