"""The microphone of a phone: a WAV file, with silence after it."""

from __future__ import annotations

import os
import struct
import wave
from pathlib import Path

import numpy as np

from dragoman.errors import DemoError
from dragoman.media.format import SAMPLE_RATE, Pcm

HEADER_BYTES = 44
"""RIFF, fmt and data chunk headers, with nothing optional in between."""


def read_mic(path: Path) -> Pcm:
    """The audio of a microphone's file.

    Raises:
        DemoError: it cannot be read, or is not 16 kHz mono 16-bit WAV.
    """
    try:
        with wave.open(str(path), "rb") as source:
            if (source.getframerate(), source.getnchannels(), source.getsampwidth()) != (SAMPLE_RATE, 1, 2):
                raise DemoError(f"{path}: a microphone's file is WAV, {SAMPLE_RATE} Hz, mono, 16 bit")
            return np.frombuffer(source.readframes(source.getnframes()), "<i2").astype(np.int16)
    except (OSError, wave.Error, EOFError) as error:
        raise DemoError(f"{path}: {error}") from error


def write_padded(path: Path, speech: Pcm, padding: float, *, lead: float = 0.0) -> None:
    """Write ``lead`` s of silence, ``speech`` and ``padding`` s of silence as one WAV file.

    The silence is a hole in the file and takes no disk.
    """
    before = round(lead * SAMPLE_RATE)
    frames = before + len(speech) + round(padding * SAMPLE_RATE)
    with path.open("wb") as target:
        target.write(_wav_header(frames))
        target.seek(before * 2, os.SEEK_CUR)
        target.write(speech.astype("<i2").tobytes())
        target.truncate(HEADER_BYTES + frames * 2)


def _wav_header(frames: int) -> bytes:
    """The header of a 16 kHz mono 16-bit WAV; the wave module leaves no hole, as it corrects the length on closing."""
    data = frames * 2
    fmt = (16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16)  # its size, PCM, channels, Hz, bytes/s, bytes/frame, bits
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", HEADER_BYTES - 8 + data, b"WAVE", b"fmt ", *fmt, b"data", data)
