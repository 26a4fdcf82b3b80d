"""What a telephone call does to sound, for tests of the tone words: codecs, gain, mixing, loss, jitter, noise."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
from collections.abc import Sequence

import G722
import numpy as np
import numpy.typing as npt
import scipy.signal

from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm


def clip(wave: npt.NDArray[np.floating]) -> Pcm:
    """Round to int16, with saturation."""
    return np.clip(np.round(wave), -32768, 32767).astype(np.int16)


def gain(pcm: Pcm, db: float) -> Pcm:
    return clip(pcm * 10 ** (db / 20))


def mix(parts: Sequence[tuple[Pcm, float]]) -> Pcm:
    """Sum of ``(sound, gain in dB)``, as long as the longest."""
    total = np.zeros(max(len(sound) for sound, _ in parts))
    for sound, db in parts:
        total[: len(sound)] += sound * 10 ** (db / 20)
    return clip(total)


def resample(pcm: Pcm, rate: int, to: int) -> Pcm:
    return clip(scipy.signal.resample_poly(pcm.astype(float), to, rate))


def mu_law(pcm: Pcm) -> Pcm:
    """Through the quantiser of G.711 mu-law (continuous form, ITU-T G.711 table 2a follows it by segments)."""
    magnitude = np.log1p(255 * np.abs(pcm / 32768)) / np.log(256)
    coded = np.round(magnitude * 127) / 127
    return clip(np.sign(pcm) * np.expm1(coded * np.log(256)) * (32768 / 255))


def g711(pcm: Pcm) -> Pcm:
    """16 kHz -> 8 kHz -> mu-law -> 16 kHz: a narrow-band caller in a wide-band conference."""
    return resample(mu_law(resample(pcm, SAMPLE_RATE, 8000)), 8000, SAMPLE_RATE)


def g722(pcm: Pcm) -> Pcm:
    codec = G722.G722(SAMPLE_RATE, 64000)
    even = pcm[: len(pcm) // 2 * 2]
    return np.asarray(G722.G722(SAMPLE_RATE, 64000).decode(codec.encode(even.tolist())), np.int16)


def lose(pcm: Pcm, share: float, rng: np.random.Generator, *, conceal: bool = True) -> Pcm:
    """Lose that share of the 20 ms frames; conceal by the last frame, halved each time, or leave silence."""
    frames = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES).copy()
    for i in np.flatnonzero(rng.random(len(frames)) < share):
        frames[i] = frames[i - 1] // 2 if conceal and i else 0
    return frames.ravel()


def jitter(pcm: Pcm, every_s: float, rng: np.random.Generator) -> Pcm:
    """Every so often a jitter buffer runs dry or over: up to 60 ms of silence come in, or of sound fall out."""
    pieces = []
    at = 0
    while at < len(pcm):
        upto = at + int(rng.exponential(every_s) * SAMPLE_RATE) // FRAME_SAMPLES * FRAME_SAMPLES
        pieces.append(pcm[at:upto])
        slots = int(rng.integers(1, 4)) * FRAME_SAMPLES
        if rng.random() < 0.5:
            pieces.append(np.zeros(slots, np.int16))
            at = upto
        else:
            at = upto + slots
    return np.concatenate(pieces)


def noise(seconds: float, level_db: float, rng: np.random.Generator) -> Pcm:
    """White, so many dBFS RMS."""
    return clip(rng.standard_normal(round(seconds * SAMPLE_RATE)) * 32768 * 10 ** (level_db / 20))


@functools.cache
def speech(text: str, voice: str = "slt") -> Pcm:
    """Synthetic speech of flite at 16 kHz.

    Raises:
        FileNotFoundError: flite is not installed.
    """
    if not (flite := shutil.which("flite")):
        raise FileNotFoundError("flite is not installed")
    wav = subprocess.run([flite, "-voice", voice, "-t", text, "-o", "/dev/stdout"], capture_output=True, check=True)
    pcm = np.frombuffer(wav.stdout[44:], np.int16)
    rate = int(np.frombuffer(wav.stdout[24:28], np.uint32)[0])
    return pcm if rate == SAMPLE_RATE else resample(pcm, rate, SAMPLE_RATE)


def tempo(pcm: Pcm, factor: float) -> Pcm:
    """Faster without a change of pitch, as playback catches up; libsonic's own stream interface (sonic.h).

    Raises:
        OSError: libsonic is not installed.
    """
    sonic = ctypes.CDLL("libsonic.so.0")
    sonic.sonicCreateStream.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(sonic.sonicCreateStream(SAMPLE_RATE, 1))
    sonic.sonicSetSpeed(stream, ctypes.c_float(factor))
    sonic.sonicWriteShortToStream(stream, np.ascontiguousarray(pcm).ctypes, len(pcm))
    sonic.sonicFlushStream(stream)
    out = np.zeros(sonic.sonicSamplesAvailable(stream), np.int16)
    sonic.sonicReadShortFromStream(stream, out.ctypes, len(out))
    sonic.sonicDestroyStream(stream)
    return out
