"""The bench's meeting without Asterisk, phones and time: six minutes of talk in a quarter of one, the same each time.

    python -m bench.latency --simulated 1-4 [--clauses N]

The script, the providers' fakes with their latencies, the engines that speak to them and the whole pipeline are those
of the real bench; what booths say is decoded as there. A clock that jumps to the next timer takes the place of time,
frames that are handed over the place of RTP, and ``ASTERISK_S`` that of the way from a phone to its tap. So nothing
that the machine does can disturb it: what is not in it is what Asterisk, packets and a busy processor add, some ms.

It writes no results: those are of real calls. It is there to try a rule of the pipeline on several seeds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import structlog
from bench.latency.analyse import Analysis, summarise, told_by
from bench.latency.engines import WRONG_INTERIMS
from bench.latency.figures import Interpretation, percentiles
from bench.latency.script import Script, write
from tests.fakes.deepgram import FakeDeepgram, Faults, ToneWords, scripted
from tests.fakes.deepgram.hearing import Ear, Heard
from tests.fakes.deepl import FakeDeepL
from tests.fakes.deepl_words import tones
from tests.fakes.elevenlabs import FakeElevenLabs
from tests.fakes.latency import Latency
from tests.fakes.speaking import tone
from tests.pipeline.fakes import FakeMeasures
from tests.tonewords.code import SYMBOL_MS, SYMBOLS, WORD_MS, punctuated
from tests.tonewords.encode import encode
from tests.tonewords.meeting import meeting, said_of
from tests.virtual_time import VirtualTimeLoop

from dragoman.demo.fake_cloud import LATENCIES, settings
from dragoman.engines.base import Stage
from dragoman.media.format import Pcm, ms_to_samples
from dragoman.media.sonic import stretcher
from dragoman.pipeline.journey import Journey
from dragoman.pipeline.latency import ClauseTimes
from dragoman.pipeline.options import DEFAULTS, PipelineOptions
from dragoman.telephony.pbx.ports import free_port

ASTERISK_S = 0.032
"""From a speaker's phone to the tap, as the real bench measures it at the median."""

TICKS_S = 0.025
"""In the jitter buffer, and until the daemon's next tick and the recogniser's process take what came."""

TAIL_S = 8.0
"""In which the last word's translation is heard out; virtual seconds cost little."""

WORD_JITTER_S = 0.02
"""Of the fake recogniser's word times; its command line's default."""

SILENCE = ms_to_samples(10)
"""Without sound between two words; there are 45 ms."""

WORD = ms_to_samples(WORD_MS)

KNOWN_AFTER = ms_to_samples((SYMBOLS - 1) * SYMBOL_MS)
"""Samples of a word by which the decoder of tone words tells it: all tones but one."""

SURE = ms_to_samples((SYMBOLS - 1) * SYMBOL_MS - SYMBOL_MS // 2)
"""Of these, samples that do not glide into the last tone; no two words begin with the same tones."""

PACE = 0.2
"""Seconds that the fake synthesizer takes for one of audio; its command line's default."""


class StageTimes(FakeMeasures):
    """Keeps how each clause divided its time."""

    def __init__(self) -> None:
        super().__init__()
        self.stages: dict[tuple[str, str], Mapping[str, float]] = {}
        self.times: dict[tuple[str, str], ClauseTimes] = {}

    def clause_spoken(self, journey: Journey) -> None:
        """See Measures."""
        super().clause_spoken(journey)
        self.stages[journey.clause, journey.target] = journey.times.stages()
        self.times[journey.clause, journey.target] = journey.times


class Words:
    """A Hearing that knows tone words by their samples: nothing on the way changes them, and comparing costs little."""

    def __init__(self, script: Script) -> None:
        texts = {word for sentence in script.sentences for word in sentence.words}
        self._texts = {_key(encode(text)): text for text in texts}
        self._wrong = ToneWords().wrong

    def ear(self, leg: str, language: str) -> Ear:
        """See Hearing."""
        return _Ear(self._texts)

    def wrong(self, text: str) -> str:
        """See Hearing."""
        return self._wrong(text)


class _Ear:
    def __init__(self, texts: Mapping[bytes, str]) -> None:
        self._texts = texts
        self._words: list[Heard] = []
        self._word = np.zeros(0, np.int16)
        """What was heard of the last word, and of the silence behind it."""
        self._end = 0

    def feed(self, pcm: Pcm) -> None:
        """See Ear."""
        self._end += len(pcm)
        self._word = np.concatenate((self._word, pcm))
        while len(loud := np.flatnonzero(self._word)):
            self._word = self._word[loud[0] :]
            if len(self._word) < KNOWN_AFTER + SILENCE or np.any(self._word[WORD : WORD + SILENCE]):
                if len(self._word) <= WORD + SILENCE:
                    return
                raise AssertionError("what was said is no tone word")
            if len(self._word) < WORD + SILENCE:
                return
            self._words = [*self._words, *self._last()]
            self._word = self._word[WORD + SILENCE :]

    def words(self) -> list[Heard]:
        """See Ear."""
        return self._words

    def flush(self, *, ended: bool) -> list[Heard]:
        """See Ear: a word of which but the last tone's end is missing, too."""
        return [*self._words, *self._last()] if len(self._word) >= KNOWN_AFTER else self._words

    def _last(self) -> list[Heard]:
        text = self._texts.get(_key(self._word))
        start = self._end - len(self._word)
        end = start + min(len(self._word), WORD)
        return [] if text is None else [Heard(punctuated(text), start, end)]


def _key(pcm: Pcm) -> bytes:
    loud = np.flatnonzero(pcm)
    return bytes(pcm[loud[0] :][:SURE].astype(np.int16).tobytes()) if len(loud) else b""


@dataclass(slots=True)
class Simulated:
    """What came of it."""

    analysis: Analysis
    totals: Mapping[str, int]
    """The conference's own counts."""
    engine: Mapping[str, int] = field(default_factory=dict)
    """The translator's own counts."""
    times: Mapping[tuple[str, str], ClauseTimes] = field(default_factory=dict)
    """By (clause, target)."""


async def _cloud(stack: AsyncExitStack, script: Script, seed: int) -> dict[str, Any]:
    """The providers; gives the daemon's section ``engines``."""
    ports = [free_port(socket.SOCK_STREAM) for _ in LATENCIES]
    lag, final = (Latency.parse(LATENCIES["deepgram"][place]) for place in (1, 3))
    faults = scripted(rest=Faults(wrong_interims=WRONG_INTERIMS, word_jitter=WORD_JITTER_S))
    await stack.enter_async_context(
        FakeDeepgram(Words(script), seed=seed, interim=lag, final=final, faults=faults, keys=None, port=ports[0])
    )
    translator = FakeDeepL(tones, latency=Latency(*map(float, LATENCIES["deepl"][1::2]), seed), seed=seed)
    await stack.enter_async_context(translator.serve(port=ports[1]))
    voice = Latency(*map(float, LATENCIES["elevenlabs"][1::2]), seed)
    await stack.enter_async_context(FakeElevenLabs(tone, voice, pace=PACE, port=ports[2]))
    table = settings(*(f"127.0.0.1:{port}" for port in ports))
    return {**table, **{stage: names[:1] for stage, names in table.items() if stage != "options"}}


async def simulate(
    script: Script, seed: int, options: PipelineOptions = DEFAULTS, engine_options: Mapping[str, Any] | None = None
) -> Simulated:
    """Hold the meeting. ``engine_options``: more options by engine."""
    measures = StageTimes()
    async with AsyncExitStack() as stack:
        table = await _cloud(stack, script, seed)
        for name, more in (engine_options or {}).items():
            table["options"][name] |= more
        async with meeting(script, table, measures, options=options, stretcher=stretcher) as held:
            await held.until(script.seconds + TAIL_S)
            engine = dict(held.engines.of(Stage.MT)[0].counts())
    said = said_of(script, held.begun)
    ways = {}
    for (voice, target), heard in held.heard().items():
        # What the daemon takes now was said on its way's length before.
        way = ASTERISK_S + TICKS_S
        spoken = [replace(word, start=word.start - way, end=word.end - way) for word in said[voice]]
        ways[voice, target] = Interpretation(spoken, [w.end + ASTERISK_S for w in spoken], heard, heard)
    captions = [caption for _, _, caption in held.captions]
    analysis = summarise(script, ways, list(told_by(captions, measures.stages)), captions)
    return Simulated(analysis, held.totals, engine, measures.times)


def run(clauses: int, seed: int, options: PipelineOptions = DEFAULTS, **engine_options: Any) -> Simulated:
    """One meeting in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(simulate(write(clauses, seed), seed, options, engine_options))


def _row(name: str, found: Sequence[Simulated]) -> str:
    """Of one meeting, or of several together."""
    spans = [span for each in found for span in each.analysis.spans]
    turns = [span for each in found for span in each.analysis.turns]
    long = [span for each in found for span in each.analysis.spans if span not in each.analysis.turns]
    told = [percentiles([span.ms for span in some], 50, 95) for some in (spans, turns, long)]
    queue = percentiles([span.parts_ms["queue"] for span in spans], 95)["p95"]
    words = Counter[str]()
    for each in found:
        words.update(each.analysis.result["words"])
    twice = sum(each.engine["hedges"] for each in found)
    asked = sum(each.engine["requests"] for each in found) - twice
    wrong = [f"{count} {fate}" for fate, count in words.items() if count and fate not in ("spoken", "heard")]
    return (
        f"{name:>8}: "
        + ", ".join(
            f"{what} {each['p50']} / {each['p95']}"
            for what, each in zip(("all", "turns", "monologues"), told, strict=True)
        )
        + f"; waiting for one's own clause p95 {queue}; {words['heard']} of {words['spoken']} words heard"
        + "".join(f", {each}" for each in wrong)
        + f"; {twice / asked:.0%} of {asked} translations asked for twice"
    )


def _quiet() -> None:
    """In a process that does nothing but simulate."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def tell(clauses: int, seeds: Sequence[int]) -> None:
    """Simulate and print the ear-voice span's p50 and p95, ms, for each seed and for all."""
    found = []
    with ProcessPoolExecutor(min(len(seeds), os.cpu_count() or 1), initializer=_quiet) as pool:
        for seed, each in zip(seeds, pool.map(run, [clauses] * len(seeds), seeds), strict=True):
            print(_row(f"seed {seed}", [each]), flush=True)
            found.append(each)
    print(_row("together", found))
