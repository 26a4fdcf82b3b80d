"""A folder of speech made ready to train on: found, cut, labelled, and turned into features of several hearings.

Each piece of up to 6 s is kept as features of the clean sound and of a few ways it may arrive (``line.vary``); a batch
takes the same stretch of many pieces, each in a hearing drawn for it. Labels are always those of the clean sound of
just that stretch.
"""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import numpy.typing as npt
import soundfile

from dragoman.errors import TrainingError
from dragoman.media.format import SAMPLE_RATE
from dragoman.media.resample import resample
from dragoman.voices import mel
from dragoman.voices.training import line, manifest, prosody
from dragoman.voices.training.manifest import Split

SUFFIXES: Final = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff"})
"""What libsndfile reads."""

PIECE_SECONDS: Final = (2.0, 6.0)
"""Shortest piece used and the longest; longer files are cut."""

HELD_OUT: Final = 0.15
"""Part of the speakers kept from training where no manifest says who is."""

FEWEST_SPLIT: Final = 3
"""From twice as many speakers on two are kept from training and not one, so that there are two to tell apart."""

HEARINGS: Final = 2
"""Varied hearings of each piece beside the clean one; more of them helped less than more voices."""

GRID: Final = 20
"""Frames: drawn stretches are whole multiples (0.25 s). Torch keeps compiled code for each length that it meets: with
any length allowed a training took 2 GB more."""

MIN_ACTIVE: Final = 0.3
"""Part of a piece that must sound; less is music's tail, a pause, a dead line."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of one person's speech."""

    path: Path
    speaker: str
    split: Split


@dataclass(frozen=True, slots=True)
class Piece:
    """Up to 6 s of one person.

    Attributes:
        speaker: who.
        split: trained on or not.
        track: prosody of the clean sound.
        hearings: features, the clean one first; each (frames, mel.BANDS), float16.
        gains_db: what each hearing was amplified by.
    """

    speaker: str
    split: Split
    track: prosody.Track
    hearings: tuple[npt.NDArray[np.float16], ...]
    gains_db: tuple[float, ...]


def find(folder: Path, seed: int) -> list[Source]:
    """The speech of a folder: by its manifest (``dragoman voices make-speech``), else a subfolder per speaker.

    Files that lie in the folder itself count as a speaker each.

    Raises:
        TrainingError: there is no folder, or no audio in it, or its manifest is broken.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder} is no folder: give one with speech in it, best a subfolder per speaker")
    clips = manifest.read(folder)
    if clips is not None:
        return [Source(folder / clip.file, clip.speaker, clip.split) for clip in clips]
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise TrainingError(f"no speech in {folder}: it wants {kinds} files, best a subfolder per speaker")
    names = [path.relative_to(folder).parts[0] for path in files]
    everybody = sorted(set(names))
    few = 1 if len(everybody) < 2 * FEWEST_SPLIT else 2
    kept = set(random.Random(seed).sample(everybody, max(few, round(HELD_OUT * len(everybody)))))
    return [Source(path, name, "unseen" if name in kept else "train") for path, name in zip(files, names, strict=True)]


def pieces_of(source: Source) -> list[npt.NDArray[np.float32]]:
    """Its sound at 16 kHz, mono, cut into pieces.

    Raises:
        TrainingError: it cannot be read.
    """
    try:
        samples, rate = soundfile.read(source.path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise TrainingError(f"{source.path} cannot be read: {error}") from None
    mono = samples.mean(axis=1)
    if rate != SAMPLE_RATE:
        try:
            mono = resample(mono * np.float32(32768), rate, SAMPLE_RATE).astype(np.float32) / np.float32(32768)
        except ValueError as error:
            raise TrainingError(f"{source.path}: {error}; convert it to {SAMPLE_RATE} Hz") from None
    longest, shortest = (round(seconds * SAMPLE_RATE) for seconds in reversed(PIECE_SECONDS))
    cuts = [mono[at : at + longest] for at in range(0, len(mono), longest)]
    return [cut for cut in cuts if len(cut) >= shortest]


def prepare(samples: npt.NDArray[np.float32], source: Source, rng: np.random.Generator) -> Piece | None:
    """Features and labels of a piece; None if hardly anything sounds in it.

    A piece to train on has varied hearings; one to measure with has one over the cards' phone line.
    """
    clean = mel.log_mel(samples)
    track = prosody.track(samples, clean)
    if prosody.active(track.power).mean() < MIN_ACTIVE or np.isnan(track.f0).mean() > 0.9:
        return None
    if source.split == "train":
        heard = [line.vary(samples, rng) for _ in range(HEARINGS)]
    else:
        heard = [line.Heard(line.phone(samples, rng), 0.0)]
    hearings = [clean, *(mel.log_mel(each.samples) for each in heard)]
    halves = tuple(hearing.astype(np.float16) for hearing in hearings)
    return Piece(source.speaker, source.split, track, halves, (0.0, *(each.gain_db for each in heard)))


def prepare_all(
    sources: Sequence[Source],
    seed: int,
    done: Callable[[], None] = lambda: None,
    refused: Callable[[TrainingError], None] = lambda error: None,
) -> list[Piece]:
    """Prepare every file; ``done`` is called after each, ``refused`` for each that cannot be read.

    A file's random numbers follow from its name and the seed alone.
    """
    found: list[Piece] = []
    for source in sources:
        name = f"{source.path.parent.name}/{source.path.name}"
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        try:
            cuts = pieces_of(source)
        except TrainingError as error:
            refused(error)
            cuts = []
        found += [piece for cut in cuts if (piece := prepare(cut, source, rng)) is not None]
        done()
    return found


def require_enough(pieces: Sequence[Piece], minutes: float, speakers: int) -> None:
    """Refuse what no encoder can be trained on.

    Raises:
        TrainingError: nothing sounds, or there is too little, or too few speakers.
    """
    training = [piece for piece in pieces if piece.split == "train"]
    have = sum(len(piece.track) for piece in training) / mel.FRAMES_PER_SECOND / 60
    people = len({piece.speaker for piece in training})
    if not pieces:
        raise TrainingError("there is audio but no speech in it: all of it is silence or noise, or shorter than 2 s")
    if people < speakers or all(piece.split == "train" for piece in pieces):
        raise TrainingError(
            f"{people} speakers to train on: at least {speakers} are needed and some more to measure with; "
            "put each one's files in a subfolder of its own"
        )
    if have < minutes:
        raise TrainingError(f"{have:.1f} min of speech to train on: at least {minutes:g} are needed, hours are better")


def fingerprint(sources: Sequence[Source], seed: int) -> str:
    """Tells two corpora apart, and two ways to prepare one."""
    lines = [f"{seed} {HEARINGS} {mel.WINDOW} {mel.HOP} {mel.BANDS}"]
    lines += [f"{each.path} {each.path.stat().st_size} {each.speaker} {each.split}" for each in sources]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def save(path: Path, pieces: Sequence[Piece], key: str) -> None:
    """Keep prepared pieces, for the next training on the same speech."""
    with path.with_suffix(".part").open("wb") as target:
        np.savez(
            target,
            key=np.array(key),
            speaker=np.array([piece.speaker for piece in pieces]),
            split=np.array([piece.split for piece in pieces]),
            frames=np.array([len(piece.track) for piece in pieces]),
            hearings=np.array([len(piece.hearings) for piece in pieces]),
            gains=np.array([gain for piece in pieces for gain in piece.gains_db]),
            features=np.concatenate([hearing for piece in pieces for hearing in piece.hearings]),
            f0=np.concatenate([piece.track.f0 for piece in pieces]),
            power=np.concatenate([piece.track.power for piece in pieces]),
            nucleus=np.concatenate([piece.track.nucleus for piece in pieces]),
        )
    path.with_suffix(".part").replace(path)


def load(path: Path, key: str) -> list[Piece] | None:
    """What ``save`` kept; None if it is another corpus, or none."""
    if not path.exists():
        return None
    with np.load(path) as kept:
        if str(kept["key"]) != key:
            return None
        table = {name: kept[name] for name in kept.files}
    found: list[Piece] = []
    frame = row = number = 0
    for speaker, split, count, hearings in zip(
        table["speaker"], table["split"], table["frames"], table["hearings"], strict=True
    ):
        part = slice(frame, frame + count)
        track = prosody.Track(table["f0"][part], table["power"][part], table["nucleus"][part])
        heard = tuple(table["features"][row + n * count : row + (n + 1) * count] for n in range(hearings))
        gains = tuple(float(gain) for gain in table["gains"][number : number + hearings])
        found.append(Piece(str(speaker), cast(Split, str(split)), track, heard, gains))
        frame, row, number = frame + count, row + hearings * count, number + hearings
    return found


@dataclass(frozen=True, slots=True)
class Batch:
    """Stretches of one length.

    Attributes:
        features: (pieces, frames, mel.BANDS) float32.
        labels: (pieces, len(prosody.TARGETS)), NaN where unknown.
        speakers: names.
    """

    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]
    speakers: list[str]


def batch(
    pieces: Sequence[Piece], seconds: float, rng: np.random.Generator | None = None, hearing: int | None = None
) -> Batch:
    """The same stretch of each piece, at most ``seconds`` and no longer than the shortest of them.

    Args:
        pieces: whose.
        seconds: how long.
        rng: draws where it begins and which hearing is taken; None: from the start.
        hearing: which one, if not drawn.
    """
    frames = min(round(seconds * mel.FRAMES_PER_SECOND), min(len(piece.track) for piece in pieces))
    if rng is not None and frames > GRID:
        frames -= frames % GRID
    features = np.empty((len(pieces), frames, mel.BANDS), np.float32)
    labels = np.empty((len(pieces), len(prosody.TARGETS)), np.float32)
    for row, piece in enumerate(pieces):
        start = int(rng.integers(len(piece.track) - frames + 1)) if rng is not None else 0
        which = int(rng.integers(len(piece.hearings))) if rng is not None and hearing is None else hearing or 0
        features[row] = piece.hearings[which][start : start + frames]
        labels[row] = prosody.labels(prosody.cut(piece.track, start, start + frames), piece.gains_db[which])
    return Batch(features, labels, [piece.speaker for piece in pieces])
