"""Which stretches of a leg's audio go to its recogniser, and when an utterance is finalized. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from dragoman.media.format import FRAME_SAMPLES, ms_to_samples

PREROLL = ms_to_samples(300)
"""Audio pushed from before the VAD's speech start: it needs two windows to be sure, and plosives begin earlier."""

TAIL = ms_to_samples(100)
"""Audio pushed from behind the VAD's speech end: final fricatives are quieter than its threshold."""

BACKLOG = ms_to_samples(2000)
"""How far a recogniser may fall behind before the oldest audio is given up (dropped, counted, silence for its clock).
The audio itself waits in the leg's ring, so the queue costs nothing and a short stall loses no word."""

KEEP = ms_to_samples(100)
"""What is kept when the backlog is given up: 5 frames, the ASR stage's depth."""


@dataclass(frozen=True, slots=True)
class Push:
    """Give the recogniser the audio of [start, stop)."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Finalize:
    """Tell the recogniser that the utterance ended at this audio time."""

    at: int


@dataclass(slots=True)
class _Utterance:
    start: int
    end: int | None = None
    """Where the VAD heard its last speech; None while it goes on."""

    @property
    def stop(self) -> int | None:
        """Up to where it is pushed."""
        return None if self.end is None else self.end + TAIL


class FeedPlan:
    """Turns VAD events and the ring's growth into pushes and finalizes, in order.

    With ``continuous`` the recogniser gets silence too once the first speech was heard; else only the utterances, each
    with its pre-roll and a little of the hangover. Each sample is pushed at most once to one stream; ``replay`` begins
    again for a new stream, with every utterance that has no final yet.
    """

    def __init__(self, chunk: int, *, continuous: bool = False) -> None:
        """``chunk``: samples one push should bring at least, while speech goes on."""
        self._chunk = max(chunk, FRAME_SAMPLES)
        self._continuous = continuous
        self._open: deque[_Utterance] = deque()
        self._unanswered: deque[_Utterance] = deque()
        self._cursor = 0
        self._started = False
        self.dropped = 0
        """Samples given up because the recogniser fell behind."""

    @property
    def active(self) -> bool:
        """Whether some speech has no final yet."""
        return bool(self._open or self._unanswered)

    @property
    def awaiting_final(self) -> bool:
        """Whether a finalize has not been answered."""
        return bool(self._unanswered)

    @property
    def wake_at(self) -> int | None:
        """Ring length at which ``step`` has the next push; None while it waits for speech."""
        if self._open or (self._continuous and self._started):
            return self._cursor + self._chunk
        return None

    def speech_start(self, at: int) -> None:
        """The VAD heard speech from audio time ``at``."""
        self._started = True
        if not self._open or self._open[-1].end is not None:
            self._open.append(_Utterance(max(at - PREROLL, 0)))

    def speech_end(self, at: int) -> None:
        """The VAD heard the last speech end at audio time ``at`` (and the hangover pass)."""
        if self._open and self._open[-1].end is None:
            self._open[-1].end = max(at, self._open[-1].start)

    def answered(self) -> None:
        """The final of the oldest finalized utterance came."""
        if self._unanswered:
            self._unanswered.popleft()

    def replay(self, committed_until: int) -> None:
        """A new stream was opened: push again what has no final, behind what is committed."""
        self._open.extendleft(reversed(self._unanswered))
        self._unanswered.clear()
        if self._open:
            self._cursor = max(committed_until, self._open[0].start)

    def forget(self, end: int) -> None:
        """Nobody listens any more: what was said up to ``end`` is not needed."""
        self._open.clear()
        self._unanswered.clear()
        self._started = False
        self._cursor = end

    def step(self, end: int) -> Push | Finalize | None:
        """What to do next, when the leg's audio reaches up to ``end``; None: wait for more audio or speech."""
        if not self._open:
            ready = self._continuous and self._started and end - self._cursor >= self._chunk
            return self._push(end) if ready else None
        current = self._open[0]
        if not self._continuous:
            self._cursor = max(self._cursor, current.start)
        if current.stop is None:
            return self._push(end) if end - self._cursor >= self._chunk else None
        if self._cursor < current.stop and self._cursor < end:
            return self._push(min(end, current.stop))
        if self._cursor < current.stop and end < current.stop:
            return None
        self._unanswered.append(self._open.popleft())
        return Finalize(current.end or current.stop)

    def _push(self, stop: int) -> Push:
        if stop - self._cursor > BACKLOG:
            skipped = stop - KEEP - self._cursor
            self.dropped += skipped
            self._cursor += skipped
        push = Push(self._cursor, stop)
        self._cursor = stop
        return push
