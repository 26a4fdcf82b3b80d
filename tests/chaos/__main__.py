"""A meeting in which everything breaks: ``make chaos SEED=1 MINUTES=3``, or ``python -m tests.chaos``.

Real Asterisk, real phones, providers and a database that are killed, frozen and made to fail by a schedule of the seed.
Every word spoken is looked for in what the listeners' phones recorded. Writes ``chaos-out/``: ``ledger.json``,
``timeline.png`` (faults above, words below), ``words.txt``, the daemon's logs. Exits 0 if no word was lost without a
marked gap, none came twice or out of order, and no call dropped; else 1, and says why. Needs root or CAP_NET_RAW.
"""

from __future__ import annotations

import os

# Before numpy is imported, here and in all that is started from here: OpenBLAS's threads wait for each other spinning.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import asyncio
import pickle
import shutil
import sys
import tempfile
from pathlib import Path

from bench.latency.script import LANGUAGE_OF, LEAD_S
from tests.chaos.meeting import Meeting
from tests.chaos.result import conclude
from tests.chaos.schedule import Fault, plan
from tests.chaos.script import script_of
from tests.chaos.urgent import urgent

from dragoman.errors import DragomanError
from dragoman.signals import ended_by_signals

QUIET_S = 8.0
"""Seconds of speech behind the last fault: it is to be seen that all is well again."""


def only(faults: tuple[Fault, ...], wanted: str) -> tuple[Fault, ...]:
    """Those whose part, or part and what, is named; all if nothing is."""
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    return tuple(f for f in faults if not names or any(name in (f.part, f"{f.part} {f.what}") for name in names))


async def run(seed: int, seconds: float, out: Path, wanted: str, keep: bool) -> int:
    """Hold it and judge it; returns the exit status."""
    script = script_of(seconds, seed)
    faults = only(plan(seed, LEAD_S + 4.0, script.seconds - QUIET_S, tuple(LANGUAGE_OF)), wanted)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    task = asyncio.current_task()
    assert task is not None
    with tempfile.TemporaryDirectory(prefix="dragoman-chaos-") as work, ended_by_signals(task.cancel):
        folder = Path(work)
        meeting = Meeting(script, faults, folder, seed, fallback=seed % 2 == 0, say=print)
        print(f"seed {seed}: {script.seconds:.0f} s of speech, {len(faults)} faults, fallback: {meeting.fallback}")
        try:
            with urgent():
                held = await meeting.hold()
            if keep:
                (folder / "held.pickle").write_bytes(pickle.dumps((script, held)))
            return await asyncio.to_thread(conclude, seed, script, held, out)
        finally:
            for log in sorted(folder.glob("daemon-*/dragoman.log")):
                shutil.copy(log, out / f"{log.parent.name}.log")
            if keep:
                shutil.copytree(folder, out / "all", dirs_exist_ok=True)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--out", type=Path, default=Path("chaos-out"))
    parser.add_argument("--only", default="", help="parts, or parts and what befalls them: 'daemon kill, asr'")
    parser.add_argument("--keep", action="store_true", help="recordings and packets too")
    options = parser.parse_args()
    status = 2
    try:
        status = asyncio.run(run(options.seed, options.minutes * 60, options.out, options.only, options.keep))
    except* asyncio.CancelledError:
        print("stopped", file=sys.stderr)
        status = 130
    except* DragomanError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        print(f"tests.chaos: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
