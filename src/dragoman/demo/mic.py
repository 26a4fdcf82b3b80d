"""The microphone of a phone: a WAV file, with silence after it."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

from dragoman.errors import DemoError
from dragoman.media.format import SAMPLE_RATE

HEADER_BYTES = 44
"""RIFF, fmt and data chunk headers, with nothing optional in between."""


def write_padded(path: Path, mic: Path | None, padding: float) -> None:
    """Write ``mic`` and so many s of silence as one WAV file; the silence is a hole in the file and takes no disk.

    Raises:
        DemoError: ``mic`` cannot be read, or is not 16 kHz mono 16-bit WAV.
    """
    speech = b""
    if mic is not None:
        try:
            with wave.open(str(mic), "rb") as source:
                if (source.getframerate(), source.getnchannels(), source.getsampwidth()) != (SAMPLE_RATE, 1, 2):
                    raise DemoError(f"{mic}: a microphone's file is WAV, {SAMPLE_RATE} Hz, mono, 16 bit")
                speech = source.readframes(source.getnframes())
        except (OSError, wave.Error, EOFError) as error:
            raise DemoError(f"{mic}: {error}") from error
    frames = len(speech) // 2 + round(padding * SAMPLE_RATE)
    with path.open("wb") as target:
        target.write(_wav_header(frames))
        target.write(speech)
        target.truncate(HEADER_BYTES + frames * 2)


def _wav_header(frames: int) -> bytes:
    """The header of a 16 kHz mono 16-bit WAV; the wave module leaves no hole, as it corrects the length on closing."""
    data = frames * 2
    fmt = (16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16)  # its size, PCM, channels, Hz, bytes/s, bytes/frame, bits
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", HEADER_BYTES - 8 + data, b"WAVE", b"fmt ", *fmt, b"data", data)
