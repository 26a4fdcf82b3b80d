"""Finds known sounds in a recording: where a sentence was heard, how often, and how sure that is. Pure.

A matched filter on the fine structure of the spectrum. Every frame becomes the log spectrum of 64 ms, freed of its
envelope: what is left is the comb of the voice's harmonics with the formants' detail, which codecs (G.722, G.711),
gains, a floor 18 dB below and noise hardly change, and which two sentences of one voice share no more than by chance.
The template is cut into blocks of 0.3 s that may shift against each other by 40 ms and run at a few tempos, so that a
tempo change within the sentence, a slipped frame or clock drift do not matter. Measured on espeak-ng sentences through
G.722 and G.711: the right place scores 0.84 to 0.97, the best wrong place 0.15 to 0.43.

Under another voice the score falls (0.34 to 0.79 at equal level and ducked by 6 dB). So sounds that were found explain
the spectrum away: where a louder known sound covers a bin, that bin does not count for the others. That brings the
right places back to 0.53 to 0.89, with wrong ones at 0.25 at most.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import fftconvolve

from dragoman.media.format import SAMPLE_RATE, Pcm

Array = npt.NDArray[np.float32]

Key = TypeVar("Key", bound=Hashable)

HOP = 320
"""Samples between frames (20 ms): the first sound is placed finer than that, on the waveform."""

WINDOW = 1024
"""Samples of a frame (64 ms): long enough to part the harmonics of a 90 Hz voice."""

BAND_HZ = (150.0, 3600.0)
"""What G.711 passes too."""

ENVELOPE_BINS = 41
"""Width of the envelope that is taken away (640 Hz): wider than two formants are apart."""

RANGE_DB = 45.0
"""Depth of a spectrum that counts; below are codec noise and the comfort of silence."""

BLOCK_FRAMES = 15
SLACK_FRAMES = 2
TEMPOS = (1.0, 0.9, 0.95, 1.04, 1.08, 1.12, 1.16, 1.22, 1.3)
"""Interpretation catches up by tempo to 1.3x; to 1.4x only behind talks longer than any of a demo. On a host too
busy for its media clock it loses slots of 20 ms, which are heard as little gaps: slower."""

TEMPO_BIAS = 0.02
"""What a changed tempo must be better by: a short sound fits at several."""

COARSE = 0.25
"""Score from which a place is looked at more closely."""

CLEAR = 0.52
"""Score that counts with nothing explained away; the best wrong place seen is 0.43."""

MASKED = 0.45
"""Score that counts on the bins that no louder known sound covers; the best wrong place seen is 0.25."""

SHORT_S = 1.0
SHORT_CLEAR = 0.68
"""For sounds below SHORT_S ("yes", "no"): few frames, so chance fits better (0.4 to 0.5 seen)."""

USABLE = 0.2
"""Share of a sound's frames and bins that must be uncovered to say anything of it."""

CANDIDATES = 16
"""Places looked at per sound, the best first."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Sound by frames: ``level`` (frames, bins) magnitudes; ``comb`` (frames, bins) log spectrum less its envelope."""

    level: Array
    comb: Array
    sounding: npt.NDArray[np.bool_]
    """Frames within 30 dB of the loudest."""

    @classmethod
    def of(cls, pcm: Pcm) -> Spectrum:
        """The spectrum of Pcm; what is shorter than one window is padded to it."""
        if len(pcm) < WINDOW:
            pcm = np.concatenate((pcm, np.zeros(WINDOW - len(pcm), np.int16)))
        frames = np.lib.stride_tricks.sliding_window_view(pcm, WINDOW)[::HOP]
        frequency = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
        band = (frequency >= BAND_HZ[0]) & (frequency <= BAND_HZ[1])
        taper = np.hanning(WINDOW).astype(np.float32) / 32768
        level = np.empty((len(frames), int(band.sum())), np.float32)
        for start in range(0, len(frames), 2048):  # bounded memory, however long the recording
            piece = slice(start, start + 2048)
            level[piece] = np.abs(np.fft.rfft(frames[piece] * taper, axis=1))[:, band]
        loudest = float(np.percentile(level.max(axis=1), 95)) or 1e-6
        log = np.log(np.maximum(level, loudest * 10 ** (-RANGE_DB / 20)))
        energy = np.square(level).sum(axis=1)
        comb = log - uniform_filter1d(log, ENVELOPE_BINS, axis=1)
        return cls(level, comb.astype(np.float32), energy > energy.max() * 1e-3)

    def __len__(self) -> int:
        return len(self.level)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A sound was heard here. ``start``, ``end``: seconds in the recording, ``start`` to 1 ms where it fits well."""

    start: float
    end: float
    score: float
    """0 to 1; of the bins that no louder known sound covers."""
    tempo: float
    complete: float
    """Share of the sound that was there, 0 to 1; a sentence that was cut off is below 0.8."""


@dataclass(slots=True)
class _Place:
    """A sound at one place of a recording: template frame ``source[i]`` lies on recording frame ``target[i]``."""

    score: float
    tempo: float
    source: npt.NDArray[np.intp]
    target: npt.NDArray[np.intp]
    gain: float = 1.0
    complete: float = 1.0

    @property
    def span(self) -> tuple[int, int]:
        return int(self.target[0]), int(self.target[-1]) + 1

    def covers(self, other: _Place) -> float:
        """Share of ``other`` that lies within this one."""
        first, last = self.span
        begin, end = other.span
        return max(0, min(last, end) - max(first, begin)) / max(end - begin, 1)


@dataclass(slots=True)
class _Sound:
    pcm: Pcm
    spectrum: Spectrum
    open: list[_Place] = field(default_factory=list)
    found: list[_Place] = field(default_factory=list)

    @property
    def threshold(self) -> float:
        return CLEAR if len(self.pcm) >= SHORT_S * SAMPLE_RATE else SHORT_CLEAR


def find(recording: Pcm, sounds: Mapping[Key, Pcm]) -> dict[Key, list[Occurrence]]:
    """Every occurrence of every sound in ``recording``, in order of time.

    All sounds that may be heard should be given at once: the louder ones explain what is missing of the others. A sound
    that is a piece of a longer one ("thank you", "thank you all") is not found within the longer one.
    """
    heard = Spectrum.of(recording)
    known = {key: _Sound(pcm, Spectrum.of(pcm)) for key, pcm in sounds.items()}
    for sound in known.values():
        sound.open = _candidates(sound.spectrum, heard)
    _settle(list(known.values()), heard)
    return {key: sorted(_occurrences(sound, recording), key=lambda o: o.start) for key, sound in known.items()}


def _candidates(template: Spectrum, heard: Spectrum) -> list[_Place]:
    """The best places at any tempo, apart from each other by half the template, the best first."""
    unit = _unit(heard.comb)
    shape = _unit(template.comb)
    places: list[tuple[float, float, int, list[npt.NDArray[np.float32]]]] = []
    for tempo in TEMPOS:
        source = _stretched(len(template), tempo)
        if len(heard) <= len(source):
            continue
        weight = template.sounding[source].astype(np.float32)
        blocks = _block_scores(unit, shape[source] * weight[:, None])
        score = np.sum([maximum_filter1d(block, 2 * SLACK_FRAMES + 1) for block in blocks], axis=0)
        score = score / max(float(weight.sum()), 1.0) - TEMPO_BIAS * (tempo != 1.0)
        for at in _peaks(score, len(source) // 2):
            places.append((float(score[at]), tempo, at, blocks))
    chosen: list[_Place] = []
    for score_at, tempo, at, blocks in sorted(places, key=lambda place: -place[0]):
        source = _stretched(len(template), tempo)
        target = np.arange(len(source)) + at
        cuts = _cuts(len(source))
        for block, (begin, end) in zip(blocks, itertools.pairwise(cuts), strict=True):
            low = max(0, at - SLACK_FRAMES)
            shift = low + int(block[low : at + SLACK_FRAMES + 1].argmax()) - at
            target[begin:end] += shift
        place = _Place(score_at, tempo, source, np.clip(target, 0, len(heard) - 1))
        if all(max(old.covers(place), place.covers(old)) < 0.5 for old in chosen):
            chosen.append(place)
        if len(chosen) == CANDIDATES:
            break
    return chosen


def _settle(sounds: Sequence[_Sound], heard: Spectrum) -> None:
    """Take what is clear; let it explain the rest; repeat while that makes more clear."""
    sounds = sorted(sounds, key=lambda sound: -len(sound.pcm))  # a piece of a longer sentence must not come first
    for sound in sounds:
        for place in list(sound.open):
            if place.score >= sound.threshold:
                _accept(sound, place, sounds, heard)
    progress = True
    while progress:
        progress = False
        cover = _Cover(sounds, len(heard))
        for sound in sounds:
            for place in list(sound.open):
                score, usable = _masked(sound, place, cover, heard)
                covered = usable < 0.95
                if covered and usable >= USABLE and score >= max(MASKED, sound.threshold - 0.1):
                    place.score = score
                    progress |= _accept(sound, place, sounds, heard)
    cover = _Cover(sounds, len(heard))
    for sound in sounds:
        for place in sound.found:
            score, usable = _masked(sound, place, cover, heard)
            if usable >= USABLE:
                place.score = max(place.score, score)
            place.complete = _complete(sound, place, cover, heard)


def _accept(sound: _Sound, place: _Place, sounds: Sequence[_Sound], heard: Spectrum) -> bool:
    sound.open.remove(place)
    for other in sounds:
        if any(longer.covers(place) > 0.8 and _same(other, longer, sound, place) for longer in other.found):
            return False
    level = sound.spectrum.level[place.source]
    strong = level > np.percentile(level, 90)
    place.gain = float(np.median(heard.level[place.target][strong] / level[strong]))
    sound.found.append(place)
    return True


def _same(longer: _Sound, there: _Place, shorter: _Sound, here: _Place) -> bool:
    """Whether the longer sound itself holds the shorter one there: then it is the longer one that was heard."""
    rows = np.searchsorted(there.target, here.target).clip(0, len(there.source) - 1)
    ours = _unit(shorter.spectrum.comb[here.source])
    theirs = _unit(longer.spectrum.comb[there.source[rows]])
    weight = shorter.spectrum.sounding[here.source]
    return float((ours * theirs).sum(axis=1)[weight].mean()) > MASKED if weight.any() else False


class _Cover:
    """How loud the sounds found so far are in each frame and bin of the recording."""

    def __init__(self, sounds: Sequence[_Sound], frames: int) -> None:
        self._frames = frames
        self._placed = [
            (place, sound.spectrum.level[place.source] * place.gain) for sound in sounds for place in sound.found
        ]

    def under(self, place: _Place, bins: int) -> Array:
        """Magnitudes (frames of ``place``, bins) of all others there."""
        begin, end = place.span
        total = np.zeros((end - begin, bins), np.float32)
        for other, level in self._placed:
            first, last = other.span
            if other is place or last <= begin or first >= end:
                continue
            inside = (other.target >= begin) & (other.target < end)
            rows = other.target[inside] - begin
            total[rows] = np.maximum(total[rows], level[inside])
        return total[place.target - begin]


def _masked(sound: _Sound, place: _Place, cover: _Cover, heard: Spectrum) -> tuple[float, float]:
    """Score on the bins that are not covered, and the share of the sound that those are."""
    scores, use = _masked_frames(sound, place, cover, heard)
    sounding = float(sound.spectrum.sounding[place.source].sum())
    return float((scores * use).sum() / max(float(use.sum()), 1e-6)), float(use.sum()) / max(sounding, 1.0)


def _masked_frames(sound: _Sound, place: _Place, cover: _Cover, heard: Spectrum) -> tuple[Array, Array]:
    """Per frame of the place: cosine on the open bins, and its weight (share of open bins, 0 where it is silent)."""
    level = sound.spectrum.level[place.source]
    others = cover.under(place, level.shape[1])
    strong = level > np.percentile(level, 90)
    here = heard.level[place.target]
    gain = place.gain if place in sound.found else float(np.median(here[strong] / level[strong])) / 2
    mask = others <= level * gain
    ours = sound.spectrum.comb[place.source] * mask
    theirs = heard.comb[place.target] * mask
    norm = np.sqrt((ours**2).sum(axis=1) * (theirs**2).sum(axis=1))
    cosine = (ours * theirs).sum(axis=1) / np.maximum(norm, 1e-6)
    share = mask.mean(axis=1)
    use = np.where(share > 0.1, share, 0.0) * sound.spectrum.sounding[place.source]
    return cosine.astype(np.float32), use.astype(np.float32)


def _complete(sound: _Sound, place: _Place, cover: _Cover, heard: Spectrum) -> float:
    """Share of the sound in whose blocks it was really there; blocks that others cover wholly say nothing."""
    scores, use = _masked_frames(sound, place, cover, heard)
    cuts = _cuts(len(place.source))
    there = judged = 0.0
    for begin, end in itertools.pairwise(cuts):
        weight = float(use[begin:end].sum())
        if weight < USABLE * (end - begin):
            continue
        judged += weight
        if float((scores[begin:end] * use[begin:end]).sum()) / weight >= COARSE:
            there += weight
    return there / judged if judged else 1.0


def _occurrences(sound: _Sound, recording: Pcm) -> list[Occurrence]:
    result = []
    for place in sound.found:
        begin, end = place.span
        start = _first_sound(sound.pcm, recording, begin * HOP / SAMPLE_RATE)
        result.append(
            Occurrence(
                start, (end - 1) * HOP / SAMPLE_RATE + WINDOW / SAMPLE_RATE, place.score, place.tempo, place.complete
            )
        )
    return result


def _first_sound(pcm: Pcm, recording: Pcm, near: float) -> float:
    """Where ``pcm`` begins in ``recording``, seconds: by waveform within 0.1 s of ``near``, else ``near`` itself."""
    head = pcm[: int(0.4 * SAMPLE_RATE)].astype(np.float64)
    low = max(0, int((near - 0.1) * SAMPLE_RATE))
    piece = recording[low : low + int(0.2 * SAMPLE_RATE) + len(head)].astype(np.float64)
    if len(piece) <= len(head):
        return near
    product = fftconvolve(piece, head[::-1], "valid")
    power = np.convolve(piece**2, np.ones(len(head)), "valid")
    fit = product / np.sqrt(np.maximum(power, 1.0) * max(float(head @ head), 1.0))
    best = int(fit.argmax())
    return (low + best) / SAMPLE_RATE if fit[best] > 0.4 else near


def _unit(comb: Array) -> Array:
    unit: Array = comb / np.maximum(np.linalg.norm(comb, axis=1, keepdims=True), 1e-6)
    return unit


def _stretched(frames: int, tempo: float) -> npt.NDArray[np.intp]:
    """Template frames in the order in which they are heard at ``tempo``."""
    return (np.arange(max(1, int(frames / tempo))) * tempo).astype(np.intp)


def _cuts(frames: int) -> list[int]:
    """Where the blocks of a template begin and end."""
    count = max(1, round(frames / BLOCK_FRAMES))
    return [round(i * frames / count) for i in range(count + 1)]


def _block_scores(unit: Array, shape: Array) -> list[npt.NDArray[np.float32]]:
    """Per block: its summed cosine when the template begins at each frame of the recording."""
    starts = len(unit) - len(shape) + 1
    similarity = unit @ shape.T
    cuts = _cuts(len(shape))
    blocks = []
    for begin, end in itertools.pairwise(cuts):
        total = np.zeros(starts, np.float32)
        for i in range(begin, end):
            total += similarity[i : i + starts, i]
        blocks.append(total)
    return blocks


def _peaks(score: npt.NDArray[np.float32], apart: int) -> list[int]:
    """Local maxima of at least COARSE."""
    top = maximum_filter1d(score, 2 * max(1, apart) + 1)
    return [int(i) for i in np.flatnonzero((score >= COARSE) & (score == top))]
