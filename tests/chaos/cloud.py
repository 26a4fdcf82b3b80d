"""One provider as a process of its own, which does what it is told on standard input, and strikes when it is told to.

    python -m tests.chaos.cloud deepgram --port 9000 --seed 1

Each line of its input is ``{"what": "stall", "seconds": 2.5, "share": 0.3}``, in the words of ``schedule.KINDS``; what
is struck recovers by itself. Ends with its input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

from tests.fakes.deepgram import FakeDeepgram, Faults, ToneWords
from tests.fakes.deepgram.faults import DATA_0000, NET_0001
from tests.fakes.deepl import FakeDeepL
from tests.fakes.deepl_words import tones
from tests.fakes.elevenlabs import FakeElevenLabs
from tests.fakes.elevenlabs import Fault as Failure
from tests.fakes.latency import Latency
from tests.fakes.speaking import tone

from dragoman.demo.fake_cloud import LATENCIES

Strike = Callable[[str, float, float], None]
"""(what, seconds, share)"""

WORD_JITTER_S = 0.02

WRONG_INTERIMS = 0.02
"""Probability: a word that is guessed wrong, spoken and then revised was never said; not too many of these."""

LATE_S = 2.2
"""By how much a late final is late: more than a stream waits for it."""

SHORT_LIFE_S = 1.5
"""Mean life of a connection, while they live shortly: less than a clause takes to be said."""


class _Calm:
    """Says when the fault is over that was begun last."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._timer: asyncio.TimerHandle | None = None

    def after(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._end)


ENDINGS: Mapping[str, Faults] = {
    "close 1011": Faults(close_at=0.0, close_code=1011),
    "close 1006": Faults(close_at=0.0, close_code=1006),
    "close 1000": Faults(close_at=0.0, close_code=1000, close_reason=""),
    "close 1008": Faults(close_at=0.0, close_code=1008, close_reason=DATA_0000),
    "error": Faults(error_at=0.0),
    "half-open": Faults(half_open_at=0.0),
}


@asynccontextmanager
async def deepgram(port: int, seed: int) -> AsyncIterator[Strike]:
    random = Random(f"deepgram/{seed}")
    calm = Faults(wrong_interims=WRONG_INTERIMS, word_jitter=WORD_JITTER_S)
    weather: dict[str, Callable[[], Faults]] = {}

    def live(number: int, tag: str) -> Faults:
        return next(iter(weather.values()))() if weather else calm

    def of(what: str, seconds: float, share: float) -> Faults:
        known = {
            "stall": Faults(stall_at=0.0, stall_s=seconds),
            "late finals": Faults(late_finals=share, late_s=LATE_S),
            "double finals": Faults(duplicate_finals=share),
            "lost flags": Faults(lost_flags=share, mute_finalize=share),
            "junk": Faults(junk=share),
            "parted finals": Faults(parted_finals=share),
            "untimed": Faults(untimed=share),
            **ENDINGS,
        }
        return replace(known[what], wrong_interims=WRONG_INTERIMS, word_jitter=WORD_JITTER_S)

    def die_soon() -> Faults:
        life, code = random.expovariate(1 / SHORT_LIFE_S), random.choice((1011, 1006, 1000))
        return replace(calm, close_at=life, close_code=code, close_reason=NET_0001)

    def everything() -> Faults:
        return replace(
            die_soon(),
            handshake_s=random.uniform(0.0, 0.5),
            duplicate_finals=0.3,
            late_finals=0.3,
            late_s=random.uniform(0.3, LATE_S),
            lost_flags=0.3,
            mute_finalize=0.5,
            junk=0.2,
        )

    latency, final = (Latency.parse(LATENCIES["deepgram"][place], seed) for place in (1, 3))
    fake = FakeDeepgram(
        ToneWords(marks=True), seed=seed, interim=latency, final=final, faults=live, keys=None, port=port
    )

    def clear() -> None:
        weather.clear()
        fake.strike(calm)

    cleared = _Calm(clear)

    def strike(what: str, seconds: float, share: float) -> None:
        weather.clear()
        if what == "refuse":
            status = random.choice((429, 500, 503))
            weather[what] = lambda: Faults(refuse=status)
            fake.strike(ENDINGS["close 1011"])
        elif what in ("short lives", "everything"):
            draw = weather[what] = die_soon if what == "short lives" else everything
            for stream in fake.streams:
                stream.strike(draw())
        else:
            faults = of(what, seconds, share)
            fake.strike(faults)
            if what not in ENDINGS and what != "stall":
                weather[what] = lambda: faults
        cleared.after(seconds)

    async with fake:
        yield strike


@asynccontextmanager
async def deepl(port: int, seed: int) -> AsyncIterator[Strike]:
    fake = FakeDeepL(tones, latency=Latency(150, 350, seed), limit=500_000_000, seed=seed)
    calm = _Calm(lambda: setattr(fake, "random_faults", {}))

    def strike(what: str, seconds: float, share: float) -> None:
        fake.random_faults = {what: share}
        calm.after(seconds)

    async with fake.serve(port=port):
        yield strike


@asynccontextmanager
async def elevenlabs(port: int, seed: int) -> AsyncIterator[Strike]:
    fake = FakeElevenLabs(tone, Latency(120, 200, seed), pace=0.2, port=port, seed=seed)
    calm = _Calm(lambda: setattr(fake, "random_faults", {}))

    def strike(what: str, seconds: float, share: float) -> None:
        fake.random_faults = {Failure(what): share}
        calm.after(seconds)

    async with fake:
        yield strike


PROVIDERS = {"deepgram": deepgram, "deepl": deepl, "elevenlabs": elevenlabs}


async def serve(provider: str, port: int, seed: int) -> None:
    """Until standard input ends."""
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with PROVIDERS[provider](port, seed) as strike:
        print(f"http://127.0.0.1:{port}", flush=True)
        async for line in lines:
            order = json.loads(line)
            strike(order["what"], order["seconds"], order["share"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.cloud", description=__doc__)
    parser.add_argument("provider", choices=PROVIDERS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    asyncio.run(serve(options.provider, options.port, options.seed))


if __name__ == "__main__":
    main()
