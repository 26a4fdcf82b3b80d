"""What the rest of the daemon holds of a leg's audio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.echo.remains import UNLIKE, RemainsBank
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.media.jitter import JitterBank
from dragoman.media.ring import RING_SAMPLES, RingBank

NEVER: Final = np.iinfo(np.int64).max
"""The wake mark of a leg that waits for nothing."""


@dataclass(frozen=True, slots=True)
class LegBanks:
    """Where a leg's row lies."""

    ring: RingBank
    jitter: JitterBank
    wake_at: npt.NDArray[np.int64]
    """(rows,) audio time at which the leg's listener wants to be called."""
    heard_until: npt.NDArray[np.int64]
    """(rows,) audio time behind the last speech that the VAD heard."""
    loudspeakers: npt.NDArray[np.bool_]
    """(rows,) whether the leg's echo was recognised."""
    delays: npt.NDArray[np.float64]
    """(rows,) seconds by which it comes behind what a booth says; NaN: not known."""
    remains: RemainsBank | None = None
    """What was left of it; None: nobody looks for echoes."""


@dataclass(frozen=True, slots=True)
class _Kept:
    end: int
    origin: float
    heard_until: int
    samples: Pcm


class LegAudio:
    """One leg's audio on its timeline; after the leg's removal, what was there can still be read."""

    def __init__(self, leg_id: str, banks: LegBanks, row: int) -> None:
        self.leg_id = leg_id
        self._banks = banks
        self._row = row
        self._kept: _Kept | None = None

    @property
    def end(self) -> int:
        """Samples written so far: the audio time of the next one."""
        return int(self._banks.ring.end[self._row]) if self._kept is None else self._kept.end

    @property
    def heard_until(self) -> int:
        """Audio time behind the last speech that the VAD heard; 0 before any, and without a VAD."""
        return int(self._banks.heard_until[self._row]) if self._kept is None else self._kept.heard_until

    @property
    def loudspeaker(self) -> bool:
        """Whether the leg was found to send back what it hears; its echo is replaced by silence."""
        return self._kept is None and bool(self._banks.loudspeakers[self._row])

    @property
    def echo_delay(self) -> float | None:
        """Seconds by which a booth's echo was found to come back; None: none was."""
        delay = float("nan") if self._kept is not None else float(self._banks.delays[self._row])
        return None if math.isnan(delay) else delay

    def echo_likeness(self, start: int, stop: int) -> float:
        """How much what came between two audio times was nothing but its echo; see ``RemainsBank.likeness``."""
        remains = self._banks.remains
        return UNLIKE if remains is None or self._kept is not None else remains.likeness(self._row, start, stop)

    def read(self, start: int, stop: int) -> Pcm:
        """Samples [start, stop), a copy; zeros where they left the ring (20 s) or are not there yet."""
        kept = self._kept
        if kept is None:
            return self._banks.ring.read(self._row, start, stop)
        out = np.zeros(max(stop - start, 0), np.int16)
        base = kept.end - len(kept.samples)
        first, last = max(start, base), min(stop, kept.end)
        if first < last:
            out[first - start : last - start] = kept.samples[first - base : last - base]
        return out

    def time_of(self, sample: int) -> float:
        """Monotonic seconds at which this audio time was spoken at our door: a packet that ends there arrives then.

        Until the leg's first packet comes, the answer is counted from ``add_leg``.
        """
        origin = float(self._banks.jitter.origin[self._row]) if self._kept is None else self._kept.origin
        return origin + sample / SAMPLE_RATE

    @property
    def gated(self) -> bool:
        """True: what comes is written as silence, and the VAD hears silence (mute, hold)."""
        return self._kept is not None or bool(self._banks.jitter.gated[self._row])

    @gated.setter
    def gated(self, value: bool) -> None:
        if self._kept is None:
            self._banks.jitter.gated[self._row] = value

    def wake_when(self, sample: int) -> None:
        """Call the listener's ``on_audio`` once, in the tick in which ``end`` reaches ``sample``."""
        if self._kept is None:
            self._banks.wake_at[self._row] = sample

    def detach(self) -> None:
        """Let go of the row, and keep what it held; idempotent."""
        if self._kept is None:
            end = self.end
            self._kept = _Kept(end, self.time_of(0), self.heard_until, self.read(max(end - RING_SAMPLES, 0), end))
