"""What the engine does when a real GPU fails under it: its memory taken by another process, its context lost.

    python -m bench.tts.troubles

Nothing is simulated, and all that mends is the product's: another process takes all of the card's memory while clauses
are spoken, or another thread also takes what torch keeps of it in this process; a kernel of another thread fails an
assertion, after which CUDA does nothing more in this process. Eight speakers speak one clause after the other
throughout. Writes bench/results/tts-gpu-troubles.json: what was told when, and what became of each clause.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from bench.tts import model
from bench.tts.ours import Ours
from prometheus_client import CollectorRegistry
from tests.engines.tts.xtts import tiny

from bench import machine
from dragoman.config.settings import LogSettings
from dragoman.errors import EngineError
from dragoman.observe.gpu import GpuCollector
from dragoman.observe.log import configure

RESULTS = Path(__file__).resolve().parents[1] / "results"

SPEAKERS = 8
TOKENS = 26

HOG = """
import sys, torch
kept, size = [], 1 << 30
print("begin", flush=True)
while size >= 1 << 20:
    try:
        kept.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
    except torch.OutOfMemoryError:
        size >>= 1
print("full", flush=True)
while sys.stdin.read(1):  # what the engine gives back is taken, too
    for size in (1 << 24, 1 << 21):
        try:
            while True:
                kept.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
        except torch.OutOfMemoryError:
            pass
    print(len(kept), flush=True)
"""


class Trial:
    """An engine that speaks all the time, and what is seen of it."""

    def __init__(self, folder: Path, device: str) -> None:
        self.engine = Ours({"model": str(folder), "device": device, "slots": SPEAKERS}, TOKENS)
        self.engine.tell = self._told  # type: ignore[assignment]  # as the daemon takes it
        self.began = time.perf_counter()
        self.told: list[tuple[float, str]] = []
        self.clauses: list[tuple[float, float, str]] = []
        """Begun, seconds that it took, what became of it."""
        self._speaking: list[asyncio.Task[None]] = []

    def now(self) -> float:
        """Seconds since it began."""
        return round(time.perf_counter() - self.began, 3)

    def _told(self, kind: Any, action: Any, status: Any, component: str, **about: Any) -> None:
        self.told.append((self.now(), f"{action} ({status}): {str(about.get('detail'))[:160]}"))
        print(*self.told[-1], flush=True)

    async def start(self) -> None:
        """Load, and let all speak."""
        began = time.perf_counter()
        await self.engine.start()
        print(f"loaded in {time.perf_counter() - began:.1f} s", flush=True)
        self._speaking = [asyncio.create_task(self._speak(number)) for number in range(SPEAKERS)]

    async def _speak(self, number: int) -> None:
        while True:
            began, result = self.now(), "spoken"
            try:
                pieces = [piece async for piece in self.engine.synthesize(self.engine.request(number))]
                result = "spoken" if sum(map(len, pieces)) > 16_000 else "nothing heard"
            except EngineError as error:
                result = type(error).__name__
            self.clauses.append((began, round(self.now() - began, 3), result))
            if result != "spoken":
                await asyncio.sleep(0.25)  # another voice says it

    async def speaks(self, seconds: float) -> bool:
        """Whether a clause that is begun from now on is spoken within that time."""
        began = self.now()
        while self.now() < began + seconds:
            if any(at >= began and result == "spoken" for at, _, result in self.clauses[-200:]):
                return True
            await asyncio.sleep(0.02)
        return False

    def outcomes(self, begin: float = 0.0, end: float = 1e9) -> dict[str, int]:
        """What became of clauses that were begun between two moments."""
        return dict(Counter(result for at, _, result in self.clauses if begin <= at < end))

    async def stop(self) -> None:
        """End everything."""
        for task in self._speaking:
            task.cancel()
        await asyncio.gather(*self._speaking, return_exceptions=True)
        await self.engine.close()


def memory() -> dict[str, int]:
    """What the daemon's own metrics say."""
    registry = CollectorRegistry()
    registry.register(GpuCollector())
    return {
        sample.labels["kind"]: int(sample.value) for family in registry.collect() for sample in family.samples
    }  # fmt: skip


def by_driver() -> list[int]:
    """Bytes used, free and whole, as nvidia-smi has them."""
    said = subprocess.run(
        ["nvidia-smi", "--query-gpu=memory.used,memory.free,memory.total", "--format=csv,noheader,nounits"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [int(part) << 20 for part in said.splitlines()[0].split(",")]


async def metrics(trial: Trial) -> dict[str, Any]:
    """Beside those of others who know: the driver, torch, and how many speak."""
    counts = dict(trial.engine.counts())
    await asyncio.sleep(2.0)
    steps, batched = (trial.engine.counts()[name] - counts[name] for name in ("steps", "batched"))
    return {
        "metrics": memory(),
        "driver_used_free_total": by_driver(),
        "torch_allocated": torch.cuda.memory_allocated(),
        "speaking": SPEAKERS,
        "batch_size": round(batched / steps, 2),
        "steps_a_second": steps / 2,
    }


async def no_memory(folder: Path) -> dict[str, Any]:
    """All that is free is taken, then also what torch gives back; and then all of it is free again."""
    trial = Trial(folder, "auto")
    found: dict[str, Any] = {}
    await trial.start()
    try:
        assert await trial.speaks(20)
        found["metrics"] = await metrics(trial)
        print(found, flush=True)
        hog = await asyncio.create_subprocess_exec(
            sys.executable, "-c", HOG, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert hog.stdin is not None and hog.stdout is not None
        while (await hog.stdout.readline()).strip() != b"full":
            pass
        full = trial.now()
        found["free_when_full"] = memory().get("free")
        await asyncio.sleep(2.0)
        found["while_full"] = trial.outcomes(full)
        print(found, flush=True)
        worker = trial.engine._worker
        assert worker is not None
        squeezed = trial.now()
        for _ in range(40):  # what the engine keeps for its next clause is given back, and gone
            try:
                await asyncio.wrap_future(worker.ask(lambda loaded: torch.cuda.empty_cache()))
            except EngineError:
                break  # it is being loaded anew
            hog.stdin.write(b"x")
            await hog.stdout.readline()
            await asyncio.sleep(0.1)
        await asyncio.sleep(4.0)
        found["while_squeezed"] = trial.outcomes(squeezed)
        freed = trial.now()
        hog.stdin.close()
        await hog.wait()
        found["spoken_again_s"] = trial.now() - freed if await trial.speaks(60) else None
        found["counts_before_end"] = dict(trial.engine.counts())
        settled = trial.now()
        found["metrics_afterwards"] = await metrics(trial)
        found["afterwards"] = trial.outcomes(settled)
        ready = worker.ready.result(0)
        found |= {"device_afterwards": ready.device, "graphs_afterwards": ready.decoder.graphs}
        found |= {"full": full, "squeezed": squeezed, "freed": freed}
    finally:
        found |= {"told": trial.told, "clauses": trial.outcomes()}
        await trial.stop()
    return found


async def no_memory_here(folder: Path) -> dict[str, Any]:
    """All of the card's memory is taken in this process, with what torch keeps for its next tensors."""
    trial = Trial(folder, "auto")
    found: dict[str, Any] = {}
    kept: list[torch.Tensor] = []

    def take() -> None:
        size = 1 << 30
        while size >= 1 << 12:
            try:
                kept.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
            except torch.OutOfMemoryError:
                size >>= 1

    await trial.start()
    try:
        assert await trial.speaks(20)
        await asyncio.sleep(1.0)
        full = trial.now()
        for _ in range(8):
            await asyncio.to_thread(take)
            await asyncio.sleep(1.0)
        found["while_full"] = trial.outcomes(full)
        freed = trial.now()
        kept.clear()
        torch.cuda.empty_cache()
        found["spoken_again_s"] = trial.now() - freed if await trial.speaks(40) else None
        settled = trial.now()
        found["metrics_afterwards"] = await metrics(trial)
        found["afterwards"] = trial.outcomes(settled)
        worker = trial.engine._worker
        assert worker is not None
        ready = worker.ready.result(0)
        found |= {"device_afterwards": ready.device, "graphs_afterwards": ready.decoder.graphs}
        found |= {"full": full, "freed": freed, "counts": dict(trial.engine.counts())}
    finally:
        found |= {"told": trial.told, "clauses": trial.outcomes()}
        await trial.stop()
    return found


def lose_the_device() -> None:
    """An index that is out of range: a kernel fails its assertion, and the context is lost for good."""
    try:
        rows = torch.zeros(4, device="cuda")
        print(rows[torch.tensor([99], device="cuda")].cpu())
    except RuntimeError as error:
        print(f"lost: {str(error).splitlines()[0]}", flush=True)


async def lost(folder: Path, device: str) -> dict[str, Any]:
    """The context is lost while clauses are spoken."""
    trial = Trial(folder, device)
    found: dict[str, Any] = {"device": device}
    await trial.start()
    try:
        assert await trial.speaks(20)
        await asyncio.sleep(1.0)
        at = trial.now()
        thread = threading.Thread(target=lose_the_device)
        thread.start()
        await asyncio.sleep(1.0)
        found["in_the_first_second"] = trial.outcomes(at - 0.5, at + 1.0)
        again = await trial.speaks(90 if device == "auto" else 15)
        found["spoken_again_s"] = round(trial.now() - at, 2) if again else None
        await asyncio.sleep(2.0)
        worker = trial.engine._worker
        assert worker is not None
        if again:
            found["device_afterwards"] = worker.ready.result(0).device
        found |= {"lost": at, "metrics_afterwards": memory(), "counts": dict(trial.engine.counts())}
        found["refusals_take_s"] = max((took for began, took, what in trial.clauses if what != "spoken"), default=0)
        thread.join(5)
    finally:
        found |= {"told": trial.told, "clauses": trial.outcomes()}
        await trial.stop()
    return found


TRIALS = {
    "no memory": no_memory,
    "no memory, in this process": no_memory_here,
    "lost, may move": lambda folder: lost(folder, "auto"),
    "lost, may not move": lambda folder: lost(folder, "cuda"),
}


def main() -> None:
    """Each trial in a process of its own: one loses it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a folder to keep the model in (1.9 GB)")
    parser.add_argument("--tiny", action="store_true", help="a tiny model, to try the trials themselves")
    parser.add_argument("--trial", choices=TRIALS, help="only this one, in this process")
    parser.add_argument("--only", nargs="+", default=list(TRIALS), choices=TRIALS)
    parser.add_argument("--results", type=Path, default=RESULTS / "tts-gpu-troubles.json")
    asked = parser.parse_args()
    configure(LogSettings(format="console"))  # as the daemon logs: without what variables hold, which CUDA may not tell
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.model or Path(temporary) / "xtts"
        with tiny.narrow() if asked.tiny else tiny.as_published():
            if asked.trial:
                asked.results.write_text(json.dumps(asyncio.run(TRIALS[asked.trial](folder)), indent=1))
                return
            model.at(folder, asked.tiny)
        told: dict[str, Any] = {"machine": machine.describe() | {"torch": torch.__version__}}
        for trial in asked.only:
            part = Path(temporary) / "part.json"
            command = [sys.executable, "-m", "bench.tts.troubles", "--trial", trial, "--model", str(folder)]
            ended = subprocess.run([*command, "--results", str(part), *(["--tiny"] if asked.tiny else [])], check=False)
            told[trial] = {"process": ended.returncode} | (json.loads(part.read_text()) if part.exists() else {})
            part.unlink(missing_ok=True)
        asked.results.write_text(json.dumps(told, indent=1) + "\n")
        print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
