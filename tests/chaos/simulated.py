"""The same meeting without Asterisk, phones and time: a whole conference and its clouds in virtual time.

Hundreds of seeds in minutes, and what one finds is found again: nothing else on the machine can disturb it. The
recogniser, translator and synthesizer are the production ones; their providers are the fakes, struck as in the real
meeting but for what takes a process or a network. What booths said is decoded as a phone's recording is.

    python -m tests.chaos.simulated --seeds 1-50 --seconds 60
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import asyncio
import logging
import socket
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import structlog
from bench.latency.figures import Sound
from bench.latency.script import LANGUAGE_OF, LEAD_S
from tests.chaos.cloud import PROVIDERS
from tests.chaos.ledger import Dropped, Fate, Gap, Page, judge, numbers_of, reasons, summary
from tests.chaos.schedule import KINDS, Fault, Part, plan
from tests.chaos.script import script_of
from tests.pipeline.fakes import FakeMeasures
from tests.tonewords.meeting import meeting, said_of
from tests.virtual_time import VirtualTimeLoop

from dragoman.demo.fake_cloud import settings as cloud_settings
from dragoman.pipeline.captions import Caption, CaptionKind
from dragoman.telephony.pbx.ports import free_port

TONE = "tests.tonewords.engines:Tone"
TAIL_S = 45.0
"""Virtual seconds cost little."""

PARTS = {Part.ASR: "deepgram", Part.MT: "deepl", Part.TTS: "elevenlabs"}
NOT_HERE = ("kill", "freeze")


@dataclass
class Simulation:
    """What is left of it; times are virtual seconds."""

    said: dict[str, list[Sound]] = field(default_factory=dict)
    heard: dict[tuple[str, str], list[Sound]] = field(default_factory=dict)
    captions: list[tuple[float, str, Caption]] = field(default_factory=list)
    """When it was read, by a reader of which language."""
    faults: Sequence[Fault] = ()
    begun: float = 0.0
    crashed: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def marks(self, voice: str, target: str) -> Iterable[Gap | Dropped]:
        for _, language, caption in self.captions:
            if language != target or caption.speaker.lower() not in ("", voice):
                continue
            if caption.kind is CaptionKind.GAP:
                yield Gap(caption.start_unix, caption.end_unix)
            elif caption.kind is CaptionKind.DROPPED:
                yield Dropped(caption.start_unix, caption.end_unix, numbers_of(caption.source_text))

    def pages(self) -> dict[tuple[str, str], Page]:
        return {
            (voice, target): judge(
                voice,
                target,
                said=self.said[voice],
                tapped=self.said[voice],
                sent=heard,
                heard=heard,
                marks=self.marks(voice, target),
                bad_in=lambda at: False,
                bad_out=lambda at: False,
                froze=lambda start, end: False,
            )
            for (voice, target), heard in self.heard.items()
        }


async def simulate(seed: int, seconds: float, only: str = "", fallback: bool | None = None) -> Simulation:
    """Hold it."""
    script = script_of(seconds, seed)
    kinds = [
        kind
        for kind in KINDS
        if kind.part in PARTS and kind.what not in NOT_HERE and f"{kind.part}: {kind.what}".startswith(only)
    ]
    faults = plan(seed, LEAD_S + 1.0, script.seconds - 4.0, tuple(LANGUAGE_OF), kinds, ()) if kinds else ()
    result, measures = Simulation(faults=faults), FakeMeasures()
    fallback = seed % 2 == 0 if fallback is None else fallback
    async with AsyncExitStack() as stack:
        strikes = {}
        ports = {}
        for part, name in PARTS.items():
            ports[part] = free_port(socket.SOCK_STREAM)
            strikes[part] = await stack.enter_async_context(PROVIDERS[name](ports[part], seed))
        table = cloud_settings(*(f"127.0.0.1:{ports[part]}" for part in PARTS))
        for stage, kind in {
            "recognizers": "Recognizer",
            "translators": "Translator",
            "synthesizers": "Synthesizer",
        }.items():
            table[stage] = [*table[stage][:1], *([f"{TONE}{kind}"] if fallback else [])]
        async with meeting(script, table, measures) as held:
            for fault in faults:
                await held.until(fault.at)
                strikes[fault.part](fault.what, fault.seconds, fault.share)
            await held.until(script.seconds + TAIL_S)
    result.begun = held.begun
    result.captions = held.captions
    result.counts = dict(held.totals)
    result.crashed = measures.crashed
    result.said = said_of(script, held.begun)
    result.heard = held.heard()
    return result


def run(seed: int, seconds: float, only: str = "", fallback: bool | None = None) -> Simulation:
    """In virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(simulate(seed, seconds, only, fallback))


def story(result: Simulation, *, everything: bool = False) -> list[str]:
    """What happened, in order of time."""
    rows = [(result.begun + fault.at, f"-- {fault}") for fault in result.faults]
    for (voice, target), page in result.pages().items():
        for row in page.rows:
            if everything or row.fate is not Fate.HEARD:
                rows.append((row.said, f"   {voice} -> {target}: {row.text} {row.fate}"))
        for name in ("doubled", "out_of_order", "never_said", "damaged"):
            rows += [(s.start, f"   {voice} -> {target}: {s.text} heard, {name}") for s in getattr(page, name)]
    for read, language, c in result.captions:
        if everything or c.kind in (CaptionKind.GAP, CaptionKind.DROPPED):
            span = f"{c.start_unix - result.begun:.2f}-{c.end_unix - result.begun:.2f}"
            rows.append((read, f"   caption in {language}: {c.kind} {c.speaker} {span}: {c.source_text} ({c.note})"))
    return [f"{at - result.begun:8.2f}  {text}" for at, text in sorted(rows, key=lambda row: row[0])]


def one(
    seed: int, seconds: float, only: str, fallback: bool | None
) -> tuple[int, dict[str, int], list[str], list[str]]:
    """For a process of its own."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        result = run(seed, seconds, only, fallback)
    except BaseException as error:
        return seed, {}, [f"{type(error).__name__}: {error}"], []
    figures = summary(result.pages().values(), 0)
    return seed, figures, reasons(figures) + (["crashed"] if result.crashed else []), story(result)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.simulated", description=__doc__)
    parser.add_argument("--seeds", default="1-10", help="7, or 1-50")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", default="", help="faults that begin with this: 'asr: late finals'")
    parser.add_argument("--fallback", choices=("yes", "no"), help="second engines; default: seeds that are even")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--tell", action="store_true", help="what happened in those that are not good")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    fallback = None if options.fallback is None else options.fallback == "yes"
    bad = 0
    with ProcessPoolExecutor(options.processes) as pool:
        work = [pool.submit(one, seed, options.seconds, options.only, fallback) for seed in seeds]
        for seed, figures, why, told in (each.result() for each in work):
            bad += bool(why)
            print(seed, {k: v for k, v in figures.items() if v}, "; ".join(why) or "good", flush=True)
            if why and options.tell:
                print("\n".join(told), flush=True)
    print(f"{bad} of {len(seeds)} not good")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
