"""Where a clause that broke off is cut, on voices whose words are known: words that nobody says, words said twice.

    python -m bench.seams        writes bench/results/seams.json and .md; two minutes

Each clip is broken off within some word, when all but its last 0.1 to 1.2 s was played, and cut: by the sound alone, or
as it is followed along espeak-ng's reading. What was said is known: flite tells when each of its phonemes ends,
espeak-ng when each of its words begins. No constant was set on these voices and sentences but those of flite's ``rms``,
of which other sentences were looked at.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
import time
import wave
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bench.two_speakers import FRESH_TEXTS

from bench import machine
from dragoman.engines.tts.espeak_library import Library
from dragoman.engines.tts.voices import VoiceProfile
from dragoman.engines.tts.xtts.align import RATE, follow
from dragoman.engines.tts.xtts.following import begins, read_aloud
from dragoman.engines.tts.xtts.seam import Cut, seams, units_of
from dragoman.languages import LANGUAGES
from dragoman.media.resample import resample

RESULTS = Path(__file__).parent / "results"

TEXTS = {
    "en": (
        *FRESH_TEXTS,
        "Please send us the contract by Thursday so that our lawyers can read it before the meeting.",
        "The delivery was late because the customs office wanted another form that nobody had signed.",
    ),
    "es": (
        "Mañana por la mañana llegará el camión con las mesas nuevas y necesitamos a dos personas para descargarlo.",
        "No entiendo por qué la reunión empieza tan temprano si nadie ha leído todavía el informe.",
        "El precio del contrato subió mucho este año, pero creo que podemos hablar con ellos.",
    ),
    "de": (
        "Morgen früh kommt der Lastwagen mit den neuen Tischen, und wir brauchen zwei Leute zum Abladen.",
        "Ich verstehe nicht, warum die Sitzung so früh beginnt, wenn noch niemand den Bericht gelesen hat.",
        "Der Preis ist in diesem Jahr stark gestiegen, aber ich glaube, dass wir mit ihnen reden können.",
    ),
    "fr": (
        "Demain matin le camion arrive avec les nouvelles tables et il nous faut deux personnes pour le décharger.",
        "Je ne comprends pas pourquoi la réunion commence si tôt alors que personne n'a lu le rapport.",
        "Le prix du contrat a beaucoup monté cette année mais je pense que nous pouvons leur parler.",
    ),
}

FLITE = ("slt", "awb", "rms")

ESPEAK = {
    "en": (("en-us", "f4", 140, 70), ("en-gb-scotland", "m3", 195, 30), ("en-029", "klatt4", 170, 50)),
    "es": (("es", "f3", 150, 65), ("es", "m5", 190, 40), ("es", "klatt3", 170, 50)),
    "de": (("de", "f3", 150, 65), ("de", "m5", 190, 40), ("de", "klatt3", 170, 50)),
    "fr": (("fr", "f3", 150, 65), ("fr", "m5", 190, 40), ("fr", "klatt3", 170, 50)),
}
"""Voice, variant, words a minute, pitch. espeak-ng reads the reference, too: in another voice, at another pace."""

LOST_BELOW, TWICE_FROM = 0.5, 0.85
"""Of a word: who heard less of it misses it, who heard more and hears it again hears it twice."""

WITHIN = 0.12
"""Of a word, that a cut may be off its end and be heard as a cut between two."""

Sound = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Clip:
    """A sentence, and the samples at which each of its words begins and ends."""

    voice: str
    language: str
    text: str
    sound: Sound
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Row:
    """One failure, cut in one way."""

    voice: str
    way: str
    lost: int
    twice: int
    rough: bool


def prepared(pcm: npt.NDArray[np.float32], rate: int) -> Sound:
    """At 24 kHz, as loud as others."""
    at_rate = resample(pcm, rate, RATE).astype(np.float64)
    return np.rint(at_rate / np.abs(at_rate).max() * 9000).astype(np.int16)


@cache
def phonemes(voice: str, word: str) -> tuple[str, ...]:
    """As flite says a word by itself."""
    told = subprocess.run(
        ["flite", "-voice", voice, "-ps", "-t", word, "-o", "/dev/null"], capture_output=True, text=True, check=True
    ).stdout
    return tuple(part for part in told.split() if part != "pau")


def by_flite(voice: str, text: str, stretch: float) -> Clip | None:
    """None: its phonemes could not be told from each other's words."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as out:
        stretched = ["--setf", f"duration_stretch={stretch}"]
        told = subprocess.run(
            ["flite", "-voice", voice, *stretched, "-psdur", "-t", text, "-o", out.name],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        with wave.open(out.name) as said:
            rate, pcm = said.getframerate(), np.frombuffer(said.readframes(1 << 30), "<i2").astype(np.float32)
    segments, begin = [], 0.0
    for part in told.split():
        name, end = part.rsplit(":", 1)
        if name != "pau":
            segments.append((name, begin, float(end)))
        begin = float(end)
    words = text.split()
    expected = [(name, n) for n, word in enumerate(words) for name in phonemes(voice, word.strip(".,?!"))]
    owners = owned(expected, [name for name, _, _ in segments])
    spans = []
    for n in range(len(words)):
        own = [segment for segment, owner in zip(segments, owners, strict=True) if owner == n]
        if not own:
            return None
        spans.append((round(own[0][1] * RATE), round(own[-1][2] * RATE)))
    return Clip(f"flite {voice}", "en", text, prepared(pcm, rate), tuple(spans))


def owned(expected: Sequence[tuple[str, int]], said: Sequence[str]) -> list[int]:
    """The word of each phoneme that was said, by the least edits from how its words are said by themselves."""

    def unlike(one: str, other: str) -> float:
        return 0.0 if one == other else 0.6 if one[0] in "aeiou" and other[0] in "aeiou" else 1.2

    cost = np.zeros((len(expected) + 1, len(said) + 1))
    cost[:, 0], cost[0] = np.arange(len(expected) + 1), np.arange(len(said) + 1)
    for i, (name, _) in enumerate(expected, 1):
        for j, other in enumerate(said, 1):
            cost[i, j] = min(cost[i - 1, j] + 1, cost[i, j - 1] + 1, cost[i - 1, j - 1] + unlike(name, other))
    owners, i, j = [-1] * len(said), len(expected), len(said)
    while i and j:
        name, word = expected[i - 1]
        if cost[i, j] == cost[i - 1, j - 1] + unlike(name, said[j - 1]):
            owners[j - 1], i, j = word, i - 1, j - 1
        elif cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    for n, owner in enumerate(owners):
        if owner < 0:
            owners[n] = owners[n - 1] if n else 0
    return owners


def by_espeak(library: Library, language: str, voice: tuple[str, str, int, int], text: str) -> Clip:
    """Words that espeak-ng says as one share their time by their letters."""
    name, variant, rate, pitch = voice
    pieces: list[Sound] = []
    marks: list[tuple[int, int]] = []

    def keep(pcm: Sound) -> bool:
        pieces.append(pcm)
        return True

    profile = VoiceProfile(variant, pitch, 50, rate)
    library.speak(text, name, profile, keep, lambda character, sample: marks.append((character, sample)))
    sound = prepared(np.concatenate(pieces).astype(np.float32), library.rate)
    words = [(character, round(sample * RATE / library.rate)) for character, sample in marks]
    starts = begins(text.split(), text, words, len(sound))
    spans = []
    for begin, behind in zip(starts, [*starts[1:], len(sound)], strict=True):
        loud = np.flatnonzero(np.abs(sound[begin:behind]) > 80)
        spans.append((begin, begin + int(loud[-1]) + 1 if len(loud) else behind))
    return Clip(f"espeak {language}", language, text, sound, tuple(spans))


def clips(library: Library) -> list[Clip]:
    """All of them."""
    rng = random.Random("seams, fresh")
    flite = [by_flite(voice, text, rng.uniform(0.8, 1.2)) for voice in FLITE for text in TEXTS["en"]]
    espeak = [
        by_espeak(library, language, voice, text)
        for language, voices in ESPEAK.items()
        for voice in voices
        for text in TEXTS[language]
    ]
    return [*(clip for clip in flite if clip is not None), *espeak]


def judged(clip: Clip, way: str, cut: Cut) -> Row:
    """What a listener hears of each word."""
    first = len(clip.spans) - len(cut.rest.split())
    heard = [min(1.0, max(0.0, (cut.at - begin) / max(1, end - begin))) for begin, end in clip.spans]
    rough = any(WITHIN < share < 1 - WITHIN for share in heard)
    lost = sum(share < LOST_BELOW for share in heard[:first])
    return Row(clip.voice, way, lost, sum(share > TWICE_FROM for share in heard[first:]), rough)


def failures(made: Sequence[Clip], library: Library, each: int, took: list[float]) -> Iterator[Row]:
    """Break each clip off so many times; ``took``: seconds of one core that following takes."""
    rng = random.Random("seams")
    spoken: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for clip in made:  # as the engine learns it of clauses before
        characters, seconds = spoken[clip.voice]
        spoken[clip.voice] = characters + len(clip.text), seconds + clip.spans[-1][1] / RATE
    for clip in made:
        characters, seconds = spoken[clip.voice]
        units, joint = units_of(clip.text)
        reference = read_aloud(clip.text, LANGUAGES[clip.language].espeak, units, library)
        for _ in range(each):
            begin, end = clip.spans[rng.randrange(2, len(clip.spans))]
            until = rng.randint(begin, max(begin + 1, end))
            played = max(1, until - round(rng.uniform(0.1, 1.2) * RATE))
            alone = seams(clip.sound[:until], clip.text, characters / seconds, known=True)
            yield judged(clip, "by the sound alone", alone.cut(played))
            begun = time.thread_time()
            track = follow(clip.sound[:until], reference, units, joint)
            took.append(time.thread_time() - begun)
            # As the engine has it: where it cannot be followed, the sound alone tells.
            yield judged(clip, "followed", (track or alone).cut(played))


def main() -> None:
    """Make, break, publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=4, help="failures of each clip")
    asked = parser.parse_args()
    library, took = Library(), list[float]()
    made = clips(library)
    rows = list(failures(made, library, asked.each, took))
    about = {"machine": machine.describe(), "clips": len(made), "follow_ms": round(1000 * float(np.mean(took)))}
    (RESULTS / "seams.json").write_text(
        json.dumps({**about, "failures": [asdict(row) for row in rows]}).replace("}, {", "},\n{") + "\n", "utf-8"
    )
    (RESULTS / "seams.md").write_text(page := table(rows, about), encoding="utf-8")
    print(page)


def table(rows: Sequence[Row], about: dict[str, Any]) -> str:
    """For reading."""
    lines = [
        "# Where a clause that broke off is cut",
        "",
        f"{len(rows) // 2} failures of {about['clips']} clips. Lost: words of which neither voice says half; twice: "
        f"words of which the first says more than {TWICE_FROM:.0%}, and the second all. Rough: cut within a word, for "
        "want of an end of one between what was played and what went wrong; it counts as neither. Following takes "
        f"{about['follow_ms']} ms of one core, in a process of its own.",
        "",
        "| voice | way | failures | neither lost nor twice | words lost | words twice | rough |",
        "|---|---|---|---|---|---|---|",
    ]
    for voice in [*sorted({row.voice for row in rows}), "all"]:
        for way in ("by the sound alone", "followed"):
            own = [row for row in rows if row.way == way and voice in (row.voice, "all")]
            lost, twice, rough = (sum(int(value) for value in column) for column in zip(
                *((row.lost, row.twice, row.rough) for row in own), strict=True
            ))  # fmt: skip
            good = sum(not (row.lost or row.twice) for row in own)
            lines.append(f"| {voice} | {way} | {len(own)} | {good} | {lost} | {twice} | {rough} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
