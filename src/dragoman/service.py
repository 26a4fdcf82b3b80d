"""The daemon: the one place that knows every part, wires them, starts and stops them in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog

from dragoman.admin.serving import Administration
from dragoman.config import Settings
from dragoman.engines.base import Stage
from dragoman.engines.selection import EngineSet
from dragoman.engines.tts.xtts.engine import XttsSynthesizer
from dragoman.engines.tts.xtts.profiles import ProfileVoices
from dragoman.enrolment.serving import Enrolling, clips_folder
from dragoman.errors import EngineError
from dragoman.glossary.store import GlossaryStore
from dragoman.media.garbage import freeze_garbage
from dragoman.media.plane import MediaConfig, MediaPlane
from dragoman.media.sonic import stretcher
from dragoman.observe.clauses import ClauseMeasures
from dragoman.observe.health import Health, tick_trouble
from dragoman.observe.metrics import Metrics
from dragoman.observe.otel import OtlpExporter
from dragoman.observe.trace import TraceBook
from dragoman.observe.witness import tell_ladder, tell_voice
from dragoman.pipeline.captions import CaptionHub
from dragoman.pipeline.conference import Conference
from dragoman.pipeline.reports import Reporter
from dragoman.recovery.events import HealthBus
from dragoman.recovery.ladder import Change
from dragoman.telephony.ari.talking import TalkingClient
from dragoman.telephony.attacher import AttachConfig, Attacher
from dragoman.telephony.booth_prompts import BoothPrompts
from dragoman.telephony.guests import Guests
from dragoman.telephony.model import Leg
from dragoman.telephony.recipes import task_group
from dragoman.voices.source import VoiceEvent
from dragoman.voices.voicing import Voicing
from dragoman.web.server import WebServer, build_app
from dragoman.web.traces import Traced
from dragoman.web.view import DaemonView

log = structlog.get_logger(__name__)

PARTS = ("ari", "media", "asr", "mt", "tts", "admission")
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
        self.admin = Administration(settings.admin, settings.admission, self.glossary.give)
        self.admin.on_drain = self._judge_admission
        self.admin.tell = self.events.tell
        self.metrics.watch_store(self.admin)
        self.voices = Voicing(settings.voices, self._voice_event, self.events.tell)
        self.voices.scores.on_likeness = self.metrics.voices.likeness.observe
        self._cloning = [engine for engine in self.engines.of(Stage.TTS) if isinstance(engine, XttsSynthesizer)]
        for engine in self._cloning:
            engine.use(ProfileVoices(lambda: self.voices.live))
            engine.on_own_voice = self.voices.scores.spoken
        clips = clips_folder(settings.asterisk.url, settings.asterisk.app)
        self.prompts = BoothPrompts()
        self.enrolling = Enrolling(self.voices, self.engines.synthesizers, clips)
        self.media = MediaPlane(
            MediaConfig(
                bind=settings.media.bind,
                port=settings.media.port,
                vad=settings.media.vad,
                hangover_ms=settings.media.hangover_ms,
                echo_guard=settings.media.echo_guard,
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
        traces = TraceBook()
        exporter = self._exporter(unix_offset)
        if exporter is not None:
            traces.on_end = exporter.send
        reporter = Reporter(captions, measures, loop.time, unix_offset, traces)
        self.engines.on_failure = reporter.engine_gave_way
        reporter.tell = self.media.tell = self.events.tell
        self.engines.tell_by(self.events.tell)
        reporter.on_engine_change = self.engines.circuits.moved
        reporter.on_usage = self.admin.used
        captions.record = self.admin.take
        conference = Conference(
            self.media,
            self.engines,
            captions,
            reporter,
            loop.time,
            floor_db=self._settings.media.floor_db,
            terms=self.glossary.room,
            options=self._settings.pipeline.options,
            stretcher=stretcher,
            voiced=self.voices.cloned,
            prompts=self.prompts.get,
        )
        conference.on_degraded = self._degraded
        self.media.on_stall, self.media.on_unheard = conference.stood_still, conference.unheard
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
            traced=Traced(traces, unix_offset),
            admin=self.admin,
        )
        web = WebServer(app, self._settings.http)
        await web.start()
        log.info("web up", address="http://{}:{}".format(*web.address))
        try:
            if not await _unless(stop, self._start_engines()):
                return
            await asyncio.to_thread(self.glossary.refresh)
            if not await _unless(stop, self._start_stores()):
                return
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
                incall = self.enrolling.incall(ari, captions, lambda: conference.legs, loop.time)
                administering = self.admin.attend(ari, conference, lambda: reception.calls)
                guests = Guests((reception, incall), administering)
                config = AttachConfig(languages=languages)
                attacher = Attacher(ari, conference, address, config, guests=guests, unspoken=conference.unspoken_s)
                attacher.tell_by(self.events.tell)
                freeze_garbage()
                await self._serve(ari, attacher, (reception.run, incall.run), conference, measures, stop)
        finally:
            await self.media.close()
            await web.close()
            await self.engines.close()
            await self.voices.close()
            if exporter is not None:
                await asyncio.to_thread(exporter.close)
            await self.admin.close()
            log.info("stopped")

    def _exporter(self, unix_offset: float) -> OtlpExporter | None:
        """Raises ConfigError: its packages are not installed."""
        if self._settings.trace.otlp_url is None:
            return None
        return OtlpExporter(self._settings.trace, unix_offset, self.metrics.spans_exported)

    async def _serve(
        self,
        ari: TalkingClient,
        attacher: Attacher,
        talking: Iterable[Callable[[], Coroutine[Any, Any, None]]],
        conference: Conference,
        measures: ClauseMeasures,
        stop: asyncio.Event,
    ) -> None:
        def phones() -> list[str]:
            return [state.leg.channel_id for state in conference.legs.values()]

        async with asyncio.TaskGroup() as group:
            meeting = group.create_task(conference.run())
            await asyncio.sleep(0)  # the conference takes legs only once it runs
            enrolling = group.create_task(self.enrolling.run())
            receiving = [group.create_task(run()) for run in talking]
            attaching = group.create_task(attacher.run())
            observing = group.create_task(self._observe(attacher, conference, measures))
            probing = group.create_task(self.engines.circuits.run())
            watching = group.create_task(self.glossary.watch())
            preparing = group.create_task(asyncio.to_thread(self.prompts.prepare, self._settings.rooms.languages))
            asking = group.create_task(self.metrics.phones.watch(phones, ari.rtp_statistics))
            administering = group.create_task(self.admin.run())
            voicing = group.create_task(self.voices.run(lambda: conference.legs, asyncio.get_running_loop().time))
            log.info("serving", asterisk=self._settings.asterisk.url, media=self.media.address)
            await _first_of(stop, self.admin.ended)
            log.info("stopping")
            await attacher.detach_all(DETACH_S)
            attaching.cancel()
            for each in receiving:
                each.cancel()
            enrolling.cancel()
            observing.cancel()
            probing.cancel()
            watching.cancel()
            asking.cancel()
            administering.cancel()
            voicing.cancel()
            preparing.cancel()
            conference.stop()
            await meeting

    async def _start_stores(self) -> None:
        """A database that does not answer is waited for by a deadline, and asked again later."""
        await self.admin.start()
        await self.voices.start(next((found for engine in self._cloning if (found := engine.encoder)), None))

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
            metrics.tasks.set(len(asyncio.all_tasks(loop)))

        metrics.on_scrape(count)
        while True:
            self._judge("ari", "" if attacher.connected else attacher.connection.last_error or "not connected yet")
            self._judge_admission()
            self._judge("media", tick_trouble(self.media.stats.last_tick, loop.time()))
            for stage in Stage:
                trouble = self.engines.trouble(stage) or measures.trouble(stage)
                self._judge(stage, trouble, self.engines.degraded(stage))
            metrics.ari_connected.set(attacher.connected)
            metrics.ready.set(self.health.ready)
            metrics.draining.set(self.admin.draining)
            for store, answers in (("voices", self.voices.answers), ("admin", self.admin.answers)):
                if answers is not None:
                    metrics.store_up.labels(store).set(answers)
            await asyncio.sleep(OBSERVE_S)

    def _judge_admission(self) -> None:
        self._judge("admission", "draining: no new room begins" if self.admin.draining else "")

    def _voice_event(self, event: VoiceEvent) -> None:
        self.admin.voice_event(event)
        tell_voice(self.events.tell, event)

    def _degraded(self, leg: Leg, target: str, change: Change) -> None:
        self.metrics.recovery.changed(change)
        tell_ladder(self.events.tell, leg, target, change)

    def _judge(self, part: str, trouble: str, degraded: str = "") -> None:
        if trouble:
            self.health.failed(part, trouble)
        else:
            self.health.ok(part, degraded)


async def _first_of(*events: asyncio.Event) -> None:
    """Wait until one of these is set."""
    async with task_group() as group:
        waiting = [group.create_task(event.wait()) for event in events]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do ``work``; False if ``stop`` was set before it ended: then it was cancelled."""
    async with task_group() as group:
        working, stopping = group.create_task(work), group.create_task(stop.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        stopping.cancel()
    return not stop.is_set()
