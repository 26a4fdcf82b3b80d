"""Brings a provider's voice to the loudness of all engines while it streams, and cuts the silence at its ends. Pure.

Nothing is held back to measure it: the first frame is levelled by what is known of the voice, or by itself if nothing
is, and the gain then follows what was heard so far. What a clause taught of its voice is kept for the next one.
"""

from __future__ import annotations

import math
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from dragoman.engines.tts.shaping import PEAK, TARGET_RMS, Trimmer
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm
from dragoman.media.resample import Resampler, to_pcm

FLOOR = 32768 * 10 ** (-55 / 20)
"""RMS of a frame below which it says nothing of the voice's loudness: it is silence, before levelling."""

LOUD = 0.01
"""Share of the loudest frame's power from which on a frame counts as speech, as ``measure_gain`` has it."""

MAX_GAIN = 10.0
"""Of a voice that comes quieter than -40 dBFS, the noise would be raised with it."""

MEMORY = 50
"""Frames of speech (1 s) that a remembered level is worth against what the clause itself shows."""

RISE = 10 ** (0.5 / 20)
"""How much the gain may change from one frame to the next: 0.5 dB in 20 ms is not heard as a step."""

MAX_VOICES = 1000
"""Voices whose level is remembered; the one silent for longest is forgotten first."""

_Floats = npt.NDArray[np.float32]


class VoiceLevels:
    """The loudness of the voices heard so far: mean power of their speech."""

    def __init__(self) -> None:
        self._levels: OrderedDict[str, float] = OrderedDict()

    def get(self, voice: str) -> float | None:
        """Mean power, or None when the voice has not been heard."""
        return self._levels.get(voice)

    def learn(self, voice: str, power: float) -> None:
        """Remember what a clause showed."""
        self._levels[voice] = power
        self._levels.move_to_end(voice)
        if len(self._levels) > MAX_VOICES:
            self._levels.popitem(last=False)


class Leveller:
    """One clause's gain, frame by frame (20 ms)."""

    def __init__(self, known: float | None, gain_db: float = 0.0) -> None:
        """``known``: mean power of the voice's speech, from ``VoiceLevels``. ``gain_db``: above the usual level."""
        self._raise = 10 ** (gain_db / 20)
        self._sum = (known or 0.0) * MEMORY
        self._frames = MEMORY if known else 0
        self._peak = 0.0
        self._gain: float | None = _gain(known) * self._raise if known else None

    @property
    def power(self) -> float | None:
        """Mean power of the speech so far, the remembered level in it; None: no speech yet."""
        return self._sum / self._frames if self._frames else None

    def __call__(self, frame: _Floats) -> _Floats:
        """``frame`` (any length), levelled; never beyond PEAK."""
        power = float(np.mean(frame**2)) if len(frame) else 0.0
        self._peak = max(self._peak, power)
        if power > FLOOR**2 and power >= self._peak * LOUD:
            self._sum += power
            self._frames += 1
        before = self._gain
        known = self.power
        if known is None:
            return frame  # silence before the first sound: it is cut off anyway
        wanted = _gain(known) * self._raise
        if before is None:
            before = wanted
        wanted = min(max(wanted, before / RISE), before * RISE)
        loudest = float(np.max(np.abs(frame), initial=0.0))
        if loudest * max(before, wanted) > PEAK:
            before = wanted = min(before, wanted, PEAK / loudest)
        self._gain = wanted
        return frame * np.linspace(before, wanted, len(frame), dtype=np.float32)


def _gain(power: float) -> float:
    return min(TARGET_RMS / math.sqrt(max(power, 1.0)), MAX_GAIN)


class StreamShaper:
    """One clause's audio, as it comes: 16 kHz, levelled, without silence at its ends."""

    def __init__(self, rate: int, voice: str, levels: VoiceLevels, gain_db: float = 0.0) -> None:
        """``rate`` of what comes in, Hz; ``voice`` is the key of what ``levels`` knows.

        ``gain_db``: how much louder than all other voices; never beyond PEAK.
        """
        self._resampler = Resampler(rate, SAMPLE_RATE)
        self._voice = voice
        self._levels = levels
        self._level = Leveller(levels.get(voice), gain_db)
        self._trim = Trimmer()

    def push(self, pcm: Pcm) -> Pcm:
        """Audio up to the last sound so far; less than 20 ms wait for the frame to be full, silence for a sound."""
        return self._trim.push(self._levelled(self._resampler.push(pcm)))

    def flush(self) -> Pcm:
        """What is left: the last sound and its tail; the voice's level is learnt."""
        rest = self._trim.flush(self._levelled(self._resampler.flush()))
        self.learn()
        return rest

    def learn(self) -> None:
        """Remember how loud the voice was; for a clause that is broken off, too."""
        if (power := self._level.power) is not None:
            self._levels.learn(self._voice, power)

    def _levelled(self, pcm: Pcm) -> Pcm:
        samples = pcm.astype(np.float32)
        frames = [self._level(samples[at : at + FRAME_SAMPLES]) for at in range(0, len(samples), FRAME_SAMPLES)]
        return to_pcm(np.concatenate(frames)) if frames else pcm
