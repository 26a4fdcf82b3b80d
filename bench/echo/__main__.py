"""Do conferences translate themselves, and what does the guard against it cost? ``python -m bench.echo [--seed S]``.

Simulated conferences (``simulate``) with phones on loudspeakers in rooms that the seed draws: delay 40 to 400 ms, echo
6 to 30 dB down, reverberation, G.711; in some, people talk over their own loudspeaker as loud as its echo, it clips,
the delay drifts or jumps, or two phones stand in one office. Each with the guard and without it. And handsets whose
callers sound like their booths (``alike``). Writes ``bench/results/echo.json`` and ``.md``. Two minutes per seed and
core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields
from functools import cache, partial
from pathlib import Path

import numpy as np
from bench.echo.acoustics import Room
from bench.echo.alike import hear
from bench.echo.simulate import Call, Caller, Outcome, Voices
from rich.console import Console

from bench import machine
from dragoman.media.vad import SileroVad

RESULTS = Path(__file__).parents[1] / "results"
LANGUAGES = ("en", "en", "es", "es")

KINDS = {
    "loudspeakers": "four phones on loudspeakers",
    "talked over": "as above, and people talk over the booth, as loud as its echo",
    "clipped": "as above, and the loudspeaker clips at a fifth of full scale",
    "drifting": "as above, and the delay grows by 100 us a second",
    "jumping": "as above, and the delay jumps by 25 ms every 15 s",
    "wide band": "as above, without G.711",
    "offices": "two phones in each of two offices",
    "handsets": "nobody on a loudspeaker",
    "music": "nobody on a loudspeaker; two play music",
}

ALIKE = "one synthesizer"
TOLD = {**KINDS, ALIKE: "76 handsets; caller and booth speak over each other with two voices of one synthesizer"}


def rooms(rng: np.random.Generator, *, jump_ms: float = 0.0, drift: float = 0.0, clip: float = 1.0) -> list[Room]:
    """One for each caller."""
    return [
        Room(
            delay_ms=rng.uniform(40, 400),
            gain_db=rng.uniform(-30, -6),
            rt60_s=rng.uniform(0.15, 0.5),
            reverb_db=rng.uniform(-12, 0),
            noise_dbfs=rng.uniform(-75, -60),
            jump_ms=jump_ms,
            drift_ppm=drift,
            clip=clip,
        )
        for _ in LANGUAGES
    ]


def callers(kind: str, rng: np.random.Generator) -> list[Caller]:
    """Who takes part."""
    if kind == "handsets":
        return [Caller(language, None, share=0.4) for language in LANGUAGES]
    if kind == "music":
        return [Caller(language, None, share=0.4, music=n % 2 == 0) for n, language in enumerate(LANGUAGES)]
    places = rooms(
        rng,
        jump_ms=25.0 if kind == "jumping" else 0.0,
        drift=100.0 if kind == "drifting" else 0.0,
        clip=0.2 if kind == "clipped" else 1.0,
    )
    if kind == "wide band":
        places = [Room(**{**asdict(room), "narrow": False}) for room in places]
    if kind == "offices":
        beside = (1, 0, 3, 2)
        return [Caller(*who, near=other) for *who, other in zip(LANGUAGES, places, beside, strict=True)]
    over = None if kind == "loudspeakers" else 0.0
    return [Caller(*who, over_db=over) for who in zip(LANGUAGES, places, strict=True)]


@cache
def _voices() -> tuple[Voices, SileroVad]:
    return Voices(), SileroVad(len(LANGUAGES))


def simulate(task: tuple[str, int, bool], seconds: float) -> Outcome:
    """One conference of a kind, by a seed, with the guard or without."""
    kind, seed, guarded = task
    if kind == ALIKE:
        return hear(seed, seconds)[0]
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    voices, vad = _voices()
    return Call(callers(kind, rng), voices, seed, guarded, vad).run(seconds)


def total(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """All of them as one; the longest wait is the longest."""
    summed = {f.name: sum(getattr(each, f.name) for each in outcomes) for f in fields(Outcome) if f.name != "leaks_ms"}
    return {**summed, "longest_wait_ms": max(each.longest_wait_ms for each in outcomes)}


def table(rows: Sequence[dict[str, object]], told: str) -> str:
    """The results to read."""
    head = (
        "| conference | loops without | loops with | speech silenced | of it over an echo | echo let through "
        "| handsets taken for loudspeakers |"
    )
    lines = ["# What the echo guard does", "", told, "", head, "|---|---|---|---|---|---|---|"]
    for row in rows:
        lines.append(
            f"| {row['kind']}: {TOLD[str(row['kind'])]} | {row['loops_without']} | {row['loops']} | "
            f"{_share(row, 'silenced', 'spoken')} | {_share(row, 'over_silenced', 'over')} | "
            f"{_share(row, 'passed', 'echo')} | {row['claims']} |"
        )
    return "\n".join(lines) + "\n"


def story(box: str, seeds: range, seconds: float) -> str:
    """What was measured, and on what."""
    return (
        f"{box}. Seeds {seeds.start} to {seeds.stop - 1}, conferences of {seconds:.0f} s "
        "and 12 s in which nobody speaks. A loop is an utterance in which nobody spoke. Frames of 20 ms. Who talks "
        "over the booth is as loud as his echo, but never below -45 dBFS; his frames count as speech down to 20 dB "
        "below that level, to -60 dBFS. Silenced is a frame of nothing but zeros, or one with less than a tenth "
        "(-10 dB) of the energy that his voice alone would have brought: what is let through over an echo comes "
        "without the echo, as far as the filters know it, and what they leave is taken down by band."
    )


def _share(row: dict[str, object], part: str, whole: str) -> str:
    of = float(str(row[whole]))
    return f"{100 * float(str(row[part])) / of:.2f} % of {of:.0f}" if of else "-"


def main() -> int:
    """Simulate and publish; 1 if a conference translated itself, or more than 2 % of speech was taken away."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=2, help="how many, from --seed on")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each conference")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    seeds = range(args.seed, args.seed + args.seeds)
    tasks = [(kind, seed, guarded) for kind in KINDS for seed in seeds for guarded in (False, True)]
    tasks += [(ALIKE, seed, True) for seed in seeds]
    _voices()  # made once, before there are several of us
    with ProcessPoolExecutor(2) as pool:
        outcomes = dict(zip(tasks, pool.map(partial(simulate, seconds=args.seconds), tasks), strict=True))
    rows: list[dict[str, object]] = []
    for kind in TOLD:
        without = 0 if kind == ALIKE else total([outcomes[kind, seed, False] for seed in seeds])["loops"]
        rows.append(
            {
                "kind": kind,
                "loops_without": without,
                **total([outcomes[kind, seed, True] for seed in seeds]),
            }
        )
    described = machine.describe()
    told = story(machine.in_words(described), seeds, args.seconds)
    args.results.mkdir(parents=True, exist_ok=True)
    text = table(rows, told)
    (args.results / "echo.md").write_text(text)
    (args.results / "echo.json").write_text(json.dumps({"machine": described, "rows": rows}, indent=1) + "\n")
    console.print(text)
    loud = [row for row in rows if row["kind"] != ALIKE]
    spoken, silenced, loops = (sum(float(str(row[name])) for row in loud) for name in ("spoken", "silenced", "loops"))
    claims = sum(int(str(row["claims"])) for row in rows)
    good = not loops and not claims and silenced <= 0.02 * spoken
    console.print(
        f"loops {loops:.0f}; of speech {100 * silenced / spoken:.2f} % silenced (target 2); "
        f"{claims} handsets taken for loudspeakers",
        style="" if good else "red",
    )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
