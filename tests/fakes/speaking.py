"""What the fake synthesizers say: espeak-ng's speech, or tone words by which a recording can be checked exactly."""

from __future__ import annotations

import asyncio
import io
import subprocess
import wave
from collections.abc import Awaitable, Callable
from functools import lru_cache

import av
import numpy as np
from tests.tonewords.encode import encode

from dragoman.languages import LANGUAGES
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.media.resample import resample

Voice = Callable[[str, str], Awaitable[Pcm]]
"""(text, ISO 639-1 language) to its sound, 16 kHz."""


async def tone(text: str, language: str) -> Pcm:
    """The text's tone words, as a booth says them; a hum for a text of others, such as a probe's."""
    try:
        return encode(text, booth=True)
    except ValueError:
        return HUM


HUM = np.round(3000 * np.sin(2 * np.pi * 100 * np.arange(SAMPLE_RATE // 5) / SAMPLE_RATE)).astype(np.int16)
"""Below all bands of tone words: nobody hears a word in it."""


async def espeak(text: str, language: str) -> Pcm:
    """espeak-ng, 250 ms of silence before it (as providers have it), quieter than we speak."""
    voice = LANGUAGES[language].espeak if language in LANGUAGES else "en-us"
    return await asyncio.to_thread(_espeak, text, voice)  # which leaves nothing behind when its request is broken off


@lru_cache(maxsize=64)
def _espeak(text: str, voice: str) -> Pcm:
    command = ["espeak-ng", "-v", voice, "--stdout", "--", text]
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    with wave.open(io.BytesIO(made)) as file:
        samples = np.frombuffer(made[44:], np.int16)
        spoken = resample(samples, file.getframerate(), SAMPLE_RATE)
    return np.concatenate([np.zeros(SAMPLE_RATE // 4, np.int16), spoken // 3])


VOICES: dict[str, Voice] = {"tone": tone, "espeak": espeak}


@lru_cache(maxsize=64)
def _mp3(samples: bytes, rate: int) -> bytes:
    codec = av.CodecContext.create("libmp3lame", "w")
    codec.sample_rate, codec.bit_rate, codec.layout, codec.format = rate, 48_000, "mono", "s16p"
    codec.open()
    pcm = np.frombuffer(samples, np.int16)
    packets = []
    for at in range(0, len(pcm), codec.frame_size):
        frame = av.AudioFrame.from_ndarray(pcm[None, at : at + codec.frame_size], format="s16p", layout="mono")
        frame.sample_rate, frame.pts = rate, at
        packets += codec.encode(frame)
    return b"".join(bytes(packet) for packet in [*packets, *codec.encode(None)])


def mp3(pcm: Pcm, rate: int = 24_000) -> bytes:
    """16 kHz sound as an MP3 of 48 kbit/s, as Edge and Google Translate send it."""
    return _mp3(resample(pcm, SAMPLE_RATE, rate).tobytes(), rate)
