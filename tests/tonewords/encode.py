"""Text of tone words to sound."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from tests.tonewords.code import GAP_MS, SYMBOL_MS, SYMBOLS, Source, ToneWord, codebook, tone_hz

from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples

LEVEL_DB = -20.0
"""dBFS RMS of a word: what the synthesizer protocol asks for."""

_GLIDE_MS = 8
"""The frequency glides from tone to tone: a hard switch would spill into other families' bands."""
_FADE_MS = 6


def encode(text: str | Iterable[str], *, booth: bool = False, level_db: float = LEVEL_DB) -> Pcm:
    """Sound of the words of ``text``, each followed by its gap, 16 kHz int16; it begins with the first word at once.

    Args:
        text: words like ``es017b``, in one string or a list.
        booth: sound as the booth that speaks in the voice's name, not as the person himself.
        level_db: dBFS RMS while a word sounds.
    """
    if not isinstance(text, str):
        text = " ".join(text)
    pieces = [_sound(ToneWord.parse(word), booth, level_db) for word in text.split()]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def silence(seconds: float) -> Pcm:
    """So much silence, 16 kHz int16."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


@lru_cache(maxsize=2048)
def _sound(word: ToneWord, booth: bool, level_db: float) -> Pcm:
    family = Source(word.voice, booth).family
    symbol, glide, fade = ms_to_samples(SYMBOL_MS), ms_to_samples(_GLIDE_MS), ms_to_samples(_FADE_MS)
    steps = np.repeat(tone_hz(family)[codebook()[word.index]], symbol)
    kernel = np.hanning(glide + 2)
    hz = np.convolve(np.pad(steps, glide, mode="edge"), kernel / kernel.sum(), mode="same")[glide:-glide]
    wave = np.sin(2 * np.pi * np.cumsum(hz) / SAMPLE_RATE)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    wave[:fade] *= ramp
    wave[-fade:] *= ramp[::-1]
    sound = np.zeros(symbol * SYMBOLS + ms_to_samples(GAP_MS), np.int16)
    sound[: len(wave)] = np.round(wave * (np.sqrt(2) * 32768 * 10 ** (level_db / 20)))
    sound.setflags(write=False)
    return sound
