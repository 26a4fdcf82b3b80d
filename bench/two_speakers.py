"""How often an honest clip is taken for two speakers, and how often two speakers are taken for one.

    python -m bench.two_speakers [--people 40] [--only-table]     writes bench/results/two_speakers.json and .md

Synthetic voices that the identity encoder was not trained on (espeak-ng's unseen variants, flite), and, where
Asterisk's prompts lie on the machine, the one person who speaks them. Each clip goes through ``voices.clip.examine``,
as an enrolment's does; what the windows of each say is kept, so that another threshold can be judged from the figures.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
import wave
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench import machine
from dragoman.media.codec import G722Decoder, G722Encoder
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE
from dragoman.media.resample import resample, to_pcm
from dragoman.voices import clip as clips
from dragoman.voices.small import SmallIdentity
from dragoman.voices.training.line import g711, noisy
from dragoman.voices.training.speech import FLITE_VOICES, Speaker, speakers

RESULTS = Path(__file__).parent / "results"

SEED = 1
"""Of the encoder that ships: its unseen voices are unseen only with it."""

Wave = npt.NDArray[np.float32]

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
    seconds: float
    two: bool
    refused: bool
    share: float
    alike: float


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


def synthetic(speaker: Speaker, rng: random.Random, lively: bool) -> Wave:
    """A sentence by espeak-ng or flite, its vocal tract warped as in training."""
    text = rng.choice(TEXTS)
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
    found = [Person(each.name, each.engine, partial(synthetic, each)) for each in chosen]
    human = allison()
    return found if human is None else [*found, human]


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


def single(everybody: list[Person], rng: random.Random) -> Iterator[tuple[str, str, Wave]]:
    """Honest clips: condition, kind of voice, sound."""
    for person in everybody:
        for seconds in SECONDS:
            calm = person.speak(seconds, rng)
            yield f"calm, {seconds:g} s", person.kind, calm
            if seconds in (6.0, 20.0):
                yield "pauses", person.kind, paused(calm, rng)
                yield "laughs, coughs", person.kind, laughing(calm, rng)
                yield "uneven loudness", person.kind, uneven(calm, rng)
                yield "G.711, 24 dB SNR", person.kind, line(calm, rng, rng.choice(("mu", "a")))
                yield "G.722", person.kind, g722(calm)
                if "person" not in person.kind:
                    lively = person.speak(seconds, rng, lively=True)
                    yield "lively", person.kind, lively
                    yield "lively, G.711", person.kind, line(lively, rng)


def double(everybody: list[Person], rng: random.Random) -> Iterator[tuple[str, str, Wave]]:
    """Clips with a second speaker."""
    for person in everybody:
        for seconds in (6.0, 10.0, 20.0):
            other = rng.choice([each for each in everybody if each.name.split("-")[:2] != person.name.split("-")[:2]])
            both = " and ".join(sorted({person.kind, other.kind}))
            one, two = person.speak(seconds, rng), other.speak(seconds, rng)
            half = len(one) // 2
            turns = np.concatenate([one[:half], two[:half]])
            yield "half and half", both, turns
            yield "half and half, G.711", both, line(turns, rng)
            if seconds == 6.0:
                continue
            size = 2 * SAMPLE_RATE
            alternating = np.concatenate([(one if n % 2 == 0 else two)[n * size : (n + 1) * size] for n in range(99)])
            yield "turns of 2 s", both, alternating
            yield "one talks over the other, as loud", both, (one + two) / 2
            yield "somebody in the background, -12 dB", both, one + 0.25 * two
            late = one.copy()
            late[half:] = (one[half:] + two[half:]) / 2
            yield "over the second half, as loud", both, late
            for length in (1.0, 2.0):
                word = one.copy()
                word[half : half + round(length * SAMPLE_RATE)] = two[: round(length * SAMPLE_RATE)]
                yield f"an interjection of {length:g} s", both, word


def judged(made: Iterator[tuple[str, str, Wave]], two: bool, identity: SmallIdentity) -> Iterator[Made]:
    """Each clip as the product sees it, and what its windows say."""
    for condition, voices, samples in made:
        groups: list[clips.Groups | None] = []
        original = clips.grouped
        clips.grouped = lambda windows, kept=groups, ask=original: kept.append(ask(windows)) or kept[-1]
        try:
            report = clips.examine(samples, SAMPLE_RATE, identity)
        finally:
            clips.grouped = original
        found = groups[0] if groups else None
        refused = any(fault.kind is clips.FaultKind.TWO_SPEAKERS for fault in report.faults)
        share, alike = (found.share, found.alike) if found else (0.0, 1.0)
        yield Made(condition, voices, len(samples) / SAMPLE_RATE, two, refused, round(share, 4), round(alike, 4))


def main() -> None:
    """Make, judge, publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=40, help="synthetic ones; 15 of them are flite's")
    asked = parser.parse_args()
    identity, rng = SmallIdentity(), random.Random(f"two speakers {SEED}")
    everybody = people(asked.people)
    rows = [*judged(single(everybody, rng), False, identity), *judged(double(everybody, rng), True, identity)]
    about: dict[str, Any] = {"machine": machine.describe(), "encoder": identity.name, "threshold": identity.threshold}
    about |= {"margin": clips.WINDOW_MARGIN, "share": clips.SECOND_SPEAKER_SHARE, "people": len(everybody)}
    kept = json.dumps({**about, "clips": [asdict(row) for row in rows]}, indent=None, separators=(",", ":"))
    (RESULTS / "two_speakers.json").write_text(kept.replace("},{", "},\n{") + "\n", encoding="utf-8")
    (RESULTS / "two_speakers.md").write_text(table(rows, about), encoding="utf-8")
    print(table(rows, about))


def table(rows: list[Made], about: dict[str, Any]) -> str:
    """For reading."""
    return json.dumps(about)


if __name__ == "__main__":
    main()
