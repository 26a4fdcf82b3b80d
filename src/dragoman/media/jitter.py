"""From RTP packets, as they come, to audio on each leg's timeline: a jitter buffer for all legs at once.

What comes in order goes straight on: no playout delay on the way to the recogniser. That case, nearly every packet, is
handled for all legs in a few numpy operations (``_in_order``); whatever else happens to one leg's packet is handled for
that packet alone by plain code (``_irregular``), which is the whole rule book:

- A packet ahead of its turn waits for the missing ones until 60 ms have passed or three frames wait behind the hole.
  Then the missing are lost: the hole is concealed by a short fade of what was last heard, then silence.
- What comes after its audio time has passed is dropped: late if it was given up before, else a duplicate.
- Audio time is the RTP timestamp: a jump ahead becomes silence of equal length, an overlap is cut.
- When nothing comes at all, silence is written so that the timeline keeps pace with the wall clock. Asterisk's tap
  never pauses (measured: 50 packets a second, silence too), so this is a fault on the way, not a quiet speaker.
- A new SSRC, or a jump that the wall clock contradicts by over a second, begins a new sequence on the same timeline.
  A new SSRC only once the one before has been silent for 60 ms: nobody else's packets get in beside a caller's.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.media.clock import PERIOD
from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, Pcm
from dragoman.media.ring import RingBank
from dragoman.media.rtp import SEQUENCE_MODULUS, TIMESTAMP_MODULUS, sequence_delta, timestamp_delta
from dragoman.media.stats import MediaStats

WINDOW: Final = 3
"""Frames that may wait behind a missing one (60 ms)."""

WAIT_S: Final = WINDOW * PERIOD
"""Seconds that a frame waits for those before it."""

SLACK_S: Final = 0.001
"""Ticks and packets are never on the dot: a wait that ends within this is over."""

MAX_DROPOUT: Final = 3000
MAX_MISORDER: Final = 100
"""Sequence jumps beyond these are a restart once two packets in a row agree on it (RFC 3550 appendix A.1)."""

IMPLAUSIBLE_S: Final = 1.0
"""Seconds by which a timestamp may contradict the wall clock. Network and scheduling delays stay far below."""

BEHIND_S: Final = 0.2
"""Seconds of nothing but late timestamps after which the leg is taken to have paused its timestamp clock. A burst that
was held up on the way passes within one tick, so it is not mistaken for that."""

FADE_SAMPLES: Final = 160
"""10 ms: long enough to hide the edge, too short to sound like a syllable."""

LOST_REMEMBERED: Final = 64
"""Packets given up that are remembered per leg, to tell a late one from a duplicate."""

_SLOTS: Final = 4  # a power of two above WINDOW, so that sequence numbers map to slots across their wrap
_FADE = np.linspace(1.0, 0.0, FADE_SAMPLES, endpoint=False, dtype=np.float32)

Rows = npt.NDArray[np.int64]


class JitterBank:
    """Jitter buffers of all legs; writes what is due into their rings.

    Args:
        rows: how many legs at most.
        ring: where audio goes.
        stats: what is counted.
    """

    def __init__(self, rows: int, ring: RingBank, stats: MediaStats) -> None:
        self.gated: npt.NDArray[np.bool_] = np.zeros(rows, np.bool_)
        """(rows,) legs whose audio is written as silence."""
        self.origin: npt.NDArray[np.float64] = np.zeros(rows, np.float64)
        """(rows,) monotonic seconds of audio time 0, fixed by the first packet."""
        self._ring = ring
        self._stats = stats
        self._synced = np.zeros(rows, np.bool_)
        self._ssrc = np.zeros(rows, np.uint32)
        self._next_sequence = np.zeros(rows, np.uint16)
        self._next_timestamp = np.zeros(rows, np.uint32)  # of the sample at ring.end
        self._last_arrival = np.full(rows, np.inf)  # infinite before the first packet: nothing is awaited
        self._starved = np.zeros(rows, np.int64)  # frames made up since _last_arrival
        self._held = np.zeros(rows, np.int64)
        self._slot_sequence = np.full((rows, _SLOTS), -1, np.int64)
        self._slot_timestamp = np.zeros((rows, _SLOTS), np.int64)
        self._slot_arrival = np.zeros((rows, _SLOTS), np.float64)
        self._slot_frame = np.zeros((rows, _SLOTS, FRAME_SAMPLES), np.int16)
        self._retired: list[int | None] = [None] * rows
        self._restart: list[int | None] = [None] * rows  # the sequence number that would confirm a restart
        self._behind_since: list[float | None] = [None] * rows
        self._given_up: list[deque[int]] = [deque(maxlen=LOST_REMEMBERED) for _ in range(rows)]

    def open(self, row: int, now: float, retired_ssrc: int | None = None) -> None:
        """Begin a leg; packets that carry ``retired_ssrc`` belong to the address's former owner and are dropped."""
        self._ring.open(row)
        self.gated[row] = False
        self.origin[row] = now
        self._synced[row] = False
        self._clear(row)
        self._retired[row] = retired_ssrc

    def close(self, row: int) -> int | None:
        """End a leg; returns the SSRC it was last heard with."""
        ssrc = int(self._ssrc[row]) if self._synced[row] else self._retired[row]
        self._synced[row] = False
        self._clear(row)
        return ssrc

    def _clear(self, row: int) -> None:
        self._last_arrival[row] = np.inf
        self._held[row] = 0
        self._starved[row] = 0
        self._slot_sequence[row] = -1
        self._restart[row] = None
        self._behind_since[row] = None
        self._given_up[row].clear()

    def insert(
        self,
        rows: Rows,
        ssrc: npt.NDArray[np.uint32],
        sequence: npt.NDArray[np.uint16],
        timestamp: npt.NDArray[np.uint32],
        arrival: npt.NDArray[np.float64],
        frames: Pcm,
    ) -> None:
        """Take a drained batch, in order of arrival: (n,) row and headers, arrival in monotonic s, (n, 320) samples."""
        if not len(rows):
            return
        if np.bincount(rows).max() == 1:
            self._round(rows, ssrc, sequence, timestamp, arrival, frames)
            return
        # Several packets of one leg: take every leg's first, then every leg's second, and so on.
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        turn = np.empty(len(rows), np.int64)
        turn[order] = np.arange(len(rows)) - np.searchsorted(ordered, ordered)  # how many of the same are before it
        for number in range(int(turn.max()) + 1):
            at = np.flatnonzero(turn == number)
            self._round(rows[at], ssrc[at], sequence[at], timestamp[at], arrival[at], frames[at])

    def _round(
        self,
        rows: Rows,
        ssrc: npt.NDArray[np.uint32],
        sequence: npt.NDArray[np.uint16],
        timestamp: npt.NDArray[np.uint32],
        arrival: npt.NDArray[np.float64],
        frames: Pcm,
    ) -> None:
        regular = (
            (sequence == self._next_sequence[rows])
            & (timestamp == self._next_timestamp[rows])
            & (ssrc == self._ssrc[rows])
            & (self._held[rows] == 0)
            & self._synced[rows]
        )
        if regular.all():
            self._in_order(rows, arrival, frames)
            return
        some = np.flatnonzero(regular)
        if len(some):
            self._in_order(rows[some], arrival[some], frames[some])
        for at in np.flatnonzero(~regular):
            self._irregular(
                int(rows[at]), int(ssrc[at]), int(sequence[at]), int(timestamp[at]), float(arrival[at]), frames[at]
            )

    def _in_order(self, rows: Rows, arrival: npt.NDArray[np.float64], frames: Pcm) -> None:
        self._next_sequence[rows] += np.uint16(1)
        self._next_timestamp[rows] += np.uint32(FRAME_SAMPLES)
        self._last_arrival[rows] = arrival
        self._starved[rows] = 0
        gated = self.gated[rows]
        if gated.any():
            frames = np.where(gated[:, None], np.int16(0), frames)
        self._ring.append(rows, frames)

    def _irregular(self, row: int, ssrc: int, sequence: int, timestamp: int, arrival: float, frame: Pcm) -> None:
        if not self._synced[row] or ssrc != self._ssrc[row]:
            if ssrc == self._retired[row]:
                self._stats.late += 1
                return
            if self._synced[row] and arrival - self._last_arrival[row] < WAIT_S - SLACK_S:
                self._stats.unknown_source += 1
                return
            self._adopt(row, ssrc, sequence, timestamp, arrival)
        ahead = sequence_delta(sequence, int(self._next_sequence[row]))
        if not -MAX_MISORDER < ahead < MAX_DROPOUT:
            if sequence != self._restart[row]:
                self._restart[row] = (sequence + 1) % SEQUENCE_MODULUS
                self._stats.late += 1
                return
            self._adopt(row, ssrc, sequence, timestamp, arrival)
            ahead = 0
        self._restart[row] = None
        if ahead < 0:
            if sequence in self._given_up[row]:
                self._given_up[row].remove(sequence)
                self._stats.late += 1
            else:
                self._stats.duplicate += 1
            return
        slot = sequence % _SLOTS
        if ahead <= WINDOW and self._slot_sequence[row, slot] == sequence:
            self._stats.duplicate += 1
            return
        if ahead > WINDOW:
            self._give_up(row, ahead - WINDOW)
        elif ahead:
            self._stats.reordered += 1
        self._slot_sequence[row, slot] = sequence
        self._slot_timestamp[row, slot] = timestamp
        self._slot_arrival[row, slot] = arrival
        self._slot_frame[row, slot] = frame
        self._held[row] += 1
        self._release(row)

    def _adopt(self, row: int, ssrc: int, sequence: int, timestamp: int, arrival: float) -> None:
        """Begin a sequence at this packet: the leg's first, or a restart on the same timeline."""
        if self._synced[row]:
            while self._held[row]:
                self._give_up(row, 1)
                self._release(row)
            self._clear(row)
            if ssrc != self._ssrc[row]:
                self._retired[row] = int(self._ssrc[row])
            self._stats.resyncs += 1
            self._catch_up(row, arrival)
        else:
            self.origin[row] = arrival - PERIOD
            self._synced[row] = True
        self._ssrc[row] = ssrc
        self._next_sequence[row] = sequence
        self._next_timestamp[row] = timestamp
        self._last_arrival[row] = arrival

    def _give_up(self, row: int, count: int) -> None:
        """Move ``count`` sequence numbers on, releasing those that are there and losing those that are not."""
        while count and self._held[row]:
            sequence = int(self._next_sequence[row])
            if self._slot_sequence[row, sequence % _SLOTS] == sequence:
                self._release_one(row, sequence)
            else:
                self._lose(row, 1)
            count -= 1
        self._lose(row, count)

    def _lose(self, row: int, count: int) -> None:
        sequence = int(self._next_sequence[row])
        remembered = range(sequence + max(count - LOST_REMEMBERED, 0), sequence + count)
        self._given_up[row].extend(lost % SEQUENCE_MODULUS for lost in remembered)
        self._next_sequence[row] = (sequence + count) % SEQUENCE_MODULUS
        self._stats.lost += count

    def _release(self, row: int) -> None:
        while self._held[row]:
            sequence = int(self._next_sequence[row])
            if self._slot_sequence[row, sequence % _SLOTS] != sequence:
                return
            self._release_one(row, sequence)

    def _release_one(self, row: int, sequence: int) -> None:
        slot = sequence % _SLOTS
        self._slot_sequence[row, slot] = -1
        self._held[row] -= 1
        self._next_sequence[row] = (sequence + 1) % SEQUENCE_MODULUS
        self._place(
            row,
            int(self._slot_timestamp[row, slot]),
            float(self._slot_arrival[row, slot]),
            self._slot_frame[row, slot],
            after_loss=(sequence - 1) % SEQUENCE_MODULUS in self._given_up[row],
        )

    def _place(self, row: int, timestamp: int, arrival: float, frame: Pcm, after_loss: bool) -> None:
        """Write a frame where its timestamp says."""
        gap = timestamp_delta(timestamp, int(self._next_timestamp[row]))
        elapsed = arrival - float(self._last_arrival[row]) - int(self._starved[row]) * PERIOD
        if abs(gap / SAMPLE_RATE - elapsed) > IMPLAUSIBLE_S:
            self._stats.resyncs += 1
            self._catch_up(row, arrival)
        elif gap > 0 and after_loss:
            self._conceal(row, gap)
        elif gap > 0:
            self._ring.silence(row, gap)
        elif gap < 0:
            since = self._behind_since[row]
            if since is None:
                since = self._behind_since[row] = arrival
            if arrival - since >= BEHIND_S:
                self._stats.resyncs += 1
                self._catch_up(row, arrival)
            elif -gap < FRAME_SAMPLES:
                frame = frame[-gap:]
                timestamp -= gap
            else:
                self._stats.late += 1  # and no word of an arrival: silence goes on keeping pace
                return
        self._behind_since[row] = None
        self._ring.extend(row, np.zeros_like(frame) if self.gated[row] else frame)
        self._next_timestamp[row] = (timestamp + len(frame)) % TIMESTAMP_MODULUS
        self._last_arrival[row] = max(arrival, float(self._last_arrival[row]))
        self._starved[row] = 0

    def _catch_up(self, row: int, arrival: float) -> None:
        """Silence up to where the wall clock says that a frame arriving now begins."""
        behind = round((arrival - PERIOD - float(self.origin[row])) * SAMPLE_RATE) - int(self._ring.end[row])
        if behind > 0:
            self._conceal(row, behind)

    def _conceal(self, row: int, samples: int) -> None:
        """Fill a hole: what was last heard played backwards (so without an edge) and faded out, then silence."""
        end = int(self._ring.end[row])
        fade = 0 if self.gated[row] else min(FADE_SAMPLES, samples)
        last = self._ring.read(row, end - fade, end)[::-1]
        self._ring.extend(row, (last * _FADE[:fade]).astype(np.int16))
        self._ring.silence(row, samples - fade)
        self._stats.concealed += -(-samples // FRAME_SAMPLES)

    def tick(self, now: float) -> None:
        """Let waits run out: call once per tick, after all that had arrived was inserted."""
        if self._held.any():
            for row in np.flatnonzero(self._held):
                self._expire(int(row), now)
        overdue = now - WAIT_S + SLACK_S
        if self._last_arrival.min() > overdue - PERIOD:
            return
        due = np.maximum((overdue - self._last_arrival) / PERIOD, 0).astype(np.int64)
        missing = np.where(self._held == 0, due - self._starved, 0)
        if (missing > 0).any():
            self._starve(missing)

    def _starve(self, missing: npt.NDArray[np.int64]) -> None:
        """Make up so many frames for each row: first the fade, then silence for all at once (Asterisk may be gone)."""
        silent = np.flatnonzero((missing == 1) & (self._starved > 0))
        self._ring.append(silent, np.zeros((len(silent), FRAME_SAMPLES), np.int16))
        self._stats.concealed += len(silent)
        for row in np.flatnonzero((missing > 1) | ((missing == 1) & (self._starved == 0))).tolist():
            self._conceal(row, int(missing[row]) * FRAME_SAMPLES)
        rows = np.flatnonzero(missing > 0)
        self._starved[rows] += missing[rows]
        self._next_timestamp[rows] += (missing[rows] * FRAME_SAMPLES).astype(np.uint32)

    def _expire(self, row: int, now: float) -> None:
        waiting = self._slot_sequence[row] >= 0
        latest = now + PERIOD - WAIT_S - SLACK_S  # whom the next tick would have kept too long
        while self._held[row] and self._slot_arrival[row][waiting].min() < latest:
            self._give_up(row, 1)
            self._release(row)
            waiting = self._slot_sequence[row] >= 0
