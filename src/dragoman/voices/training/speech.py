"""Speech of voices that belong to nobody, to train on: espeak-ng's variants and flite's voices, vocal tracts changed.

A speaker is a voice, an accent, a usual pitch and a warp: played faster or slower, which moves formants as a shorter or
longer vocal tract does, while the synthesiser is told to speak slower or faster, so that the rate stays. Pitch, rate
and level change from utterance to utterance. The same seed gives the same speech.
"""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import tempfile
import wave
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from dragoman.errors import TrainingError
from dragoman.media.format import SAMPLE_RATE
from dragoman.media.resample import resample, to_pcm
from dragoman.voices.training import manifest, sentences
from dragoman.voices.training.line import Wave
from dragoman.voices.training.manifest import Clip, Split

ESPEAK_VARIANTS: Final = (
    "Alex Alicia Andrea Andy Annie AnxiousAndy Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael Mike "
    "Nguyen RicishayMax RicishayMax2 RicishayMax3 Tweaky adam anika antonio aunty belinda benjamin boris caleb david "
    "ed edward edward2 f1 f2 f3 f4 f5 grandma grandpa gustave iven iven2 iven3 iven4 john kaukovalta klatt klatt2 "
    "klatt3 klatt4 klatt5 klatt6 linda m1 m2 m3 m4 m5 m6 m7 m8 marcelo max michel miguel norbert pablo paul pedro "
    "quincy rob robert sandro shelby steph steph2 steph3 travis victor zac"
).split()
"""Those that sound like people; whispers and robots are left out. Named, so that a newer espeak-ng changes nothing."""

FLITE_VOICES: Final = {"kal": 100.0, "kal16": 100.0, "awb": 130.0, "rms": 100.0, "slt": 175.0}
"""Each with its usual F0, Hz."""

ACCENTS: Final = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029")

WARPS: Final = (0.88, 1.0, 1.13)
"""Vocal tracts 14 % longer to 12 % shorter: about what lies between a tall man and a small woman."""

UNSEEN: Final = 18
"""espeak-ng variants kept from training, each with all its warps."""

SHORTEST: Final = 2.5
"""Seconds; a clip that came out shorter is left out."""

USUAL_RATE: Final = 4.2
"""Syllables a second of the synthesisers as they come."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """One synthetic person; ``pitch`` is espeak-ng's 0 to 99 (of flite: unused)."""

    engine: Literal["espeak", "flite"]
    voice: str
    accent: str
    pitch: int
    warp: float
    split: Split

    @property
    def name(self) -> str:
        """Unique, fit for a folder."""
        return f"{self.engine}-{self.voice}-{self.warp:g}"


FEWEST: Final = 2
"""Speakers of each kind that is kept from training, however few are made: two, so that they can be told apart."""


def speakers(seed: int, people: int | None = None) -> list[Speaker]:
    """All of them, or only some: of each split its share, and FEWEST at least."""
    everybody = _everybody(seed)
    if people is None or people >= len(everybody):
        return everybody
    sizes = Counter(speaker.split for speaker in everybody)
    room = {split: max(FEWEST, people * size // len(everybody)) for split, size in sizes.items()}
    room["train"] = people - room["unseen"] - room["other-engine"]
    chosen = []
    for speaker in everybody:
        if room[speaker.split] > 0:
            room[speaker.split] -= 1
            chosen.append(speaker)
    return chosen


def _everybody(seed: int) -> list[Speaker]:
    rng = random.Random(f"speakers {seed}")
    variants = rng.sample(ESPEAK_VARIANTS, len(ESPEAK_VARIANTS))
    unseen = set(variants[:UNSEEN])
    found = [
        Speaker(
            "espeak", voice, rng.choice(ACCENTS), rng.randint(25, 70), warp, "unseen" if voice in unseen else "train"
        )
        for voice in variants
        for warp in WARPS
    ]
    found += [Speaker("flite", voice, "", 0, warp, "other-engine") for voice in FLITE_VOICES for warp in WARPS]
    rng.shuffle(found)
    return found


def _run(command: Sequence[str]) -> bytes:
    try:
        done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    except FileNotFoundError:
        raise TrainingError(f"{command[0]} is not installed (Debian, Ubuntu: apt-get install {command[0]})") from None
    except subprocess.TimeoutExpired:
        raise TrainingError(f"{command[0]} hangs: no speech within 30 s") from None
    if done.returncode:
        raise TrainingError(f"{' '.join(command[:4])} ...: {done.stderr.decode(errors='replace').strip()[-200:]}")
    return done.stdout


def _samples(wav: bytes) -> tuple[Wave, int]:
    with wave.open(io.BytesIO(wav)) as source:
        pcm = np.frombuffer(source.readframes(source.getnframes()), "<i2")
        return pcm.astype(np.float32), source.getframerate()


def _espeak(speaker: Speaker, text: str, rate: float, rng: random.Random) -> bytes:
    pitch = min(99, max(0, speaker.pitch + round(rng.uniform(-18, 18))))
    voice, speed = f"{speaker.accent}+{speaker.voice}", str(round(165 * rate / speaker.warp))
    return _run(["espeak-ng", "-v", voice, "-p", str(pitch), "-s", speed, "--stdout", text])


def _flite(speaker: Speaker, text: str, rate: float, rng: random.Random) -> bytes:
    f0 = FLITE_VOICES[speaker.voice] * 2 ** rng.uniform(-1 / 3, 1 / 3)
    settings = {
        "duration_stretch": speaker.warp / rate,
        "int_f0_target_mean": f0,
        "int_f0_target_stddev": rng.uniform(5, 30),
    }
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "said.wav"
        options = [part for name, value in settings.items() for part in ("--setf", f"{name}={value:.4f}")]
        _run(["flite", "-voice", speaker.voice, *options, "-t", text, "-o", str(out)])
        return out.read_bytes()


def say(speaker: Speaker, number: int, seed: int) -> tuple[Wave, int]:
    """The speaker's utterance of this number, at 16 kHz, and the syllables of its text.

    Raises:
        TrainingError: the synthesiser is missing or fails.
    """
    rng = random.Random(f"{speaker.name} {number} {seed}")
    rate, level_dbfs = rng.uniform(0.7, 1.45), rng.uniform(-38.0, -20.0)
    text = sentences.at_least(round(USUAL_RATE * rate * rng.uniform(3.2, 4.5)), rng)
    spoken, source = _samples((_espeak if speaker.engine == "espeak" else _flite)(speaker, text, rate, rng))
    # As if recorded at a multiple of its rate; to the nearest 50 Hz, of which the resampler's 20 ms are whole samples.
    warped = resample(spoken, round(source * speaker.warp / 50) * 50, SAMPLE_RATE).astype(np.float32)
    loud = np.flatnonzero(np.abs(warped) > 0.01 * np.abs(warped).max())
    if len(loud) < SAMPLE_RATE // 4:
        raise TrainingError(f"{speaker.name} said nothing")
    warped = warped[loud[0] : loud[-1] + 1]
    scale = 10 ** (level_dbfs / 20) / np.sqrt(np.mean(warped.astype(np.float64) ** 2))
    return (warped * min(scale, 0.99 / float(np.abs(warped).max()))).astype(np.float32), sentences.syllables(text)


def make_speech(folder: Path, *, utterances: int, seed: int, people: int | None = None) -> Iterator[Clip]:
    """Write WAV files (16 kHz) in a folder per speaker, and at the end the manifest.

    Args:
        folder: made if it is not there.
        utterances: of each speaker.
        seed: of everything.
        people: only so many speakers.

    Yields:
        Each clip once it is on the disk.

    Raises:
        TrainingError: espeak-ng or flite is missing or fails.
    """
    for program in ("espeak-ng", "flite"):
        if shutil.which(program) is None:
            raise TrainingError(f"{program} is not installed (Debian, Ubuntu: apt-get install {program})")
    clips = []
    for speaker in speakers(seed, people):
        (folder / speaker.name).mkdir(parents=True, exist_ok=True)
        for number in range(utterances):
            samples, count = say(speaker, number, seed)
            seconds = len(samples) / SAMPLE_RATE
            if seconds < SHORTEST:
                continue
            clip = Clip(f"{speaker.name}/{number:02}.wav", speaker.name, speaker.split, count)
            with wave.open(str(folder / clip.file), "wb") as target:
                target.setnchannels(1)
                target.setsampwidth(2)
                target.setframerate(SAMPLE_RATE)
                target.writeframes(to_pcm(samples * np.float32(32768)).astype("<i2").tobytes())
            clips.append(clip)
            yield clip
    manifest.write(folder, clips, seed)
