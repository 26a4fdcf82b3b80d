"""The media plane: the one socket, and the 20 ms tick in which everything that is audio happens."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import structlog

from dragoman.errors import MediaError
from dragoman.media.alarm import Alarm, open_alarm
from dragoman.media.clock import PERIOD, MediaClock
from dragoman.media.codec import Encoder, G722Encoder
from dragoman.media.echo.guard import RAW_SAMPLES, EchoGuard
from dragoman.media.garbage import GarbageTurns
from dragoman.media.holes import Span, Unheard, Unsent
from dragoman.media.intake import Intake
from dragoman.media.jitter import JitterBank
from dragoman.media.leg_audio import NEVER, LegAudio, LegBanks
from dragoman.media.mix import FloorMixer, gain
from dragoman.media.rescue import SocketWatch, rescue
from dragoman.media.ring import RingBank
from dragoman.media.senders import PACKET_BYTES, FrameSource, SenderBank
from dragoman.media.socket import MediaSocket, open_media_socket
from dragoman.media.sources import SourceTable
from dragoman.media.speech import SpeechDetector
from dragoman.media.stats import MediaStats
from dragoman.media.vad import VadBank, open_vad
from dragoman.recovery.telling import Tell, nobody
from dragoman.telephony.model import Address

log = structlog.get_logger(__name__)


class LegAudioListener(Protocol):
    """Told in the tick; must be quick. What it raises is counted, and logged once per leg."""

    def on_audio(self, end: int) -> None:
        """The leg's audio reached the mark set by ``wake_when``; ``end`` samples are there."""

    def on_speech_start(self, at: int) -> None:
        """Speech began at audio time ``at``."""

    def on_speech_end(self, at: int) -> None:
        """The hangover passed; the last speech ended at audio time ``at``."""


@dataclass(frozen=True, slots=True)
class MediaConfig:
    """Settings of the media plane."""

    bind: str = "127.0.0.1"
    port: int = 0
    """UDP port; 0: any free one."""
    vad: Literal["silero", "energy", "none"] = "silero"
    """``none``: no speech events at all, for recognisers that take everything."""
    hangover_ms: int = 400
    """Silence that ends speech, ms."""
    echo_guard: bool = True
    """Whether legs' echoes are silenced; see ``echo``."""
    max_legs: int = 512
    """Legs at once. Memory is spent on those in use, about 650 KB each."""
    max_streams: int = 512
    """Booths and whispers at once."""


@dataclass(slots=True)
class _Leg:
    row: int
    remote: Address
    audio: LegAudio
    listener: LegAudioListener | None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class _Wire:
    """What exists while the socket is open."""

    socket: MediaSocket
    intake: Intake
    senders: SenderBank


class MediaPlane:
    """Receives every leg and sends every booth: a shell that hands packets to the banks, tick by tick.

    Args:
        settings: bind address, VAD, limits.
        encoder: makes the encoder of one booth or whisper.
        vad: replaces the VAD that the settings name.

    Raises:
        EngineUnavailable: the VAD's model is not installed.
    """

    def __init__(
        self,
        settings: MediaConfig,
        encoder: Callable[[], Encoder] = G722Encoder,
        vad: VadBank | None = None,
    ) -> None:
        self.stats = MediaStats()
        self.tell: Tell = nobody
        """Told when the socket is opened anew."""
        self.on_stall: Callable[[float, float], None] = lambda since, until: None
        """Told when nothing was sent between two times (s, monotonic), and what booths said is torn: see ``holes``."""
        self.on_unheard: Callable[[float, float], None] = lambda since, until: None
        """Told when of what came between two some was lost before it was taken. What either raises is counted."""
        self._watch = SocketWatch()
        self._unheard, self._unsent = Unheard(), Unsent()
        self._settings = settings
        self._encoder = encoder
        ring = raw = RingBank(settings.max_legs)
        self._echo: EchoGuard | None = None
        if settings.echo_guard:
            raw = RingBank(settings.max_legs, RAW_SAMPLES)
            self._echo = EchoGuard(raw, ring, settings.max_legs, settings.max_streams, self.stats)
        self._floor = FloorMixer(raw, settings.max_legs)  # at once: what waits to be told from an echo would be missing
        self._sources = SourceTable()
        self._free = list(range(settings.max_legs))
        self._legs: dict[str, _Leg] = {}
        self._by_row: dict[int, _Leg] = {}
        self._floors: dict[str, tuple[frozenset[str], float, frozenset[str]]] = {}
        self._booths: dict[str, Address] = {}
        vad = vad if vad is not None else open_vad(settings.vad, settings.max_legs)
        self._speech = (
            None if vad is None else SpeechDetector(vad, ring, settings.max_legs, settings.hangover_ms, self.stats)
        )
        self._banks = LegBanks(
            ring,
            JitterBank(settings.max_legs, raw, self.stats),
            np.full(settings.max_legs, NEVER, np.int64),
            np.zeros(settings.max_legs, np.int64) if self._speech is None else self._speech.heard_until,
            np.zeros(settings.max_legs, np.bool_) if self._echo is None else self._echo.loudspeakers,
            np.full(settings.max_legs, np.nan) if self._echo is None else self._echo.delays,
            None if self._echo is None else self._echo.remains,
        )
        self._wire: _Wire | None = None
        self._clock = MediaClock(0.0)
        self._alarm: Alarm | None = None
        self._garbage = GarbageTurns()

    async def start(self, *, ticking: bool = True) -> None:
        """Open the socket and begin to tick on the running loop.

        Args:
            ticking: False leaves it to the caller to call ``tick``.

        Raises:
            MediaSocketError: the address cannot be bound.
        """
        settings = self._settings
        socket = open_media_socket(settings.bind, settings.port, settings.max_streams, PACKET_BYTES)
        self._wire = _Wire(
            socket,
            Intake(socket, self._sources, self._banks.jitter, self.stats),
            SenderBank(socket, self._floor, self.stats, self._encoder),
        )
        log.info("media socket open", address=socket.address, receive_buffer=socket.receive_buffer)
        if ticking:
            loop = asyncio.get_running_loop()
            self._clock = MediaClock(loop.time() + PERIOD)
            self.stats.last_tick = loop.time()
            self._alarm = open_alarm(loop, lambda: self._on_alarm(loop.time()))
            self._alarm.arm(self._clock.deadline)

    async def close(self) -> None:
        """Stop ticking and close the socket; idempotent."""
        if self._alarm is not None:
            self._alarm.close()
            self._alarm = None
            self._garbage.close()
        if self._wire is not None:
            self._wire.socket.close()
            self._wire = None

    @property
    def address(self) -> Address:
        """Where the socket is bound.

        Raises:
            MediaError: the plane is not started.
        """
        return self._open().socket.address

    @property
    def receive_buffer(self) -> int:
        """Bytes of receive buffer that the kernel granted (it counts double what can be used, socket(7)).

        Raises:
            MediaError: the plane is not started.
        """
        return self._open().socket.receive_buffer

    def _open(self) -> _Wire:
        if self._wire is None:
            raise MediaError("the media plane is not started")
        return self._wire

    def add_leg(self, leg_id: str, remote: Address, listener: LegAudioListener | None) -> LegAudio:
        """Take what comes from ``remote`` as this leg's audio; its timeline begins with its first packet.

        Raises:
            MediaError: the id or the address is taken, the address is no IPv4 address and port, or there is no room.
        """
        if leg_id in self._legs:
            raise MediaError(f"leg {leg_id!r} exists already")
        if not self._free:
            raise MediaError(f"no room for leg {leg_id!r}: {len(self._legs)} legs are being received")
        now = time.monotonic()
        row = self._free[0]
        retired = self._sources.add(remote, row, now)
        heapq.heappop(self._free)
        self._banks.jitter.open(row, now, retired)
        if self._echo is not None:
            self._echo.open(row, leg_id)
        self._banks.wake_at[row] = NEVER
        leg = _Leg(row, remote, LegAudio(leg_id, self._banks, row), listener)
        self._legs[leg_id] = self._by_row[row] = leg
        if self._speech is not None and listener is not None:
            self._speech.open(row)
        self._refloor(leg_id)
        return leg.audio

    def remove_leg(self, leg_id: str) -> None:
        """Forget the leg; its ``LegAudio`` keeps what was there. Idempotent."""
        leg = self._legs.pop(leg_id, None)
        if leg is None:
            return
        self.send_whisper(leg_id, None)
        if self._echo is not None:
            self._echo.close(leg.row)
        leg.audio.detach()
        self._sources.remove(leg.remote, self._banks.jitter.close(leg.row), time.monotonic())
        if self._speech is not None:
            self._speech.close(leg.row)
        self._floor.remove_leg(leg.row)
        self._banks.wake_at[leg.row] = NEVER
        del self._by_row[leg.row]
        heapq.heappush(self._free, leg.row)

    def add_booth(self, booth_id: str, remote: Address, source: FrameSource) -> None:
        """Send what ``source`` says to ``remote``, and silence when it says nothing, without a pause.

        Raises:
            MediaError: not started, the id is taken, the address is no IPv4 address and port, or there is no room.
        """
        row = self._open().senders.add(f"booth {booth_id}", remote, source, continuous=True)
        if self._echo is not None:
            self._echo.open_stream(row)
        self._booths[booth_id] = remote
        self._sources.add_booth(remote)

    def remove_booth(self, booth_id: str) -> None:
        """Stop sending; idempotent."""
        self._floors.pop(booth_id, None)
        if (remote := self._booths.pop(booth_id, None)) is not None:
            self._sources.remove_booth(remote)
        self._end_stream(f"booth {booth_id}")

    def set_floor(
        self, booth_id: str, legs: Iterable[str], gain_db: float = -18.0, loud: Collection[str] = frozenset()
    ) -> None:
        """Play these legs' originals under what the booth says, those of ``loud`` at full level.

        Ids of legs not there (yet) wait for them.

        Raises:
            MediaError: there is no such booth.
        """
        if self._open().senders.row(f"booth {booth_id}") is None:
            raise MediaError(f"no booth {booth_id!r}")
        self._floors[booth_id] = (frozenset(legs), gain_db, frozenset(loud))
        self._apply_floor(booth_id)

    def send_whisper(self, leg_id: str, source: FrameSource | None) -> None:
        """Send what ``source`` says to this leg alone, over its tap; None ends that. It replaces the source before.

        Raises:
            MediaError: not started, or there is no such leg.
        """
        self._end_stream(f"whisper {leg_id}")
        if source is not None:
            leg = self._legs.get(leg_id)
            if leg is None:
                raise MediaError(f"no leg {leg_id!r}")
            row = self._open().senders.add(f"whisper {leg_id}", leg.remote, source, continuous=False)
            if self._echo is not None:
                self._echo.open_stream(row, leg.row)

    def _end_stream(self, name: str) -> None:
        if self._wire is not None and (row := self._wire.senders.row(name)) is not None:
            if self._echo is not None:
                self._echo.close_stream(row)
            self._wire.senders.remove(name)

    def set_room(self, room: str, legs: Iterable[str], booths: Iterable[str]) -> None:
        """What these booths say and these legs bring can be heard at any of the legs; ids not there are passed over."""
        if self._echo is not None and self._wire is not None:
            streams = [self._wire.senders.row(f"booth {booth_id}") for booth_id in booths]
            rows = [self._legs[leg_id].row for leg_id in legs if leg_id in self._legs]
            self._echo.gather(room, rows, [row for row in streams if row is not None])

    def _refloor(self, leg_id: str) -> None:
        for booth_id, (legs, _, _) in self._floors.items():
            if leg_id in legs:
                self._apply_floor(booth_id)

    def _apply_floor(self, booth_id: str) -> None:
        booth = self._open().senders.row(f"booth {booth_id}")
        ids, gain_db, loud = self._floors[booth_id]
        rows = sorted((leg.row, leg_id in loud) for leg_id, leg in self._legs.items() if leg_id in ids)
        factors = np.array([1.0 if full else gain(gain_db) for _, full in rows], np.float32)
        if booth is not None:
            self._floor.set(booth, np.array([row for row, _ in rows], np.int64), factors)

    def _on_alarm(self, now: float) -> None:
        tick = self._clock.tick(now)
        self.stats.count_tick(tick.lateness, tick.skipped, tick.late)
        self.stats.last_tick = now
        if self._alarm is not None:
            self._alarm.arm(self._clock.deadline)
        self.tick(now, tick.skipped)
        self._garbage.turn(legs=bool(self._legs))

    def tick(self, now: float, skipped: int = 0) -> None:
        """Do all of one tick: receive, order, send, listen, tell.

        Sending comes before the VAD, whose work varies from tick to tick, so that packets leave evenly.

        Args:
            now: monotonic seconds.
            skipped: slots that passed without a tick since the last one.

        Raises:
            MediaError: the plane is not started.
        """
        wire = self._open()
        began = time.monotonic()
        wire.intake.drain(now)
        unheard = self._unheard.drained(wire.socket.dropped(), now)
        self._banks.jitter.tick(now)
        if self._echo is not None:
            self._echo.step()
        taken, refused = self.stats.packets_out, self.stats.send_errors
        wire.senders.step(now, skipped, lambda: now + time.monotonic() - began)
        taken, refused = self.stats.packets_out - taken, self.stats.send_errors - refused
        if self._watch.sent(taken, refused, now):
            self._unheard.reopened(rescue(wire.socket, self._watch, now, self.tell), now)
        unsent = self._unsent.sent(taken, refused, now + time.monotonic() - began)
        if self._echo is not None:
            # Without the floor: there everybody's own voice comes back to him, and who speaks is no echo of himself.
            self._echo.played(wire.senders.said, skipped)
            self._echo.study()
        if self._speech is not None:
            for event in self._speech.step():
                leg = self._by_row.get(event.row)  # an earlier listener may have removed it
                if leg is not None and leg.listener is not None:
                    self._tell(
                        leg, leg.listener.on_speech_start if event.started else leg.listener.on_speech_end, event.at
                    )
        due = self._banks.ring.end >= self._banks.wake_at
        if due.any():
            for row in np.flatnonzero(due).tolist():
                self._banks.wake_at[row] = NEVER
                leg = self._by_row.get(row)
                if leg is not None and leg.listener is not None:
                    self._tell(leg, leg.listener.on_audio, int(self._banks.ring.end[row]))
        self._tell_hole(self.on_stall, unsent)
        self._tell_hole(self.on_unheard, unheard)

    def _tell_hole(self, call: Callable[[float, float], None], span: Span | None) -> None:
        """As ``_tell``; at most once a second, so each time is logged."""
        try:
            if span is not None:
                call(*span)
        except Exception:
            self.stats.callback_errors += 1
            log.exception("listener of holes failed")

    def _tell(self, leg: _Leg, call: Callable[[int], None], at: int) -> None:
        """Call a listener; what it raises is counted, and logged once per leg: it must not stop the tick."""
        try:
            call(at)
        except Exception:
            self.stats.callback_errors += 1
            if not leg.failed:
                leg.failed = True
                log.exception("audio listener failed", leg=leg.audio.leg_id, call=call.__name__)
