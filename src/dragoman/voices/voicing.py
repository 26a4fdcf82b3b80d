"""All of the voices in one part of the daemon: opened, run beside the conference, closed. Never the reason it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import structlog

from dragoman.config.voices import VoicesSettings
from dragoman.errors import StoreUnavailable, VoiceError
from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.recovery.telling import Tell, nobody
from dragoman.voices.embedders import Encoders, LatentEncoder
from dragoman.voices.likeness import Likenesses
from dragoman.voices.load import load_encoders
from dragoman.voices.source import LiveVoices, VoiceEvent
from dragoman.voices.watch import Present, VoiceWatch

if TYPE_CHECKING:
    from dragoman.voices.store.store import VoiceStore

log = structlog.get_logger(__name__)

RETRY_S: Final = 5.0
"""Seconds until a database that does not answer is asked again."""


class Voicing:
    """The store, the encoders and the voices of those in rooms; all None where no store is set or none can be had."""

    def __init__(
        self,
        settings: VoicesSettings,
        on_event: Callable[[VoiceEvent], None] = lambda event: None,
        tell: Tell = nobody,
    ) -> None:
        """Nothing is opened yet. ``on_event`` is told what happens to speakers' voices, ``tell`` of the database.

        Raises:
            ConfigError: the store's address or a key is none.
        """
        self._settings = settings
        self._on_event = on_event
        self._tell = tell
        self.scores = Likenesses(self)
        """How much what was spoken in people's voices sounds like them."""
        self.store: VoiceStore | None = None
        """Opened, when ``live`` is there; else it may not answer."""
        self.encoders = Encoders()
        self.live: LiveVoices | None = None
        self.trouble = ""
        """Why everybody has the neutral voice though a store is set; empty: nothing is wrong."""
        self._away = False
        if settings.store is None:
            return
        try:
            from dragoman.voices.store.store import VoiceStore

            self.store = VoiceStore(
                settings.store,
                key=settings.key,
                previous_key=settings.previous_key,
                cache_bytes=settings.cache_mb << 20,
            )
        except ImportError as error:
            self.trouble = f'the Python package {error.name} is missing: pip install "dragoman[voices]"'
        except VoiceError as error:
            self.trouble = str(error)

    async def start(self, latents: LatentEncoder | None = None) -> None:
        """Open the store and load the encoders. What is wrong is in ``trouble``; nothing is raised for it.

        ``latents``: the synthesizer's, if there is one that clones.
        """
        if self.store is None:
            if self.trouble:
                log.error("no voice profiles: everybody has the neutral voice", reason=self.trouble)
            return
        self.encoders = await asyncio.to_thread(
            load_encoders,
            self._settings.ecapa,
            self._settings.style,
            latents,
            device=self._settings.device,
            small_identity=self._settings.small_identity,
            follow_style=self._settings.follow_style,
        )
        await self._open(self.store)

    async def run(self, present: Callable[[], Mapping[str, Present]], clock: Callable[[], float]) -> None:
        """Follow who is in rooms, for ever; at once over where there is no store.

        Args:
            present: the legs that are in rooms, by id.
            clock: monotonic, s.
        """
        store = self.store
        if store is None:
            return
        while self.live is None:
            await asyncio.sleep(RETRY_S)
            await self._open(store)
        async with asyncio.TaskGroup() as group:
            group.create_task(store.watch())
            group.create_task(VoiceWatch(self.live, present, clock).run())
            group.create_task(self.scores.run())

    @property
    def answers(self) -> bool | None:
        """Whether the database answered when it was last asked; None: there is none."""
        return None if self._settings.store is None else not (self.trouble or self._away)

    def cloned(self, speaker: str) -> bool:
        """Whether a clause of this speaker would be spoken in his own voice just now."""
        return self.live is not None and self.live.cloned(speaker)

    async def close(self) -> None:
        """Close the store. Idempotent."""
        self.live = None
        if self.store is not None:
            await self.store.close()

    def counts(self) -> Mapping[str, int]:
        """Counters that only grow, by name: events, clauses, the cache."""
        found = {} if self.live is None else {**self.live.counts(), **self.scores.counts()}
        if self.store is not None:
            cache = self.store.counts
            found |= {f"cache_{name}": getattr(cache, name) for name in ("hits", "misses", "evictions", "forgotten")}
        return found

    async def _open(self, store: VoiceStore) -> None:
        before = self.trouble
        try:
            await store.start()
        except VoiceError as error:
            self.trouble = str(error)
            if self.trouble != before:
                say = log.warning if isinstance(error, StoreUnavailable) else log.error
                say("no voice profiles: everybody has the neutral voice", reason=self.trouble)
                self._tell(Kind.STORE_LOST, Action.NEUTRAL, Status.FAILED, "voices", detail=self.trouble)
            return
        if before:
            self._tell(Kind.STORE_LOST, Action.RETURN, Status.OK, "voices", detail="the database answers")
        store.on_outage = self._outage
        self.trouble = ""
        self.live = LiveVoices(store, self.encoders, self._on_event)
        store.on_change = self.live.changed
        store.on_assign = self.live.remapped
        store.used = lambda: {} if self.live is None else self.live.versions

    def _outage(self, why: str, away_s: float) -> None:
        self._away = bool(why)
        if why:
            self._tell(Kind.STORE_LOST, Action.CACHE, Status.DEGRADED, "voices", detail=why)
        else:
            self._tell(Kind.STORE_LOST, Action.RETURN, Status.OK, "voices", lag_s=away_s)
