"""When a sentence ended in one phone's recording, and whether and when something was heard in the other's. Pure.

The listener hears the speaker's own voice too, ducked, while he speaks. So only what sounds after the sentence can be
its interpretation: the sentence is one clause, and no translation begins before its last word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.format import Pcm

FRAME_S: Final = 0.02
"""Seconds over which a level is taken."""

SOUND_DB: Final = -45.0
"""dBFS RMS from which a frame counts as sound: telephone lines hiss at -60, and speech, -20 on the average, has few
frames below -45."""

GRACE_S: Final = 0.25
"""Seconds after the sentence in which the listener may still hear the original: the way through Asterisk and two
jitter buffers takes 0.1 to 0.2."""

RUN_FRAMES: Final = 5
"""Frames in a row (100 ms) that must sound: a click is no speech."""


EDGE_S: Final = 0.25
"""Seconds at both ends of a prompt that may be missing where it is heard."""

ALIKE: Final = 0.6
"""Likeness from which it is that prompt: over G.722 and G.711 one is like itself by 0.95 and more, like others of the
same voice by 0.3 at the most."""


@dataclass(frozen=True, slots=True)
class Ear:
    """What the listener heard after the sentence."""

    onset_s: float
    """Seconds into the recording at which it began."""
    sound_s: float
    """Seconds of it that sounded."""
    level_db: float
    """dBFS RMS over what sounded."""


def levels(pcm: Pcm, rate: int) -> npt.NDArray[np.float64]:
    """DBFS RMS of each whole frame; -120 for digital silence."""
    length = round(rate * FRAME_S)
    frames = pcm[: len(pcm) - len(pcm) % length].reshape(-1, length).astype(np.float64) / 32768
    power = np.maximum(np.mean(frames**2, axis=1), 1e-12)
    return np.asarray(10 * np.log10(power))


def sentence_end(spoken: Pcm, rate: int, since_s: float = 0.0) -> float | None:
    """Seconds into the recording at which the last sound after ``since_s`` ended; None where there is none."""
    end = last_sound(spoken, rate)
    return end if end > since_s else None


def heard_after(heard: Pcm, rate: int, since_s: float) -> Ear | None:
    """What sounded from ``since_s`` seconds into the recording on; None: nothing that could be speech."""
    level = levels(heard, rate)
    first = max(round(since_s / FRAME_S), 0)
    sounds = level >= SOUND_DB
    sounds[:first] = False
    if len(sounds) < RUN_FRAMES:
        return None
    runs = np.convolve(sounds, np.ones(RUN_FRAMES, np.int64), "valid") == RUN_FRAMES
    if not runs.any():
        return None
    onset = int(np.argmax(runs))
    sounds[:onset] = False
    power = float(np.mean(10 ** (level[sounds] / 10)))
    return Ear(onset * FRAME_S, float(sounds.sum()) * FRAME_S, float(10 * np.log10(power)))


def likeness(heard: Pcm, wanted: Pcm, rate: int) -> float:
    """How much of ``wanted`` is somewhere in ``heard``, both at ``rate``: the greatest normalized correlation, 0 to 1.

    The first and the last EDGE_S of it do not count: a booth that begins and a recording that ends may take some of it.
    """
    edge = round(EDGE_S * rate)
    core = wanted[edge : len(wanted) - edge].astype(np.float64) / 32768
    sound = heard.astype(np.float64) / 32768
    if not 0 < len(core) <= len(sound):
        return 0.0
    length = len(sound) + len(core)
    product = np.fft.irfft(np.fft.rfft(sound, length) * np.conj(np.fft.rfft(core, length)), length)
    energy = np.concatenate([[0.0], np.cumsum(sound**2)])
    local = energy[len(core) :] - energy[: len(energy) - len(core)]
    scale = np.sqrt(np.maximum(local, 1e-6) * max(float(np.sum(core**2)), 1e-6))
    return float(max(np.max(product[: len(local)] / scale), 0.0))


def last_sound(heard: Pcm, rate: int) -> float:
    """Seconds into a recording so far at which its last sound ended; 0 while there is none."""
    sounds = np.flatnonzero(levels(heard, rate) >= SOUND_DB)
    return 0.0 if not len(sounds) else float((sounds[-1] + 1) * FRAME_S)
