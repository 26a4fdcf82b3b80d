"""Do conferences translate themselves, and what does the guard against it cost? ``python -m bench.echo [--seed S]``.

Simulated conferences (``simulate``) with phones on loudspeakers in rooms that the seed draws: delay 40 to 400 ms, echo
6 to 30 dB down, reverberation, G.711; in some, people talk over their own loudspeaker as loud as its echo, it clips,
the delay drifts or jumps, or two phones stand in one office. Each with both lines against echoes, with each alone and
without any: the first is the guard in the media plane, the second leaves out words that a leg was only played
(``interpret``). And handsets whose callers sound like their booths (``alike``). Writes ``bench/results/echo.json`` and
``.md``. Six minutes per seed and core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from bench.echo.acoustics import Room
from bench.echo.alike import hear
from bench.echo.recognise import Recogniser
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

LINES = {"none": (False, False), "second": (False, True), "first": (True, False), "both": (True, True)}
"""The guard, and what leaves out words."""

FLOOR = "no echo"
"""Both lines in the same rooms, of whose loudspeakers nothing comes back: what is a loop there, the bench made up."""

SILENT_DB = -120.0
"""Gain of an echo that is none."""

SAFE = ("handsets", "music")
"""Where nothing comes back anyway: only simulated with both lines."""

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


def callers(kind: str, rng: np.random.Generator, echo: bool = True) -> list[Caller]:
    """Who takes part; ``echo``: whether what their loudspeakers play comes back."""
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
        places = [replace(room, narrow=False) for room in places]
    if not echo:
        places = [replace(room, gain_db=SILENT_DB) for room in places]
    if kind == "offices":
        beside = (1, 0, 3, 2)
        return [Caller(*who, near=other) for *who, other in zip(LANGUAGES, places, beside, strict=True)]
    over = None if kind == "loudspeakers" else 0.0
    return [Caller(*who, over_db=over) for who in zip(LANGUAGES, places, strict=True)]


@cache
def _voices() -> tuple[Voices, SileroVad, Recogniser]:
    return Voices(), SileroVad(len(LANGUAGES)), Recogniser()


def simulate(task: tuple[str, int, str], seconds: float) -> Outcome:
    """One conference of a kind, by a seed, with these lines against echoes."""
    kind, seed, lines = task
    if kind == ALIKE:
        return hear(seed, seconds)[0]
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    voices, vad, recogniser = _voices()
    guarded, second_line = LINES["both" if lines == FLOOR else lines]
    who = callers(kind, rng, echo=lines != FLOOR)
    return Call(who, voices, seed, guarded, vad, recogniser, second_line).run(seconds)


def total(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """All of them as one; the longest wait is the longest."""
    summed = {f.name: sum(getattr(each, f.name) for each in outcomes) for f in fields(Outcome) if f.name != "leaks_ms"}
    return {**summed, "longest_wait_ms": max(each.longest_wait_ms for each in outcomes)}


Row = dict[str, Any]
"""Of a kind of conference: ``kind``, and by ``LINES`` the sums over all seeds."""


def table(rows: Sequence[Row], told: str) -> str:
    """The results to read."""
    head = (
        "| conference | loops: no line | second alone | first alone | both | inventions, both "
        "| loops and inventions without any echo | words again, both "
        "| echoes heard: no line | first alone | speech silenced | or left out, both | of it over an echo "
        "| echo let through | handsets taken for loudspeakers |"
    )
    lines = ["# What the echo guard does", "", told, "", head, "|---" * 15 + "|"]
    for row in rows:
        both = row["both"]
        counted = [_figure(row, each, "rounds") for each in LINES]
        heard = [_figure(row, each, "loops") for each in ("none", "first")]
        shares = [("silenced", "spoken"), ("taken", "spoken"), ("over_silenced", "over"), ("passed", "echo")]
        cells = [
            f"{row['kind']}: {TOLD[str(row['kind'])]}",
            *counted,
            _figure(row, "both", "invented"),
            f"{row[FLOOR]['rounds']:.0f} and {row[FLOOR]['invented']:.0f}" if FLOOR in row else "-",
            f"{both['again']:.0f} of {both['words']:.0f}" if both["words"] else "-",
            *heard,
            *(_share(both, *pair) for pair in shares),
            f"{both['claims']:.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _figure(row: Row, lines: str, name: str) -> str:
    return f"{row[lines][name]:.0f}" if lines in row and row["kind"] != ALIKE else "-"


def story(box: str, seeds: range, controls: range, seconds: float) -> str:
    """What was measured, and on what."""
    fewer = f"{controls.start} to {controls.stop - 1} with fewer" if controls else "none with fewer"
    return (
        f"{box}. Seeds {seeds.start} to {seeds.stop - 1} with both lines, {fewer}; conferences of {seconds:.0f} s and "
        "12 s in which nobody speaks. A loop is an utterance that would be translated, of whose words nobody at that "
        "phone spoke one, and of which one at least is like a word that was played to it in the second before: a "
        "recogniser (pocketsphinx, with a language model of what is said here) hears what the first line lets "
        "through, and the second leaves out words that the leg was only played. An invention: of its words none was "
        "played either, the recogniser made them of an echo's remains, or of noise: how often of that alone is "
        "counted where nothing comes back from the same rooms. Words again: those that nobody spoke, also beside a "
        "person's own. Speech left out: frames in words that the second line left out though the person there was "
        "saying them. Echoes heard: utterances by the VAD in which nobody spoke, recognised or not. Frames of 20 ms. "
        "Who talks "
        "over the booth is as loud as his echo, but never below -45 dBFS; his frames count as speech down to 20 dB "
        "below that level, to -60 dBFS. Silenced is a frame of nothing but zeros, or one with less than a tenth "
        "(-10 dB) of the energy that his voice alone would have brought: what is let through over an echo comes "
        "without the echo, as far as the filters know it, and what they leave is taken down by band."
    )


def _share(sums: dict[str, float], part: str, whole: str) -> str:
    of = sums[whole]
    return f"{100 * sums[part] / of:.2f} % of {of:.0f}" if of else "-"


def main() -> int:
    """Simulate and publish; 1 if a conference translated itself, or more than 2 % of speech was taken away."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=2, help="how many, from --seed on")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each conference")
    parser.add_argument("--controls", type=int, default=2, help="seeds, from --seed on, with fewer lines as well")
    parser.add_argument("--jobs", type=int, default=2, help="conferences simulated at once")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    seeds = range(args.seed, args.seed + args.seeds)
    tasks = [(kind, seed, "both") for seed in seeds for kind in TOLD]
    tasks += [(kind, seed, FLOOR) for seed in seeds for kind in KINDS if kind not in SAFE]
    controls = seeds[: args.controls]
    tasks += [
        (kind, seed, lines)
        for seed in controls
        for kind in KINDS
        for lines in LINES
        if lines != "both" and kind not in SAFE
    ]
    _voices()  # made once, before there are several of us
    outcomes: dict[tuple[str, int, str], Outcome] = {}
    with ProcessPoolExecutor(args.jobs) as pool:
        done = pool.map(partial(simulate, seconds=args.seconds), tasks)
        for task, outcome in zip(tasks, done, strict=True):
            outcomes[task] = outcome
            console.print(*task, json.dumps(asdict(outcome)))
    rows: list[Row] = []
    for kind in TOLD:
        simulated = [lines for lines in (*LINES, FLOOR) if (kind, seeds[0], lines) in outcomes]
        sums = {
            lines: total([outcomes[kind, seed, lines] for seed in (seeds if lines in ("both", FLOOR) else controls)])
            for lines in simulated
        }
        rows.append({"kind": kind, **sums})
    described = machine.describe()
    told = story(machine.in_words(described), seeds, controls, args.seconds)
    args.results.mkdir(parents=True, exist_ok=True)
    text = table(rows, told)
    (args.results / "echo.md").write_text(text)
    (args.results / "echo.json").write_text(json.dumps({"machine": described, "rows": rows}, indent=1) + "\n")
    console.print(text)
    loud = [row["both"] for row in rows if row["kind"] != ALIKE]
    spoken, silenced, rounds = (sum(sums[name] for sums in loud) for name in ("spoken", "taken", "rounds"))
    claims = sum(row["both"]["claims"] for row in rows)
    good = not rounds and silenced <= 0.02 * spoken  # who is taken for a loudspeaker loses what is counted as taken
    console.print(
        f"loops {rounds:.0f}; of speech {100 * silenced / spoken:.2f} % taken away (target 2); "
        f"{claims:.0f} handsets taken for loudspeakers",
        style="" if good else "red",
    )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
