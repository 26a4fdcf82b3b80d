"""Phones that speak tone words, and what was heard of them."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tests.tonewords.code import Source
from tests.tonewords.decode import HeardWord, decode
from tests.tonewords.encode import encode

RATE = 16_000


def mic(path: Path, *turns: tuple[float, Iterable[str]]) -> Path:
    """A microphone file that says words at given seconds after the call is answered; silence between.

    Turns are (seconds, words), in order; one may not begin before the one before it ended.
    """
    parts: list[np.ndarray[tuple[int], np.dtype[np.int16]]] = []
    length = 0
    for seconds, said in turns:
        begin = round(seconds * RATE)
        assert begin >= length, f"the turn at {seconds} s begins before the one before it ended ({length / RATE:.2f} s)"
        speech = encode(" ".join(said))
        parts += [np.zeros(begin - length, np.int16), speech]
        length = begin + len(speech)
    parts.append(np.zeros(RATE, np.int16))
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE)
        target.writeframes(np.concatenate(parts).astype("<i2").tobytes())
    return path


def heard(recording: Path) -> list[HeardWord]:
    """Every tone word in a phone's recording (8 or 16 kHz mono)."""
    with wave.open(str(recording), "rb") as source:
        samples = np.frombuffer(source.readframes(source.getnframes()), "<i2")
        return decode(samples, source.getframerate())


BY_BOOTH = {voice: Source(voice, True) for voice in "abc"}
"""What a booth says in the name of a voice."""

HIMSELF = {voice: Source(voice, False) for voice in "abc"}
"""What a voice says itself: natively, or as the floor under a translation."""
