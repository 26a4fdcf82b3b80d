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

REPLAY = ms_to_samples(19_000)
"""How old audio may be that a new stream is given: the leg's ring holds 20 s, and what left it reads as silence."""

MAX_PUSH = ms_to_samples(1000)
"""Most that one push brings: a replay comes in pieces, which no transport chokes on."""


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
    end: int = 0
    """Where the VAD heard its last speech."""
    stop: int | None = None
    """Up to where it is pushed; None while it goes on."""


class FeedPlan:
    """Turns VAD events and the ring's growth into pushes and finalizes, in order.

    With ``continuous`` the recogniser gets silence too once the first speech was heard; else only the utterances, each
    with its pre-roll and a little of the hangover. Each sample is pushed at most once to one stream; ``replay`` begins
    again for a new stream, with every utterance that has no final yet. Every utterance of which the stream got audio is
    finalized once; one that was given up wholly, or committed before, is passed over.
    """

    def __init__(self, chunk: int, *, continuous: bool = False) -> None:
        """``chunk``: samples one push should bring at least, while speech goes on."""
        self._chunk = max(chunk, FRAME_SAMPLES)
        self._continuous = continuous
        self._open: deque[_Utterance] = deque()
        self._unanswered: deque[_Utterance] = deque()
        self._cursor = 0
        self.lag = 0
        """Samples that the stream was behind, at the least since its replay; so much and BACKLOG is allowed to it."""
        self._pushed = False  # whether the stream got audio since its last finalize
        self._started = False
        self.dropped = 0
        """Samples given up because the recogniser fell behind, was away too long, or died of them each time."""

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
        if self._open:
            stop = self._open[0].stop
            return self._cursor + self._chunk if stop is None else min(self._cursor + self._chunk, stop)
        return self._cursor + self._chunk if self._continuous and self._started else None

    def speech_start(self, at: int) -> None:
        """The VAD heard speech from audio time ``at``."""
        self._started = True
        if not self._open or self._open[-1].stop is not None:
            self._open.append(_Utterance(max(at - PREROLL, 0)))
            self._give_up_before(at - REPLAY)

    def speech_end(self, at: int) -> None:
        """The VAD heard the last speech end at audio time ``at`` (and the hangover pass)."""
        if self._open and self._open[-1].stop is None:
            last = self._open[-1]
            last.end = max(at, last.start)
            last.stop = last.end + TAIL

    def finish(self, end: int) -> None:
        """The leg's audio ends at ``end``: nothing waits for what would have come behind."""
        self.speech_end(end)
        for utterance in self._open:
            if utterance.stop is not None:
                utterance.stop = min(utterance.stop, end)

    def answered(self) -> None:
        """The final of the oldest finalized utterance came."""
        if self._unanswered:
            self._unanswered.popleft()

    def suit(self, chunk: int, *, continuous: bool) -> None:
        """The next stream is another engine's; see ``__init__``."""
        self._chunk = max(chunk, FRAME_SAMPLES)
        self._continuous = continuous

    def replay(self, known_until: int, end: int) -> None:
        """A new stream was opened: push again what has no final, from ``known_until`` on.

        What is older than ``REPLAY`` before ``end``, the leg's audio so far, is given up.
        """
        self._reopen()
        self._give_up_before(end - REPLAY)
        self._pushed = False
        if self._open:
            oldest = max(known_until, self._open[0].start)
            self._cursor = max(oldest, end - REPLAY)
            self.dropped += self._cursor - oldest
        else:  # opened ahead: the first words may have begun, but no silence of before is needed
            self._cursor = max(self._cursor, end - 2 * PREROLL)
        self.lag = max(end - self._cursor, 0)

    def give_up_oldest(self, end: int) -> None:
        """Every stream dies of the oldest utterance: give it up, or, while it goes on, what was said of it till now."""
        self._reopen()
        if self._open:
            oldest = self._open[0]
            if oldest.stop is None:
                self.dropped += max(end - oldest.start, 0)
                oldest.start = max(end, oldest.start)
            else:
                self.dropped += oldest.stop - oldest.start
                self._open.popleft()

    def forget(self, end: int) -> None:
        """Nobody listens any more: what was said up to ``end`` is not needed."""
        self._open.clear()
        self._unanswered.clear()
        self._started = False
        self._cursor = end

    def step(self, end: int) -> Push | Finalize | None:
        """What to do next, when the leg's audio reaches up to ``end``; None: wait for more audio or speech."""
        while self._open:
            current = self._open[0]
            if not self._continuous:
                self._cursor = max(self._cursor, current.start)
            self._catch_up(current, end)
            if current.stop is None:
                return self._push(end) if end - self._cursor >= self._chunk else None
            if self._cursor < current.stop:
                return self._push(min(end, current.stop)) if self._cursor < end else None
            self._open.popleft()
            if self._pushed:
                self._pushed = False
                self._unanswered.append(current)
                return Finalize(current.end)
        ready = self._continuous and self._started and end - self._cursor >= self._chunk
        return self._push(end) if ready else None

    def _push(self, stop: int) -> Push:
        push = Push(self._cursor, min(stop, self._cursor + MAX_PUSH))
        self._cursor = push.stop
        self._pushed = True
        return push

    def _catch_up(self, current: _Utterance, end: int) -> None:
        """Give up the oldest audio of this utterance, if the stream fell too far behind."""
        lag = end - self._cursor
        if lag > self.lag + BACKLOG:
            kept = end - KEEP
            skipped = (kept if current.stop is None else min(kept, current.stop)) - self._cursor
            self.dropped += max(skipped, 0)
            self._cursor += max(skipped, 0)
        else:
            self.lag = max(min(self.lag, lag), 0)

    def _reopen(self) -> None:
        self._open.extendleft(reversed(self._unanswered))
        self._unanswered.clear()

    def _give_up_before(self, mark: int) -> None:
        while self._open and (stop := self._open[0].stop) is not None and stop <= mark:
            self.dropped += stop - self._open.popleft().start
