"""The echo guard: what a leg heard and sends back is taken away, before anybody takes it for speech.

A phone on its loudspeaker sends a booth's translation back into its microphone; without a guard the room translates
itself for ever. What every leg can have heard is known: what its booths say and its whispers, as we send them, and the
other legs of its room, as their taps bring them. Per frame of 20 ms:

1. A leg that is quiet, or in whose room nothing else sounded lately, is let through at once and untouched.
2. Where echoes are known (``filter``), what they should sound like is subtracted. What is left is nobody's voice
   (``bands``): echo, silenced. A voice: what is let through is what is left, band by band (``clean``).
3. Else the frame waits (``track``) until the last stretch was compared with all that sounded (``search``).

Two phones in one room hear the same voice, the nearer one louder: of two legs that are alike almost at once, the
louder one is let through.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
import structlog

from dragoman.media.echo.bands import BandBank
from dragoman.media.echo.clean import HELPS, CleanBank
from dragoman.media.echo.earshot import LINGER, Earshot
from dragoman.media.echo.filter import AHEAD
from dragoman.media.echo.history import BLOCK, RATE, Audio, HistoryBank, Rows
from dragoman.media.echo.leg import FLOOR, NOISIER, EchoLeg, share
from dragoman.media.echo.lineup import Lineup
from dragoman.media.echo.remains import RemainsBank
from dragoman.media.echo.search import (
    CHANGED,
    EXPLAINED,
    HALF,
    MAYBE,
    PLAINLY,
    SIMILAR,
    STRETCH,
    TAPS,
    YOUNG,
    Reference,
    fit,
)
from dragoman.media.echo.track import MOST_HELD, STRAY, STUDY_AT, Kind
from dragoman.media.echo.ways import Ways
from dragoman.media.format import FRAME_SAMPLES, Pcm
from dragoman.media.ring import RingBank
from dragoman.media.speech import QUIET_PEAK
from dragoman.media.stats import MediaStats

log = structlog.get_logger(__name__)

RAW_FRAMES: Final = 100
RAW_SAMPLES: Final = RAW_FRAMES * FRAME_SAMPLES
"""What is kept of what came (2 s), before it is decided on."""

STUDIES: Final = 4
"""Legs whose stretch is compared in one tick, about 0.6 ms each, and 5 ms where a way is found (``filter.rehearse``,
and what is looked back on); others wait for the next."""

Changes = list[tuple[int, bool]]


class EchoGuard:
    """Takes frames out of ``raw`` and puts them, rid of echo, or silence into ``ring``.

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
        self._legs: dict[int, EchoLeg] = {}
        self._rows: Rows = np.zeros(0, np.int64)
        self._streams: Rows = np.zeros(0, np.int64)
        self._seen: Rows = np.zeros(legs, np.int64)
        self._sent: Rows = np.zeros(legs, np.int64)
        self._waiting = np.zeros(legs, np.bool_)
        self._noise = np.full(legs, FLOOR)  # mean square of the quietest sounding frames since the last pause
        self._bands = BandBank(legs)
        self._ways = Ways(self._history, self._bands, legs)
        self._clean = CleanBank(legs)
        self.remains = RemainsBank(legs)
        """What was left of echoes, and how like them it is."""
        self._earshot = Earshot(legs, streams)
        self._lineup = Lineup(self._history, self._earshot, legs)
        self._tick = 0
        self._wanting: dict[int, None] = {}
        self.loudspeakers = np.zeros(legs, np.bool_)
        """(legs,) whether an echo was recognised."""
        self.delays = np.full(legs, np.nan)
        """(legs,) seconds by which what a booth or a whisper says comes back; NaN: none was found to."""

    def open(self, row: int, name: str = "") -> None:
        """A leg begins, alone with its whispers; the log calls it ``name``."""
        self._history.open(row)
        self._legs[row] = EchoLeg(name or str(row))
        self.loudspeakers[row] = False
        self.delays[row] = np.nan
        self._rows = np.union1d(self._rows, row)
        self._seen[row] = self._sent[row] = 0
        self._waiting[row] = False
        self._noise[row] = FLOOR
        self._bands.open(row)
        self._clean.open(row)
        self.remains.open(row)
        self._earshot.open_leg(row)
        self._ring.open(row)

    def close(self, row: int) -> None:
        """A leg ends; what waited is written. Idempotent."""
        leg = self._legs.get(row)
        if leg is not None:
            self._apply(row, leg.track.flush())
            del self._legs[row]
            self._rows = np.setdiff1d(self._rows, row)
            self._wanting.pop(row, None)
            self._forget(row)

    def open_stream(self, row: int, leg: int | None = None) -> None:
        """A booth begins, or the whisper to a leg."""
        source = self._count + row
        self._history.open(source)
        self._streams = np.union1d(self._streams, source)
        self._earshot.open_stream(source, leg)

    def close_stream(self, row: int) -> None:
        """It ends; idempotent."""
        source = self._count + row
        self._streams = np.setdiff1d(self._streams, source)
        self._earshot.close_stream(source)
        self._forget(source)

    def gather(self, room: str, legs: Iterable[int], streams: Iterable[int]) -> None:
        """These are in one room: what one of them says or plays, any of the legs may send back."""
        self._earshot.gather(room, [*legs, *(self._count + row for row in streams)])

    def _forget(self, source: int) -> None:
        for leg in self._legs.values():
            self._ways.forget(leg, source)

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
        self._earshot.sounded[streams[sounding]] = self._tick

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
            if samples % FRAME_SAMPLES:
                self._clean.open(row)
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

    def _round(self, rows: Rows) -> None:
        """One frame of each of these legs."""
        frames = self._raw.frames(rows, self._seen[rows])
        starts = self._seen[rows]
        self._seen[rows] = starts + FRAME_SAMPLES
        peaks = np.maximum(frames.max(axis=1), -(frames.min(axis=1) + np.int16(1)))
        sounding = peaks >= QUIET_PEAK
        loud = rows[sounding]
        self._history.write(loud, frames[sounding])
        self._history.silence(rows[~sounding])
        self._hush(rows[~sounding], peaks[~sounding])
        self._earshot.sounded[loud] = self._tick
        self._earshot.hear(self._rows, self._streams, self._tick)
        suspect = sounding & (self._earshot.until[rows] > self._tick)
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

    def _judge(self, rows: Rows, suspect: npt.NDArray[np.bool_]) -> None:
        kinds = np.where(suspect, Kind.OPEN, Kind.QUIET)
        followed = np.array([bool(self._legs[row].slots) for row in rows.tolist()])
        some = suspect & followed
        if some.any():
            kinds[some] = self._explain(rows[some])
        for row, kind in zip(rows.tolist(), kinds.tolist(), strict=True):
            leg = self._legs[row]
            track = leg.track
            # The weak first sound of a first echo was taken for speech: the word behind it does not go with it.
            if kind == Kind.OPEN and track.near and not track.known:
                if leg.outgrows(self._history.energy(row, int(self._history.end[row]), BLOCK)):
                    track.doubt()
            self._apply(row, track.add(Kind(kind), int(self._seen[row]) // FRAME_SAMPLES))
            self._waiting[row] = bool(track.held)
            if track.wants_study:
                self._wanting[row] = None

    def _explain(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Kinds of these legs' latest frames, by what their echoes should sound like."""
        ends = self._history.end[rows]
        said = self._history.read(rows, ends, BLOCK)
        whole = np.einsum("ij,ij->i", said, said) / BLOCK
        ways = self._ways
        slots: list[int] = []
        owners: list[int] = []
        for index, row in enumerate(rows.tolist()):
            for slot in self._legs[row].slots:
                if not ways.wins(row, slot, int(ends[index])):
                    slots.append(slot)
                    owners.append(index)
        summed = np.zeros_like(said)
        if slots:
            at, owner = np.array(slots), np.array(owners)
            echoes = ways.filters.predict(at, ways.source_of[at], ends[owner], self._history)
            np.add.at(summed, owner, echoes)
        errors = said - summed
        if slots:
            ways.filters.adapt(at, errors[owner])
            for slot in ways.harmful(at, echoes, errors[owner], BLOCK * whole[owner]):
                leg = self._legs[int(rows[owners[slots.index(slot)]])]
                if len(leg.slots) > 1:  # the last one is put right: what sends back something goes on to do so
                    leg.slots.remove(slot)
            for index in set(owners):
                self._legs[int(rows[index])].errors.append((int(ends[index]), errors[index]))
        echo = np.einsum("ij,ij->i", summed, summed) / BLOCK
        left = np.einsum("ij,ij->i", errors, errors) / BLOCK
        near = np.array([self._legs[row].track.near for row in rows.tolist()])
        voice = self._bands.judge(rows, ends, errors, summed, near)
        self._clean.keep(rows, ends, summed, whole, left, self._bands.gains[rows])
        self.remains.keep(rows, self._seen[rows], self._bands.left[rows], self._bands.echoes[rows], whole, left)
        self._noise[rows] = noise = np.maximum(np.minimum(whole, NOISIER * self._noise[rows]), FLOOR)
        for row in rows[echo > 4 * noise].tolist():
            self._legs[row].learning = max(self._legs[row].learning - 1, 0)
        quiet = (2 * echo < left) & (left <= 2 * noise)
        return np.where(voice, Kind.OPEN, np.where(quiet, Kind.QUIET, Kind.ECHO))

    def _apply(self, row: int, changes: Changes) -> None:
        """Write what leaves a leg's queue."""
        for count, through in changes:
            held = int(self._seen[row] - self._sent[row])
            samples = min(count * FRAME_SAMPLES + held % FRAME_SAMPLES, held)
            start = int(self._sent[row])
            if through:
                self._ring.extend(row, self._cleaned(row, start, samples))
            else:
                self._ring.silence(row, samples)
                self._stats.echo_frames += count
            self._sent[row] = start + samples

    def _cleaned(self, row: int, start: int, samples: int) -> Pcm:
        """What came, without the echoes that the filters know."""
        first, last = start - FRAME_SAMPLES, start + samples + FRAME_SAMPLES
        if first < 0 or not self._legs[row].track.known:
            return self._raw.read(row, start, start + samples)
        seen = int(self._seen[row])
        frames = self._raw.read(row, first, min(last, seen))
        if last > seen:
            frames = np.concatenate([frames, np.zeros(last - seen, np.int16)])
        return self._clean.clean(row, int(self._history.end[row]) - (seen - last) // 2, frames)

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

    def _study(self, row: int, leg: EchoLeg, prepared: dict[int, Reference]) -> Changes:
        track = leg.track
        end = int(self._history.end[row])
        said = self._history.read(np.array([row]), np.array([end]), STRETCH)[0]
        left = leg.left_of(said, end)
        leg.look_at(said)
        if not track.near and leg.errors and track.held.count(Kind.OPEN) < STRAY:
            return track.echoed([Kind.ECHO if kind == Kind.OPEN else kind for kind in track.held])
        # Where the filters do not help, the way has changed: what they make of it looks like less than what came.
        looked = said if leg.errors and np.dot(left, left) > HELPS * np.dot(said, said) else left
        source, lag, likeness = self._lineup.likest(
            row, looked, np.concatenate([self._rows, self._streams]), self._tick, prepared
        )
        sure = track.sure
        if likeness >= SIMILAR:
            shift = end - int(self._history.end[source]) + lag - AHEAD
            heard = self._history.read(np.array([source]), np.array([end - shift]), STRETCH + TAPS - 1)[0]
            taps, rest = fit(left, heard, TAPS)
            noise = float(self._noise[row]) * STRETCH
            explained = share(left, rest, noise)
            anew = False
            if self._ways.of(leg, source) or looked is said:
                # Has the way from this source changed, so that its filter adds to what it should take away? Or does
                # another's, so that this source's sound is covered by it in what is left?
                # Not if the two together explain more: a neighbour is heard through the air and from the loudspeaker.
                taps_anew, rest_anew = fit(said, heard, TAPS)
                much = float(np.dot(rest_anew, rest_anew))
                if (YOUNG if leg.learning else CHANGED) * much < np.dot(left, left) and much <= np.dot(rest, rest):
                    taps, rest, explained, anew = taps_anew, rest_anew, share(said, rest_anew, noise), True
            if explained >= EXPLAINED:
                first = not leg.slots
                self._follow(row, leg, source, shift, taps, said if anew else left, anew)
                if leg.slots:
                    kinds = leg.relabel(said, rest)
                    # Unless that is one more echo, or a neighbour.
                    if first and leg.spoke_before(kinds, rest, float(self._noise[row])):
                        others = np.setdiff1d(np.concatenate([self._rows, self._streams]), source)
                        if self._lineup.likest(row, rest, others, self._tick, prepared)[2] < SIMILAR:
                            return track.spoken_over(kinds)
                    return track.echoed(kinds)
            elif sure and explained >= HALF and not self._ways.followed(leg, source, shift):
                if likeness >= PLAINLY or leg.found_before(source, lag - AHEAD):
                    self._follow(row, leg, source, shift, taps, said if anew else left, anew)
            if not sure:
                return []
        elif not sure and (likeness > MAYBE or track.held.count(Kind.OPEN) < STUDY_AT):
            return []
        if not track.near and len(track.held) < MOST_HELD and leg.expects(self._tick):
            return []
        return track.spoken()

    def _follow(self, row: int, leg: EchoLeg, source: int, shift: int, taps: Audio, said: Audio, anew: bool) -> None:
        """Keep the way an echo takes, and tell of a leg's first."""
        delay = self._ways.follow(row, leg, source, shift, taps, said, anew, self._tick)
        if delay is None:
            return
        # What was let through while this way was not known.
        end, blocks = int(self._history.end[row]), self._ways.blocks_back(row, leg)
        past = self._history.read(np.array([row]), np.array([end]), blocks * BLOCK)[0]
        self.remains.look_back(row, int(self._seen[row]), past, self._ways.retrace(leg, end, blocks).reshape(-1))
        self.loudspeakers[row] = True
        if source >= self._count:
            self.delays[row] = (delay + AHEAD) / RATE
        if not leg.told:
            leg.told = True
            self._stats.echo_legs += 1
            lag_ms = round((delay + AHEAD) * 1000 / RATE)
            log.info("leg is on its loudspeaker: its echo is silenced", leg=leg.name, delay_ms=lag_ms)
