"""Sound to tone words: what a phone heard, decided by code that shares nothing with the daemon.

Every 5 ms the energy of each tone is taken through a 32 ms Hann window. In each family's band a marker tone (or a tone
after silence, where the marker was lost) opens a candidate; its slots are read at a grid of starts and tempos (playback
may be sped up, a jitter buffer may stretch) and the word is the one whose tones hold the largest share of the band's
energy. A word counts when at most one slot is spoilt and no other word is near; tones that make no word are reported
as a damaged one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.tonewords.code import FAMILIES, MIN_STEP, SYMBOL_MS, SYMBOLS, TONES, Source, ToneWord, codebook, tone_hz

Floats = npt.NDArray[np.float32]

HOP_MS = 5
_WINDOW_MS = 32
_SMOOTH = 5
"""Hops that a slot's reading is averaged over: 20 ms within its 45."""
_TEMPOS = np.arange(0.68, 1.09, 0.02)
"""Word length by nominal: playback catches up by 1.4 at most (0.71)."""
_STARTS = np.arange(0, 11)
"""Hops from where the marker is first felt (window and smoothing reach ahead) to where the word may begin."""
_SLOT_HOPS = SYMBOL_MS / HOP_MS
_CLEAR = 0.55
"""Share of the band in one tone for so many hops that opens a candidate."""
_CLEAR_HOPS = 5
_GAP_HOPS = 10
_GAP_DROP = 0.05
"""A tone after silence: within so many hops before it the band held no more than this share of its power."""
_HORIZON = _CLEAR_HOPS + int(_STARTS[-1] + SYMBOLS * _SLOT_HOPS * _TEMPOS[-1]) + 6
"""Hops that must be there behind a candidate before it is judged."""

_OVERLAP_S = 0.06
"""By so much the times of two words in a row may seem to overlap when one is damaged."""
_BEFORE = 20
"""Hops before the next candidate that are kept: a lost marker, the silence before it, edges."""

_FLOOR = 10 ** (-72 / 10)
"""Mean square (full scale 1) that is nothing: below the quantisation noise of a telephone codec."""
_SPILL = 10 ** (-40 / 10)
"""What of the loudest band's power may be found in another band without being there (codec distortion)."""
_GOOD = 0.6
"""Share of the band (1: a pure tone) that a slot's tone must have."""
_SPOILT_DB = 12.0
"""A slot so much weaker than the word's median is spoilt (concealment, a hole), dB."""
_MARGIN = 1.6
"""By how many slots the word must beat the next one (two words differ in three slots)."""
_DAMAGED_STEPS = 3
"""Steps from clear tone to clear tone, as words have them, by which a damaged word is told from speech."""


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word of a recording; times are in seconds from its beginning."""

    source: Source
    text: str | None
    """None: a word that was damaged beyond recognition (which one is not known)."""
    start_s: float
    end_s: float
    level_db: float
    """dBFS RMS."""
    confidence: float
    """Mean share of the band's energy in the word's tones: 1 is undisturbed."""

    def __str__(self) -> str:
        text = self.text or "?damaged"
        return f"{self.start_s:8.3f} {self.end_s:8.3f} {self.source!s:10} {text:9} {self.level_db:6.1f} dB"


def decode(pcm: npt.NDArray[np.int16], rate: int = 16_000) -> list[HeardWord]:
    """The words of a recording, of all sources, by start time.

    Args:
        pcm: int16 samples, mono, shape (samples,).
        rate: 8000 or 16000 Hz.
    """
    decoder = ToneDecoder(rate)
    heard = decoder.feed(pcm) + decoder.flush()
    return sorted(heard, key=lambda word: word.start_s)


class ToneDecoder:
    """Decodes a stream in pieces of any length; a word is told about 70 ms after its end."""

    def __init__(self, rate: int = 16_000) -> None:
        """For 8000 or 16000 Hz."""
        if rate not in (8_000, 16_000):
            raise ValueError(f"rate must be 8000 or 16000 Hz, not {rate}")
        self._hop = rate * HOP_MS // 1000
        self._window = rate * _WINDOW_MS // 1000
        self._bank = _bank(rate)
        self._pending = np.zeros(self._window // 2, np.float32)  # so that hop n is centred on sample n * hop
        self._power = np.zeros((0, FAMILIES, TONES), np.float32)
        self._first = 0
        """Hop number of ``_power[0]``."""
        self._next = [0] * FAMILIES
        """Hop number from which each family's next candidate is looked for."""
        self._doubtful: list[list[HeardWord]] = [[] for _ in range(FAMILIES)]

    def feed(self, pcm: npt.NDArray[np.int16]) -> list[HeardWord]:
        """The words that this piece completed."""
        self._pending = np.concatenate([self._pending, pcm.astype(np.float32) / 32768])
        count = (len(self._pending) - self._window) // self._hop + 1
        if count <= 0:
            return []
        frames = np.lib.stride_tricks.sliding_window_view(self._pending, self._window)[:: self._hop][:count]
        spectrum = frames @ self._bank
        half = FAMILIES * TONES
        power = spectrum[:, :half] ** 2 + spectrum[:, half:] ** 2
        self._power = np.concatenate([self._power, power.reshape(count, FAMILIES, TONES)])
        self._pending = self._pending[count * self._hop :]
        heard = self._search()
        keep = max(0, min(self._next) - _BEFORE - self._first)
        self._power = self._power[keep:]
        self._first += keep
        return heard

    def flush(self) -> list[HeardWord]:
        """The words that end with the stream."""
        return self.feed(np.zeros((_HORIZON + _SMOOTH) * self._hop + self._window, np.int16))

    def _search(self) -> list[HeardWord]:
        power = self._power
        last = len(power) - _HORIZON - _SMOOTH // 2  # exclusive: later candidates have not all their slots yet
        if last <= 0:
            return []
        smooth = _moving(np.add, np.pad(power, ((_SMOOTH // 2, _SMOOTH // 2), (0, 0), (0, 0))), _SMOOTH) / _SMOOTH
        total = power.sum(axis=2)
        spilt = _SPILL * total.max(axis=1, keepdims=True)
        share = smooth / (smooth.sum(axis=2) + spilt + _FLOOR)[:, :, None] / _purity()
        clear = _moving(np.logical_and, share >= _CLEAR, _CLEAR_HOPS)[:last]
        quiet = _moving(np.minimum, np.pad(total, ((_GAP_HOPS, 0), (0, 0))), _GAP_HOPS)[:last]
        marked = clear[:, :, 0]
        opens = marked | (clear.any(axis=2) & (quiet < _GAP_DROP * total[:last]))
        heard = []
        for family in range(FAMILIES):
            at = self._next[family] - self._first
            for candidate in np.flatnonzero(opens[:, family]):
                if candidate < at:
                    continue
                start = int(candidate) - (0 if marked[candidate, family] else round(_SLOT_HOPS))
                word, end = self._judge(family, power[:, family], smooth[:, family], share[:, family], start)
                if word and word.text:
                    heard.append(word)
                    at = end
                if word:
                    self._doubt(family, word)
            self._next[family] = self._first + max(at, last)
            decided = (self._first + last) * HOP_MS / 1000
            heard += (word for word in self._doubtful[family] if word.end_s <= decided)
            self._doubtful[family] = [word for word in self._doubtful[family] if word.end_s > decided]
        return heard

    def _doubt(self, family: int, word: HeardWord) -> None:
        """Keep a damaged word until its end: a candidate that opened too early may yet turn out to be a good one."""
        doubtful = self._doubtful[family]
        if word.text:
            doubtful[:] = [other for other in doubtful if other.end_s <= word.start_s + _OVERLAP_S]
        elif not doubtful or doubtful[-1].end_s <= word.start_s + _OVERLAP_S:
            doubtful.append(word)

    def _judge(
        self, family: int, power: Floats, smooth: Floats, share: Floats, at: int
    ) -> tuple[HeardWord | None, int]:
        """The word whose marker is felt (or was lost) at hop ``at``, and the hop to go on at."""
        tempos, starts, centres = _candidates()
        slots = share[np.maximum(at + centres, 0)]  # (candidates, SYMBOLS, TONES)
        scores = slots.reshape(len(slots), -1) @ _one_hot()
        fit, index = np.unravel_index(int(scores.argmax()), scores.shape)
        tones = codebook()[index]
        hops = np.maximum(at + centres[fit], 0)
        levels = 10 * np.log10(smooth[hops, tones] + 1e-12)
        loud = levels > np.median(levels) - _SPOILT_DB
        shares = slots[fit, np.arange(SYMBOLS), tones]
        good = (shares >= _GOOD) & loud
        length = SYMBOLS * _SLOT_HOPS * tempos[fit]
        source = Source.of_family(family)
        rivals = np.delete(scores[fit], index)
        if good.sum() >= SYMBOLS - 1 and scores[fit, index] - rivals.max() >= _MARGIN:
            text = str(ToneWord.of_index(int(index), source.voice))
        elif _steps(slots[fit]) >= _DAMAGED_STEPS:
            text = None
        else:
            return None, 0
        begin = at + starts[fit]
        start = _edge(power[:, tones[0]], begin, rising=True)
        end = _edge(power[:, tones[-1]], begin + length, rising=False)
        word = HeardWord(
            source,
            text,
            start_s=(self._first + start) * HOP_MS / 1000,
            end_s=(self._first + end) * HOP_MS / 1000,
            level_db=float(np.median(levels)),
            confidence=float(np.minimum(shares, 1).mean()),
        )
        return word, int(begin + length)


def _moving(combine: np.ufunc, values: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """Combine every ``length`` neighbours along the first axis, which gets that much shorter (less one)."""
    count = len(values) - length + 1
    result = values[:count]
    for shift in range(1, length):
        result = combine(result, values[shift : shift + count])
    return result


def _steps(slots: Floats) -> int:
    """How many neighbouring slots both hold a clear tone, as far apart as in a word."""
    tones, clear = slots.argmax(axis=1), slots.max(axis=1) >= _GOOD
    return int((clear[1:] & clear[:-1] & (np.abs(np.diff(tones)) >= MIN_STEP)).sum())


def _edge(power: Floats, near: float, *, rising: bool) -> float:
    """Hop (with fraction) at which the tone begins or ends: there half of the window's amplitude is in it."""
    low, high = max(0, int(near) - 6), min(len(power), int(near) + 8)
    if high <= low:
        return float(near)  # it began before the recording
    amplitude = np.sqrt(power[low:high])
    if not rising:
        amplitude = amplitude[::-1]
    above = amplitude >= amplitude.max() / 2
    first = int(above.argmax())
    if first == 0:
        return float(near)
    a, b = amplitude[first - 1], amplitude[first]
    fraction = first - 1 + float((amplitude.max() / 2 - a) / (b - a))
    return float(low + fraction if rising else high - 1 - fraction)


@cache
def _bank(rate: int) -> Floats:
    """Windowed cosines, then sines, of all tones, shape (window, 2 x FAMILIES x TONES); a tone of RMS r gives r**2."""
    window = rate * _WINDOW_MS // 1000
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(window) + 0.5) / window)
    hz = np.concatenate([tone_hz(family) for family in range(FAMILIES)])
    phase = 2 * np.pi * np.outer(np.arange(window) / rate, hz)
    gain = np.sqrt(2) / hann.sum()
    return (np.hstack([np.cos(phase), np.sin(phase)]) * hann[:, None] * gain).astype(np.float32)


@cache
def _candidates() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int_], npt.NDArray[np.int_]]:
    """Tempo, start and slot centres (hops from where the marker is felt) of every way to lay a word."""
    tempos, starts = (grid.ravel() for grid in np.meshgrid(_TEMPOS, _STARTS))
    centres = np.rint(starts[:, None] + (np.arange(SYMBOLS) + 0.5) * _SLOT_HOPS * tempos[:, None]).astype(int)
    distinct = np.unique(centres, axis=0, return_index=True)[1]
    return tempos[distinct], starts[distinct], centres[distinct]


@cache
def _one_hot() -> Floats:
    """Which (slot, tone) each word of the codebook has, shape (SYMBOLS x TONES, words)."""
    return (codebook()[:, :, None] == np.arange(TONES)).reshape(len(codebook()), -1).T.astype(np.float32)


@cache
def _purity() -> Floats:
    """Share that a pure tone has in its band's summed tone energies (neighbours see it too), shape (TONES,)."""
    time = np.arange(16_000 * _WINDOW_MS // 1000) / 16_000
    bank = _bank(16_000)
    half = FAMILIES * TONES
    shares = []
    for tone, hz in enumerate(tone_hz(0)):
        spectrum = np.sin(2 * np.pi * hz * time) @ bank
        power = (spectrum[:half] ** 2 + spectrum[half:] ** 2)[:TONES]
        shares.append(power[tone] / power.sum())
    return np.array(shares, np.float32)
