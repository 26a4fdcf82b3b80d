"""Reads one audio file, in a process of its own; the only module that imports soundfile for enrolment.

What people send is read by libsndfile, which is C: a file made to break it takes this process down and not the calls.
The process limits its own memory and time before it looks at the file, and imports nothing of the daemon but the
formats it needs. Protocol: arguments FILE OUT LIMIT_S; one line of JSON on stdout, mono int16 samples in OUT.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from dragoman.enrolment.containers import parts

MEMORY_BYTES: Final = 2 * 1024**3
"""Address space. 60 s of the widest file taken (stereo at 192 kHz, float32) are 92 MB, held twice."""

CPU_S: Final = 60
"""Seconds of CPU: many times what 60 s of any of the formats take."""

RATES: Final = (8_000, 192_000)
"""Hz, least and most."""

CHANNELS: Final = 2
"""At most; more is no recording of one person."""

BLOCK: Final = 65_536
"""Samples per channel read at once."""

FORMATS: Final = frozenset({"WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "MPEG"})
"""As libsndfile names them. It knows many more, old ones with old code."""

TOP_RATE: Final = 24_000
"""Hz; what comes at more is brought to it. It is what XTTS v2 speaks; its conditioning (22.05 kHz) and the identity
encoder (16 kHz) need no more, and 20 clips at once stay below 60 MB."""

FULL_SCALE: Final = 0.999
"""Of full scale; a sample at or above it counts as clipped."""

RUN: Final = 3
"""So many samples in a row at full scale are a clipped peak; one alone is a loud one."""


class Unreadable(ValueError):
    """The file is not what we take; the message says what it is."""


def read(path: str, limit_s: float) -> tuple[np.ndarray[Any, np.dtype[np.int16]], dict[str, Any]]:
    """Mono samples (int16) of a file's first ``limit_s`` seconds, and what is known of it.

    Raises:
        Unreadable: not one of the formats, broken, empty, or of a rate or number of channels that nobody records with.
    """
    import soundfile
    import soxr

    files = parts(Path(path).read_bytes())
    sounds: list[_Sound] = []
    try:
        for data in files:
            if (left_s := limit_s - sum(sound.seconds for sound in sounds)) > 0:
                # Not from memory: soundfile would have libsndfile call it back, by code that cffi writes at run time,
                # which config/systemd forbids (MemoryDenyWriteExecute).
                with tempfile.TemporaryFile(dir=Path(path).parent) as part:
                    part.write(data)
                    part.seek(0)
                    with soundfile.SoundFile(part.fileno(), closefd=False) as file:
                        sounds.append(_take(file, left_s))
    except soundfile.SoundFileError as error:
        reason = str(error).rpartition(": ")[2].strip().rstrip(".")
        raise Unreadable(f"it cannot be read ({reason}): send it again whole, or as WAV") from None
    frames = sum(sound.frames for sound in sounds)
    if not frames:
        raise Unreadable("there is no sound in it: record it again")
    rate = min(TOP_RATE, *(sound.rate for sound in sounds))
    heard = [sound for sound in sounds if sound.frames]
    out = [soxr.resample(each.mono, each.rate, rate) if each.rate != rate else each.mono for each in heard]
    samples = np.clip(np.rint(np.concatenate(out) * 32767), -32768, 32767).astype(np.int16)
    return samples, {
        "rate": rate,
        "channels": max(sound.channels for sound in sounds),
        "seconds": sum(sound.seconds for sound in sounds),
        "clipped": sum(sound.clipped for sound in sounds) / frames,
        "whole": sounds[-1].whole and len(sounds) == len(files),
    }


@dataclass(frozen=True, slots=True)
class _Sound:
    """What was read of one sound."""

    mono: np.ndarray[Any, np.dtype[np.float32]]
    rate: int
    channels: int
    frames: int
    clipped: int
    """Of the frames."""
    whole: bool
    """Whether it ended before the limit."""

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


def _take(sound: Any, limit_s: float) -> _Sound:
    """The first ``limit_s`` seconds of an open file; raises Unreadable."""
    if sound.format not in FORMATS:
        raise Unreadable(f"it is {sound.format}; send WAV, FLAC, Ogg or MP3")
    rate, channels = sound.samplerate, sound.channels
    if not RATES[0] <= rate <= RATES[1]:
        raise Unreadable(f"{rate} Hz; send {RATES[0]} to {RATES[1]} Hz")
    if channels > CHANNELS:
        raise Unreadable(f"{channels} channels; send one or two")
    left = int(limit_s * rate)
    blocks, clipped, read_frames = [], 0, 0
    energy = np.zeros(channels)
    while left > 0 and len(block := sound.read(min(BLOCK, left), dtype="float32", always_2d=True)):
        if not np.isfinite(block).all():
            raise Unreadable("some of its samples are no numbers: export it again, best with 16 bits")
        left -= len(block)
        read_frames += len(block)
        clipped += _clipped(block)
        energy += np.square(block, dtype=np.float64).sum(axis=0)
        blocks.append(block)
    mono = _mono(np.concatenate(blocks), energy) if blocks else np.zeros(0, np.float32)
    return _Sound(mono, rate, channels, read_frames, clipped, left > 0)


def _clipped(block: np.ndarray[Any, np.dtype[np.float32]]) -> int:
    """Samples of the block's worst channel that lie in runs at full scale."""
    high = np.abs(block) >= FULL_SCALE
    worst = 0
    for channel in high.T:
        edges = np.flatnonzero(np.diff(np.concatenate(([0], channel.view(np.int8), [0]))))
        lengths = edges[1::2] - edges[::2]
        worst = max(worst, int(lengths[lengths >= RUN].sum()))
    return worst


def _mono(block: np.ndarray[Any, np.dtype[np.float32]], energy: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The mean of the channels, or the loudest one where they cancel each other (one wired the wrong way round)."""
    mean: np.ndarray[Any, np.dtype[np.float32]] = block.mean(axis=1)
    loudest = int(np.argmax(energy))
    if float(np.square(mean, dtype=np.float64).sum()) < 0.1 * float(energy[loudest]) / block.shape[1]:
        return np.ascontiguousarray(block[:, loudest])
    return mean


def main() -> None:
    """Read, write, tell."""
    path, out, limit_s = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    try:
        samples, facts = read(path, float(limit_s))
    except Unreadable as error:
        facts = {"unreadable": str(error)}
    except MemoryError:
        facts = {"unreadable": "it is too large to be read"}
    else:
        samples.tofile(out)
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
