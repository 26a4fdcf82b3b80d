"""``python -m tests.fakes.deepgram``: the fake as a process of its own; prints ``base_url`` when it listens."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from tests.fakes.deepgram import FakeDeepgram, Faults, ScriptedWords, ToneWords, chaos, scripted
from tests.fakes.deepgram.hearing import Hearing
from tests.fakes.latency import Latency


def hearing_of(text: str) -> Hearing:
    kind, _, path = text.partition(":")
    if kind in ("tone", "tone-marks") and not path:
        return ToneWords(marks=kind == "tone-marks")
    if kind == "script" and path:
        ScriptedWords.load(Path(path))  # what is wrong with it is said now
        return ScriptedWords.following(Path(path))
    raise argparse.ArgumentTypeError(f"{text!r} is none of 'tone', 'tone-marks' and 'script:FILE.json'")


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.deepgram", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument(
        "--hearing", type=hearing_of, default="tone", help="tone, tone-marks (with punctuation), or script:FILE.json"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", default="250/300", help="how far interims lag, ms: median/95th percentile")
    parser.add_argument("--final", default="247/298", help="how long a final takes, ms: median/95th percentile")
    parser.add_argument("--key", help="the one API key that is good; default: any")
    parser.add_argument("--max-streams", type=int, default=50)
    parser.add_argument("--chaos", type=float, metavar="SECONDS", help="mean life of a connection; default: none dies")
    parser.add_argument("--wrong-interims", type=float, default=0.0, help="probability")
    parser.add_argument("--word-jitter", type=float, default=0.02, metavar="SECONDS")
    options = parser.parse_args()
    base = Faults(wrong_interims=options.wrong_interims, word_jitter=options.word_jitter)
    fake = FakeDeepgram(
        options.hearing,
        seed=options.seed,
        interim=Latency.parse(options.latency),
        final=Latency.parse(options.final),
        faults=scripted(rest=base) if options.chaos is None else chaos(options.seed, options.chaos, base),
        keys=None if options.key is None else frozenset((options.key,)),
        max_streams=options.max_streams,
        host=options.host,
        port=options.port,
    )
    async with fake:
        print(fake.url, flush=True)
        await fake.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
