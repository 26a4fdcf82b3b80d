"""All rooms of this daemon: turns what telephony reports into legs and booths, and what legs say into captions."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from dragoman.engines.base import Stage
from dragoman.errors import MediaError
from dragoman.media.format import SAMPLE_RATE, Pcm
from dragoman.pipeline.booth import BoothMixer
from dragoman.pipeline.captions import CaptionHub, GapCause, up_to
from dragoman.pipeline.chain import Chain, keep_tempo
from dragoman.pipeline.degradation import Announcer, Degradation, Graded, Ranked
from dragoman.pipeline.engines import Engines
from dragoman.pipeline.leg import SpeakingLeg
from dragoman.pipeline.mending import LONGEST_S, Mending
from dragoman.pipeline.options import DEFAULTS, PipelineOptions
from dragoman.pipeline.ports import NO_TERMS, LegAudio, Media, Stretcher, Terms
from dragoman.pipeline.reports import Reporter
from dragoman.pipeline.room import floor, needs
from dragoman.pipeline.sounding import OwnWords, Sounding
from dragoman.pipeline.standing import TOTALS, Lag
from dragoman.recovery.ladder import Change
from dragoman.telephony.model import Booth, Leg, Tap

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class LegState:
    """A leg that is in its room now."""

    tap: Tap
    speaking: SpeakingLeg
    audio: LegAudio
    muted: bool
    held: bool = False

    @property
    def leg(self) -> Leg:
        """Who it is."""
        return self.tap.leg


class Conference:
    """The AttachListener; runs every leg in one TaskGroup, each in a TaskGroup of its own."""

    def __init__(
        self,
        media: Media,
        engines: Engines,
        captions: CaptionHub,
        reporter: Reporter,
        clock: Callable[[], float],
        floor_db: float,
        options: PipelineOptions = DEFAULTS,
        terms: Callable[[str], Terms] = lambda _: NO_TERMS,
        stretcher: Callable[[], Stretcher | None] = keep_tempo,
        voiced: Callable[[str], bool] = lambda _: False,
        prompts: Callable[[str, str], Pcm | None] = lambda language, name: None,
    ) -> None:
        """``floor_db``: gain of the original speech under the translation, dB. ``terms`` gives a room's glossary.

        ``stretcher`` makes what changes the tempo of one voice, or nothing where there is no such thing.
        ``voiced``: whether a speaker (his channel's id) has a voice profile now. ``prompts``: what booths say of
        themselves, by language and name.
        """
        self._stretcher = stretcher
        self._options = options
        self._media = media
        self._engines = engines
        self._captions = captions
        self._reporter = reporter
        self._clock = clock
        self._floor_db = floor_db
        self._terms = terms
        self._ears = engines.circuits.named(Stage.ASR)
        self.degradation = Degradation(clock, engines.circuits.usable, voiced)
        """What each speaker's listeners get just now, by language."""
        self.degradation.on_change = self._degraded
        self.on_degraded: Callable[[Leg, str, Change], None] = lambda leg, target, change: None
        """Called with the speaker, the language of his listeners, and what they get from now on."""
        self._announcer = Announcer(prompts, clock)
        self._sounding = Sounding()
        reporter.on_spoken = lambda room, language, pending: self._sounding.spoken((room, language), pending)
        reporter.on_recognised = self.degradation.recognised
        reporter.on_missing = lambda leg, error: self.degradation.lost(leg, str(error))
        self._group: asyncio.TaskGroup | None = None
        self._stopped = asyncio.Event()
        self._mixers: dict[tuple[str, str], BoothMixer] = {}
        self._running: dict[SpeakingLeg, asyncio.Task[None]] = {}
        self._numbers = itertools.count(1)
        self._past: Counter[str] = Counter()  # totals of legs and booths that are gone
        self._mending = Mending()
        self.legs: dict[str, LegState] = {}
        """By leg id; those present, not those whose last words are still being spoken."""
        self.booths: dict[str, Booth] = {}
        self.allowed: Callable[[str], bool] = lambda room: True
        """Whether a room may have anything interpreted; where not, its people hear each other's originals in full."""
        self._resting: set[str] = set()

    async def run(self) -> None:
        """Until ``stop``."""
        try:
            async with asyncio.TaskGroup() as self._group:
                await self._stopped.wait()
                for task in self._running.values():
                    task.cancel()
        finally:
            self._group = None

    def stop(self) -> None:
        """End every leg at once; idempotent."""
        self._stopped.set()

    @property
    def rooms(self) -> frozenset[str]:
        """Rooms with somebody in them."""
        return frozenset(state.leg.room for state in self.legs.values())

    @property
    def streams(self) -> int:
        """Recogniser streams open now."""
        return sum(1 for leg in self._running if leg.recognition is not None and leg.recognition.open)

    def queue_depths(self) -> dict[str, int]:
        """Clauses waiting, by queue, over all legs and booths."""
        depths = {"mt": 0, "tts": 0, "playback": sum(mixer.backlog for mixer in self._mixers.values())}
        for leg in self._running:
            for chain in leg.chains:
                depths["mt"] += len(chain.mt_queue)
                depths["tts"] += len(chain.tts_queue)
        return depths

    def lags(self) -> list[Lag]:
        """How far the interpretation of each speaker into each language is behind, now."""
        return [
            Lag(
                leg.leg,
                chain.target,
                {stage: samples / SAMPLE_RATE for stage, samples in chain.meter.stages().items()},
                chain.delivery.tempo.now if chain.meter.backlog else 1.0,
            )
            for leg in self._running
            for chain in leg.chains
        ]

    def totals(self) -> dict[str, int]:
        """What happened since the start, over all legs and booths, those that are gone too; never goes back."""
        totals = Counter(dict.fromkeys(TOTALS, 0))
        totals.update(self._past)
        for leg in self._running:
            totals.update(leg.totals())
        totals["booth_underruns"] += sum(mixer.underruns for mixer in self._mixers.values())
        return dict(totals)

    def refresh_demand(self) -> None:
        """Who is wanted in which language changed: a caller came, went or began to read captions."""
        for room in self.rooms:
            self._refresh(room)

    def mixer(self, room: str, language: str) -> BoothMixer:
        """What the booth of this language says; made when first asked for."""
        return self._mixers.setdefault((room, language), BoothMixer())

    # AttachListener

    def tap_ready(self, tap: Tap) -> None:
        """AttachListener: somebody is in a room, or his tap was repaired."""
        leg = tap.leg
        if self._group is None or self._stopped.is_set():
            log.warning("leg comes while the conference does not run", room=leg.room, leg=leg.id)
            return
        if leg.id in self.legs:
            self.tap_closed(self.legs[leg.id].tap)
        speaking = SpeakingLeg(
            leg,
            self._engines.recognizers(leg.language),
            self._make_chain,
            self._reporter,
            self._clock,
            self._numbers,
            self._options,
            self._ears,
            self._terms(leg.room),
            OwnWords(self._sounding, (leg.room, leg.language), leg.id) if self._options.drop_echoes else None,
        )
        try:
            audio = self._media.add_leg(tap.channel_id, tap.remote, speaking.recognition)
        except MediaError as error:
            self._reporter.leg_crashed(leg)
            log.error("leg not heard", room=leg.room, leg=leg.id, error=str(error))
            return
        audio.gated = leg.muted
        speaking.attach(audio)
        self.legs[leg.id] = LegState(tap, speaking, audio, leg.muted)
        self._running[speaking] = self._group.create_task(self._run_leg(speaking, tap.channel_id))
        log.info("leg joined", room=leg.room, leg=leg.id, language=leg.language, audio=tap.channel_id)
        if (since := self._mending.back(leg.id)) is not None:
            self._reporter.unheard(leg, since)
        self._refresh(leg.room)

    def tap_closed(self, tap: Tap, *, lost: bool = False) -> None:
        """AttachListener: what was said is still spoken; from now on nothing is spoken for this leg.

        The media plane lets go of it at once: Asterisk may soon send another tap from the same address.
        """
        state = self.legs.get(tap.leg.id)
        if state is None or state.tap.channel_id != tap.channel_id:
            return
        del self.legs[tap.leg.id]
        state.speaking.close()
        self._media.remove_leg(tap.channel_id)
        log.info("leg left", room=tap.leg.room, leg=tap.leg.id, lost=lost)
        if lost:
            self._mending.lost(tap.leg, self._clock())
            asyncio.get_running_loop().call_later(LONGEST_S + 0.02, self._waited, tap.leg.room)
        self._refresh(tap.leg.room)
        if tap.leg.room not in self.rooms:
            self._captions.close_room(tap.leg.room)

    def booth_ready(self, booth: Booth) -> None:
        """AttachListener; of one language one booth speaks: two would share out its frames."""
        for old in [old for old in self.booths.values() if (old.room, old.language) == (booth.room, booth.language)]:
            self.booth_closed(old)
        try:
            self._media.add_booth(booth.id, booth.remote, self.mixer(booth.room, booth.language))
        except MediaError as error:
            log.error("booth cannot be heard", room=booth.room, language=booth.language, error=str(error))
            return
        self.booths[booth.id] = booth
        self._refresh(booth.room)

    def booth_closed(self, booth: Booth) -> None:
        """AttachListener."""
        if self.booths.pop(booth.id, None) is not None:
            self._media.remove_booth(booth.id)
            self._refresh(booth.room)

    def leg_muted(self, leg_id: str, muted: bool) -> None:
        """AttachListener."""
        state = self.legs.get(leg_id)
        if state is not None:
            state.muted = muted
            state.audio.gated = state.muted or state.held

    def leg_held(self, leg_id: str, held: bool) -> None:
        """AttachListener."""
        state = self.legs.get(leg_id)
        if state is not None:
            state.held = held
            state.audio.gated = state.muted or state.held

    def gap(self, since: float, unspoken_s: float) -> None:
        """AttachListener: tell the readers that something is missing; those too whose room did not survive it."""
        for room in self.rooms | self._captions.rooms:
            present = self._present(room)
            back = 0.0 if present else unspoken_s  # where the room is still there, all is spoken
            self._reporter.gap(room, since, back, {state.leg.language for state in present.values()})

    def away(self, room: str, languages: frozenset[str], since: float, unspoken_s: float) -> None:
        """AttachListener: what was said before we came is missing."""
        self._reporter.away(room, since, unspoken_s, languages)

    def unspoken_s(self) -> float:
        """For how many seconds back something that was said is neither spoken nor told to be missing."""
        marks = [state.speaking.unspoken_since for state in self.legs.values()]
        now = self._clock()
        return now - min((mark for mark in marks if mark is not None), default=now)

    def stood_still(self, since: float, until: float) -> None:
        """Nothing was sent between two times (s, monotonic): tell the readers of what was being said."""
        note = f"the interpretation stood still for {up_to(until - since)}"
        for (room, language), mixer in self._mixers.items():
            if mixer.speakers or mixer.sounded >= since:
                self._reporter.hole(room, language, since, until, note, GapCause.STOOD_STILL)

    def unheard(self, since: float, until: float) -> None:
        """Of what came between two times (s, monotonic) some was lost: tell all readers where one could speak."""
        note = f"some of what was said for {up_to(until - since)} was not heard by the daemon"
        for room in {state.leg.room for state in self.legs.values() if not (state.muted or state.held)}:
            spoken = {state.leg.language for state in self._present(room).values()}
            for language in self._captions.audience(room) | spoken:
                self._reporter.hole(room, language, since, until, note, GapCause.NOT_HEARD)

    # private

    def _present(self, room: str) -> dict[str, LegState]:
        return {leg_id: state for leg_id, state in self.legs.items() if state.leg.room == room}

    def _refresh(self, room: str) -> None:
        """Give every leg of the room its targets and every booth its floor."""
        present = self._present(room)
        languages = {leg_id: state.leg.language for leg_id, state in present.items()}
        languages |= self._mending.languages(room, self._clock())
        allowed = self._may_speak(room)
        for leg_id, need in needs(languages, self._captions.languages(room)).items():
            if leg_id not in present:
                continue
            speaking = present[leg_id].speaking
            if allowed:
                speaking.want(need.targets, need.source_captions)
            else:
                speaking.rest()
            self.degradation.forget(speaking.leg, need.targets)
        by_tap = {state.tap.channel_id: state.leg.language for state in present.values()}
        self._media.set_room(room, by_tap, [booth.id for booth in self.booths.values() if booth.room == room])
        for booth in self.booths.values():
            if booth.room == room:
                loud = self._loud(present, booth.language) if allowed else by_tap.keys()
                self._media.set_floor(booth.id, floor(by_tap, booth.language), self._floor_db, loud)
        spoken = set(languages.values())
        for key in [key for key in self._mixers if key[0] == room and key[1] not in spoken]:
            if not any(booth.room == room and booth.language == key[1] for booth in self.booths.values()):
                mixer = self._mixers.pop(key)
                mixer.clear()
                self._past["booth_underruns"] += mixer.underruns

    def _may_speak(self, room: str) -> bool:
        """``allowed``; its readers are told when it ends."""
        if self.allowed(room):
            self._resting.discard(room)
            return True
        if room not in self._resting:
            self._resting.add(room)
            self._reporter.rests(room)
        return False

    def _loud(self, present: dict[str, LegState], language: str) -> frozenset[str]:
        """Taps of those who are heard at full level by the listeners of ``language``: nothing else of them can be."""
        return frozenset(
            state.tap.channel_id
            for state in present.values()
            if state.speaking.recognition is None or self.degradation.relays(state.leg, language)
        )

    def _degraded(self, leg: Leg, target: str, change: Change) -> None:
        self._refresh(leg.room)
        if self._listens(leg.room, target):
            self._announcer.say(self.mixer(leg.room, target), leg, target, change)
        self.on_degraded(leg, target, change)

    def _listens(self, room: str, language: str) -> bool:
        there = {state.leg.language for state in self._present(room).values()}
        return language in there or language in self._mending.languages(room, self._clock()).values()

    def _waited(self, room: str) -> None:
        """Somebody whose tap was lost has come back by now, or counts as gone."""
        if not self._stopped.is_set():
            self._refresh(room)

    def _make_chain(self, leg: Leg, target: str) -> Chain:
        voices = self._engines.synthesizers(target)
        grade = self.degradation.grade(leg, target, voices)

        def listening() -> bool:
            return self._listens(leg.room, target)

        return Chain(
            leg.channel_id,
            target,
            self._engines.translator,
            Ranked(voices, grade),
            lambda: self.mixer(leg.room, target) if listening() and grade.speaks else None,
            Graded(self._reporter.for_leg(leg), grade, listening),
            self._clock,
            circuits=self._engines.circuits,
            terms=self._terms(leg.room),
            stretcher=self._stretcher,
            fastest=self._options.max_tempo,
        )

    async def _run_leg(self, speaking: SpeakingLeg, media_id: str) -> None:
        """Run one leg; whatever happens to it, the others go on, and its original is heard until it leaves."""
        room = speaking.leg.room
        try:
            try:
                await speaking.run()
            except Exception:
                self._reporter.leg_crashed(speaking.leg)
                log.exception("leg crashed", leg=speaking.leg.id)
                self.degradation.lost(speaking.leg, "what interprets him ended")
            await speaking.closed.wait()
        finally:
            self._media.remove_leg(media_id)
            if speaking.leg.id not in self.legs:
                self.degradation.left(speaking.leg)
                self._sounding.leaves((room, speaking.leg.language), speaking.leg.id)
            if self._running.pop(speaking, None) is not None:
                self._past.update(speaking.totals())
            if room not in self.rooms and not any(leg.leg.room == room for leg in self._running):
                self._captions.close_room(room)
                self._sounding.close(room)
