"""Phones that speak tone words, and what was heard of them."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from tests.tonewords.code import Source, translate
from tests.tonewords.decode import HeardWord, decode
from tests.tonewords.encode import encode
from tests.tonewords.verdict import judge

from dragoman.demo.mic import read_mic, write_padded
from dragoman.demo.phone import Phone
from dragoman.demo.timeline import GrowthWatch

RATE = 16_000

WAV_HEADER = 44
"""Bytes before the samples."""


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


SETTLE_S = 1.0
"""Silence before what a phone is made to say: while it changes its microphone no packet goes out for a moment, and a
jitter buffer takes those behind the pause for late ones, until it has settled again."""


async def say(phone: Phone, said: Iterable[str], after: float = 0.0) -> None:
    """Make a phone that is in a call say these words, once, after so many s, and then be silent.

    What it still says is cut off.
    """
    await _change_mic(phone, said, after)


async def say_all(phone: Phone, said: Iterable[str]) -> None:
    """``say``, and wait until it was said, whoever heard it."""
    duration = await _change_mic(phone, said)
    await recorded(phone.spoken, duration)


async def stop(*phones: Phone) -> None:
    """Let them hear what is on its way, and end their calls."""
    for phone in phones:
        await recorded(phone.heard, 0.5)
    for phone in phones:
        await phone.stop()


async def recorded(path: Path, seconds: float) -> None:
    """Wait until a recording is so much longer than now."""
    grown = asyncio.Event()
    watch = GrowthWatch(path.parent, lambda now, sizes: grown.set())
    asyncio.get_running_loop().add_reader(watch, watch.ready)

    async def until(size: int) -> None:
        while path.stat().st_size < size:
            grown.clear()
            await grown.wait()

    try:
        async with asyncio.timeout(seconds + 10):
            await until(WAV_HEADER)
            with path.open("rb") as recording:
                rate = int.from_bytes(recording.read(WAV_HEADER)[24:28], "little")
            await until(path.stat().st_size + round(2 * rate * seconds))
    finally:
        asyncio.get_running_loop().remove_reader(watch)
        watch.close()


async def _change_mic(phone: Phone, said: Iterable[str], after: float = 0.0) -> float:
    """Give it a new microphone; returns the seconds until it falls silent."""
    number = len(list(phone.directory.glob("say-*.wav")))
    words = mic(phone.directory / f"words-{number}.wav", (SETTLE_S + after, said))
    padded = phone.directory / f"say-{number}.wav"
    write_padded(padded, read_mic(words), 100)
    await phone.command("ausrc", f"aufile,{padded}")
    return words.stat().st_size / (2 * RATE)


def into(language: str, said: Iterable[str]) -> list[str]:
    """The words as a booth should say them."""
    return translate(" ".join(said), language).split()


def heard(recording: Path) -> list[HeardWord]:
    """Every tone word in a phone's recording (8 or 16 kHz mono)."""
    with wave.open(str(recording), "rb") as source:
        samples = np.frombuffer(source.readframes(source.getnframes()), "<i2")
        return decode(samples, source.getframerate())


SPOILT = 2
"""Words of each source that may be spoilt in one recording: where other work holds the machine up, the daemon and the
phones miss some 20 ms now and then. A clause that is missing has more words."""


def check(phone: Phone, expected: Mapping[Source, Sequence[str]], *, ignore: Iterable[Source] = ()) -> list[HeardWord]:
    """Assert that a phone, which was stopped, heard these words, each once and in order, and nothing else."""
    found = heard(phone.heard)
    judge(found, expected, ignore=ignore).check(SPOILT)
    return found


BY_BOOTH = {voice: Source(voice, True) for voice in "abc"}
"""What a booth says in the name of a voice."""

HIMSELF = {voice: Source(voice, False) for voice in "abc"}
"""What a voice says itself: natively, or as the floor under a translation."""
