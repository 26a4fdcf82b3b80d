"""From a VAD's probabilities to where speech starts and ends, for all legs at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.format import SAMPLE_RATE, Pcm, ms_to_samples
from dragoman.media.ring import RingBank
from dragoman.media.stats import MediaStats
from dragoman.media.vad import Probabilities, VadBank

START_ABOVE: Final = 0.5
END_BELOW: Final = 0.35
"""Silero's own thresholds (utils_vad.py: threshold, and 0.15 less for the end)."""

START_WINDOWS: Final = 2
"""Windows in a row above START_ABOVE that begin speech: one alone is often a click."""

QUIET_PEAK: Final = 100
"""Peak (-50 dBFS) below which a window is not shown to the VAD; the quietest phone speech peaks 10 dB above."""

LINGER_MS: Final = 500
"""ms after the last loud window during which the VAD still sees everything, so that its state spans a short pause."""

WINDOWS_PER_TICK: Final = 128
"""Windows given to the VAD in one tick (6 ms of work with Silero). 200 legs may speak at once before some must wait."""

MAX_LAG: Final = SAMPLE_RATE
"""Samples (1 s) that the VAD may be behind a leg before it skips ahead: an overload must not last for ever, nor what a
daemon that stood still finds. What is skipped is judged by its level alone, so that nothing said in it is lost."""

LOUD_PEAK: Final = 328
"""Peak (-40 dBFS, that of the quietest phone speech) from which a window that is skipped counts as speech."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SpeechEvent:
    """Speech of a leg started (at its first sample) or ended (behind its last)."""

    row: int
    started: bool
    at: int


class SpeechGate:
    """Hysteresis over window probabilities.

    Args:
        rows: how many legs at most.
        window: samples per window.
        hangover: samples of silence that end speech.
    """

    def __init__(self, rows: int, window: int, hangover: int) -> None:
        self._window = window
        self._hangover = hangover
        self._speaking = np.zeros(rows, np.bool_)
        self._run = np.zeros(rows, np.int64)  # windows above START_ABOVE in a row
        self._run_at = np.zeros(rows, np.int64)
        self.heard_until = np.zeros(rows, np.int64)
        """(rows,) audio time behind each leg's last window of speech; 0 before its first."""

    def reset(self, row: int) -> None:
        """Begin with silence."""
        self._speaking[row] = False
        self._run[row] = 0
        self.heard_until[row] = 0

    def update(self, rows: Rows, starts: Rows, probabilities: Probabilities) -> list[SpeechEvent]:
        """Take one window of each of these legs, beginning at audio time ``starts``; at most one event per leg."""
        high = probabilities > START_ABOVE
        run = np.where(high, self._run[rows] + 1, 0)
        self._run[rows] = run
        first = rows[run == 1]
        self._run_at[first] = starts[run == 1]
        speaking = self._speaking[rows]
        ends = starts + self._window
        begins = ~speaking & (run >= START_WINDOWS)
        heard = begins | (speaking & (probabilities >= END_BELOW))
        self.heard_until[rows[heard]] = ends[heard]
        stops = speaking & (ends - self.heard_until[rows] >= self._hangover)
        self._speaking[rows] = (speaking | begins) & ~stops
        if not (begins.any() or stops.any()):
            return []
        return [SpeechEvent(row, True, int(self._run_at[row])) for row in rows[begins].tolist()] + [
            SpeechEvent(row, False, int(self.heard_until[row])) for row in rows[stops].tolist()
        ]


class SpeechDetector:
    """Shows the VAD every window of every listened leg that is not plainly silent.

    Args:
        vad: the VAD.
        ring: the legs' audio.
        rows: how many legs at most.
        hangover_ms: silence that ends speech.
        stats: what is counted.
    """

    def __init__(self, vad: VadBank, ring: RingBank, rows: int, hangover_ms: float, stats: MediaStats) -> None:
        self._vad = vad
        self._ring = ring
        self._stats = stats
        self._gate = SpeechGate(rows, vad.window, ms_to_samples(hangover_ms))
        self._linger = -(-ms_to_samples(LINGER_MS) // vad.window)
        self._cursor = np.zeros(rows, np.int64)
        self._awake = np.zeros(rows, np.int64)  # windows left until it is idle
        self._rows: Rows = np.zeros(0, np.int64)
        self._windows = ring.windows(vad.window)
        self._contexts = ring.windows(vad.context) if vad.context else None

    @property
    def heard_until(self) -> Rows:
        """See SpeechGate."""
        return self._gate.heard_until

    def open(self, row: int) -> None:
        """Listen to a leg from its beginning."""
        self._cursor[row] = 0
        self._awake[row] = 0
        self._gate.reset(row)
        self._rows = np.union1d(self._rows, row)

    def close(self, row: int) -> None:
        """Stop listening to a leg; idempotent."""
        self._rows = np.setdiff1d(self._rows, row)

    def step(self) -> list[SpeechEvent]:
        """Look at what came since the last tick; events in order for each leg."""
        events: list[SpeechEvent] = []
        budget = WINDOWS_PER_TICK
        while budget > 0:
            lag = self._ring.end[self._rows] - self._cursor[self._rows]
            due = lag >= self._vad.window
            rows = self._rows[due]
            if not len(rows):
                break
            if lag.max() > MAX_LAG:
                events += self._skip(rows[lag[due] > MAX_LAG])
                continue
            if len(rows) > budget:
                rows = np.sort(rows[np.argsort(-lag[due], kind="stable")[:budget]])
            budget -= len(rows)
            events += self._look(rows)
        return events

    def _skip(self, rows: Rows) -> list[SpeechEvent]:
        events: list[SpeechEvent] = []
        window = self._vad.window
        skipped = (self._ring.end[rows] - self._cursor[rows]) // window
        self._stats.vad_skipped += int(skipped.sum())
        gone = np.maximum(skipped - self._ring.samples // window, 0)  # what the ring has no more
        self._cursor[rows] += gone * window
        left = skipped - gone
        for number in range(int(left.max())):
            some = rows[left > number]
            starts = self._cursor[some]
            loud = _peaks_at(self._windows[self._ring.offsets(some, starts)], LOUD_PEAK)
            events += self._gate.update(some, starts, loud.astype(np.float32))
            self._cursor[some] = starts + window
        self._awake[rows] = 0  # the VAD begins anew: it did not hear what led here
        return events

    def _look(self, rows: Rows) -> list[SpeechEvent]:
        starts = self._cursor[rows]
        samples = self._windows[self._ring.offsets(rows, starts)]
        loud = _peaks_at(samples, QUIET_PEAK)
        awake = self._awake[rows]
        waking = rows[loud & (awake == 0)]
        if len(waking):
            self._vad.reset(waking)
        awake = np.where(loud, self._linger, np.maximum(awake - 1, 0))
        self._awake[rows] = awake
        self._cursor[rows] = starts + self._vad.window
        probabilities = np.zeros(len(rows), np.float32)
        shown = awake > 0
        if shown.any():
            seen = samples[shown]
            if self._contexts is not None:
                before = self._ring.offsets(rows[shown], starts[shown] - self._vad.context)
                seen = np.concatenate([self._contexts[before], seen], axis=1)
            probabilities[shown] = self._vad.probabilities(rows[shown], seen)
            self._stats.vad_windows += len(seen)
        return self._gate.update(rows, starts, probabilities)


def _peaks_at(windows: Pcm, peak: int) -> npt.NDArray[np.bool_]:
    """Which of these windows, (n, samples), reach a peak."""
    return np.asarray((windows.max(axis=1) >= peak) | (windows.min(axis=1) <= -peak))
