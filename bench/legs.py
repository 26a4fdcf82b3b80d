"""What a whole leg costs: five stages with instant scripted engines.

    python -m bench.legs                 20, 40 and 100 legs
    python -m bench.legs --legs 40

A leg is 50 packets a second in, an interim every 300 ms and a final every 3 s from the recogniser, a translation, 2.5 s
of speech in 25 pieces, and 50 packets a second out. The media plane, the conference and its chains are the product's
own; the recogniser is pushed 100 ms at a time, as a cloud recogniser wants it. VAD, echo guard and codec are off, as
they were when pipecat and livekit-agents were measured, and so is the second line against echoes, which looks at words
(``--drop-echoes``: everybody speaks over his booth all the time, its dearest case). The floor (the original under the
translation) is mixed. Two legs make a room, each speaking its own language. Rows of kind ``leg`` join those of
``bench.media``.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the daemon does (cli/main.py), before numpy is imported

import argparse
import asyncio
import gc
import json
import time
from dataclasses import replace
from typing import Any

import structlog
from bench.plane import Cut, Recorder, answer, publish, spawn, watch
from tests.engines_scripted.engines import ScriptedRecognizer, ScriptedStream, ScriptedSynthesizer, ScriptedTranslator

from dragoman.engines.base import StreamRequest
from dragoman.engines.selection import EngineSet
from dragoman.media.plane import MediaConfig, MediaPlane
from dragoman.observe.clauses import ClauseMeasures
from dragoman.observe.metrics import Metrics
from dragoman.pipeline.captions import CaptionHub
from dragoman.pipeline.conference import Conference
from dragoman.pipeline.options import PipelineOptions
from dragoman.pipeline.reports import Reporter
from dragoman.telephony.model import Booth, Leg, Tap

WORDS = {
    "en": tuple("we have looked at the first part of the report and it is good".split()),
    "es": tuple("nadie puede decir cuándo termina esto si faltan aquí tantos datos".split()),
}
"""What each language's people say, in words that the other's are not: else both would be taken for echoes of what their
booths say meanwhile."""

LANGUAGES = tuple(WORDS)


class Recognizer(ScriptedRecognizer):
    """Takes all audio from the start, and calls each of its finals the end of an utterance: a clause every 3 s."""

    def __init__(self) -> None:
        super().__init__({})
        self.info = replace(self.info, continuous=True, chunk_ms=100)

    async def open(self, request: StreamRequest) -> ScriptedStream:
        """A stream that says what peers' recognisers said."""
        stream = Stream(None, self.interim, self.final)
        stream.words = WORDS[request.language]
        return stream


class Stream(ScriptedStream):
    """Finals end utterances."""

    def _say(self, upto: int, *, is_final: bool, end_of_utterance: bool) -> None:
        super()._say(upto, is_final=is_final, end_of_utterance=is_final or end_of_utterance)


async def measure(recorder: Recorder, legs: int, seconds: float, options: PipelineOptions) -> dict[str, Any]:
    """One row."""
    loop = asyncio.get_running_loop()
    plane = MediaPlane(MediaConfig(vad="none", echo_guard=False), Cut)
    await plane.start()
    engines = EngineSet([Recognizer()], [ScriptedTranslator({})], [ScriptedSynthesizer({})])
    captions = CaptionHub()
    reporter = Reporter(captions, ClauseMeasures(Metrics(), loop.time), loop.time, time.time() - loop.time())
    conference = Conference(plane, engines, captions, reporter, loop.time, floor_db=-18.0, options=options)
    load = await spawn("bench.load", json.dumps({"media": plane.address, "legs": legs, "speaking": 1.0, "clip": None}))
    sleeper = await spawn("bench.sleeper")
    ports = (await answer(load))["ports"]
    running = asyncio.ensure_future(conference.run())
    await asyncio.sleep(0)
    for i, port in enumerate(ports):
        room, language = str(1000 + i // 2), LANGUAGES[i % 2]
        leg = Leg(f"channel-{i}", 1, room, language, f"caller {i}")
        conference.tap_ready(Tap(leg, f"tap-{i}", ("127.0.0.1", port)))
        conference.booth_ready(Booth(room, language, f"booth-{i}", ("127.0.0.1", port)))
    for state in conference.legs.values():  # with the VAD off nothing else says that somebody speaks
        assert state.speaking.recognition is not None
        state.speaking.recognition.on_speech_start(0)
    watched = await watch(
        recorder, plane, load, sleeper, seconds, also=lambda: {"clauses": reporter.clauses.get("spoken", 0)}
    )
    conference.stop()
    await running
    await plane.close()
    gc.unfreeze()
    return {
        "kind": "leg",
        "legs": legs,
        "booths": legs,
        **watched.row(legs),
        "rtp_in_to_out_ms": None,
        "clauses_spoken_per_leg_minute": round(watched.counted["clauses"] / legs / seconds * 60, 1),
    }


async def run(sizes: list[int], seconds: float, options: PipelineOptions) -> None:
    """Measure and publish."""
    recorder = Recorder()
    for legs in sizes:
        row = await measure(recorder, legs, seconds, options)
        print(json.dumps(row), flush=True)
        publish([row])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--legs", type=int, nargs="+", default=[20, 40, 100], help="how many legs")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the measurement")
    parser.add_argument(
        "--drop-echoes", action="store_true", help="look for echoes in words, with both over their booths"
    )
    options = parser.parse_args()
    # As `dragoman serve` logs by default: one line per clause, formatted, thrown away here.
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=open("/dev/null", "w")))
    asyncio.run(run(options.legs, options.seconds, PipelineOptions(drop_echoes=options.drop_echoes)))


if __name__ == "__main__":
    main()
