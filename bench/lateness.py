"""How late an engine of our own machine makes the event loop: a thread of the daemon, or a process of its own?

    python -m bench.lateness

Models of the real sizes with weights made here: Whisper base (6 layers of 512) for two streams, NLLB-200 600M's decoder
cut to a quarter (6 layers of 1024) for eight clauses at a time. Beside them, in the daemon's place, a loop that wakes
every 20 ms; alone, and with the work in threads of its process (one thread of the engine each), and in the worker.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tests.engines import tiny_models

from bench import machine
from dragoman.engines.asr.faster_whisper import FasterWhisperRecognizer
from dragoman.engines.asr.whisper_messages import Setup
from dragoman.engines.asr.whisper_model import Whisper
from dragoman.engines.base import StreamRequest
from dragoman.media.format import SAMPLE_RATE, ms_to_samples

SECONDS = 12.0
PERIOD = 0.02


async def ticks(seconds: float) -> np.ndarray:
    """Lateness (ms) of wakes on absolute 20 ms deadlines."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    late = []
    for n in range(1, round(seconds / PERIOD)):
        await asyncio.sleep(max(0.0, began + n * PERIOD - loop.time()))
        late.append((loop.time() - began - n * PERIOD) * 1000)
    return np.array(late)


async def measure(name: str, work: Callable[[], Awaitable[int]] | None) -> None:
    """Print one row: lateness while ``work`` is repeated by two tasks, and how often it was done."""
    done = 0

    async def repeat(each: Callable[[], Awaitable[int]]) -> None:
        nonlocal done
        while True:
            done += await each()

    workers = [asyncio.create_task(repeat(work)) for _ in range(2)] if work else []
    await asyncio.sleep(1.0)
    late = await ticks(SECONDS)
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    p50, p99, p999 = np.percentile(late, [50, 99, 99.9])
    print(f"{name:34} {p50:7.2f} {p99:7.2f} {p999:7.2f} {late.max():7.2f}   {done / (SECONDS + 1):6.2f}/s", flush=True)


def whisper_base(folder: Path) -> Path:
    """The tiny model, as wide and deep as Whisper base."""
    return tiny_models.whisper(folder, width=512, layers=6, heads=8)


async def whisper(folder: Path) -> None:
    """In threads, and in the worker."""
    audio = (np.random.default_rng(1).standard_normal(5 * SAMPLE_RATE) * 2000).astype(np.int16)
    samples = audio.astype(np.float32) / 32768
    model = Whisper(Setup(str(folder), "cpu", "int8", 1, 1, 1, ms_to_samples(600)))
    pool = ThreadPoolExecutor(2)
    loop = asyncio.get_running_loop()

    async def in_thread() -> int:
        await loop.run_in_executor(pool, model, samples, "en", "", "")
        return 1

    await measure("Whisper base, two threads", in_thread)
    engine = FasterWhisperRecognizer({"model": str(folder), "device": "cpu", "compute_type": "int8"})
    await engine.start()
    streams: asyncio.Queue[Any] = asyncio.Queue()
    for n in range(2):
        streams.put_nowait(await engine.open(StreamRequest(f"leg-{n}", "room", "en")))

    async def in_worker() -> int:
        stream = streams.get_nowait()
        for at in range(0, len(audio), 1600):
            await stream.push(audio[at : at + 1600], at)
        await stream.finalize(len(audio))
        async for hypothesis in stream:
            if hypothesis.end_of_utterance:
                break
        streams.put_nowait(stream)
        return 1

    await measure("Whisper base, the worker", in_worker)
    await engine.close()


async def translation(folder: Path) -> None:
    """Eight clauses at a time in a thread."""
    import ctranslate2

    words = [f"w{n}" for n in range(30_000)]
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *words, "eng_Latn", "spa_Latn"]
    tiny_models.translator(folder, tokens, {}, start="</s>", prefix=True, width=1024, layers=6, heads=16)
    model = ctranslate2.Translator(str(folder), device="cpu", compute_type="int8", intra_threads=1)
    batch = [["eng_Latn", *words[n : n + 12], "</s>"] for n in range(8)]
    pool = ThreadPoolExecutor(1)

    def run() -> int:
        model.translate_batch(batch, target_prefix=[["spa_Latn"]] * 8, beam_size=1, max_decoding_length=40)
        return 1

    async def in_thread() -> int:
        return await asyncio.get_running_loop().run_in_executor(pool, run)

    await measure("translation, batches of 8, a thread", in_thread)


async def main() -> None:
    """All rows."""
    print(machine.in_words(machine.describe()))
    print(f"{'lateness of a 20 ms tick, ms':34} {'p50':>7} {'p99':>7} {'p99.9':>7} {'max':>7}   done")
    await measure("nothing else", None)
    with tempfile.TemporaryDirectory() as folder:
        await whisper(whisper_base(Path(folder) / "whisper"))
        await translation(Path(folder) / "translation")


if __name__ == "__main__":
    asyncio.run(main())
