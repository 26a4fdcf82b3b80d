"""How long a listener waits: ``make bench-latency``, or ``python -m bench.latency [--clauses N] [--seed S]``.

A real Asterisk, three phones in three languages, and engines with the latencies of cloud providers (fakes that speak
their protocols). Everything is decided from the phones' recordings and a capture of the booths' packets, by the tone
words in them (tests/tonewords). Writes ``bench/results/latency.json``, ``.md`` and ``.png``. Takes as long as its
meeting: about six minutes for 120 clauses. Needs root or CAP_NET_RAW for the capture.

``--simulated 1-4`` holds the meetings of these seeds in virtual time instead, and writes nothing (see ``simulated``).
"""

from __future__ import annotations

import argparse
import asyncio
import pickle
import shutil
import sys
import tempfile
from pathlib import Path

from bench.latency.analyse import analyse
from bench.latency.call import hold
from bench.latency.engines import SETUPS, Setup
from bench.latency.publish import publish, verdict
from bench.latency.script import write
from rich.console import Console

from bench import machine
from dragoman.errors import DragomanError
from dragoman.signals import ended_by_signals

RESULTS = Path(__file__).parents[1] / "results"


async def run(setup: Setup, clauses: int, seed: int, results: Path, keep: Path | None) -> int:
    """Measure and publish; 0 if every target is kept."""
    console = Console(highlight=False, soft_wrap=True)
    script = write(clauses, seed)
    words = sum(len(sentence.words) for sentence in script.sentences)
    console.print(f"{clauses} clauses, {words} words, {script.seconds:.0f} s; engines: {setup.name}")
    described = machine.describe()
    task = asyncio.current_task()
    assert task is not None
    with tempfile.TemporaryDirectory(prefix="dragoman-latency-") as work, ended_by_signals(task.cancel):
        folder = Path(work)
        try:
            async with setup.engines(script, seed) as engines:
                held = await hold(script, engines, folder, setup.media)
            if keep is not None:
                (folder / "held.pickle").write_bytes(pickle.dumps((script, held)))
            console.print("decoding what was recorded ...")
            analysis = await asyncio.to_thread(analyse, script, held)
        finally:
            if keep is not None:
                shutil.copytree(folder, keep, dirs_exist_ok=True)
    result = {
        **analysis.result,
        "engines": setup.stages,
        "simulation": setup.simulation,
        "seconds": round(script.seconds, 1),
        "seed": seed,
        "machine": {**described, "load_average_after": machine.describe()["load_average"]},
    }
    await asyncio.to_thread(publish, results, result, analysis.spans, analysis.turns)
    for what, value, target, good in verdict(result):
        told = "nothing was measured" if value is None else f"{value:.0f} ms"
        console.print(f"{what}: {told} (target {target} ms)", style="green" if good else "red")
    counts = ", ".join(f"{name} {count}" for name, count in result["words"].items())
    console.print(f"words: {counts}")
    console.print(f"in {results}: latency.json, latency.md, latency.png")
    return 0 if all(good for *_, good in verdict(result)) else 1


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clauses", type=int, default=120, help="about so many (default 120)")
    parser.add_argument("--seed", type=int, default=1, help="of the speech and of the engines' latencies (default 1)")
    parser.add_argument("--engines", choices=SETUPS, default=next(iter(SETUPS)), help="default: %(default)s")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the results")
    parser.add_argument("--keep", type=Path, help="keep recordings, packets and logs in this folder")
    parser.add_argument("--simulated", metavar="SEEDS", type=_seeds, help="in virtual time instead: 3, or 1-4")
    options = parser.parse_args()
    if options.simulated:
        from bench.latency.simulated import tell  # it takes much of the tests with it

        tell(options.clauses, options.simulated)
        return 0
    status = 2
    try:
        setup = SETUPS[options.engines]
        status = asyncio.run(run(setup, options.clauses, options.seed, options.results, options.keep))
    except* asyncio.CancelledError:  # a signal (128 + SIGINT, as shells have it)
        print("stopped", file=sys.stderr)
        status = 130
    except* DragomanError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        print(f"bench.latency: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
