"""A phone in a room: what it plays, what comes back into its microphone, and what the line does to both.

All of it runs frame by frame, for what is played depends on what was said: 320 samples at 16 kHz in, 320 out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dragoman.media.codec import mulaw_decode, mulaw_encode
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE

Signal = npt.NDArray[np.float64]
"""Samples in int16 units."""

FULL_SCALE = 32767.0
RIR_BLOCK = 4608
RIR_SAMPLES = RIR_BLOCK - FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class Room:
    """One phone's way from its loudspeaker to its microphone."""

    delay_ms: float
    """Of the whole phone: jitter buffer, device, air, and back."""
    gain_db: float
    """Level of the echo against what is played."""
    rt60_s: float
    """Reverberation time."""
    reverb_db: float
    """All that is reflected, against the direct sound."""
    drift_ppm: float = 0.0
    """How fast the delay grows, us per s."""
    jump_ms: float = 0.0
    """Where not 0: the delay jumps so far up and back again every ``JUMP_EVERY_S``."""
    clip: float = 1.0
    """Of full scale: where the loudspeaker gives no more."""
    noise_dbfs: float = -70.0
    """RMS of the noise in the microphone."""
    narrow: bool = True
    """Whether the phone speaks G.711."""


JUMP_EVERY_S = 15.0


def impulse_response(room: Room, rng: np.random.Generator) -> Signal:
    """Direct sound, a few early reflections, an exponential tail: (RIR_SAMPLES,), of energy 1."""
    length = min(int(room.rt60_s * SAMPLE_RATE), RIR_SAMPLES)
    times = np.arange(length) / SAMPLE_RATE
    tail = rng.standard_normal(length) * 10 ** (-3 * times / room.rt60_s)
    tail[: int(0.002 * SAMPLE_RATE)] = 0
    for at in rng.uniform(0.001, 0.02, 5):
        tail[int(at * SAMPLE_RATE)] += rng.choice((-1, 1)) * 3 * 10 ** (-3 * at / room.rt60_s)
    tail *= 10 ** (room.reverb_db / 20) / np.sqrt((tail**2).sum())
    response = np.zeros(RIR_SAMPLES)
    response[:length] = tail
    # A small loudspeaker and its case are no delta.
    body = np.array([1.0, -0.45, 0.25, -0.1, 0.05])
    response[: len(body)] += body / np.sqrt((body**2).sum())
    return response / np.sqrt((response**2).sum())


class Convolver:
    """Overlap-add convolution of frames."""

    def __init__(self, response: Signal) -> None:
        self._spectrum = np.fft.rfft(response, RIR_BLOCK)
        self._tail = np.zeros(RIR_BLOCK)

    def __call__(self, frame: Signal) -> Signal:
        """What comes out while ``frame`` goes in."""
        if frame.any():
            self._tail += np.fft.irfft(np.fft.rfft(frame, RIR_BLOCK) * self._spectrum, RIR_BLOCK)
        out = self._tail[:FRAME_SAMPLES].copy()
        self._tail[:-FRAME_SAMPLES] = self._tail[FRAME_SAMPLES:]
        self._tail[-FRAME_SAMPLES:] = 0
        return out


class Fir:
    """A filter with memory."""

    def __init__(self, taps: Signal) -> None:
        self._taps = taps
        self._past = np.zeros(len(taps) - 1)

    def __call__(self, frame: Signal) -> Signal:
        """As long as ``frame``."""
        whole = np.concatenate([self._past, frame])
        self._past = whole[-len(self._past) :]
        return np.convolve(whole, self._taps, "valid")


def low_pass(taps: int = 63, cutoff_hz: float = 3600.0) -> Signal:
    """A windowed sinc."""
    at = np.arange(taps) - taps // 2
    edge = 2 * cutoff_hz / SAMPLE_RATE
    return edge * np.sinc(edge * at) * np.hamming(taps)


class Line:
    """What the line does to one direction: G.711 mu-law at 8 kHz, or nothing but 16 bits."""

    def __init__(self, narrow: bool) -> None:
        self._narrow = narrow
        self._down, self._up = Fir(low_pass()), Fir(2 * low_pass())

    def __call__(self, frame: Signal) -> Signal:
        """The frame as it comes out of the line."""
        if not self._narrow:
            return np.clip(np.rint(frame), -32768, 32767)
        halved = np.clip(np.rint(self._down(frame)[::2]), -32768, 32767).astype(np.int16)
        doubled = np.zeros(FRAME_SAMPLES)
        doubled[::2] = mulaw_decode(mulaw_encode(halved))
        return np.clip(np.rint(self._up(doubled)), -32768, 32767)


class Delay:
    """A delay line that can be read at a moving place between samples."""

    def __init__(self, longest_s: float = 0.6) -> None:
        self._kept = np.zeros(int(longest_s * SAMPLE_RATE))

    def write(self, frame: Signal) -> None:
        """The newest frame."""
        self._kept[:-FRAME_SAMPLES] = self._kept[FRAME_SAMPLES:]
        self._kept[-FRAME_SAMPLES:] = frame

    def read(self, first: float, last: float) -> Signal:
        """One frame, ``first`` samples late at its beginning and ``last`` at its end."""
        at = len(self._kept) - FRAME_SAMPLES + np.arange(FRAME_SAMPLES) - np.linspace(first, last, FRAME_SAMPLES)
        whole = np.floor(at).astype(np.int64)
        part = at - whole
        return self._kept[whole] * (1 - part) + self._kept[np.minimum(whole + 1, len(self._kept) - 1)] * part


class Phone:
    """One phone on its loudspeaker: give it what the line brings, take what its microphone sends."""

    def __init__(self, room: Room, rng: np.random.Generator) -> None:
        self.room = room
        self._rng = rng
        self._ear, self._mouth = Line(room.narrow), Line(room.narrow)
        self._air = Convolver(impulse_response(room, rng) * 10 ** (room.gain_db / 20))
        self._delay = Delay()
        self._ticks = 0

    def delay_samples(self, tick: int) -> float:
        """The delay at a tick."""
        at = tick * FRAME_SAMPLES / SAMPLE_RATE
        jumped = self.room.jump_ms if int(at / JUMP_EVERY_S) % 2 else 0.0
        return (self.room.delay_ms + jumped) * SAMPLE_RATE / 1000 + self.room.drift_ppm * 1e-6 * at * SAMPLE_RATE

    def play(self, heard: Signal) -> Signal:
        """The loudspeaker's sound at this tick's microphone: 20 ms of it."""
        played = np.clip(self._ear(heard), -self.room.clip * FULL_SCALE, self.room.clip * FULL_SCALE)
        self._delay.write(played)
        late = self._delay.read(self.delay_samples(self._ticks), self.delay_samples(self._ticks + 1))
        self._ticks += 1
        return self._air(late)

    def speak(self, sound: Signal) -> Signal:
        """What the line carries away of the sound at the microphone."""
        noise = self._rng.standard_normal(FRAME_SAMPLES) * 32768 * 10 ** (self.room.noise_dbfs / 20)
        return self._mouth(np.clip(sound + noise, -32768, 32767))
