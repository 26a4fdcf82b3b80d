"""The echo guard: what a leg heard and sends back is replaced by silence, before anybody takes it for speech.

A phone on its loudspeaker sends a booth's translation back into its microphone; without a guard the room translates
itself for ever. What every leg can have heard is known: what its booths say and its whispers, as we send them, and the
other legs of its room, as their taps bring them. Per frame of 20 ms:

1. A leg that is quiet, or in whose room nothing else sounded lately, is let through at once and untouched.
2. Where echoes are known (``echo_filter``), what they should sound like is subtracted. Hardly anything left: echo.
3. Else the frame waits (``echo_track``) until the last stretch was compared with all that sounded (``echo_search``).

Two phones in one room hear the same voice, the nearer one louder: of two legs that are alike almost at once, the
louder one is let through.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import structlog

from dragoman.media.echo_filter import AHEAD, PARTITIONS, FilterBank
from dragoman.media.echo_history import BLOCK, RATE, Audio, HistoryBank, Rows
from dragoman.media.echo_search import EARLIEST, LONGEST, SIZE, STRETCH, Reference, alike, fit, reference, stretch
from dragoman.media.echo_track import STRAY, SURE_AT, Kind, Track
from dragoman.media.format import FRAME_SAMPLES, Pcm
from dragoman.media.ring import RingBank
from dragoman.media.speech import QUIET_PEAK
from dragoman.media.stats import MediaStats

log = structlog.get_logger(__name__)

RAW_FRAMES: Final = 100
RAW_SAMPLES: Final = RAW_FRAMES * FRAME_SAMPLES
"""What is kept of what came (2 s), before it is decided on."""

LINGER: Final = LONGEST // BLOCK + 8
"""Frames for which what sounded may come back, with 160 ms of reverberation."""

SLOTS: Final = 3
"""Echoes followed per leg: its booth's, another leg's, and the booth's again from a second phone in the room."""

SIMILAR: Final = 0.3
"""How alike a stretch must be to something for it to be worth fitting (see ``echo_search.STRETCH``)."""

PLAINLY: Final = 0.42
"""How alike it must be for the way it took to be kept, though somebody speaks over it."""

EXPLAINED: Final = 0.6
"""Share of a stretch's energy that a fit must explain for it to be an echo. Two voices of one level leave half."""

CHANGED: Final = 2.5
"""How many times as much the filters must leave as a new fit of everything does, for the way to have changed: what a
voice over the echo adds, both leave."""

HALF: Final = 0.3
"""Share that a fit must explain for the way to be kept while somebody speaks over the echo."""

VOICED: Final = 0.3
"""Share of a frame's energy that the filters must leave for it to count as somebody's voice over an echo."""

NEW_VOICED: Final = 0.6
"""The same while a filter is new."""

LEARNING: Final = 30
"""Frames of echo (0.6 s) in which a new filter comes to know its way; so long only a voice as loud as the echo passes."""

MAYBE: Final = 0.2
"""How alike it must be at a first look to be looked at again."""

TAPS: Final = 96
"""Length of a fit (12 ms): direct sound and first reflections. More would begin to explain anything."""

AT_ONCE: Final = 120 * RATE // 1000
"""Samples within which two taps are taken to hear one voice through the air, so that the louder wins; what is later
came through a loudspeaker."""

LEFT_FRAME: Final = 0.4
"""Share of a frame's energy below which what a fit leaves of it is nothing."""

STUDIES: Final = 4
"""Legs whose stretch is compared in one tick, about 0.6 ms each; others wait for the next."""

SOURCES: Final = 6
"""Sounding sources that a stretch is compared with: booths and whispers before legs, the latest first."""

FADE: Final = 0.7
"""What is left of an echo's energy a frame later, at least, in a reverberant room (RT60 0.8 s)."""

FADE_LATE: Final = 0.95
LATE: Final = 0.15
"""What a second of reverberation and a filter's own unrest add to the echo before a filter leaves its share: of the
loudest echo, fading by 11 dB a second."""

MARGIN: Final = 3.0
"""How far above what is usually left a frame's residue must be to be somebody's voice (5 dB)."""

LASTING: Final = 0.6
EXTREME: Final = 1.5
"""How far above it the residue must be on average over 80 ms (2.6 dB), and how much one frame counts (6.5 dB), in
natural logarithms: a voice that is weaker than the echo lasts."""

QUICKLY: Final = 0.03
SLOWLY: Final = 0.003
"""Paces at which what is usually left is learnt, per frame: without a voice, and with one, which it must not follow."""

MOST_LEFT: Final = 0.12
LEAST_LEFT: Final = 0.01
"""Bounds of what is usually left, of the echo's energy: a voice as loud as the echo must pass whatever a filter leaves."""

NOISIER: Final = 1.003
"""Growth per sounding frame of what is taken for noise (0.6 dB a second)."""

FLOOR: Final = 40.0
"""Mean square (int16 units, pre-emphasised) of what is nothing, whatever the echo."""

Changes = list[tuple[int, bool]]


@dataclass(slots=True)
class _Leg:
    name: str
    track: Track = field(default_factory=Track)
    slots: list[int] = field(default_factory=list)
    loud: float = 0.0
    """Mean square of its latest sounding frames."""
    tail: float = 0.0
    """Mean square that the echo may still have."""
    late: float = 0.0
    """Mean square of the loudest echo of the last second, fading."""
    leak: float = MOST_LEFT
    """Share of the echo's energy that its filters leave."""
    excess: float = 0.0
    """Natural logarithm of how far what is left lies above that, lately."""
    learning: int = 0
    """Frames of echo until its latest filter knows its way."""
    told: bool = False
    errors: deque[tuple[int, Audio]] = field(default_factory=lambda: deque(maxlen=STRETCH // BLOCK))
    """What its filters left of the latest frames: (end of the frame, (BLOCK,))."""


class EchoGuard:
    """Takes frames out of ``raw`` and puts them, or silence, into ``ring``.

    Args:
        raw: what the jitter buffer writes.
        ring: what everybody else reads.
        legs: rows of both.
        streams: booths and whispers at most.
        stats: what is counted.
    """

    def __init__(self, raw: RingBank, ring: RingBank, legs: int, streams: int, stats: MediaStats) -> None:
        self._raw = raw
        self._ring = ring
        self._stats = stats
        self._count = legs
        self._history = HistoryBank(legs + streams)
        self._filters = FilterBank(legs * SLOTS)
        self._source_of: Rows = np.full(legs * SLOTS, -1, np.int64)
        self._weaker = np.zeros(legs * SLOTS, np.bool_)  # the slot's source is the weaker of two at once: no echo
        self._legs: dict[int, _Leg] = {}
        self._rows: Rows = np.zeros(0, np.int64)
        self._streams: Rows = np.zeros(0, np.int64)
        self._seen: Rows = np.zeros(legs, np.int64)
        self._sent: Rows = np.zeros(legs, np.int64)
        self._waiting = np.zeros(legs, np.bool_)
        self._noise = np.full(legs, FLOOR)  # mean square of the quietest sounding frames since the last pause
        self._group: Rows = np.arange(legs + streams)
        self._sounded: Rows = np.full(legs + streams, -LINGER, np.int64)
        self._until: Rows = np.zeros(legs, np.int64)  # the tick up to which something may come back
        self._tick = 0
        self._frames = raw.windows(FRAME_SAMPLES)
        self._wanting: dict[int, None] = {}
        self._whispers: dict[int, int] = {}
        self._rooms: dict[str, int] = {}
        self.loudspeakers = np.zeros(legs, np.bool_)
        """(legs,) whether an echo was recognised."""

    def open(self, row: int, name: str = "") -> None:
        """A leg begins, alone with its whispers; the log calls it ``name``."""
        self._history.open(row)
        self._legs[row] = _Leg(name or str(row))
        self.loudspeakers[row] = False
        self._rows = np.union1d(self._rows, row)
        self._seen[row] = self._sent[row] = 0
        self._waiting[row] = False
        self._noise[row] = FLOOR
        self._group[row] = row
        self._sounded[row] = -LINGER
        self._until[row] = 0
        self._ring.open(row)

    def close(self, row: int) -> None:
        """A leg ends; what waited is written. Idempotent."""
        leg = self._legs.pop(row, None)
        if leg is not None:
            self._apply(row, leg.track.flush())
            self._rows = np.setdiff1d(self._rows, row)
            self._wanting.pop(row, None)
            self._forget(row)

    def open_stream(self, row: int, leg: int | None = None) -> None:
        """A booth begins, or the whisper to a leg."""
        source = self._count + row
        self._history.open(source)
        self._streams = np.union1d(self._streams, source)
        self._group[source] = source if leg is None else self._group[leg]
        self._sounded[source] = -LINGER
        if leg is not None:
            self._whispers[source] = leg

    def close_stream(self, row: int) -> None:
        """It ends; idempotent."""
        source = self._count + row
        self._streams = np.setdiff1d(self._streams, source)
        self._whispers.pop(source, None)
        self._forget(source)

    def gather(self, room: str, legs: Iterable[int], streams: Iterable[int]) -> None:
        """These are in one room: what one of them says or plays, any of the legs may send back."""
        rows = [*legs, *(self._count + row for row in streams)]
        if not rows:
            self._rooms.pop(room, None)
            return
        if room not in self._rooms:
            taken = set(self._rooms.values())
            self._rooms[room] = next(n for n in range(len(self._group), 2 * len(self._group)) if n not in taken)
        self._group[rows] = self._rooms[room]
        for source, leg in self._whispers.items():
            self._group[source] = self._group[leg]

    def _forget(self, source: int) -> None:
        for leg in self._legs.values():
            leg.slots = [slot for slot in leg.slots if self._source_of[slot] != source]

    # what is heard

    def played(self, frames: Pcm, skipped: int = 0) -> None:
        """What the streams sent in this tick, (rows, 320), after so many slots in which nothing was sent."""
        streams = self._streams
        if not len(streams):
            return
        for _ in range(min(skipped, LINGER)):
            self._history.silence(streams)
        some = np.zeros((len(streams), FRAME_SAMPLES), np.int16)
        sent = streams - self._count < len(frames)  # a stream that began in this tick has sent nothing
        some[sent] = frames[streams[sent] - self._count]
        sounding = (some.max(axis=1) >= QUIET_PEAK) | (some.min(axis=1) <= -QUIET_PEAK)
        self._history.write(streams[sounding], some[sounding])
        self._history.silence(streams[~sounding])
        self._sounded[streams[sounding]] = self._tick

    # what comes back

    def step(self) -> None:
        """Decide on all frames that came since the last tick."""
        self._tick += 1
        rows = self._rows
        if not len(rows):
            return
        behind = self._raw.end[rows] - self._seen[rows]
        odd = behind % FRAME_SAMPLES
        if odd.any() or behind.max() > RAW_FRAMES // 2 * FRAME_SAMPLES:
            self._realign(rows, behind)
        while True:
            due = rows[self._raw.end[rows] - self._seen[rows] >= FRAME_SAMPLES]
            if not len(due):
                return
            self._round(due)

    def _realign(self, rows: Rows, behind: Rows) -> None:
        """Where a timeline jumped: the odd samples go with the next frame, a long silence is not looked at."""
        for row, samples in zip(rows.tolist(), behind.tolist(), strict=True):
            skip = samples - RAW_FRAMES // 2 * FRAME_SAMPLES
            if skip > 0:
                self._apply(row, self._legs[row].track.flush())
                self._waiting[row] = False
                self._ring.silence(row, skip)
                self._history.skip(row, -(-skip // FRAME_SAMPLES))
                self._seen[row] += skip
                self._sent[row] += skip
            else:
                self._seen[row] += samples % FRAME_SAMPLES

    def _take(self, rows: Rows) -> Pcm:
        starts = self._seen[rows]
        if not (starts % FRAME_SAMPLES).any():
            return self._frames[self._raw.offsets(rows, starts)]
        return np.stack(
            [
                self._raw.read(row, at, at + FRAME_SAMPLES)
                for row, at in zip(rows.tolist(), starts.tolist(), strict=True)
            ]
        )

    def _round(self, rows: Rows) -> None:
        """One frame of each of these legs."""
        frames = self._take(rows)
        starts = self._seen[rows]
        self._seen[rows] = starts + FRAME_SAMPLES
        peaks = np.maximum(frames.max(axis=1), -(frames.min(axis=1) + np.int16(1)))
        sounding = peaks >= QUIET_PEAK
        loud = rows[sounding]
        self._history.write(loud, frames[sounding])
        self._history.silence(rows[~sounding])
        self._hush(rows[~sounding], peaks[~sounding])
        self._sounded[loud] = self._tick
        self._hear()
        suspect = sounding & (self._until[rows] > self._tick)
        plain = ~(suspect | self._waiting[rows]) & (self._sent[rows] == starts)
        through = rows[plain]
        self._ring.append(through, frames[plain])
        self._sent[through] = starts[plain] + FRAME_SAMPLES
        if len(through) < len(rows):
            others = ~plain
            self._judge(rows[others], suspect[others])

    def _hush(self, rows: Rows, peaks: npt.NDArray[np.int16]) -> None:
        """What these legs' quiet frames say of the noise there: its RMS is about a third of its peak."""
        self._noise[rows] += 0.1 * (np.maximum(0.1 * np.square(peaks, dtype=np.float64), FLOOR) - self._noise[rows])

    def _hear(self) -> None:
        """For how long each leg may hear back what others say now."""
        sources = np.concatenate([self._rows, self._streams])
        sounds = self._sounded[sources] >= self._tick - 1
        heard = np.bincount(self._group[sources[sounds]], minlength=2 * len(self._group))
        alone = self._sounded[self._rows] >= self._tick - 1
        some = heard[self._group[self._rows]] > alone
        self._until[self._rows[some]] = self._tick + LINGER

    def _judge(self, rows: Rows, suspect: npt.NDArray[np.bool_]) -> None:
        kinds = np.where(suspect, Kind.OPEN, Kind.QUIET)
        followed = np.array([bool(self._legs[row].slots) for row in rows.tolist()])
        some = suspect & followed
        if some.any():
            kinds[some] = self._explain(rows[some])
        for row, kind in zip(rows.tolist(), kinds.tolist(), strict=True):
            track = self._legs[row].track
            self._apply(row, track.add(Kind(kind), int(self._seen[row]) // FRAME_SAMPLES))
            self._waiting[row] = bool(track.held)
            if track.wants_study:
                self._wanting[row] = None

    def _explain(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Kinds of these legs' latest frames, by what their echoes should sound like."""
        ends = self._history.end[rows]
        said = self._history.read(rows, ends, BLOCK)
        whole = np.einsum("ij,ij->i", said, said) / BLOCK
        slots: list[int] = []
        owners: list[int] = []
        for index, row in enumerate(rows.tolist()):
            leg = self._legs[row]
            leg.loud += 0.2 * (float(whole[index]) - leg.loud)
            for slot in leg.slots:
                if not self._wins(leg, row, slot, int(ends[index])):
                    slots.append(slot)
                    owners.append(index)
        errors = said
        echoes = np.zeros(len(rows))
        if slots:
            at, owner = np.array(slots), np.array(owners)
            predicted = self._filters.predict(at, self._source_of[at], ends[owner], self._history)
            summed = np.zeros_like(said)
            np.add.at(summed, owner, predicted)
            errors = said - summed
            echoes = np.einsum("ij,ij->i", summed, summed) / BLOCK
            self._filters.adapt(at, errors[owner])
            for index in set(owners):
                self._legs[int(rows[index])].errors.append((int(ends[index]), errors[index]))
        left = np.einsum("ij,ij->i", errors, errors) / BLOCK
        return np.array(
            [
                self._kind(row, self._legs[row], *values)
                for row, *values in zip(rows.tolist(), whole.tolist(), echoes.tolist(), left.tolist(), strict=True)
            ]
        )

    def _kind(self, row: int, leg: _Leg, whole: float, echo: float, left: float) -> Kind:
        noise = max(min(whole, float(self._noise[row]) * NOISIER), FLOOR)
        self._noise[row] = noise
        leg.tail = max(echo, FADE * leg.tail)
        leg.late = max(echo, FADE_LATE * leg.late)
        expected = max(leg.leak, leg.learning / LEARNING / MARGIN) * (leg.tail + LATE * leg.late) + noise
        excess = math.log(max(left, 1.0) / expected)
        leg.excess += 0.25 * (min(max(excess, -EXTREME), EXTREME) - leg.excess)
        voice = excess > math.log(MARGIN) or leg.excess > LASTING
        if echo > 4 * noise:
            leg.learning = max(leg.learning - 1, 0)
            pace = SLOWLY if voice else QUICKLY
            leg.leak *= math.exp(pace * min(max(excess, -1.0), 1.0))
            leg.leak = min(max(leg.leak, LEAST_LEFT), MOST_LEFT)
        if voice:
            return Kind.OPEN
        return Kind.QUIET if echo < noise and left <= 2 * noise else Kind.ECHO

    def _wins(self, leg: _Leg, row: int, slot: int, end: int) -> bool:
        """Whether the leg is the louder of two that hear one voice."""
        source = int(self._source_of[slot])
        if source >= self._count or int(self._filters.shift[slot]) + AHEAD >= self._lag_base(row, source) + AT_ONCE:
            return False
        other = self._legs.get(source)
        if other is None:
            return False
        level = self._history.read(
            np.array([source]), np.array([end - int(self._filters.shift[slot]) - AHEAD]), STRETCH
        )[0]
        mine = self._history.read(np.array([row]), np.array([end]), STRETCH)[0]
        ratio = float(np.dot(mine, mine)) / (float(np.dot(level, level)) + 1e-3)
        if ratio > 1.25 or ratio < 0.8:
            self._weaker[slot] = ratio > 1
        return bool(self._weaker[slot])

    def _lag_base(self, row: int, source: int) -> int:
        return int(self._history.end[row] - self._history.end[source])

    def _apply(self, row: int, changes: Changes) -> None:
        """Write what leaves a leg's queue."""
        for count, through in changes:
            held = int(self._seen[row] - self._sent[row])
            samples = min(count * FRAME_SAMPLES + held % FRAME_SAMPLES, held)
            start = int(self._sent[row])
            if through:
                self._ring.extend(row, self._raw.read(row, start, start + samples))
            else:
                self._ring.silence(row, samples)
                self._stats.echo_frames += count
            self._sent[row] = start + samples

    # who is it

    def study(self) -> None:
        """Look closer at legs that nothing explains; a few at a time."""
        prepared: dict[int, Reference] = {}
        for row in list(self._wanting)[:STUDIES]:
            del self._wanting[row]
            leg = self._legs[row]
            if leg.track.wants_study:
                leg.track.wants_study = False
                leg.track.studied = leg.track.now
                self._apply(row, self._study(row, leg, prepared))
                self._waiting[row] = bool(leg.track.held)

    def _study(self, row: int, leg: _Leg, prepared: dict[int, Reference]) -> Changes:
        track = leg.track
        end = int(self._history.end[row])
        said = self._history.read(np.array([row]), np.array([end]), STRETCH)[0]
        left = said.copy()
        for at, error in leg.errors:
            if (back := end - at) < STRETCH:
                left[STRETCH - back - BLOCK : STRETCH - back] = error
        if not track.near and leg.errors and not self._voice_over(leg, said, left):
            return track.echoed([Kind.ECHO if kind == Kind.OPEN else kind for kind in track.held])
        source, lag, likeness = self._likest(row, left, prepared)
        sure = track.near or track.held.count(Kind.OPEN) >= SURE_AT
        if likeness >= SIMILAR:
            shift = end - int(self._history.end[source]) + lag - AHEAD
            heard = self._history.read(np.array([source]), np.array([end - shift]), STRETCH + TAPS - 1)[0]
            taps, rest = fit(left, heard, TAPS)
            noise = float(self._noise[row]) * STRETCH
            explained = _share(left, rest, noise)
            anew = False
            if any(self._source_of[slot] == source for slot in leg.slots):
                # Has the way from this source changed, so that its filter adds to what it should take away?
                taps_anew, rest_anew = fit(said, heard, TAPS)
                if CHANGED * np.dot(rest_anew, rest_anew) < np.dot(left, left):
                    taps, rest, explained, anew = taps_anew, rest_anew, _share(said, rest_anew, noise), True
            self.dbg = (round(likeness, 2), source, lag / 8, round(explained, 2), anew)
            if explained >= EXPLAINED:
                self._follow(row, leg, source, shift, taps, said if anew else left, anew)
                return track.echoed(self._relabel(track, said, rest))
            if likeness >= PLAINLY and sure and explained >= HALF and not self._followed(leg, source, shift):
                self._follow(row, leg, source, shift, taps, said if anew else left, anew)
            elif not sure:
                return []
        elif not sure and likeness > MAYBE:
            return []
        return track.spoken()

    def _voice_over(self, leg: _Leg, said: Audio, left: Audio) -> bool:
        """Whether the filters leave enough in the latest unexplained frames for a voice: not here and there a bit."""
        whole = np.square(said.reshape(-1, BLOCK)).sum(axis=1)
        rest = np.square(left.reshape(-1, BLOCK)).sum(axis=1)
        kinds = list(leg.track.held)[-len(whole) :]
        voiced = rest > (NEW_VOICED if leg.learning else VOICED) * whole
        strong = [kind == Kind.OPEN and much for kind, much in zip(reversed(kinds), voiced[::-1], strict=False)]
        return sum(strong) >= STRAY

    def _likest(self, row: int, left: Audio, prepared: dict[int, Reference]) -> tuple[int, int, float]:
        """What is most like this stretch of the leg: the source, how much earlier it sounded, how alike they are."""
        spectrum, energy = stretch(left)
        best = (-1, 0, 0.0)
        for other in self._heard_by(row):
            if other not in prepared:
                at = self._history.end[[other]]
                prepared[other] = reference(self._history.read(np.array([other]), at, SIZE + EARLIEST)[0])
            likeness = alike(spectrum, energy, prepared[other])
            if other >= self._count:
                likeness[:-EARLIEST] = 0
            found = int(likeness.argmax())
            if likeness[found] > best[2] and self._may_echo(row, other, found + EARLIEST, left):
                best = (other, found + EARLIEST, float(likeness[found]))
        return best

    def _followed(self, leg: _Leg, source: int, shift: int) -> bool:
        """Whether there is a filter for about this delay."""
        slots = [slot for slot in leg.slots if self._source_of[slot] == source]
        return any(abs(int(self._filters.shift[slot]) - shift) <= AHEAD // 2 for slot in slots)

    def _relabel(self, track: Track, said: Audio, rest: Audio) -> list[Kind]:
        """What the frames that wait look like, known the echo."""
        before = np.square(said.reshape(-1, BLOCK)).sum(axis=1)
        after = np.square(rest.reshape(-1, BLOCK)).sum(axis=1)
        kinds = list(track.held)
        for back in range(1, len(kinds) + 1):
            looked = back <= len(before)
            if kinds[-back] == Kind.OPEN and (not looked or after[-back] < LEFT_FRAME * before[-back] + FLOOR * BLOCK):
                kinds[-back] = Kind.ECHO
        return kinds

    def _heard_by(self, row: int) -> list[int]:
        """What sounded lately in the leg's room, the latest first."""
        sources = np.concatenate([self._rows, self._streams])
        there = (self._group[sources] == self._group[row]) & (sources != row)
        there &= self._sounded[sources] > self._tick - LINGER
        some = sources[there]
        order = np.lexsort((-self._sounded[some], some < self._count))
        return [int(source) for source in some[order][:SOURCES]]

    def _may_echo(self, row: int, source: int, lag: int, said: Audio) -> bool:
        """Whether the leg's sound can be made of the source's: of two at once the weaker is the echo."""
        if source >= self._count or lag >= AT_ONCE:
            return True
        at = self._history.end[[source]] - lag
        level = self._history.read(np.array([source]), at, STRETCH)[0]
        mine, other = float(np.dot(said, said)), float(np.dot(level, level))
        return other > mine or (other == mine and source < row)

    def _follow(self, row: int, leg: _Leg, source: int, shift: int, taps: Audio, said: Audio, anew: bool) -> None:
        """Keep the way an echo takes; ``anew``: in place of what was known of this source."""
        span = PARTITIONS * BLOCK
        same = [slot for slot in leg.slots if self._source_of[slot] == source]
        near = [slot for slot in same if abs(int(self._filters.shift[slot]) - shift) < span]
        free = [slot for slot in range(row * SLOTS, (row + 1) * SLOTS) if slot not in leg.slots]
        old = near or (same if anew else []) or free or leg.slots
        slot = old[0]
        leg.slots = [*(other for other in leg.slots if other != slot), slot]
        leg.errors.clear()
        self._source_of[slot] = source
        self._weaker[slot] = False
        self._filters.begin(slot, shift, taps)
        self._filters.rehearse(slot, source, int(self._history.end[row]), said, self._history)
        leg.leak = MOST_LEFT
        if anew or len(leg.slots) == 1:
            leg.learning = LEARNING
        leg.track.known = True
        self.loudspeakers[row] = True
        if not leg.told:
            leg.told = True
            self._stats.echo_legs += 1
            lag_ms = (shift + AHEAD - self._lag_base(row, source)) * 1000 / RATE
            log.info("leg is on its loudspeaker: its echo is silenced", leg=leg.name, delay_ms=round(lag_ms))


def _share(whole: Audio, rest: Audio, noise: float) -> float:
    """How much of the energy above the noise's is gone."""
    over = float(np.dot(whole, whole)) - noise
    return 1 - max(float(np.dot(rest, rest)) - noise, 0.0) / over if over > noise else 0.0
