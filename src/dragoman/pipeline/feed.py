"""Which stretches of a leg's audio go to its recogniser, and when an utterance is finalized. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from zlib import crc32

from dragoman.media.format import FRAME_SAMPLES, SAMPLE_RATE, ms_to_samples
from dragoman.pipeline.pressure import ASR_LIMIT, ASR_RELIEF, Pressure

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

COVERED = ms_to_samples(60)
"""How far behind the VAD's last speech a partial may end and still hold all of it: two windows of the VAD."""

BREATH = ms_to_samples(120)
"""Silence, as the VAD hears it, that is a pause: one of 200 ms in truth (pipeline.options)."""

PAUSES = 16
"""Pauses that are remembered: more than anybody makes in what a replay hears again (``ledger.RETAKE``)."""

LOST = 64
"""Stretches given up that are told apart until they are asked for; then the last one grows over what lies between."""

MAX_PUSH = ms_to_samples(1000)
"""Most that one push brings: a replay comes in pieces, which no transport chokes on."""


@dataclass(frozen=True, slots=True)
class Push:
    """Give the recogniser the audio of [start, stop)."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Finalize:
    """Tell the recogniser that the utterance, or what was said of it before a pause, ended at this audio time."""

    at: int


@dataclass(slots=True)
class _Utterance:
    start: int
    spoken: int
    """Speech was heard up to here before it began; what the VAD hears beyond is its own."""
    end: int = 0
    """Where the VAD heard its last speech."""
    stop: int | None = None
    """Up to where it is pushed; None while it goes on."""
    whole: bool = True
    """Whether its final ends the utterance; False: it was finalized at a pause, behind which the speaker may go on."""
    done: bool = False
    """Whether its final came, or was given up."""
    before: _Utterance | None = None
    """What was finalized at the pause behind which this begins."""


class FeedPlan:
    """Turns VAD events and the ring's growth into pushes and finalizes, in order.

    With ``continuous`` the recogniser gets silence too once the first speech was heard; else only the utterances, each
    with its pre-roll and a little of the hangover. Each sample is pushed at most once to one stream; ``replay`` begins
    again for a new stream, with every utterance that has no final yet. Every utterance of which the stream got audio is
    finalized once; one that was given up wholly, or committed before, is passed over.

    With ``early`` a final is also asked at a pause of so many samples inside an utterance, unless a partial that holds
    all that was said shows that the speaker will go on. The utterance itself still ends when the VAD says so: where
    nothing more was said, the early final was all of it, and ``take_over`` tells when that is sure.
    """

    def __init__(self, chunk: int, *, continuous: bool = False, early: int = 0, leg: str | None = None) -> None:
        """``chunk``: samples one push should bring at least, while speech goes on. ``early`` 0: never.

        ``leg``: whose it is. Then pushes end on a grid of the leg's own, the first one sooner for it, so that legs
        which began to be heard in one tick (after a restart all do) are not pushed, and answered, in one for ever.
        """
        self._chunk = max(chunk, FRAME_SAMPLES)
        self._continuous = continuous
        self._early = early
        self._grid = None if leg is None else crc32(leg.encode()) * FRAME_SAMPLES
        self._heard = 0
        self.paused_at = -BACKLOG
        """Where the VAD heard the last speech before the speaker's last pause; negative: he made none."""
        self.pauses: deque[int] = deque(maxlen=PAUSES)
        """Audio times within the last pauses, the one that lasts included."""
        self.began = 0
        """Where the VAD heard his last stretch of speech begin, behind a pause that ended the one before."""
        self._unfinished_upto = -1  # what the last partial covers, if it ends in the middle of a sentence
        self._over: int | None = None
        self._open: deque[_Utterance] = deque()
        self._unanswered: deque[_Utterance] = deque()
        self._cursor = 0
        self.lag = 0
        """Samples that the stream was behind, at the least since its replay; so much and BACKLOG is allowed to it."""
        self.pressure = Pressure(ASR_LIMIT, ASR_RELIEF)
        """Of the stream, behind the audio that it may take: while it is on, what comes waits in the leg's ring."""
        self._pushed = False  # whether the stream got audio since its last finalize
        self._started = False
        self._fell_behind = 0
        self._lost: list[tuple[int, int]] = []
        self.dropped = 0
        """Samples given up because the recogniser fell behind, was away too long, or died of them each time."""

    @property
    def active(self) -> bool:
        """Whether some speech has no final yet."""
        return bool(self._open or self._unanswered)

    @property
    def since(self) -> int | None:
        """Audio time at which the oldest speech begins that has no final yet; None: all has."""
        return next((utterance.start for utterance in (*self._unanswered, *self._open)), None)

    @property
    def awaiting_final(self) -> bool:
        """Whether a finalize has not been answered."""
        return bool(self._unanswered)

    @property
    def wake_at(self) -> int | None:
        """Ring length at which ``step`` has the next push; None while it waits for speech."""
        if self._open:
            first = self._open[0]
            if first.stop is not None:
                return min(self._next_push, first.stop)
            pause = self._heard + self._early if self._may_end(first) else self._next_push
            return min(self._next_push, pause)
        return self._next_push if self._continuous and self._started else None

    def speech_start(self, at: int) -> None:
        """The VAD heard speech from audio time ``at``."""
        self._started = True
        self.began = at
        if not self._open or self._open[-1].stop is not None:
            start = max(at - PREROLL, 0)
            if not self.pauses:  # nobody spoke before
                self.pauses.append(start)
            self._open.append(_Utterance(start, at))
            self._give_up_before(at - REPLAY)

    def speech_end(self, at: int) -> None:
        """The VAD heard the last speech end at audio time ``at`` (and the hangover pass)."""
        if self._open and self._open[-1].stop is None:
            last = self._open[-1]
            if last.before is not None and at <= last.spoken:  # nothing was said behind the pause
                self._open.pop()
                if not self._open:  # else it is a replay that has not come so far: what was pushed is another's
                    self._pushed = False
                last.before.whole = True
                if last.before.done:
                    self._over = at
                return
            last.end = max(at, last.start)
            last.stop = last.end + TAIL

    def finish(self, end: int) -> None:
        """The leg's audio ends at ``end``: nothing waits for what would have come behind."""
        self.speech_end(end)
        for utterance in self._open:
            if utterance.stop is not None:
                utterance.stop = min(utterance.stop, end)

    def interim(self, upto: int, *, unfinished: bool) -> None:
        """A partial covers the audio up to ``upto``; ``unfinished``: it ends in the middle of a sentence."""
        self._unfinished_upto = upto if unfinished else -1

    def answered(self) -> bool:
        """The final of the oldest finalized utterance came; False: he who spoke may go on behind it."""
        self._unfinished_upto = -1
        if not self._unanswered:
            return True
        utterance = self._unanswered.popleft()
        utterance.done = True
        return utterance.whole

    def take_over(self) -> int | None:
        """Where an utterance ended whose final came before that was known; once, else None."""
        over, self._over = self._over, None
        return over

    def take_behind(self) -> float:
        """Seconds that the stream was behind, when it just fell behind; once, else 0."""
        behind, self._fell_behind = self._fell_behind, 0
        return behind / SAMPLE_RATE

    def take_lost(self) -> list[tuple[int, int]]:
        """The stretches of audio time [start, stop) that were given up since it was last asked."""
        lost, self._lost = self._lost, []
        return lost

    def suit(self, chunk: int, *, continuous: bool, early: int = 0) -> None:
        """The next stream is another engine's; see ``__init__``."""
        self._chunk = max(chunk, FRAME_SAMPLES)
        self._continuous = continuous
        self._early = early

    def replay(self, known: int, end: int) -> int:
        """A new stream was opened: push again what has no final, from ``known`` on; returns from where on.

        What is older than ``REPLAY`` before ``end``, the leg's audio so far, is given up.
        """
        self._reopen()
        self._give_up_before(end - REPLAY)
        self._pushed = False
        if self._open:
            oldest = max(known, self._open[0].start)
            self._cursor = max(oldest, end - REPLAY)
            self._lose(oldest, self._cursor)
        else:  # opened ahead: the first words may have begun, but no silence of before is needed
            self._cursor = max(self._cursor, end - 2 * PREROLL)
        self.lag = max(end - self._cursor, 0)
        return self._cursor

    def give_up_oldest(self, end: int) -> None:
        """Every stream dies of the oldest utterance: give it up, or, while it goes on, what was said of it till now."""
        self._reopen()
        if self._open:
            oldest = self._open[0]
            if oldest.stop is None:
                self._lose(oldest.start, end)
                oldest.start = max(end, oldest.start)
            else:
                self._lose(oldest.start, oldest.stop)
                self._open.popleft().done = True

    def forget(self, end: int) -> None:
        """Nobody listens any more: what was said up to ``end`` is not needed."""
        self._open.clear()
        self._unanswered.clear()
        self._over = None
        self._started = False
        self._cursor = end

    def step(self, end: int, heard: int = 0) -> Push | Finalize | None:
        """What to do next; None: wait for more audio or speech.

        Args:
            end: how far the leg's audio reaches.
            heard: up to where the VAD last heard speech.
        """
        self._heard = heard
        if heard and end - heard >= BREATH and self.paused_at != heard:
            self.paused_at = heard
            self.pauses.append(heard + BREATH // 2)
        while self._open:
            current = self._open[0]
            if not self._continuous:
                self._cursor = max(self._cursor, current.start)
            self._catch_up(current, end)
            if current.stop is None and self._may_end(current) and end - heard >= self._early:
                self._split(current)
            if current.stop is None:
                return self._push(end) if end >= self._next_push else None
            if self._cursor < current.stop:
                return self._push(min(end, current.stop)) if self._cursor < end else None
            self._open.popleft()
            if self._pushed:
                self._pushed = False
                self._unanswered.append(current)
                return Finalize(current.end)
        ready = self._continuous and self._started and end >= self._next_push
        return self._push(end) if ready else None

    @property
    def _next_push(self) -> int:
        """Ring length at which the next push is due while speech goes on."""
        due = self._cursor + self._chunk
        return due if self._grid is None else due - (self._cursor - self._grid) % self._chunk

    def _may_end(self, current: _Utterance) -> bool:
        """Whether a pause behind what was heard so far may end it."""
        covered = self._unfinished_upto >= self._heard - COVERED
        return self._early > 0 and self._heard > current.spoken and not covered

    def _split(self, current: _Utterance) -> None:
        """He who speaks paused: finalize what he said; what he may say behind it is an utterance of its own."""
        current.end = max(self._heard, current.start)
        current.stop = max(current.end + TAIL, self._cursor)
        current.whole = False
        self._open.append(_Utterance(current.stop, self._heard, before=current))

    def _push(self, stop: int) -> Push:
        push = Push(self._cursor, min(stop, self._cursor + MAX_PUSH))
        self._cursor = push.stop
        self._pushed = True
        return push

    def _catch_up(self, current: _Utterance, end: int) -> None:
        """Give up the oldest audio of this utterance, if the stream fell too far behind."""
        lag = end - self._cursor
        begun = self._cursor > current.start  # what lies before the VAD's onset is nobody's delay
        if begun and self.pressure.feed((lag - self.lag) / SAMPLE_RATE):
            self._fell_behind = lag
        if lag > self.lag + BACKLOG:
            kept = end - KEEP
            skipped = (kept if current.stop is None else min(kept, current.stop)) - self._cursor
            self._lose(self._cursor, self._cursor + skipped)
            self._cursor += max(skipped, 0)
        else:
            self.lag = max(min(self.lag, lag), 0)

    def _lose(self, start: int, stop: int) -> None:
        if stop <= start:
            return
        self.dropped += stop - start
        if self._lost and (self._lost[-1][1] >= start or len(self._lost) >= LOST):
            start, _ = self._lost.pop()
        self._lost.append((start, stop))

    def _reopen(self) -> None:
        self._open.extendleft(reversed(self._unanswered))
        self._unanswered.clear()

    def _give_up_before(self, mark: int) -> None:
        while self._open and (stop := self._open[0].stop) is not None and stop <= mark:
            given_up = self._open.popleft()
            given_up.done = True
            self._lose(given_up.start, stop)
