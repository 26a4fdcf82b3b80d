"""What an echo should sound like: adaptive filters that follow the way from a loudspeaker to its microphone.

Partitioned-block frequency-domain Kalman filters (Enzner and Vary, "Frequency-domain adaptive Kalman filter for
acoustic echo control in hands-free telephones", Signal Processing 86, 2006), all of them in the same few numpy calls.
How far one adapts in a frame follows from how sure it is of itself and from how much of the microphone's sound it does
not explain, so that a voice over the echo does not lead it astray.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.echo.history import BLOCK, Audio, HistoryBank, Rows

PARTITIONS: Final = 8
"""Blocks of 20 ms that a filter spans. Measured in a room of RT60 0.5 s: 14 dB of the echo go, with 4 blocks 10 dB, and
in one frame of ten less than 9 dB (3 dB)."""

AHEAD: Final = 40
"""Samples (5 ms) of a filter before the lag it was made for: delays drift both ways."""

_BINS: Final = BLOCK + 1
_STAY: Final = 0.997
"""How much of a filter is believed to hold a frame later. Measured while somebody talks over the echo, as loud: 9 to
16 dB of it go (with 0.99 6 dB: the filter follows the voice). At a delay that drifts by 100 ppm 3 dB go whatever this
is."""

_DOUBT: Final = (0.63 ** np.arange(PARTITIONS)).astype(np.float32)[:, None]
"""How wrong each partition of a new filter may be: reverberation fades."""

REHEARSALS: Final = 2
"""Times that a new filter goes through what it is made of."""

ALIKE: Final = 0.7
"""How alike a new filter's first taps must be to a known one's to be the same way (cosine)."""

_SMOOTH: Final = 0.8
"""Of the noise's power spectrum, per frame."""

Spectra = npt.NDArray[np.complex64]
Powers = npt.NDArray[np.float32]

Known = tuple[int, Audio, Powers]
"""Of a filter: its shift, its taps, and how wrong each partition may be."""


class FilterBank:
    """Filters by slot; each belongs to one leg and one source.

    Args:
        slots: how many at most; 26 KB each once used.
    """

    def __init__(self, slots: int) -> None:
        self.shift: Rows = np.zeros(slots, np.int64)
        """(slots,) what is said at time t on the leg's row is made of the source's row from t - shift backwards."""
        self._weights: Spectra = np.zeros((slots, PARTITIONS, _BINS), np.complex64)
        self._doubt = np.zeros((slots, PARTITIONS, _BINS), np.float32)
        self._past: Spectra = np.zeros((slots, PARTITIONS, _BINS), np.complex64)
        self._noise = np.zeros((slots, _BINS), np.float32)
        self._at: Rows = np.full(slots, -1, np.int64)

    def begin(self, slot: int, shift: int, taps: Audio) -> None:
        """Start from these taps: the first is for ``shift`` samples ago."""
        blocks = np.zeros((PARTITIONS, 2 * BLOCK), np.float32)
        for number in range(PARTITIONS):
            part = taps[number * BLOCK : (number + 1) * BLOCK]
            blocks[number, : len(part)] = part
        self.shift[slot] = shift
        self._weights[slot] = np.fft.rfft(blocks)
        power = np.square(np.abs(self._weights[slot]))
        self._doubt[slot] = (0.5 * power.mean(axis=0) + 0.3 * power.mean()) * _DOUBT
        self._noise[slot] = 0
        self._at[slot] = -1

    def known(self, slot: int) -> Known:
        """What a slot's filter knows, to be ``add``ed later."""
        return int(self.shift[slot]), self._way(slot), self._doubt[slot].copy()

    def add(self, slot: int, known: Known) -> None:
        """Put to a filter, which makes what another left, what that one knew: together they make all of it."""
        shift, way, doubt = known
        own = self._way(slot)
        first = min(shift, int(self.shift[slot]))
        both = np.zeros(PARTITIONS * BLOCK, np.float32)
        for start, part in ((shift - first, way), (int(self.shift[slot]) - first, own)):
            both[start:] += part[: max(len(both) - start, 0)]
        if first != self.shift[slot]:
            self.shift[slot] = first
            self._at[slot] = -1
        self._weights[slot] = np.fft.rfft(both.reshape(PARTITIONS, BLOCK), 2 * BLOCK)
        self._doubt[slot] += doubt

    def _way(self, slot: int) -> Audio:
        return np.fft.irfft(self._weights[slot])[:, :BLOCK].reshape(-1).astype(np.float32)

    def resemble(self, slot: int, shift: int, taps: Audio, learnt: int) -> bool:
        """Start from another slot's filter, where these taps are a part of it: one loudspeaker plays both sources.

        Args:
            slot: what begins.
            shift: of the first of ``taps``.
            taps: (n,) a first, short filter.
            learnt: the slot that knows the way.

        Returns:
            Whether they are alike; if not, nothing happened.
        """
        way = np.concatenate([np.zeros(AHEAD, np.float32), self._way(learnt)])
        parts = np.lib.stride_tricks.sliding_window_view(way[: 2 * AHEAD + len(taps)], len(taps))
        norms = np.sqrt(np.square(parts).sum(axis=1) * np.square(taps).sum()) + 1e-9
        likeness = parts @ taps / norms
        at = int(likeness.argmax())
        if likeness[at] < ALIKE:
            return False
        doubt = self._doubt[learnt].copy()
        self.begin(slot, shift, way[at:])
        self._doubt[slot] = np.minimum(self._doubt[slot], 2 * doubt + np.float32(1e-3) * self._doubt[slot])
        return True

    def rehearse(
        self, slot: int, source: int, end: int, said: Audio, history: HistoryBank, enough: float = np.inf
    ) -> float:
        """Learn from a stretch that has passed already: ``said``, whole blocks, ends at ``end``.

        The same as ``predict`` and ``adapt`` block by block, at a third of their cost: the source is transformed once
        for all blocks. It is the longest work of a tick all the same: 3.9 ms for a first filter, 2.4 ms where it is
        condemned (measured).

        Args:
            slot: whose filter learns.
            source: what it is made of.
            end: the leg's own time behind the stretch.
            said: (n * BLOCK,) what the leg said.
            history: of both.
            enough: a share that condemns the filter; beyond it the rest is not gone through, nor is the filter of use.

        Returns:
            The share of its energy that the filter did not foresee when it went through it for the last time, or so
            much of it as is beyond ``enough``.
        """
        count = len(said) // BLOCK
        errors = said.reshape(count, BLOCK)
        ends = np.array([end - int(self.shift[slot])])
        heard = history.read(np.array([source]), ends, (count + PARTITIONS) * BLOCK)[0]
        blocks = np.lib.stride_tricks.sliding_window_view(heard, 2 * BLOCK)[::BLOCK]
        spectra = np.fft.rfft(blocks[::-1]).astype(np.complex64, copy=False)  # the latest first
        whole = float(np.square(said).sum()) + 1e-3
        weights, doubt, noise = self._weights[slot], self._doubt[slot], self._noise[slot]
        left = 0.0
        for rehearsal in range(REHEARSALS):
            left = 0.0
            for back in range(count - 1, -1, -1):
                past = spectra[back : back + PARTITIONS]
                error = errors[count - 1 - back] - _echo(weights, past)
                left += float(np.dot(error, error))
                if rehearsal == REHEARSALS - 1 and left > enough * whole:
                    return left / whole
                weights, doubt, noise = _adapted(weights, doubt, noise, past, error)
        self._weights[slot], self._doubt[slot], self._noise[slot] = weights, doubt, noise
        self._past[slot] = spectra[:PARTITIONS]
        self._at[slot] = end
        return left / whole

    def retrace(self, slot: int, source: int, end: int, count: int, history: HistoryBank) -> Audio:
        """The echo in the ``count`` blocks before ``end`` (the leg's own time), as foreseen now: (count, BLOCK)."""
        length = (count + PARTITIONS) * BLOCK
        heard = history.read(np.array([source]), np.array([end - int(self.shift[slot])]), length)[0]
        blocks = np.lib.stride_tricks.sliding_window_view(heard, 2 * BLOCK)[::BLOCK]
        spectra = np.fft.rfft(blocks).astype(np.complex64, copy=False)
        past = np.stack([spectra[number : number + PARTITIONS][::-1] for number in range(count)])
        return _echo(self._weights[slot], past)

    def predict(self, slots: Rows, sources: Rows, ends: Rows, history: HistoryBank) -> Audio:
        """The echo in the block before ``ends`` (the legs' own time): (n, BLOCK). Each slot once, in order of time."""
        missed = np.where(self._at[slots] < 0, PARTITIONS, (ends - self._at[slots]) // BLOCK)
        for back in range(min(int(missed.max()), PARTITIONS) - 1, -1, -1):
            due = missed > back
            some = slots[due]
            blocks = history.read(sources[due], ends[due] - self.shift[some] - back * BLOCK, 2 * BLOCK)
            self._past[some] = np.roll(self._past[some], 1, axis=1)
            self._past[some, 0] = np.fft.rfft(blocks)
        self._at[slots] = ends
        return _echo(self._weights[slots], self._past[slots])

    def adapt(self, slots: Rows, errors: Audio) -> None:
        """Learn from what the last prediction left unexplained, (n, BLOCK)."""
        self._weights[slots], self._doubt[slots], self._noise[slots] = _adapted(
            self._weights[slots], self._doubt[slots], self._noise[slots], self._past[slots], errors
        )


def _echo(weights: Spectra, past: Spectra) -> Audio:
    """What filters, (..., PARTITIONS, bins), make of the latest spectra of their sources: (..., BLOCK)."""
    return np.asarray(np.fft.irfft((weights * past).sum(axis=-2))[..., BLOCK:], np.float32)


def _adapted(
    weights: Spectra, doubt: Powers, noise: Powers, past: Spectra, errors: Audio
) -> tuple[Spectra, Powers, Powers]:
    """Filters after a prediction that was wrong by ``errors``: weights, doubt, (..., PARTITIONS, bins), and noise."""
    padded = np.zeros((*errors.shape[:-1], 2 * BLOCK), np.float32)
    padded[..., BLOCK:] = errors
    error = np.fft.rfft(padded)
    power = np.square(error.real) + np.square(error.imag)
    noise = np.where(noise > 0, _SMOOTH * noise + (1 - _SMOOTH) * power, power)
    strength = np.square(past.real) + np.square(past.imag)
    # Half of each padded block is zeros, hence the factors of one half (Enzner and Vary, overlap-save).
    total = (doubt * strength).sum(axis=-2) * 0.5 + noise + 1e-3
    gain = doubt / total[..., None, :]
    step = np.fft.irfft(gain * np.conj(past) * error[..., None, :])
    step[..., BLOCK:] = 0
    weights = np.asarray(weights + np.fft.rfft(step), np.complex64)
    doubt = doubt * (1 - 0.5 * gain * strength)
    power = np.square(weights.real) + np.square(weights.imag)
    return weights, np.asarray(_STAY**2 * doubt + (1 - _STAY**2) * power, np.float32), noise
