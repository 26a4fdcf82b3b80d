"""How often an honest clip is taken for two speakers, and how often two speakers are taken for one.

    python -m bench.two_speakers        writes bench/results/two_speakers.json and .md; half an hour

Voices that the identity encoder was not trained on: synthetic ones (espeak-ng's unseen variants, flite), and those of
``other_voices``, people among them, where their packages lie on the machine. Each clip is judged as in an enrolment;
what was found in it is kept, so that another bound can be judged from the figures.

The bounds were chosen on other clips (``--chosen`` makes them): other vocal tracts, accents, usual pitches, sentences,
people, another order of it all.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bench.other_voices import others

from bench import machine
from dragoman.media.codec import G722Decoder, G722Encoder
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE
from dragoman.media.resample import resample, to_pcm
from dragoman.voices import clip as clips
from dragoman.voices.conditioning import robust_centroid, unit
from dragoman.voices.small import SmallIdentity
from dragoman.voices.training.line import g711, noisy
from dragoman.voices.training.speech import ACCENTS, FLITE_VOICES, Speaker, speakers
from dragoman.voices.turns import OTHER_PITCH, SAME_PITCH, SAME_PITCH_SHARE, Groups, Vectors, grouped

RESULTS = Path(__file__).parent / "results"

SEED = 1
"""Of the encoder that ships: its unseen voices are unseen only with it."""

CHOSEN, FRESH, OTHER = "chosen on", "fresh", "other"
"""Whether the bounds were chosen on its like. Fresh: of the same synthesizers; other: of others, and of people."""

FRESH_WARPS = (0.94, 1.06)
"""Vocal tracts of the fresh voices; those of the others are longer, the voice's own, or shorter."""

Wave = npt.NDArray[np.float32]

FRESH_TEXTS = (
    "The baker on the corner opens before six, and by seven there is nothing left but rye.",
    "Nobody told us that the bridge was shut, so we went back and took the ferry.",
    "My aunt has kept every ticket of every train that she ever took, in boxes, by year.",
    "Would you mind holding the door while I bring in the chairs and the long table?",
    "It rained all through July, and then in August one could not find a cool place anywhere.",
    "They have painted the school yellow, which everybody hates and the children like.",
    "A man with two dogs asked me for the harbour, and ten minutes later he asked me again.",
    "We could hear the band from our kitchen, and my father hummed along, half a tone too low.",
)

TEXTS = (
    "I never learnt to cook, but my neighbour upstairs did, and on Sundays the whole house smells of onions.",
    "We moved the piano twice last year, and it has not been in tune since.",
    "If the weather holds, they want to paint the fence before the children come home.",
    "There was a letter for you on the table, from somebody who writes a large and careful hand.",
    "Take the second road behind the mill, and then ask again, for the signs are old.",
    "He said that he would call at five, and he did, to the minute, as always.",
    "The museum is closed on Mondays, so let us walk along the river and have a coffee.",
    "Her brother keeps bees, and gives everybody a jar at the end of the summer.",
)


@dataclass(frozen=True)
class Made:
    """One clip, how it was made, and what was found in it."""

    condition: str
    voices: str
    clips: str
    """CHOSEN, FRESH or OTHER."""
    seconds: float
    two: bool
    share: float
    alike: float
    apart: float
    """Octaves between the groups' pitches."""
    refused: bool
    """As two speakers."""
    another: bool
    """As another person than two good clips of who speaks first."""


@dataclass(frozen=True)
class Sample:
    """One clip before it is judged."""

    person: str
    condition: str
    voices: str
    samples: Wave
    clips: str = CHOSEN


class Person:
    """One voice that can be made to speak for as long as is wanted."""

    def __init__(self, name: str, kind: str, sentence: Callable[[random.Random, bool], Wave]) -> None:
        self.name, self.kind = name, kind
        self._sentence = sentence

    def speak(self, seconds: float, rng: random.Random, lively: bool = False) -> Wave:
        """So much speech; ``lively``: from sentence to sentence pitch changes by a third of an octave, rate by 30 %."""
        parts: list[Wave] = []
        while sum(map(len, parts)) < seconds * SAMPLE_RATE:
            parts.append(self._sentence(rng, lively))
        made: Wave = np.concatenate(parts)[: round(seconds * SAMPLE_RATE)]
        return made


def levelled(samples: Wave, dbfs: float) -> Wave:
    """At this RMS, or as loud as it can be."""
    gain = 10 ** (dbfs / 20) / max(float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))), 1e-9)
    return (samples * min(gain, 0.9 / max(float(np.abs(samples).max()), 1e-9))).astype(np.float32)


def synthetic(speaker: Speaker, texts: Sequence[str], rng: random.Random, lively: bool) -> Wave:
    """A sentence by espeak-ng or flite, its vocal tract warped as in training."""
    text = rng.choice(texts)
    bend, rate = (rng.uniform(-1, 1), rng.uniform(0.75, 1.3)) if lively else (0.0, 1.0)
    if speaker.engine == "espeak":
        pitch = str(min(99, max(0, round(speaker.pitch + 15 * bend))))
        voice, speed = f"{speaker.accent}+{speaker.voice}", str(round(165 * rate / speaker.warp))
        wav = subprocess.run(
            ["espeak-ng", "-v", voice, "-p", pitch, "-s", speed, "--stdout", text], capture_output=True, check=True
        ).stdout
        source, pcm = 22_050, np.frombuffer(wav[44:], "<i2").astype(np.float32)
    else:
        f0 = FLITE_VOICES[speaker.voice] * 2 ** (bend / 3)
        with tempfile.NamedTemporaryFile(suffix=".wav") as out:
            stretch = [
                "--setf",
                f"duration_stretch={speaker.warp / rate:.3f}",
                "--setf",
                f"int_f0_target_mean={f0:.1f}",
            ]
            subprocess.run(["flite", "-voice", speaker.voice, *stretch, "-t", text, "-o", out.name], check=True)
            with wave.open(out.name) as said:
                source, pcm = said.getframerate(), np.frombuffer(said.readframes(1 << 30), "<i2").astype(np.float32)
    warped = resample(pcm, round(source * speaker.warp / 50) * 50, SAMPLE_RATE).astype(np.float32)
    loud = np.flatnonzero(np.abs(warped) > 0.01 * np.abs(warped).max())
    pause = np.zeros(round(0.25 * SAMPLE_RATE), np.float32)
    return np.concatenate([levelled(warped[loud[0] : loud[-1] + 1], -24), pause])


def allison() -> Person | None:
    """The person of Asterisk's prompts (GSM, a phone's bandwidth): the only human voice that can be had here."""
    for folder in Path.home().glob(".cache/dragoman/asterisk*/usr/share/asterisk/sounds/en_US_f_Allison"):
        try:
            import soundfile
        except ImportError:
            return None
        prompts: list[Wave] = []
        for path in sorted(folder.glob("*.gsm")):
            narrow, _ = soundfile.read(path, format="RAW", subtype="GSM610", samplerate=8000, channels=1)
            if len(narrow) > 12_000 and "tone" not in path.name:
                wide = resample((narrow * 32768).astype(np.float32), 8000, SAMPLE_RATE).astype(np.float32)
                prompts.append(levelled(wide, -24))
        return Person("Allison", "a person, GSM", partial(_any, prompts))
    return None


def _any(prompts: list[Wave], rng: random.Random, lively: bool) -> Wave:
    return rng.choice(prompts)


def people(count: int) -> list[Person]:
    """So many synthetic ones, of both engines, and the one who is not."""
    unseen = [speaker for speaker in speakers(SEED) if speaker.split != "train"]
    espeak = [speaker for speaker in unseen if speaker.engine == "espeak"][: max(2, count - 15)]
    chosen = [*espeak, *(speaker for speaker in unseen if speaker.engine == "flite")]
    found = [Person(each.name, each.engine, partial(synthetic, each, TEXTS)) for each in chosen]
    human = allison()
    return found if human is None else [*found, human]


def fresh_people(count: int) -> list[Person]:
    """So many synthetic ones, of the same engines, of which the bound knows nothing."""
    rng = random.Random(f"fresh {SEED}")
    variants = {speaker.voice: speaker for speaker in speakers(SEED) if speaker.split != "train"}
    made = [
        replace(each, accent=rng.choice(ACCENTS) if each.accent else "", pitch=rng.randint(25, 70), warp=warp)
        for each in variants.values()
        for warp in FRESH_WARPS
    ]
    return [Person(each.name, each.engine, partial(synthetic, each, FRESH_TEXTS)) for each in made][:count]


def g722(samples: Wave) -> Wave:
    """What comes out of a wideband phone line."""
    encoder, decoder = G722Encoder(), G722Decoder()
    whole = to_pcm(samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES] * np.float32(32768))
    frames = [decoder.decode(encoder.encode(frame)) for frame in whole.reshape(-1, FRAME_SAMPLES)]
    return (np.concatenate(frames) / 32768).astype(np.float32)


def paused(samples: Wave, rng: random.Random) -> Wave:
    """Silences of up to 2 s put in."""
    parts, at = [], 0
    while at < len(samples):
        size = round(rng.uniform(0.8, 3.0) * SAMPLE_RATE)
        parts += [samples[at : at + size], np.zeros(round(rng.uniform(0.3, 2.0) * SAMPLE_RATE), np.float32)]
        at += size
    return np.concatenate(parts)


def laughing(samples: Wave, rng: random.Random) -> Wave:
    """Breathy bursts, five a second, for 1 s here and there: a laugh, a cough, a rustle."""
    noise = np.random.default_rng(rng.randrange(1 << 30))
    made = samples.copy()
    for _ in range(max(1, round(len(samples) / SAMPLE_RATE / 5))):
        at, size = rng.randrange(max(1, len(made) - SAMPLE_RATE)), min(SAMPLE_RATE, len(made))
        envelope = np.maximum(0, np.sin(2 * np.pi * 5 * np.arange(size) / SAMPLE_RATE)) ** 2
        breath = np.convolve(noise.standard_normal(size), np.hanning(9) / 4.5, "same")
        made[at : at + size] = (made[at : at + size] * 0.2 + 0.08 * envelope * breath)[: len(made) - at]
    return made


def uneven(samples: Wave, rng: random.Random) -> Wave:
    """Nearer to the microphone and farther from it: 12 dB up and down within 4 s."""
    phase = rng.uniform(0, 2 * np.pi)
    gain_db = 6 * np.sin(2 * np.pi * np.arange(len(samples)) / (4 * SAMPLE_RATE) + phase) - 4
    return (samples * 10 ** (gain_db / 20)).astype(np.float32)


def line(samples: Wave, rng: random.Random, law: str = "mu") -> Wave:
    """A phone line: a quiet room, G.711."""
    return g711(noisy(samples, 24.0, np.random.default_rng(rng.randrange(1 << 30))), law)


SECONDS = (3.0, 6.0, 10.0, 20.0, 30.0)


def single(person: Person, rng: random.Random) -> Iterator[Sample]:
    """Honest clips."""
    for seconds in SECONDS:
        calm = person.speak(seconds, rng)
        yield Sample(person.name, f"calm, {seconds:g} s", person.kind, calm)
        if seconds in (6.0, 20.0):
            yield Sample(person.name, "pauses", person.kind, paused(calm, rng))
            yield Sample(person.name, "laughs, coughs", person.kind, laughing(calm, rng))
            yield Sample(person.name, "uneven loudness", person.kind, uneven(calm, rng))
            yield Sample(person.name, "G.711, 24 dB SNR", person.kind, line(calm, rng, rng.choice(("mu", "a"))))
            yield Sample(person.name, "G.722", person.kind, g722(calm))
            if "person" not in person.kind:
                lively = person.speak(seconds, rng, lively=True)
                yield Sample(person.name, "lively", person.kind, lively)
                yield Sample(person.name, "lively, G.711", person.kind, line(lively, rng))


def double(person: Person, everybody: list[Person], rng: random.Random) -> Iterator[Sample]:
    """Clips with a second speaker."""
    for seconds in (6.0, 10.0, 20.0):
        other = rng.choice([each for each in everybody if each.name.split("-")[:2] != person.name.split("-")[:2]])
        both = " and ".join(sorted({person.kind, other.kind}))
        one, two = person.speak(seconds, rng), other.speak(seconds, rng)
        half = len(one) // 2
        turns = np.concatenate([one[:half], two[:half]])
        yield Sample(person.name, "half and half", both, turns)
        yield Sample(person.name, "half and half, G.711", both, line(turns, rng))
        if seconds == 6.0:
            continue
        size = 2 * SAMPLE_RATE
        alternating = np.concatenate([(one if n % 2 == 0 else two)[n * size : (n + 1) * size] for n in range(99)])
        yield Sample(person.name, "turns of 2 s", both, alternating)
        yield Sample(person.name, "one talks over the other, as loud", both, (one + two) / 2)
        yield Sample(person.name, "somebody in the background, -12 dB", both, one + 0.25 * two)
        late = one.copy()
        late[half:] = (one[half:] + two[half:]) / 2
        yield Sample(person.name, "over the second half, as loud", both, late)
        for length in (1.0, 2.0):
            word = one.copy()
            word[half : half + round(length * SAMPLE_RATE)] = two[: round(length * SAMPLE_RATE)]
            yield Sample(person.name, f"an interjection of {length:g} s", both, word)


@dataclass(frozen=True)
class Heard:
    """What is kept of a clip."""

    sample: Sample
    """Without its sound."""
    two: bool
    seconds: float
    groups: Groups | None
    identity: Vectors | None
    """Who speaks in the whole; None: there is hardly any speech."""


def hear(sample: Sample, two: bool, identity: SmallIdentity, clips_of: str) -> Heard:
    """As an enrolment does it."""
    seconds = len(sample.samples) / SAMPLE_RATE
    speech = clips._speech(clips._frame_powers(sample.samples, SAMPLE_RATE))
    heard = clips._only_speech(sample.samples, SAMPLE_RATE, speech)
    vector = unit(identity.embed(heard)) if len(heard) >= clips.MIN_SPEECH_S * SAMPLE_RATE else None
    named = replace(sample, samples=sample.samples[:0], clips=clips_of)
    return Heard(named, two, seconds, grouped(heard, identity), vector)


def judge(heard: Heard, good: list[Vectors], threshold: float) -> Made:
    """What becomes of a clip; ``good``: others of the same person."""
    found, sample = heard.groups, heard.sample
    another = False
    if heard.identity is not None and good:
        another = 0 in robust_centroid(np.stack([heard.identity, *good]), threshold, [1.0] * (len(good) + 1)).rejected
    share, alike, apart = (found.share, found.alike, found.apart) if found else (0.0, 1.0, 0.0)
    refused = found is not None and found.are_two(threshold)
    return Made(
        sample.condition, sample.voices, sample.clips, round(heard.seconds, 1), heard.two,
        round(share, 4), round(alike, 4), round(apart, 4), refused, another,
    )  # fmt: skip


def main() -> None:
    """Make, judge, publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=69, help="synthetic ones; 15 of them are flite's")
    parser.add_argument("--root", type=Path, default=Path("/"), help="where Debian's packages of other voices lie")
    parser.add_argument("--festival", default="festival", help="the program")
    parser.add_argument("--chosen", action="store_true", help="the clips that the bounds were chosen on; only printed")
    asked = parser.parse_args()
    if asked.chosen:
        sets = {CHOSEN: people(asked.people)}
    else:
        found = others(asked.root, asked.festival)
        sets = {OTHER: [Person(name, kind, sentence) for name, (kind, sentence) in found.items()]}
        sets[FRESH] = fresh_people(asked.people)
    identity = SmallIdentity()
    rows: list[Made] = []
    about: dict[str, Any] = {"machine": machine.describe(), "encoder": identity.name, "threshold": identity.threshold}
    about |= {"same_pitch_share": SAME_PITCH_SHARE, "octaves": [SAME_PITCH, OTHER_PITCH]}
    about["of"] = {name: len(everybody) for name, everybody in sets.items()}
    about["people"] = dict.fromkeys(sets, 0)
    # In turn of each set, and written after everybody: a run that is cut short has said something of all.
    order = sorted((at / len(everybody), name, at) for name, everybody in sets.items() for at in range(len(everybody)))
    for _, name, at in order:
        person = sets[name][at]
        rng = random.Random(f"two speakers, {name}, {person.name}, {SEED}")
        heard = [hear(sample, False, identity, name) for sample in single(person, rng)]
        heard += [hear(sample, True, identity, name) for sample in double(person, sets[name], rng)]
        rows += judged(heard, identity.threshold)
        about["people"][name] += 1
        if asked.chosen:
            print(f"{person.name}: {len(rows)} clips", flush=True)
        else:
            publish(rows, about)
    print(table(rows, about))


def judged(heard: list[Heard], threshold: float) -> list[Made]:
    """All clips of a person; each beside up to two good ones of who speaks first in it."""
    good: dict[str, list[Vectors]] = {}
    for each in heard:
        if not each.two and each.sample.condition in ("calm, 10 s", "calm, 20 s") and each.identity is not None:
            good.setdefault(each.sample.person, []).append(each.identity)
    return [
        judge(each, [one for one in good.get(each.sample.person, []) if one is not each.identity], threshold)
        for each in heard
    ]


def publish(rows: list[Made], about: dict[str, Any]) -> None:
    """Write."""
    kept = json.dumps({**about, "clips": [asdict(row) for row in rows]}, separators=(",", ":"))
    (RESULTS / "two_speakers.json").write_text(kept.replace("},{", "},\n{") + "\n", encoding="utf-8")
    (RESULTS / "two_speakers.md").write_text(table(rows, about), encoding="utf-8")


ABOUT = {
    CHOSEN: "{} voices of espeak-ng, flite and Asterisk's prompts, on which the bounds were chosen",
    FRESH: "{} fresh voices of espeak-ng and flite",
    OTHER: "{} voices by other means: people's prompts and word lists, and festival, in many languages",
}


def table(rows: list[Made], about: dict[str, Any]) -> str:
    """For reading."""
    lines = [
        "# One speaker or two, in a clip for enrolment",
        "",
        f"By voices that the encoder ({about['encoder']}) was not trained on. Nothing was "
        "chosen by the clips, but that pitch does not count in short ones was learnt from five fresh voices. Refused "
        f"as two speakers: where the two groups of turns are less alike than {about['same_pitch_share']:.0%} of the "
        f"encoder's threshold ({about['threshold']:.2f}), or, the farther apart their pitches are, of up to all of it "
        f"(from {about['octaves'][0]:.2f} to {about['octaves'][1]:.2f} octaves); asked of 5 s of speech and more. As "
        "another person: beside two good clips of who speaks first.",
    ]
    if about["people"] != about["of"]:
        lines += [
            "",
            f"The run was cut short: it would have had {' and '.join(map(str, about['of'].values()))} voices.",
        ]
    sets = [name for name, count in about["people"].items() if count]
    for name in sets:
        some = [row for row in rows if row.clips == name]
        honest, double = [row for row in some if not row.two], [row for row in some if row.two]
        lines += ["", "## " + ABOUT[name].format(about["people"][name]), ""]
        lines += ["| one voice | clips | refused as two | as another person |", "|---|---|---|---|"]
        lines += _lines(honest, lambda row: row.condition)
        lines += _lines(honest, lambda row: f"all by {row.voices}")
        lines += _lines(honest, lambda row: "**all**")
        lines += [
            "",
            "| two voices | clips | refused as two | as another person | come through |",
            "|---|---|---|---|---|",
        ]
        lines += _lines(double, lambda row: f"{row.condition}, {row.seconds:.0f} s")
    lines += ["", "Where else the bound for two groups of one pitch could lie, as a share of the threshold:", ""]
    wanted = {
        "honest refused": _honest,
        "half and half, 10 s and 20 s, noticed": _halves,
        "turns of 2 s noticed": _turns,
    }
    lines.append("| share | " + " | ".join(f"{what}: {name}" for what in wanted for name in sets) + " |")
    lines.append("|---|" + "---|" * len(wanted) * len(sets))
    for share in (0.25, 0.35, 0.45, 0.55, 0.65):
        refused = [
            np.mean([_needed(row, share, about) > row.alike for row in rows if row.clips == name and which(row)])
            for which in wanted.values()
            for name in sets
        ]
        lines.append(f"| {share:.2f} | " + " | ".join(f"{each:.1%}" for each in refused) + " |")
    return "\n".join(lines) + "\n"


def _needed(row: Made, share: float, about: dict[str, Any]) -> float:
    same, other = about["octaves"]
    heard = min(max((row.apart - same) / (other - same), 0.0), 1.0)
    return float(about["threshold"] * (share + (1.0 - share) * heard))


def _honest(row: Made) -> bool:
    return not row.two


def _halves(row: Made) -> bool:
    return row.condition.startswith("half and half") and row.seconds > 8


def _turns(row: Made) -> bool:
    return row.condition.startswith("turns")


def _lines(rows: list[Made], name: Callable[[Made], str]) -> list[str]:
    made = []
    for key in dict.fromkeys(map(name, rows)):
        some = [row for row in rows if name(row) == key]
        shares = [np.mean([row.refused for row in some]), np.mean([row.another for row in some])]
        if some[0].two:
            shares.append(np.mean([not row.refused and not row.another for row in some]))
        made.append(f"| {key} | {len(some)} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
    return made


if __name__ == "__main__":
    main()
