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

import numpy as np
import structlog
from bench.latency.figures import Sound
from bench.latency.script import LANGUAGE_OF, LEAD_S, WORD_S, Script
from tests.chaos.cloud import PROVIDERS
from tests.chaos.ledger import Dropped, Fate, Gap, Page, judge, numbers_of, reasons, summary
from tests.chaos.schedule import KINDS, Fault, Part, plan
from tests.chaos.script import script_of
from tests.engines.asr.audio import GrowingAudio
from tests.pipeline.fakes import FakeMeasures, FakeMedia
from tests.tonewords.code import Source
from tests.tonewords.decode import decode
from tests.virtual_time import VirtualTimeLoop

from dragoman.config.engines import EnginesSettings
from dragoman.demo.fake_cloud import settings as cloud_settings
from dragoman.engines.base import Stage
from dragoman.engines.selection import EngineSet
from dragoman.pipeline.captions import Caption, CaptionHub, CaptionKind
from dragoman.pipeline.conference import Conference
from dragoman.pipeline.ports import LegAudioListener
from dragoman.pipeline.reports import Reporter
from dragoman.telephony.model import Address, Booth, Leg, Tap
from dragoman.telephony.pbx.ports import free_port

ROOM = "1000"
TONE = "tests.tonewords.engines:Tone"
TAIL_S = 45.0
"""Virtual seconds cost little."""

PARTS = {Part.ASR: "deepgram", Part.MT: "deepl", Part.TTS: "elevenlabs"}
NOT_HERE = ("kill", "freeze")


class ToneMedia(FakeMedia):
    """Legs whose speech is found by level, with a ring of 20 s."""

    def add_leg(self, leg_id: str, remote: Address, listener: LegAudioListener | None) -> GrowingAudio:  # type: ignore[override]  # another LegAudio
        assert listener is not None
        audio = GrowingAudio(asyncio.get_running_loop().time(), listener)
        self.legs[leg_id] = audio  # type: ignore[assignment]
        return audio


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


def said_of(script: Script, begun: float) -> dict[str, list[Sound]]:
    """When each word sounds."""
    found: dict[str, list[Sound]] = {voice: [] for voice in LANGUAGE_OF}
    for sentence in script.sentences:
        at = begun + sentence.start_s
        for number, word in enumerate(sentence.words, 1):
            found[sentence.voice].append(Sound(word, at, at + WORD_S - 0.045))
            at += WORD_S + sentence.breaths.get(number, 0.0)
    return found


async def simulate(seed: int, seconds: float, only: str = "", fallback: bool | None = None) -> Simulation:
    """Hold it."""
    script = script_of(seconds, seed)
    kinds = [
        kind
        for kind in KINDS
        if kind.part in PARTS and kind.what not in NOT_HERE and f"{kind.part}: {kind.what}".startswith(only)
    ]
    faults = plan(seed, LEAD_S + 1.0, script.seconds - 4.0, tuple(LANGUAGE_OF), kinds, ()) if kinds else ()
    loop = asyncio.get_running_loop()
    result = Simulation(faults=faults)
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
        engines = EngineSet.build(EnginesSettings(**table))
        for stage in Stage:
            await engines.start(stage, tuple(LANGUAGE_OF.values()))
        stack.push_async_callback(engines.close)
        media, measures = ToneMedia(), FakeMeasures()
        captions = CaptionHub(lambda: conference.refresh_demand())
        reporter = Reporter(captions, measures, loop.time, unix_offset=0.0)
        reporter.on_engine_change = engines.circuits.moved
        conference = Conference(media, engines, captions, reporter, loop.time, floor_db=-18.0)
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(work) for work in (conference.run(), engines.circuits.run(), media.run())]
            await asyncio.sleep(0)
            subscriptions = [captions.subscribe(ROOM, language) for language in LANGUAGE_OF.values()]

            async def read(place: int) -> None:
                async for _, caption in subscriptions[place]:
                    if caption.kind is not CaptionKind.PARTIAL:
                        result.captions.append((loop.time(), subscriptions[place].language, caption))

            running += [group.create_task(read(place)) for place in range(len(subscriptions))]
            for number, (voice, language) in enumerate(LANGUAGE_OF.items(), 1):
                leg = Leg(voice, number, ROOM, language, voice.upper(), False)
                conference.tap_ready(Tap(leg, f"tap-{voice}", ("::", 1)))
                conference.booth_ready(Booth(ROOM, language, f"booth-{language}", ("::", 2)))
                media.legs[f"tap-{voice}"].coming = script.microphone(voice)
            result.begun = began = loop.time()
            for fault in faults:
                await asyncio.sleep(max(began + fault.at - loop.time(), 0))
                strikes[fault.part](fault.what, fault.seconds, fault.share)
            await asyncio.sleep(max(began + script.seconds + TAIL_S - loop.time(), 0))
            result.counts = conference.totals()
            for each in subscriptions:
                each.close()
            conference.stop()
            for task in running[1:]:
                task.cancel()
    result.crashed = measures.crashed
    result.said = said_of(script, began)
    for target in LANGUAGE_OF.values():
        found = decode(np.concatenate(media.said[f"booth-{target}"]))
        for voice, own in LANGUAGE_OF.items():
            if own != target:
                source = Source(voice, True)
                result.heard[voice, target] = [
                    Sound(word.text, began + word.start_s, began + word.end_s)
                    for word in found
                    if word.source == source
                ]
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
