"""What is wrong with an enrolment clip, with figures: pure numpy over samples at the rate they were recorded with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import soxr

from dragoman.media.format import SAMPLE_RATE
from dragoman.voices.conditioning import robust_centroid, unit
from dragoman.voices.embedders import IdentityEmbedder, Samples
from dragoman.voices.fault import FaultKind
from dragoman.voices.profile import Vector
from dragoman.voices.turns import grouped

MIN_SPEECH_S: Final = 2.0
"""Seconds of speech in a clip. Below some 2 s an ECAPA embedding says little (EER 2.3 % at 3 s, 5.4 % at 1 s with our
own small one), and XTTS takes its reference in pieces of 4 to 6 s."""

MAX_SECONDS: Final = 120.0
"""Seconds of a clip: more is no longer one way of speaking, and costs as much again to encode."""

SILENT_DBFS: Final = -55.0
"""dB, full scale 0, of the loudest parts: a caller who is hardly there is at -45."""

CLIP_LEVEL: Final = 0.985
"""Of full scale: a converter that limits does so just below it; G.711's largest code is 0.98 (mu-law 32124, A-law
32256 of 32768)."""

CLIPPED_SHARE: Final = 0.002
"""Of the samples of speech, in runs at the same extreme: 0.2 % is heard as a crackle in every vowel."""

MIN_SNR_DB: Final = 15.0
"""dB: below it XTTS clones the noise as well. A quiet office over a phone has 25 to 35."""

MAX_SNR_DB: Final = 80.0
"""dB reported for a clip without any noise (a synthesizer's, a gated line's)."""

NOISE_PERCENTILE: Final = 1.0
"""Of the frames: the quietest two of a clip of 4 s. At 5 a clean voice whose pauses are gated to zeros seems to have
15 dB over its own consonants; at 1 it has 20 and more, and white noise is read 1 dB too low."""

FRAME_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and what to do, for the person who made the clip."""

    kind: FaultKind
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class ClipReport:
    """What was measured of a clip."""

    seconds: float
    speech_seconds: float
    """Seconds in which somebody speaks (or something is as loud)."""
    level_dbfs: float
    """RMS of the speech, dB, full scale 0."""
    snr_db: float
    """Speech to the noise in its pauses."""
    clipped: float
    """Share of the speech's samples that were cut off."""
    faults: tuple[Fault, ...] = ()
    identity: Vector | None = None
    """Who speaks; None without an encoder, or in a clip with too little speech."""

    @property
    def usable(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.faults


def resample(samples: Samples, rate: int, target: int) -> Samples:
    """A whole clip at another rate."""
    if rate == target:
        return samples
    made: Samples = np.asarray(soxr.resample(samples, rate, target), np.float32)
    return made


def examine(samples: npt.ArrayLike, rate: int, identity: IdentityEmbedder | None = None) -> ClipReport:
    """Measure a clip and say what is wrong with it.

    Args:
        samples: mono, full scale 1.0, at the rate it was recorded with (resampling hides clipping).
        rate: Hz.
        identity: asked who speaks; None: then two speakers are not noticed.
    """
    audio = np.nan_to_num(np.asarray(samples, np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
    seconds = len(audio) / rate
    powers = _frame_powers(audio, rate)
    speech = _speech(powers)
    speaking = float(speech.sum()) * FRAME_S
    level = _db(float(powers[speech].mean())) if speech.any() else _db(0.0)
    report = ClipReport(seconds, speaking, level, _snr(powers, speech), _clipped(audio, rate, speech))
    faults = list(_sound_faults(report))
    vector = None
    if identity is not None and speaking >= MIN_SPEECH_S and seconds <= MAX_SECONDS:
        heard = _only_speech(audio, rate, speech)
        vector = identity.embed(heard)
        if (two := _two_speakers(heard, identity)) is not None:
            faults.append(two)
    return replace(report, faults=tuple(faults), identity=vector)


def compare(reports: Sequence[ClipReport], threshold: float) -> tuple[tuple[Fault, ...], ...]:
    """Per clip, whether it is somebody else than most of the others. Clips without an identity are not judged."""
    known = [i for i, report in enumerate(reports) if report.identity is not None]
    found: list[tuple[Fault, ...]] = [()] * len(reports)
    if len(known) < 2:
        return tuple(found)
    vectors = np.stack([_known(reports[i]) for i in known])
    centroid = robust_centroid(vectors, threshold, [reports[i].speech_seconds for i in known])
    if len(known) == 2 and centroid.rejected:
        text = f"not the same voice in the two clips ({_alike(vectors[0], vectors[1], threshold)}): one speaker, please"
        return tuple((Fault(FaultKind.ANOTHER_SPEAKER, text),) if i in known else () for i in range(len(reports)))
    for at in centroid.rejected:
        text = (
            f"not the same voice as the other clips (likeness {centroid.cosines[at]:.2f}; {threshold:.2f} is needed): "
            "one speaker in all clips, please"
        )
        found[known[at]] = (Fault(FaultKind.ANOTHER_SPEAKER, text),)
    return tuple(found)


def _known(report: ClipReport) -> Vector:
    assert report.identity is not None
    return report.identity


def _alike(one: Vector, other: Vector, threshold: float) -> str:
    return f"likeness {float(unit(one) @ unit(other)):.2f}; {threshold:.2f} is needed"


def _sound_faults(report: ClipReport) -> list[Fault]:
    if report.level_dbfs < SILENT_DBFS:
        said = (
            "digital silence" if report.level_dbfs < -95 else f"its loudest parts are at {report.level_dbfs:.0f} dBFS"
        )
        return [Fault(FaultKind.SILENT, f"nobody can be heard ({said}): check the microphone")]
    faults = []
    if report.speech_seconds < MIN_SPEECH_S:
        faults.append(
            Fault(
                FaultKind.TOO_SHORT,
                f"{np.floor(10 * report.speech_seconds) / 10:.1f} s of speech in {report.seconds:.1f} s: "
                f"at least {MIN_SPEECH_S:g} s are needed, 6 s and more are better",
            )
        )
    if report.seconds > MAX_SECONDS:
        text = f"{report.seconds:.0f} s: at most {MAX_SECONDS:.0f} s; several short clips are better than a long one"
        faults.append(Fault(FaultKind.TOO_LONG, text))
    if report.clipped > CLIPPED_SHARE:
        text = (
            f"{report.clipped:.1%} of the speech is cut off at the loudest level: farther from the microphone, please"
        )
        faults.append(Fault(FaultKind.CLIPPED, text))
    if report.snr_db < MIN_SNR_DB:
        said = f"the speech is only {report.snr_db:.0f} dB above the noise; {MIN_SNR_DB:.0f} are needed"
        text = f"{said}: a quieter place, please"
        faults.append(Fault(FaultKind.NOISY, text))
    return faults


def _db(power: float) -> float:
    return 10 * float(np.log10(max(power, 1e-10)))


def _frame_powers(audio: Samples, rate: int) -> npt.NDArray[np.float64]:
    """Mean squares of frames of 20 ms, without the part below 60 Hz that is no speech (hum, a DC offset)."""
    size = max(1, round(rate * FRAME_S))
    count = len(audio) // size
    frames = audio[: count * size].reshape(count, size).astype(np.float64)
    frames -= frames.mean(axis=1, keepdims=True)
    return np.asarray((frames**2).mean(axis=1))


def _speech(powers: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which frames are speech: those within 25 dB of the loud ones, clearly above the quiet ones; gaps filled."""
    if not powers.any():
        return np.zeros(len(powers), np.bool_)
    loud = float(np.percentile(powers, 95))
    audible = powers[powers > 0]
    quiet = float(np.percentile(audible, 5))
    floor = max(loud * 10**-2.5, min(quiet * 10**0.6, loud * 0.1))
    voiced = np.asarray(powers >= floor)
    # A closing (dilate, then erode): plosives and breaths between words belong to the speech around them.
    reach = round(0.1 / FRAME_S)
    kernel = np.ones(2 * reach + 1)
    padded = np.pad(voiced.astype(np.float64), 2 * reach)
    grown = np.convolve(padded, kernel, "same") > 0.5
    closed = np.convolve(~grown, kernel, "same") < 0.5
    return np.asarray(voiced | closed[2 * reach : len(voiced) + 2 * reach])


def _snr(powers: npt.NDArray[np.float64], speech: npt.NDArray[np.bool_]) -> float:
    """Speech over noise, dB. The noise is that of the quietest hundredth of the frames that are not dead silent.

    Speech has closures in which only the room is heard, so that holds without pauses too; frames of zeros are a gate's
    or an echo canceller's, and say nothing of the noise under the speech.
    """
    if not speech.any():
        return 0.0
    audible = powers[powers > 1e-9]  # -90 dBFS: rounding to 16 bits
    if not len(audible):
        return 0.0
    noise = max(float(np.percentile(audible, NOISE_PERCENTILE)), 1e-10)
    loud = float(powers[speech].mean())
    return float(np.clip(10 * np.log10(max(loud - noise, 1e-10) / noise), 0.0, MAX_SNR_DB))


def _clipped(audio: Samples, rate: int, speech: npt.NDArray[np.bool_]) -> float:
    """Share of the speech's samples that stand in runs of two or more at an extreme, of full scale or of their own.

    A recording that was clipped and then turned down has its runs below full scale: they are what the largest value of
    the clip is, again and again, which a natural peak is not.
    """
    if len(audio) < 2 or not speech.any():
        return 0.0
    size = np.abs(audio)
    top = float(size.max())
    if top < 0.01:
        return 0.0
    at_top = size >= min(top * 0.999, CLIP_LEVEL)
    runs = np.zeros(len(audio), np.bool_)
    same = at_top[1:] & at_top[:-1] & (np.signbit(audio[1:]) == np.signbit(audio[:-1]))
    runs[1:] |= same
    runs[:-1] |= same
    return float(runs.sum()) / max(1.0, float(speech.sum()) * FRAME_S * rate)


def _only_speech(audio: Samples, rate: int, speech: npt.NDArray[np.bool_]) -> Samples:
    """The speech of a clip at 16 kHz, its pauses taken out: an encoder would average them in."""
    frame = max(1, round(rate * FRAME_S))
    mask = np.repeat(speech, frame)
    return resample(np.ascontiguousarray(audio[: len(mask)][mask]), rate, SAMPLE_RATE)


def _two_speakers(heard: Samples, identity: IdentityEmbedder) -> Fault | None:
    """Whether the speech falls into two groups that are not one person."""
    found = grouped(heard, identity)
    if found is None or not found.are_two(identity.threshold):
        return None
    needed = found.needed(identity.threshold)
    said = f"likeness {found.alike:.2f}; {needed:.2f} is needed; the second has {found.share:.0%}"
    return Fault(FaultKind.TWO_SPEAKERS, f"two voices in one clip ({said}): nobody else may speak, please")
