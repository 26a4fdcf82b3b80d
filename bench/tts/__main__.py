"""How many voices XTTS speaks in at once, how soon, and what the event loop's tick feels of it; against coqui's own.

    python -m bench.tts

Clauses of 26 and of 90 tokens (1.2 and 4.2 s). On a GPU, where there is one: float16, CUDA graphs, 1 to 32 streams,
ten rounds. On the CPU it is short, a quarter of an hour of one core: for the ratio, not for real time. The published
architecture with random weights, which take the same time; every clause has the same number of tokens. Both engines
speak in the same run, one after the other, in the same precision. Writes bench/results/tts.json and .md; on a GPU
tts-gpu.json and .md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
import traceback
import warnings
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench.tts import model
from bench.tts.measure import Heard, ratios, row, sustained
from bench.tts.ours import Ours
from bench.tts.theirs import Theirs
from tests.engines.tts.xtts import tiny

from bench import machine

RESULTS = Path(__file__).resolve().parents[1] / "results"

ON_CUDA = {"dtype": "float16", "streams": [1, 2, 4, 8, 16, 32], "tokens": [26, 90], "rounds": 10, "coqui_rounds": 3}
ON_CPU = {"dtype": "float32", "streams": [1, 2, 4, 8, 16, 32], "tokens": [26, 90], "rounds": 1, "coqui_rounds": 1}
"""What is measured where nothing else is asked for: the clauses of a conversation take one to four seconds."""

CPU_BOUND = 850
"""Tokens at once, of which coqui's streaming takes a core half a minute for each hundred: more is left out on a CPU
unless it is asked for."""

PERIOD = 0.02
"""Seconds between two ticks of the media plane."""


async def main() -> None:
    """All rows."""
    asked = arguments()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        folder = model.at(asked.model or Path(temporary) / "xtts", asked.tiny)
        with tiny.narrow() if asked.tiny else tiny.as_published():
            rows, ticks = await ours(folder, asked)
            if not asked.only_ours:
                if not asked.tiny:
                    publish(rows, ticks, asked)  # what is measured is kept, whatever comes of the rest
                rows += await asyncio.to_thread(theirs, folder, asked)
    if not asked.tiny:
        publish(rows, ticks, asked)
    print(table(rows, ticks, asked))


async def ours(folder: Path, asked: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of the product's engine, and lateness of a 20 ms tick in the loop beside it."""
    rows = []
    options = {"model": str(folder), "device": asked.device, "dtype": asked.dtype, "slots": max(asked.streams)}
    ticks: dict[str, Any] = {}
    engine = Ours({**options, "cuda_graph": not asked.no_cuda_graph}, asked.tokens[0])
    loading = time.perf_counter()
    await engine.start()
    ticks["load_s"] = round(time.perf_counter() - loading, 1)
    ticks["alone"] = await lateness(asyncio.sleep(5))
    for tokens in asked.tokens:
        await engine.say(tokens)
        for streams in measured(asked, tokens):
            made: list[tuple[float, list[Heard]]] = []

            async def speak(made: Any = made, streams: int = streams) -> None:
                for _ in range(asked.rounds):
                    made.append(await engine.speak(streams))

            before = time.process_time()
            ticks[f"{streams} x {tokens} tokens"] = await lateness(speak())
            rows.append(row("dragoman", asked.device, asked.dtype, tokens, made, time.process_time() - before))
            print(rows[-1], flush=True)
    await engine.close()
    return rows, ticks


def measured(asked: argparse.Namespace, tokens: int) -> list[int]:
    """Streams of clauses of so many tokens."""
    return [streams for streams in asked.streams if asked.all or streams * tokens <= CPU_BOUND]


def theirs(folder: Path, asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of coqui's; as many as it manages."""
    rows: list[dict[str, Any]] = []
    try:
        engine = Theirs(folder, asked.device, getattr(torch, asked.dtype), asked.coqui_chunk)
        engine.warm_up(asked.tokens if asked.device == "cuda" else [2])
        for tokens in asked.tokens:
            for streams in measured(asked, tokens):
                if asked.coqui_streams is not None and streams not in asked.coqui_streams:
                    continue
                before = time.process_time()
                made = [engine.speak(streams, tokens) for _ in range(asked.coqui_rounds)]
                rows.append(row("coqui", asked.device, asked.dtype, tokens, made, time.process_time() - before))
                print(rows[-1], flush=True)
    except Exception:  # so many streams may take more memory than there is: what was measured counts
        traceback.print_exc()
    return rows


async def lateness(work: Awaitable[object]) -> dict[str, float]:
    """How late (ms) the loop wakes at absolute 20 ms deadlines until ``work`` is done."""
    loop, late = asyncio.get_running_loop(), []
    doing = asyncio.ensure_future(work)
    deadline = loop.time() + PERIOD
    while not doing.done():
        await asyncio.sleep(max(0.0, deadline - loop.time()))
        late.append((loop.time() - deadline) * 1000)
        deadline += PERIOD * (1 + int((loop.time() - deadline) / PERIOD))
    await doing
    p50, p99, p999 = np.percentile(late, [50, 99, 99.9])
    return {"p50": round(p50, 2), "p99": round(p99, 2), "p99.9": round(p999, 2), "max": round(max(late), 2)}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Of the command line; what is left open is as the device can bear."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=["cuda", "cpu"])
    parser.add_argument("--dtype", choices=["float32", "float16", "bfloat16"], help="float16 on CUDA, else float32")
    parser.add_argument("--no-cuda-graph", action="store_true")
    parser.add_argument("--streams", type=int, nargs="+")
    parser.add_argument("--tokens", type=int, nargs="+", help="of each clause; 26 are 1.2 s")
    parser.add_argument("--all", action="store_true", help="long clauses of many streams on a CPU, too")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--coqui-rounds", type=int)
    parser.add_argument("--coqui-streams", type=int, nargs="+", help="of those, which coqui speaks, too; all")
    parser.add_argument("--coqui-chunk", type=int, default=20, help="its stream_chunk_size; 20 is its default")
    parser.add_argument("--model", type=Path, help="a folder to keep the model in (1.9 GB)")
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--tiny", action="store_true", help="a tiny model, to try the bench itself; writes nothing")
    asked = parser.parse_args(given)
    asked.all |= asked.device == "cuda"
    for name, value in (ON_CUDA if asked.device == "cuda" else ON_CPU).items():
        if getattr(asked, name) is None:
            setattr(asked, name, value)
    return asked


def publish(rows: list[dict[str, Any]], ticks: dict[str, Any], asked: argparse.Namespace) -> None:
    """What was measured takes the place of what was there."""
    RESULTS.mkdir(exist_ok=True)
    described = machine.describe() | {"torch": torch.__version__}
    if asked.device == "cuda":
        described["gpu"] = torch.cuda.get_device_name()
    about = {
        "tokens": asked.tokens,
        "rounds": asked.rounds,
        "coqui_rounds": asked.coqui_rounds,
        "coqui_chunk": asked.coqui_chunk,
    }
    name = "tts-gpu" if asked.device == "cuda" else "tts"
    (RESULTS / f"{name}.json").write_text(
        json.dumps(
            {
                "machine": described,
                **about,
                "rows": rows,
                "times_coqui": ratios(rows),
                "sustained": sustained(rows),
                "tick_lateness_ms": ticks,
            },
            indent=1,
        )
        + "\n"
    )
    (RESULTS / f"{name}.md").write_text(table(rows, ticks, asked), encoding="utf-8")


def _gpu(asked: argparse.Namespace) -> str:
    return f", {torch.cuda.get_device_name()}" if asked.device == "cuda" else ""


def table(rows: list[dict[str, Any]], ticks: dict[str, Any], asked: argparse.Namespace) -> str:
    """For people."""
    lines = [
        "# XTTS v2: this engine against coqui's own streaming",
        "",
        f"{machine.in_words(machine.describe())}{_gpu(asked)}, torch {torch.__version__}, one thread. "
        "The published architecture, random weights; "
        f"{asked.rounds} x clauses of {' and '.join(f'{n} tokens ({n * 1024 / 22050:.1f} s)' for n in asked.tokens)}; "
        f"coqui {asked.coqui_rounds} x, in chunks of {asked.coqui_chunk} tokens, a view of the weights per stream. "
        "Stock voices; what the layers make of one is computed when it first speaks.",
        "",
        f"Load average: {machine.describe()['load_average']}; well above 1, others took a share of every figure.",
        "",
        "Real time: wall time by the length of one stream's speech; above 1, playback runs dry. On a busy machine only "
        "processor time compares: our thread steps back behind all others (nice 5), coqui's does not.",
        "",
        "| engine | device | dtype | tokens | streams | first audio ms p50 / p95 / p99 | real time | audio s per s "
        "| CPU s per audio s | ran dry |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for each in rows:
        first = each["first_audio_ms"]
        lines.append(
            f"| {each['engine']} | {each['device']} | {each['dtype']} | {each['tokens']} | {each['streams']} "
            f"| {first['p50']:.0f} / {first['p95']:.0f} / {first['p99']:.0f} | {each['realtime_factor']:.2f} "
            f"| {each['audio_seconds_per_second']:.2f} | {each['cpu_seconds_per_audio_second']:.2f} "
            f"| {each['underruns']} of {each['clauses']} |"
        )
    most = ", ".join(f"{one['engine']}, {one['tokens']} tokens: {one['streams']}" for one in sustained(rows))
    if times := ratios(rows):
        lines += [
            "",
            "Throughput, in times coqui's: of as many concurrent streams (its best case), and of one after the other.",
            "",
            "| tokens | streams | best case | one by one | best case, for the same processor time |",
        ]
        lines += ["|---|---|---|---|---|"]
        lines += [
            f"| {each['tokens']} | {each['streams']} "
            f"| {each['concurrent']:.1f} | {each['one_by_one']:.1f} | {each['by_cpu']:.1f} |"
            for each in times
        ]
    lines += ["", f"Most streams without one playback running dry: {most}."]
    lines += ["", f"Loaded and warm after {ticks['load_s']} s. Lateness of a 20 ms tick in the loop beside it:", ""]
    lines += ["| while | p50 | p99 | p99.9 | max |", "|---|---|---|---|---|"]
    for name, late in ticks.items():
        if name != "load_s":
            lines.append(f"| {name} | {late['p50']} | {late['p99']} | {late['p99.9']} | {late['max']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    asyncio.run(main())
