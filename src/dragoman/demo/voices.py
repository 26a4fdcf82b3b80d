"""The voices of the demo's speakers: one turn of the script to 16 kHz audio, by flite or espeak-ng.

These stand for people: they feed the phones' microphones and are no part of the interpretation. Both programs run as
processes of their own (espeak-ng is GPL), take some tens of ms a sentence, and give the same audio for the same text,
so that a turn is also the reference by which it is found again in a recording.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from dragoman.errors import ConfigError, DemoError
from dragoman.media.format import SAMPLE_RATE, Pcm

SPEECH_DBFS = -20.0
"""RMS of the sounding part, dBFS: what recognisers like best, and the loudness of the booths' voices."""

PEAK_LIMIT = 0.89
"""Of full scale (-1 dBFS): a peaky voice is left quieter rather than clipped."""

RENDER_DEADLINE_S = 20.0
"""A sentence takes 0.2 s; ten times slower than real time for a long one is a hung program."""

_CACHE_VERSION = 1  # raise when the processing below changes
_ENGINES = ("flite", "espeak")


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice as it is written in the script: ``flite:slt``, ``espeak:es+f2``, ``flite:/path/to/x.flitevox``."""

    engine: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Voice:
        """Read ``ENGINE:NAME``.

        Raises:
            ConfigError: no such engine, or no name.
        """
        engine, colon, name = text.partition(":")
        if not colon or engine not in _ENGINES or not name:
            raise ConfigError(
                f"voice {text!r}: want flite:NAME (such as flite:slt) or espeak:NAME (such as espeak:es+f2)"
            )
        return cls(engine, name)

    def __str__(self) -> str:
        return f"{self.engine}:{self.name}"

    def command(self, text: str, out: Path) -> list[str]:
        """The program that writes ``text`` to the WAV file ``out``."""
        if self.engine == "flite":
            return ["flite", "-voice", self.name, "-t", text, "-o", str(out)]
        return ["espeak-ng", "-v", self.name, "-w", str(out), "--", text]


async def check_voices(voices: set[Voice]) -> None:
    """Make sure that every voice can speak before a call is placed.

    flite speaks with its default voice when it does not know a name, and espeak-ng without the variant, so their lists
    are asked.

    Raises:
        ConfigError: the program is not installed, or does not have the voice; the message says what would be right.
    """
    for engine, program in (("flite", "flite"), ("espeak", "espeak-ng")):
        wanted = sorted(v.name for v in voices if v.engine == engine)
        if wanted and shutil.which(program) is None:
            raise ConfigError(f"voice {engine}:{wanted[0]}: {program} is not installed (apt-get install {program})")
    wanted_flite = {v.name for v in voices if v.engine == "flite" and "/" not in v.name}
    if wanted_flite:
        listing = (await _run(["flite", "-lv"])).partition(":")[2].split()
        for name in sorted(wanted_flite - set(listing)):
            raise ConfigError(f"voice flite:{name}: flite has {', '.join(sorted(listing))}")
    wanted_variants = {v.name.partition("+")[2] for v in voices if v.engine == "espeak" and "+" in v.name}
    if wanted_variants:
        table = (await _run(["espeak-ng", "--voices=variant"])).splitlines()[1:]
        known = {row.split("!v/")[1].split("  ")[0].strip() for row in table if "!v/" in row}
        for name in sorted(wanted_variants - known):
            raise ConfigError(f"voice variant +{name}: espeak-ng has {', '.join(sorted(known))}")
    for voice in sorted(voices, key=str):
        if voice.engine == "espeak" or "/" in voice.name:
            try:
                await _render(voice, "a")
            except DemoError as error:
                raise ConfigError(f"voice {voice}: {error}") from error


async def render(voice: Voice, text: str, cache: Path) -> Pcm:
    """``text`` spoken by ``voice``, 16 kHz mono, no silence at its ends, about SPEECH_DBFS; from the cache if there.

    Raises:
        DemoError: the program failed or said nothing.
    """
    key = hashlib.sha256(f"{_CACHE_VERSION}\0{voice}\0{text}".encode()).hexdigest()[:32]
    cached = cache / f"{key}.wav"
    if await asyncio.to_thread(cached.exists):
        pcm, _ = await asyncio.to_thread(soundfile.read, cached, dtype="int16")
        return np.asarray(pcm, np.int16)
    pcm = await _render(voice, text)
    await asyncio.to_thread(_store, cached, pcm)
    return pcm


def _store(path: Path, pcm: Pcm) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")  # two demos may render the same sentence
    soundfile.write(partial, pcm, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    partial.replace(path)


async def _render(voice: Voice, text: str) -> Pcm:
    with tempfile.TemporaryDirectory(prefix="dragoman-voice-") as folder:
        out = Path(folder) / "out.wav"
        said = await _run(voice.command(text, out))
        if not out.exists():
            raise DemoError(f"voice {voice} wrote no audio for {text!r}: {said.strip()[:200]}")
        raw, rate = soundfile.read(out, dtype="float64")
    pcm = normalise(np.asarray(raw if raw.ndim == 1 else raw.mean(axis=1)), rate)
    if not pcm.any():
        raise DemoError(f"voice {voice} said nothing for {text!r}")
    return pcm


def normalise(audio: np.ndarray[tuple[int], np.dtype[np.float64]], rate: int) -> Pcm:
    """Float audio (samples,) at ``rate`` Hz to Pcm: resampled, silence cut at both ends, levelled to SPEECH_DBFS."""
    if rate != SAMPLE_RATE:
        common = int(np.gcd(rate, SAMPLE_RATE))
        audio = resample_poly(audio, SAMPLE_RATE // common, rate // common)
    peak = float(np.max(np.abs(audio), initial=0.0))
    if peak == 0.0:
        return np.zeros(0, np.int16)
    sounding = np.flatnonzero(np.abs(audio) > peak / 100)  # 40 dB below the peak is the synthesizers' noise floor
    audio = audio[sounding[0] : sounding[-1] + 1]
    loud = audio[np.abs(audio) > peak / 30]  # pauses within the sentence do not count for its level
    gain = min(10 ** (SPEECH_DBFS / 20) / float(np.sqrt(np.mean(loud**2))), PEAK_LIMIT / peak)
    return np.round(audio * gain * 32767).astype(np.int16)


async def _run(command: list[str]) -> str:
    """Run a program to its end; its output and errors together.

    Raises:
        DemoError: it failed or took too long.
    """
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(RENDER_DEADLINE_S):
            output, _ = await process.communicate()
    except TimeoutError:
        raise DemoError(f"{command[0]} did not end within {RENDER_DEADLINE_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = output.decode(errors="replace")
    if process.returncode != 0:
        raise DemoError(f"{command[0]} failed ({process.returncode}): {text.strip()[:200]}")
    return text
