"""The daemon: the one place that knows every part, wires them, starts and stops them in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import structlog

from dragoman.config import Settings
from dragoman.engines.base import Stage
from dragoman.engines.selection import EngineSet
from dragoman.enrolment.serving import Enrolling, clips_folder
from dragoman.errors import EngineError
from dragoman.glossary.store import GlossaryStore
from dragoman.media.plane import MediaConfig, MediaPlane, freeze_garbage
from dragoman.observe.clauses import ClauseMeasures
from dragoman.observe.health import Health, tick_trouble
from dragoman.observe.metrics import Metrics
from dragoman.pipeline.captions import CaptionHub
from dragoman.pipeline.conference import Conference
from dragoman.pipeline.reports import Reporter
from dragoman.recovery.events import HealthBus
from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.recovery.ladder import Change
from dragoman.telephony.ari.talking import TalkingClient
from dragoman.telephony.attacher import AttachConfig, Attacher
from dragoman.telephony.booth_prompts import BoothPrompts
from dragoman.telephony.model import Leg
from dragoman.telephony.reception import Reception
from dragoman.telephony.recipes import task_group
from dragoman.voices.source import VoiceEvent, VoiceEventKind
from dragoman.voices.voicing import Voicing
from dragoman.web.server import WebServer, build_app
from dragoman.web.view import DaemonView

log = structlog.get_logger(__name__)

PARTS = ("ari", "media", "asr", "mt", "tts")
"""What ``/health/ready`` names."""

OBSERVE_S = 0.5
"""Seconds between looks at what is only known by asking: ARI's state, the media clock's, how many are in."""

DETACH_S = 5.0
"""Seconds to take taps and booths down before the daemon ends anyway."""


class Service:
    """One daemon, serving one Asterisk. ``run`` once."""

    def __init__(self, settings: Settings) -> None:
        """Build what can be built without touching the network.

        Raises:
            ConfigError: an engine is unknown or one of its options wrong, or the ARI password is not set.
        """
        self._settings = settings
        self._password = settings.asterisk.require_password()
        self.metrics = Metrics()
        self.health = Health(PARTS)
        self.events = HealthBus(time.time, first=round(time.time() * 1000))
        self.engines = EngineSet.build(settings.engines)
        self.glossary = GlossaryStore(settings.glossary.site, settings.glossary.folder, self.metrics.glossary_read)
        self.voices = Voicing(settings.voices, self._voice_event, self.events.tell)
        clips = clips_folder(settings.asterisk.url, settings.asterisk.app)
        self.prompts = BoothPrompts()
        self.enrolling = Enrolling(self.voices, self.engines.synthesizers, clips)
        self.media = MediaPlane(
            MediaConfig(
                bind=settings.media.bind,
                port=settings.media.port,
                vad=settings.media.vad,
                hangover_ms=settings.media.hangover_ms,
            )
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set, then leave Asterisk as it was: taps and booths gone, calls up.

        Raises:
            ConfigError: the HTTP or media address cannot be had.
            EngineError: no engine of a stage works; says what to install or set.
            AriReplaced: another daemon took over our ARI application.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        unix_offset = time.time() - started
        captions = CaptionHub(lambda: conference.refresh_demand(), first=round(time.time() * 1000))
        measures = ClauseMeasures(self.metrics, loop.time)
        reporter = Reporter(captions, measures, loop.time, unix_offset)
        self.engines.on_failure = reporter.engine_gave_way
        reporter.tell = self.events.tell
        self.engines.tell_by(self.events.tell)
        self.media.tell = self.events.tell
        reporter.on_engine_change = self.engines.circuits.moved
        conference = Conference(
            self.media,
            self.engines,
            captions,
            reporter,
            loop.time,
            floor_db=self._settings.media.floor_db,
            terms=self.glossary.room,
            options=self._settings.pipeline.options,
            voiced=self.voices.cloned,
            prompts=self.prompts.get,
        )
        conference.on_degraded = self._degraded
        view = DaemonView(
            conference, self.metrics, self.media.stats, self.engines, lambda: loop.time() - started, unix_offset
        )
        app = build_app(
            self._settings,
            conference=view,
            captions=captions,
            metrics=self.metrics,
            health=self.health,
            desk=self.enrolling.desk,
            codes=self.enrolling.codes,
            bus=self.events,
        )
        web = WebServer(app, self._settings.http)
        await web.start()
        log.info("web up", address="http://{}:{}".format(*web.address))
        try:
            if not await _unless(stop, self._start_engines()):
                return
            await asyncio.to_thread(self.glossary.refresh)
            await self.voices.start()
            await self.media.start()
            self.health.ok("media")
            self.metrics.watch_media(self.media.stats)
            self.metrics.watch_conference(conference)
            self.metrics.watch_engines(self.engines.circuits)
            self.metrics.watch_guard(self.engines.translator.counts)
            self.metrics.on_scrape(
                self.metrics.recovery.watch(lambda: self.events.counts, conference.degradation.counts)
            )
            self.metrics.voices.watch(lambda: {**self.voices.counts(), **self.enrolling.counts()})
            async with TalkingClient(
                self._settings.asterisk.url,
                self._settings.asterisk.username,
                self._password,
                app=self._settings.asterisk.app,
            ) as ari:
                address = (self._settings.media.advertised, self.media.address[1])
                reception = self.enrolling.reception(ari, self.media, address)
                languages = frozenset(self._settings.rooms.languages)
                attacher = Attacher(ari, conference, address, AttachConfig(languages=languages), guests=reception)
                attacher.tell_by(self.events.tell)
                freeze_garbage()
                await self._serve(attacher, reception, conference, measures, stop)
        finally:
            await self.media.close()
            await web.close()
            await self.engines.close()
            await self.voices.close()
            log.info("stopped")

    async def _serve(
        self,
        attacher: Attacher,
        reception: Reception,
        conference: Conference,
        measures: ClauseMeasures,
        stop: asyncio.Event,
    ) -> None:
        async with asyncio.TaskGroup() as group:
            meeting = group.create_task(conference.run())
            await asyncio.sleep(0)  # the conference takes legs only once it runs
            enrolling = group.create_task(self.enrolling.run())
            receiving = group.create_task(reception.run())
            attaching = group.create_task(attacher.run())
            observing = group.create_task(self._observe(attacher, conference, measures))
            probing = group.create_task(self.engines.circuits.run())
            watching = group.create_task(self.glossary.watch())
            preparing = group.create_task(asyncio.to_thread(self.prompts.prepare, self._settings.rooms.languages))
            voicing = group.create_task(self.voices.run(lambda: conference.legs, asyncio.get_running_loop().time))
            log.info("serving", asterisk=self._settings.asterisk.url, media=self.media.address)
            await stop.wait()
            log.info("stopping")
            await attacher.detach_all(DETACH_S)
            attaching.cancel()
            receiving.cancel()
            enrolling.cancel()
            observing.cancel()
            probing.cancel()
            watching.cancel()
            voicing.cancel()
            preparing.cancel()
            conference.stop()
            await meeting

    async def _start_engines(self) -> None:
        for stage in Stage:
            try:
                await self.engines.start(stage, self._settings.rooms.languages)
            except EngineError as error:
                self.health.failed(stage, str(error))
                raise
            self.health.ok(stage, self.engines.degraded(stage))
            log.info("engines up", stage=str(stage), engines=", ".join(self.engines.names(stage)))

    async def _observe(self, attacher: Attacher, conference: Conference, measures: ClauseMeasures) -> None:
        """Keep gauges and the health of every part as they are."""
        metrics, loop = self.metrics, asyncio.get_running_loop()
        metrics.watch_ari(attacher)

        def count() -> None:
            metrics.rooms.set(len(conference.rooms))
            metrics.legs.set(len(conference.legs))
            metrics.booths.set(len(conference.booths))
            metrics.recognizer_streams.set(conference.streams)

        metrics.on_scrape(count)
        while True:
            self._judge("ari", "" if attacher.connected else attacher.connection.last_error or "not connected yet")
            self._judge("media", tick_trouble(self.media.stats.last_tick, loop.time()))
            for stage in Stage:
                trouble = self.engines.trouble(stage) or measures.trouble(stage)
                self._judge(stage, trouble, self.engines.degraded(stage))
            metrics.ari_connected.set(attacher.connected)
            metrics.ready.set(self.health.ready)
            await asyncio.sleep(OBSERVE_S)

    def _voice_event(self, event: VoiceEvent) -> None:
        if event.kind is VoiceEventKind.ASSIGNED:
            return
        action, status = Action.NEUTRAL, Status.DEGRADED
        if event.kind is VoiceEventKind.OWNER:
            action, status = Action.RETURN, Status.OK
        about = f"{event.kind}: {event.text}"
        self.events.tell(Kind.PROFILE_BROKEN, action, status, "voices", session=event.speaker, detail=about)

    def _degraded(self, leg: Leg, target: str, change: Change) -> None:
        """What a speaker's listeners get stepped down or up."""
        self.metrics.recovery.changed(change)
        action = Action.DOWN if change.down else Action.UP
        self.events.tell(
            Kind.DEGRADED,
            action,
            Status.DEGRADED if change.down else Status.OK,
            f"ladder:{target}",
            session=leg.id,
            detail=f"{change.before} to {change.after}: {change.why}",
        )

    def _judge(self, part: str, trouble: str, degraded: str = "") -> None:
        if trouble:
            self.health.failed(part, trouble)
        else:
            self.health.ok(part, degraded)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do ``work``; False if ``stop`` was set before it ended: then it was cancelled."""
    async with task_group() as group:
        working, stopping = group.create_task(work), group.create_task(stop.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        stopping.cancel()
    return not stop.is_set()
