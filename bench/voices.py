"""What a voice costs on the way of a clause: looking its profile up, conditioning on it; and the delete.

    python -m bench.voices [URL]        writes bench/results/voices.json and voices.md

The store holds 200 profiles of 10 clips with latents of XTTS v2's size (32 x 1024 and 512); a SQLite file in a
temporary folder, and whatever URL is given. ``warm``: in memory. ``cold``: read, decrypted and decoded. What is timed
is the awaited call, in the event loop's thread, with nothing else on the loop.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import structlog
from pydantic import SecretStr
from tests.voices.vectors import a_profile

from bench import machine
from dragoman.voices.conditioning import condition
from dragoman.voices.profile import Style, VoiceProfile
from dragoman.voices.store.store import VoiceStore

RESULTS = Path(__file__).parent / "results"
PROFILES, CLIPS = 200, 10
KEY = SecretStr("5b" * 32)


async def timed(repeats: int, call: Callable[[int], Awaitable[object]]) -> dict[str, float]:
    """Quantiles of the time of a call, ms; ``call`` is told which it is."""
    took = []
    for number in range(repeats):
        begin = time.perf_counter()
        await call(number)
        took.append((time.perf_counter() - begin) * 1000)
    return {f"p{q:g}": round(float(np.percentile(took, q)), 4) for q in (50, 99, 99.9)} | {"n": repeats}


async def measure(name: str, url: str, profiles: list[VoiceProfile], key: SecretStr | None) -> list[dict[str, object]]:
    """Rows of one store."""
    store = VoiceStore(SecretStr(url), key=key, cache_bytes=1 << 30)
    await store.start()
    for number, profile in enumerate(profiles):
        await store.put(profile, {})
        await store.assign(f"+34600{number:06}", profile.id)
    keys = [profile.id for profile in profiles]

    async def cold(number: int) -> None:
        assert await store.get(keys[number])

    async def warm(number: int) -> None:
        assert await store.get(keys[number % PROFILES])

    async def caller(number: int) -> None:
        assert await store.profile_of(f"+34600{number % PROFILES:06}")

    async def delete(number: int) -> None:
        assert (await store.delete(keys[number])).wiped

    rows = []
    for what, repeats, call in (
        ("cold", PROFILES, cold),
        ("warm", 100_000, warm),
        ("profile of a caller", 500, caller),
        ("delete", 50, delete),
    ):
        rows.append({"store": name, "encrypted": key is not None, "what": what, "ms": await timed(repeats, call)})
    await store.close()
    return rows


async def conditioning(profile: VoiceProfile) -> dict[str, object]:
    """The arithmetic of one clause."""
    style = Style(np.zeros(64, np.float32))

    async def call(_: int) -> None:
        assert condition(profile, style)

    return {"store": "", "encrypted": False, "what": "conditioning, 10 clips", "ms": await timed(2000, call)}


def table(rows: list[dict[str, object]], about: dict[str, object]) -> str:
    """For reading."""
    lines = ["# What a voice costs on the way of a clause", "", f"{machine.in_words(about)}. Milliseconds.", ""]
    lines += ["| store | encrypted | what | p50 | p99 | p99.9 | n |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        ms = row["ms"]
        assert isinstance(ms, dict)
        encrypted = "yes" if row["encrypted"] else "no"
        lines.append(f"| {row['store']} | {encrypted} | {row['what']} | {' | '.join(str(v) for v in ms.values())} |")
    return "\n".join(lines) + "\n"


async def main() -> None:
    """Measure and publish."""
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=open("/dev/null", "w")))
    profiles = [a_profile(CLIPS, seed) for seed in range(PROFILES)]
    rows = [await conditioning(profiles[0])]
    for key in (None, KEY):
        with tempfile.TemporaryDirectory() as folder:
            rows += await measure("SQLite", f"{folder}/voices.sqlite", profiles, key)
    if len(sys.argv) > 1:
        rows += await measure("PostgreSQL", sys.argv[1], profiles, None)
    about = machine.describe()
    (RESULTS / "voices.json").write_text(
        json.dumps({"machine": about, "rows": rows}, indent=1) + "\n", encoding="utf-8"
    )
    (RESULTS / "voices.md").write_text(table(rows, about), encoding="utf-8")
    print(table(rows, about))


if __name__ == "__main__":
    asyncio.run(main())
