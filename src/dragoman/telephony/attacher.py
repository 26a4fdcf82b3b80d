"""Keeps taps and booths where they belong: the shell around ``attach.plan``."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from dragoman.errors import AriError, AriReplaced
from dragoman.languages import LANGUAGES
from dragoman.recovery.backoff import Backoff
from dragoman.recovery.kinds import Action as Done
from dragoman.recovery.kinds import Kind, Status
from dragoman.recovery.telling import Tell, nobody
from dragoman.telephony.absence import HEARTBEAT, WENT, Absence, last_seen, rooms_of, sign
from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.ari.connection import AriConnection, ConnectionStats
from dragoman.telephony.ari.events import Event
from dragoman.telephony.ari.queue import Due, EventQueue, Gap, Item, Lost
from dragoman.telephony.attach import (
    Action,
    CreateBooth,
    CreateTap,
    Drop,
    Holdings,
    LegKey,
    SweepOrphan,
    TellHeld,
    TellMuted,
    plan,
)
from dragoman.telephony.handover import Handovers
from dragoman.telephony.lanes import AttachStats, Lanes
from dragoman.telephony.model import Address, AttachListener
from dragoman.telephony.pbx.flaws import forgets_callers
from dragoman.telephony.recipes import FAILURES, Arrivals, task_group
from dragoman.telephony.roster import Names, Roster

log = structlog.get_logger(__name__)

HEARTBEAT_S = 2.0
"""s between heartbeats; the dialplan takes one older than 10 s for a dead daemon, so four may get lost."""

CREATE_S = 5.0
"""s for making a tap or booth, waiting for Asterisk's events included. It takes 10-15 ms when all is well."""

BEGINNINGS: tuple[type[Action], ...] = (CreateBooth, CreateTap, SweepOrphan)
ENDINGS: tuple[type[Action], ...] = (Drop, TellMuted, TellHeld)
"""What the listener must hear of at once, whether or not Asterisk answers."""


@dataclass(frozen=True, slots=True)
class AttachConfig:
    """How to attach."""

    languages: frozenset[str] = frozenset(LANGUAGES)
    """Conferences in other languages are left alone."""
    heartbeat_s: float = HEARTBEAT_S
    create_s: float = CREATE_S


class Guests(Protocol):
    """Told by the attacher, in order, from the event loop's thread, of what concerns callers in our application."""

    def see(self, event: Event) -> None:
        """An event, in the order of arrival."""

    def lost(self) -> None:
        """No event comes any more: whatever happens to callers now is not told."""

    def synced(self) -> None:
        """Events come (again)."""


class Attacher:
    """Attaches to the conferences of one Asterisk and tells a listener of it.

    One consumer takes in all events in order and decides; what takes time (making and dropping one tap or booth) runs
    in a task of its own per holding, so that legs do not wait for each other, and no two tasks ever act on one leg.

    Args:
        client: an open client; the attacher is its only user as far as creates go.
        listener: told in order, from the event loop.
        media_address: IP and UDP port of our media socket, as Asterisk reaches it.
        config: how to attach.
        chance: gives a number in [0, 1), for the jitter of back-offs.
        guests: told of every event as well, for callers who are in our application themselves.
        unspoken: for how many seconds back something that was said is not interpreted yet.
    """

    def __init__(
        self,
        client: AriClient,
        listener: AttachListener,
        media_address: Address,
        config: AttachConfig | None = None,
        *,
        chance: Callable[[], float] = random.random,
        guests: Guests | None = None,
        unspoken: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.instance = secrets.token_hex(4)
        """Stands in the ids of all that this daemon makes in Asterisk."""
        self._client = client
        self._listener = listener
        self._guests = guests
        self._unspoken = unspoken
        self._config = config or AttachConfig()
        self._queue = EventQueue()
        self._connection = AriConnection(client, self._queue, Backoff(chance))
        self._roster = Roster(client.app, self._config.languages)
        self._holdings = Holdings(Names(client.app, self.instance), chance)
        self._handovers = Handovers()
        self._rejoins = False
        """Whether this build of Asterisk hears who takes over a channel only once the channel enters anew."""
        self._arrivals = Arrivals()
        self._lanes = Lanes(
            client,
            listener,
            media_address,
            self._roster,
            self._holdings,
            self._arrivals,
            create_s=self._config.create_s,
            changed=self._reconcile,
            unanswered=self._hold_off,
        )
        self._synced = False
        """Whether our events come, and the roster was right when they began to."""
        self._gap: float | None = None
        """Since when (s, monotonic) nothing is known of what happened; None if all is known."""
        self._unspoken_then = 0.0
        """What ``unspoken`` said as the connection was lost: from then on it may all be spoken to nobody."""
        self._answering = True
        """Whether Asterisk answered the last time; while it does not, nothing is begun."""
        self._stock_backoff = Backoff(chance)
        self._stock_due: float | None = None
        """When to take stock again after that failed, s, monotonic."""
        self._timer: asyncio.TimerHandle | None = None
        self._beating = asyncio.Lock()
        self._detached = False
        self.tell: Tell = nobody
        """Told when the connection is lost and when it is back."""
        self._first = True
        """Whether nothing was asked of Asterisk yet: what was said before we came is a gap."""
        self._absence: Absence | None = None
        """Of the daemon before us, until the listener was told."""

    # ---- state, for health and metrics

    @property
    def connected(self) -> bool:
        """Whether ARI is up and stock has been taken since: calls can be attached."""
        return self._synced

    @property
    def stats(self) -> AttachStats:
        """Counters of taps, booths, orphans and failures; latencies."""
        return self._lanes.stats

    @property
    def connection(self) -> ConnectionStats:
        """Counters of the websocket: reconnects, events received, unknown, malformed, why it was last down."""
        return self._connection.stats

    @property
    def queue(self) -> EventQueue:
        """The events' queue: ``len`` is its depth, ``capacity`` its limit, ``dropped`` its counter."""
        return self._queue

    @property
    def disagreements(self) -> int:
        """Callers whose variables named another room or language than the conference that they sit in."""
        return self._roster.disagreements

    def tell_by(self, tell: Tell) -> None:
        """Have what is lost and mended told, of the connection and of taps and booths."""
        self.tell = self._lanes.tell = tell

    # ---- life

    async def run(self) -> None:
        """Attach, and stay attached, until cancelled. Run it once.

        Cancelling leaves ready taps and booths in Asterisk; ``detach_all`` takes them down.

        Raises:
            AriReplaced: another daemon took our application; the listener was told that all is closed.
        """
        try:
            async with task_group() as group:
                self._lanes.group = group
                group.create_task(self._connection.run())
                group.create_task(self._beat())
                group.create_task(self._consume())
        except AriReplaced:
            self._lanes.tell_closed(self._holdings)
            raise
        finally:
            self._synced = False
            self._lanes.group = None
            if self._timer is not None:
                self._timer.cancel()

    async def detach_all(self, deadline: float = 5.0) -> None:
        """Clean shutdown: the dialplan learns that there is no interpretation, and what we made in Asterisk goes.

        Calls stay up. May be called with ``run`` under way or ended, and more than once; afterwards nothing is attached
        any more. What cannot be done within ``deadline`` s is logged and left to the next daemon's sweep.
        """
        self._detached = True
        unspoken = self._unspoken()  # before the listener is told that all is closed
        ending = self._lanes.close()
        try:
            async with asyncio.timeout(deadline):
                async with self._beating:
                    await self._client.set_global(WENT, sign(unspoken))
                    await self._client.set_global(HEARTBEAT, "")
                if ending:
                    await asyncio.wait(ending)
                await self._delete_own()
        except FAILURES as error:
            log.warning("attach.detach_failed", why=_why(error))
        self._holdings.clear()

    async def _delete_own(self) -> None:
        """Delete all that bears our instance in its id, whether we know of it or not."""
        prefix = self._holdings.names.prefix
        bridges = await self._client.list_bridges()
        channels = await self._client.list_channels()
        async with task_group() as group:
            for bridge in bridges:
                if bridge.id.startswith(prefix):
                    group.create_task(self._client.destroy_bridge(bridge.id))
            for channel in channels:
                if channel.id.startswith(prefix):
                    group.create_task(self._client.hang_up(channel.id))

    async def _beat(self) -> None:
        """Keep the dialplan's knowledge of us fresh while we can attach calls."""
        while True:
            if self._synced:
                try:
                    await self._heartbeat()
                except FAILURES as error:
                    self.stats.heartbeats_failed += 1
                    log.warning("attach.heartbeat_failed", why=_why(error))
            await asyncio.sleep(self._config.heartbeat_s)

    async def _heartbeat(self) -> None:
        async with self._beating:  # a beat that is under way must not come after detach_all's emptying
            if not self._detached:
                await self._client.set_global(HEARTBEAT, sign(self._unspoken()))

    # ---- the one consumer

    async def _consume(self) -> None:
        while True:
            item: Item | None = await self._queue.get()
            # All that is there is taken in before anything is decided: what a later event undoes is never begun.
            while item is not None:
                await self._take(item)
                item = self._queue.get_nowait()
            self._reconcile()

    async def _take(self, item: Item) -> None:
        match item:
            case Lost(at):
                if self._synced:
                    self._synced, self._gap, self._unspoken_then = False, at, self._unspoken()
                    why = self.connection.last_error
                    self.tell(Kind.ARI_LOST, Done.RECONNECT, Status.RECOVERING, "ari", detail=why)
                self._arrivals.lost()
                if self._guests is not None:
                    self._guests.lost()
            case Gap(since):
                if self._synced:  # the queue overflowed; after a reconnect, Lost has said since when
                    self._gap, self._unspoken_then = since, 0.0
                await self._take_stock()
            case Due():
                await self._take_stock()
            case _:
                self._roster.apply(item)
                self._rejoin(self._handovers.apply(item))
                self._arrivals.see(item)
                if self._guests is not None:
                    self._guests.see(item)

    async def _take_stock(self) -> None:
        """Ask Asterisk for all its bridges and channels: after a gap in the events, and when something failed.

        Events that came before the answers wait in the queue and are taken in after them. Each bridge event tells all
        of its bridge's members, so the last of them leaves the roster right however old the first is.
        """
        if not self._client.connected:
            return  # the next Gap is to come
        now = asyncio.get_running_loop().time
        self._stock_due = None
        try:
            if self._first:
                self._absence = await last_seen(self._client, now())
                self._first = False
            if not self._synced:
                await self._register()
            bridges = await self._client.list_bridges()
            channels = await self._client.list_channels()
        except FAILURES as error:
            self._lanes.count_failure("stock", self.instance, error)
            self._hold_off()
            return
        self._answering = True
        self._stock_due = None
        self._stock_backoff.up(now())
        self._roster.replace(bridges, channels)
        self._rejoin(self._handovers.replace(bridges, channels))
        if not self._synced:
            self._synced = True
            self._holdings.forget_failures(lambda _: False)
            if self._guests is not None:
                self._guests.synced()
        if self._absence is not None:
            absence, self._absence = self._absence, None
            for room, languages in rooms_of(self._roster):
                self._listener.away(room, languages, absence.since, absence.unspoken_s)
        if self._gap is not None:
            since, self._gap = self._gap, None
            self.tell(Kind.ARI_LOST, Done.RETURN, Status.OK, "ari", lag_s=now() - since)
            # What did not survive is closed to the listener before it hears of the gap, and made anew after.
            self._reconcile(ENDINGS)
            self._listener.gap(since, self._unspoken_then)

    def _rejoin(self, taken_over: list[str]) -> None:
        """Send those of our legs into their conference anew on whose channels other phones speak from here on."""
        if self._rejoins and taken_over:
            ours = {seat.channel_name for seat in self._roster.seats.values()}
            for name in ours.intersection(taken_over):
                self._lanes.rejoin(name)

    async def _register(self) -> None:
        """Have our events sent. After a lost connection too: Asterisk may have forgotten the application (measured)."""
        self._rejoins = forgets_callers(await self._client.version())
        await self._client.filter_events()
        await self._client.subscribe("bridge:")
        legs = [holding.key.channel_id for holding in self._holdings if isinstance(holding.key, LegKey)]
        async with task_group() as group:
            for channel_id in legs:
                group.create_task(self._refollow(channel_id))
        await self._heartbeat()

    async def _refollow(self, channel_id: str) -> None:
        try:
            await self._lanes.follow(channel_id)
        except AriError:
            return  # the call has ended: the stock that is taken next will tell

    def _hold_off(self) -> None:
        """Asterisk did not answer: begin nothing until it does again, or the requests only pile up there (seen)."""
        self._answering = False
        if self._stock_due is None:
            now = asyncio.get_running_loop().time()
            self._stock_due = now + self._stock_backoff.failed(now)

    def _reconcile(self, kinds: tuple[type[Action], ...] = ENDINGS + BEGINNINGS) -> None:
        """Begin what is to be done now, of these kinds; synchronous, so that no event comes between."""
        if not self._client.connected or self._detached:
            return
        now = asyncio.get_running_loop().time()
        if self._synced:
            if not self._answering:
                kinds = ENDINGS
            for action in plan(self._roster, self._holdings, now):
                if isinstance(action, kinds):
                    self._lanes.begin(action, now)
        self._arm()

    def _arm(self) -> None:
        """Set the one timer for whatever is to be tried again first."""
        if self._timer is not None:
            self._timer.cancel()
        at = self._holdings.next_retry() if self._answering and self._synced else self._stock_due
        loop = asyncio.get_running_loop()
        self._timer = None if at is None else loop.call_at(at, self._queue.put_control, Due())


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__
