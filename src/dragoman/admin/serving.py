"""All of the administration in one part of the daemon: opened, run beside the conference, closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import structlog

from dragoman.admin.admission import Limits, Load
from dragoman.admin.journal import Journal, note_voice
from dragoman.admin.keeper import Keeper
from dragoman.admin.legs import Legs
from dragoman.admin.model import Line, Prices, Usage
from dragoman.admin.recorder import Recorder
from dragoman.admin.rooms import Room
from dragoman.admin.spending import Spending, day_of
from dragoman.admin.tokens import TokenBook
from dragoman.config.admin import AdminSettings, AdmissionSettings
from dragoman.errors import AdminError, AdminStoreDown, AdminUnavailable, ConfigError, VoiceError
from dragoman.glossary.model import Glossary
from dragoman.glossary.parse import parse_glossary
from dragoman.pipeline.captions import Caption
from dragoman.pipeline.conference import Conference
from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.recovery.telling import Tell, nobody
from dragoman.telephony.ari.talking import TalkingClient
from dragoman.telephony.errands import Errands
from dragoman.voices.source import VoiceEvent

if TYPE_CHECKING:
    from dragoman.admin.store import AdminStore

log = structlog.get_logger(__name__)

REFRESH_S: Final = 2.0
"""Seconds after which a token that ``dragoman token`` made or revoked counts here, and between writes of usage."""

EMPTY_S: Final = 1.0
"""Seconds that no room may have anybody in it before a drained daemon ends: who changes his room is on his way."""

LAST_S: Final = 10.0
"""Seconds at the end for what waits to be written: two questions that are not answered, of the 30 s that a service
manager waits (config/systemd)."""


class Administration:
    """What operators set, and what comes of it.

    Args:
        settings: where it is kept.
        admission: how much is taken on.
        on_glossary: told the glossaries of all rooms that have one, whenever they may have changed.
        clock: unix time, s.

    Raises:
        ConfigError: the store's address or its key is none.
    """

    def __init__(
        self,
        settings: AdminSettings,
        admission: AdmissionSettings,
        on_glossary: Callable[[Mapping[str, Glossary]], None] = lambda glossaries: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.store: AdminStore | None = None
        """Built where one is set; whether it is open, ``rooms`` tells."""
        self.trouble = ""
        """Why nothing can be kept though a store is set; empty: nothing is wrong."""
        self.tokens: TokenBook | None = None
        """None: not known, because a store is set that did not answer yet."""
        self.rooms: dict[str, Room] | None = None
        """By number; another one after every change. None: not known yet."""
        self.changing = asyncio.Lock()
        """Held from looking at what a room is given until that is changed: two operators may change it at once."""
        self.draining = False
        self.spending = Spending(Prices(admission.asr_minute, admission.mt_thousand, admission.tts_thousand))
        self.limits = Limits(admission.legs, admission.rooms, admission.cost_per_hour)
        self.keeper: Keeper | None = None
        """There while we are connected with an Asterisk, as ``legs``."""
        self.legs: Legs | None = None
        self.ended = asyncio.Event()
        """Set when it was drained and the last call is over."""
        self.on_drain: Callable[[], None] = lambda: None
        """Called when draining began or was called off."""
        self.tell: Tell = nobody
        """Told when the database does not answer, and when it does again."""
        self.on_drop: Callable[[str], None] = lambda queue: None
        """Called when one of the queues of ``waiting`` was full, and its oldest was dropped."""
        self._away: float | None = None
        """Since when it does not answer, unix time, s."""
        self._on_glossary = on_glossary
        self._conference: Conference | None = None
        self._others: Callable[[], int] = lambda: 0
        self._capped: dict[str, bool] = {}
        if settings.store is None:
            self.tokens, self.rooms = TokenBook(), {}
        else:
            self._build(settings)
        store = self.store
        self.journal = Journal(None if store is None else store.note, clock)
        self.journal.on_drop = lambda: self.on_drop("audit")
        self.recorder = None if store is None else Recorder(self._hours, store.add_lines, store.purge, clock)
        if self.recorder is not None:
            self.recorder.on_drop = lambda: self.on_drop("transcripts")

    def _build(self, settings: AdminSettings) -> None:
        assert settings.store is not None, "only with a store"
        try:
            from dragoman.admin.store import AdminStore

            self.store = AdminStore(settings.store, settings.key)
        except ImportError as error:
            self.trouble = f'the Python package {error.name} is missing: pip install "dragoman[admin]"'
        except VoiceError as error:
            self.trouble = str(error)

    # ---- life

    async def start(self) -> None:
        """Open the store. What is wrong is in ``trouble``; it is tried again by ``run``."""
        if self.store is None:
            if self.trouble:
                log.error("nothing can be set up over REST", reason=self.trouble)
            return
        before = self.trouble
        try:
            await self.store.open()
            usage = await self.store.usage(day_of(self.clock()))
            rooms = {room.room: room for room in await self.store.rooms()}
            tokens = TokenBook(await self.store.tokens())
        except (AdminError, VoiceError) as error:
            self.trouble = str(error)
            if self.trouble != before:
                log.error("nothing can be set up over REST", reason=self.trouble)
            return
        if self.rooms is None:
            self.spending.restore(usage)
        self.rooms, self.tokens, self.trouble = rooms, tokens, ""
        self._tell_glossaries()
        log.info("admin store open", store=self.store.where, rooms=len(rooms), tokens=len(tokens))

    def attend(self, client: TalkingClient, conference: Conference, others: Callable[[], int] = lambda: 0) -> Keeper:
        """Asterisk can be asked from now on; before ``run``. ``others``: calls that are in no room."""
        errands = Errands(client)
        self._others = others
        self._conference = conference
        conference.allowed = self.allowed
        self.legs = Legs(conference, errands, client)
        self.keeper = Keeper(errands, client.set_global, lambda: self.rooms, self.limits, self.load)
        return self.keeper

    @property
    def answers(self) -> bool | None:
        """Whether the database answered when it was last asked; None: there is none."""
        return None if self.store is None and not self.trouble else not self.trouble and self._away is None

    @property
    def waiting(self) -> dict[str, int]:
        """What waits to be written, by queue; nothing, where there is no store."""
        return {} if self.recorder is None else {"audit": len(self.journal), "transcripts": len(self.recorder)}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.journal.run())
            if self.keeper is not None:
                group.create_task(self.keeper.run())
            if self.recorder is not None:
                group.create_task(self.recorder.run())
            group.create_task(self._watch_calls())
            await self._watch_store()

    async def close(self) -> None:
        """Write what waits and close the store. Idempotent."""
        if self.store is None:
            return
        try:
            async with asyncio.timeout(LAST_S):
                if await self.journal.flush():
                    if self.recorder is not None:
                        await self.recorder.flush()
                    await self.store.put_usage(self.spending.take_changes(self.clock()))
        except (AdminStoreDown, TimeoutError) as error:
            log.warning("not all was written to the admin store", reason=str(error))
        if len(self.journal):
            log.error("the audit log lacks entries that stand in this log alone", entries=len(self.journal))
        if self.recorder is not None and len(self.recorder):
            log.error("lines of transcripts are lost: they were never written", lines=len(self.recorder))
        await self.store.close()

    async def _watch_store(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            if self.store is None:
                continue
            if self.rooms is None:
                await self.start()
                continue
            changes = self.spending.take_changes(self.clock())
            try:
                self.tokens = TokenBook(await self.store.tokens())
                if changes:
                    await self.store.put_usage(changes)
            except AdminStoreDown as error:
                self.spending.put_back(changes)
                self._judge_store(str(error))
            else:
                self._judge_store("")

    def _judge_store(self, why: str) -> None:
        """Tell of an outage once, and of its end; ``why`` empty: the database answers."""
        if why and self._away is None:
            self._away = self.clock()
            log.warning("admin store does not answer; what is known stays", reason=why)
            self.tell(Kind.STORE_LOST, Action.CACHE, Status.DEGRADED, "admin", detail=why)
        elif not why and self._away is not None:
            away, self._away = self.clock() - self._away, None
            log.info("admin store answers again", after_s=round(away, 1))
            self.tell(Kind.STORE_LOST, Action.RETURN, Status.OK, "admin", lag_s=away)

    async def _watch_calls(self) -> None:
        """End when drained and empty; tell the conference whose allowance is used up."""
        quiet = 0.0
        while True:
            await asyncio.sleep(EMPTY_S / 4)
            if self._conference is None:
                continue
            capped = self._capped_rooms()
            if capped != self._capped:
                spent, before = (sorted(room for room in each if each[room]) for each in (capped, self._capped))
                self._capped = capped
                if spent != before:
                    log.info("rooms that may spend no more today", rooms=spent)
                    self._conference.refresh_demand()
            busy = bool(self._conference.legs) or self._others() > 0 or not self.draining
            quiet = 0.0 if busy else quiet + EMPTY_S / 4
            if quiet >= EMPTY_S:
                log.info("drained: the last call is over")
                self.ended.set()

    # ---- what the conference asks and tells

    def load(self) -> Load:
        """How it is just now."""
        rooms = frozenset() if self._conference is None else self._conference.rooms
        return Load(rooms, self.draining, self.spending.last_hour(self.clock()), self._capped_rooms())

    def allowed(self, room: str) -> bool:
        """Whether a room may have anything interpreted: it has not used up its allowance."""
        return not self._capped.get(room, False)

    def used(self, room: str, stage: str, amount: float) -> None:
        """An engine did something for a room: seconds of speech for ``asr``, characters for ``mt`` and ``tts``."""
        usage = {
            "asr": lambda: Usage(asr_seconds=amount),
            "mt": lambda: Usage(mt_chars=round(amount)),
            "tts": lambda: Usage(tts_chars=round(amount)),
        }[stage]()
        self.spending.add(room, usage, self.clock())

    def take(self, caption: Caption) -> None:
        """A caption was published."""
        if self.recorder is not None:
            self.recorder.take(caption)

    def voice_event(self, event: VoiceEvent) -> None:
        """Something happened to a speaker's voice."""
        states = () if self._conference is None else self._conference.legs.values()
        legs = (state.leg for state in states if state.leg.channel_id == event.speaker)
        leg = next(legs, None)
        note_voice(self.journal, event, ("", "") if leg is None else (leg.room, leg.caller))

    def _capped_rooms(self) -> dict[str, bool]:
        now, rooms = self.clock(), self.rooms or {}
        return {
            name: self.spending.cost(name, now) >= room.most_cost
            for name, room in rooms.items()
            if room.most_cost is not None
        }

    def _hours(self, room: str) -> float | None:
        if self.rooms is None:
            return None
        found = self.rooms.get(room)
        return 0.0 if found is None else found.keep_hours

    # ---- what operators do

    def open_store(self) -> AdminStore:
        """The store.

        Raises:
            AdminUnavailable: none is set, or it cannot be used; says what to do.
        """
        if self.store is None or self.rooms is None:
            raise AdminUnavailable(self.trouble or "nothing can be kept: set admin.store (docs/admin.md)")
        return self.store

    async def put_room(self, room: Room) -> None:
        """Set a room up, or change it."""
        await self.open_store().put_room(room)
        assert self.rooms is not None, "the store is open"
        self.rooms = self.rooms | {room.room: room}
        self._tell_glossaries()

    async def delete_room(self, room: str) -> None:
        """Forget a room and its transcripts; who is in it stays."""
        store, recorder = self._writing()
        async with recorder.paused():
            await store.delete_room(room)
            if self.rooms is not None:
                self.rooms = {name: found for name, found in self.rooms.items() if name != room}
            recorder.forget(room)
        self._tell_glossaries()

    async def transcript(self, room: str, language: str, since: float, until: float) -> list[Line]:
        """What is kept of what was said, up to now; ``since`` and ``until``: unix time, s."""
        store, recorder = self._writing()
        await recorder.flush()
        return await store.lines(room, language, since, until)

    async def delete_transcript(self, room: str) -> int:
        """In all languages; how many lines were kept."""
        store, recorder = self._writing()
        async with recorder.paused():
            recorder.forget(room)
            return await store.delete_lines(room)

    def _writing(self) -> tuple[AdminStore, Recorder]:
        """The store, and what writes transcripts into it; raises AdminUnavailable."""
        store = self.open_store()
        assert self.recorder is not None, "there is one where there is a store"
        return store, self.recorder

    def drain(self) -> None:
        """Let no new room begin, and end when the last call is over. Idempotent."""
        if not self.draining:
            log.info("draining: no new room begins, and the daemon ends with the last call")
        self.draining = True
        self.on_drain()

    def resume(self) -> None:
        """Take new rooms again. Idempotent."""
        if self.draining:
            log.info("draining no more")
        self.draining = False
        self.on_drain()

    def _tell_glossaries(self) -> None:
        found = {}
        for name, room in (self.rooms or {}).items():
            if room.glossary:
                try:
                    found[name] = Glossary(parse_glossary(room.glossary.encode(), f"room {name}").entries)
                except ConfigError as error:  # checked when it was set, by another version maybe
                    log.warning("a room's glossary is not used", room=name, reason=str(error))
        self._on_glossary(found)
