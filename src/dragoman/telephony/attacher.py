"""Keeps taps and booths where they belong: the shell around ``attach.plan``."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from dragoman.errors import AriError, AriMalformed, AriReplaced, AriTransportError
from dragoman.languages import LANGUAGES
from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.ari.connection import AriConnection, ConnectionStats
from dragoman.telephony.ari.queue import Due, EventQueue, Gap, Item, Lost
from dragoman.telephony.ari.reconnect import Backoff
from dragoman.telephony.attach import (
    Action,
    BoothKey,
    CreateBooth,
    CreateTap,
    Drop,
    Holding,
    Holdings,
    Key,
    LegKey,
    State,
    Step,
    SweepOrphan,
    TellHeld,
    TellMuted,
    plan,
    wanted,
)
from dragoman.telephony.model import Address, AttachListener, Booth, Leg, Tap
from dragoman.telephony.recipes import Arrivals, delete, make_booth, make_tap, task_group, unmake
from dragoman.telephony.roster import MUTED, Kind, Names, Roster, Seat

log = structlog.get_logger(__name__)

HEARTBEAT = "DRAGOMAN_HEARTBEAT"
"""Global variable of the dialplan: unix time in s at which the daemon was last known to be well; empty: it went."""

HEARTBEAT_S = 2.0
"""s between heartbeats; the dialplan takes one older than 10 s for a dead daemon, so four may get lost."""

CREATE_S = 5.0
"""s for making a tap or booth, waiting for Asterisk's events included. It takes 10-15 ms when all is well."""

FAILURES = (AriError, AriTransportError, AriMalformed, TimeoutError)


@dataclass(frozen=True, slots=True)
class AttachConfig:
    """How to attach."""

    languages: frozenset[str] = frozenset(LANGUAGES)
    """Conferences in other languages are left alone."""
    heartbeat_s: float = HEARTBEAT_S
    create_s: float = CREATE_S


@dataclass(slots=True)
class AttachStats:
    """Plain counters, read at scrape time."""

    attached: int = 0
    """Taps that came up."""
    booths: int = 0
    """Booths that came up."""
    swept: int = 0
    """Orphans deleted."""
    failed: int = 0
    """Actions that failed; each is tried again after a back-off."""
    heartbeats_failed: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=1024))
    """s from taking in that a caller entered to his tap carrying audio; the latest ones."""


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
    """

    def __init__(
        self,
        client: AriClient,
        listener: AttachListener,
        media_address: Address,
        config: AttachConfig | None = None,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.instance = secrets.token_hex(4)
        """Stands in the ids of all that this daemon makes in Asterisk."""
        self.stats = AttachStats()
        self._client = client
        self._listener = listener
        self._media = media_address
        self._config = config or AttachConfig()
        self._queue = EventQueue()
        self._connection = AriConnection(client, self._queue, Backoff(chance))
        self._roster = Roster(self._config.languages)
        self._holdings = Holdings(Names(self.instance), chance)
        self._arrivals = Arrivals()
        self._group: asyncio.TaskGroup | None = None
        self._lanes: set[asyncio.Task[None]] = set()
        self._deadlines: dict[Key, asyncio.Timeout] = {}
        """Of what is being created; to end one is to call the creation off."""
        self._stock_backoff = Backoff(chance)
        self._stock_due: float | None = None
        """When to take stock again after that failed, s, monotonic."""
        self._timer: asyncio.TimerHandle | None = None
        self._synced = False
        self._gap: float | None = None
        """Since when (s, monotonic) nothing is known of what happened; None if all is known."""
        self._beating = asyncio.Lock()
        self._detached = False

    # ---- state, for health and metrics

    @property
    def connected(self) -> bool:
        """Whether ARI is up and stock has been taken since: calls can be attached."""
        return self._synced

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

    def holdings(self, state: State = State.READY) -> int:
        """How many taps and booths are in a state."""
        return sum(holding.state is state for holding in self._holdings)

    # ---- life

    async def run(self) -> None:
        """Attach, and stay attached, until cancelled. Run it once.

        Cancelling leaves ready taps and booths in Asterisk; ``detach_all`` takes them down.

        Raises:
            AriReplaced: another daemon took our application; the listener was told that all is closed.
        """
        try:
            async with task_group() as group:
                self._group = group
                group.create_task(self._connection.run())
                group.create_task(self._beat())
                group.create_task(self._consume())
        except AriReplaced:
            for holding in self._holdings:
                self._tell_closed(holding)
            raise
        finally:
            self._synced = False
            self._group = None
            if self._timer is not None:
                self._timer.cancel()

    async def detach_all(self, deadline: float = 5.0) -> None:
        """Clean shutdown: the dialplan learns that there is no interpretation, and what we made in Asterisk goes.

        Calls stay up. May be called with ``run`` under way or ended, and more than once; afterwards nothing is attached
        any more. What cannot be done within ``deadline`` s is logged and left to the next daemon's sweep.
        """
        self._detached = True
        lanes = list(self._lanes)
        for lane in lanes:
            lane.cancel()
        for holding in self._holdings:
            self._tell_closed(holding)
        try:
            async with asyncio.timeout(deadline):
                async with self._beating:
                    await self._client.set_global(HEARTBEAT, "")
                if lanes:
                    await asyncio.wait(lanes)
                await self._delete_own()
        except FAILURES as error:
            log.warning("attach.detach_failed", why=_why(error))

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
                await self._client.set_global(HEARTBEAT, str(int(time.time())))

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
                    self._synced, self._gap = False, at
                self._arrivals.lost()
            case Gap(since):
                if self._synced:  # the queue overflowed; after a reconnect, Lost has said since when
                    self._gap = since
                await self._take_stock()
            case Due():
                await self._take_stock()
            case _:
                self._roster.apply(item)
                self._arrivals.see(item)

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
            if not self._synced:
                await self._register()
            bridges = await self._client.list_bridges()
            channels = await self._client.list_channels()
        except FAILURES as error:
            self._count_failure("stock", "", error)
            self._stock_due = now() + self._stock_backoff.failed(now())
            return
        self._stock_backoff.connected(now())
        self._roster.replace(bridges, channels)
        if not self._synced:
            self._synced = True
            self._holdings.forget_failures(lambda _: False)
        if self._gap is not None:
            since, self._gap = self._gap, None
            # What did not survive is closed to the listener before it hears of the gap, and made anew after.
            self._reconcile(only=Drop)
            self._listener.gap(since)

    async def _register(self) -> None:
        """Have our events sent. After a lost connection too: Asterisk may have forgotten the application (measured)."""
        await self._client.filter_events()
        await self._client.subscribe("bridge:")
        legs = [holding.key.channel_id for holding in self._holdings if isinstance(holding.key, LegKey)]
        async with task_group() as group:
            for channel_id in legs:
                group.create_task(self._refollow(channel_id))
        await self._heartbeat()

    async def _refollow(self, channel_id: str) -> None:
        try:
            await self._follow(channel_id)
        except AriError:
            return  # the call has ended: the stock that is taken next will tell

    async def _follow(self, channel_id: str) -> None:
        """Have the leg's own events sent, and learn what had changed before they were."""
        await self._client.subscribe(f"channel:{channel_id}")
        seat = self._roster.seats.get(channel_id)
        muted = await self._client.get_variable(channel_id, MUTED) == "1"
        # An event that overtook the answer is newer than it, and has put another seat there.
        if seat is not None and self._roster.seats.get(channel_id) is seat:
            self._roster.note_muted(channel_id, muted)

    # ---- acting on the plan

    def _reconcile(self, only: type[Action] | None = None) -> None:
        """Begin what is to be done now, or only one kind of it; synchronous, so that no event comes between."""
        if not self._client.connected or self._detached:
            return
        now = asyncio.get_running_loop().time()
        if self._synced:
            want = wanted(self._roster)
            self._holdings.forget_failures(lambda key: key in self._roster.own if isinstance(key, str) else key in want)
            for action in plan(want, self._roster, self._holdings, now):
                if only is None or isinstance(action, only):
                    self._begin(action, now)
        self._arm(now)

    def _arm(self, now: float) -> None:
        """Set the one timer for whatever is to be tried again first."""
        if self._timer is not None:
            self._timer.cancel()
        due = [at for at in (self._stock_due, self._holdings.next_retry() if self._synced else None) if at is not None]
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(min(due), self._queue.put_control, Due()) if due else None

    def _begin(self, action: Action, now: float) -> None:
        match action:
            case Drop(key, why):
                self._drop(key, why, now)
            case CreateTap(seat):
                begun = self._holdings.begin(LegKey(seat.channel_id, seat.epoch), now)
                self._spawn(self._create(begun, partial(self._make_tap, seat)))
            case CreateBooth(key):
                self._spawn(self._create(self._holdings.begin(key, now), self._make_booth))
            case SweepOrphan(name, kind):
                self._holdings.sweeping(name)
                self._spawn(self._sweep(name, kind))
            case TellMuted(key, muted):
                holding, tap = self._ready_tap(key)
                holding.muted = muted
                self._listener.leg_muted(tap.leg.id, muted)
            case TellHeld(key, held):
                holding, tap = self._ready_tap(key)
                holding.held = held
                self._listener.leg_held(tap.leg.id, held)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._group is not None, "only run() begins anything"
        lane = self._group.create_task(work)
        self._lanes.add(lane)
        lane.add_done_callback(self._lanes.discard)

    async def _create(self, holding: Holding, make: Callable[[Holding], Awaitable[Tap | Booth]]) -> None:
        """Make a tap or booth and tell of it; or nothing of it is left."""
        failure: BaseException | None = None
        try:
            async with asyncio.timeout(self._config.create_s) as deadline:
                self._deadlines[holding.key] = deadline
                value = await make(holding)
        except FAILURES as error:
            failure = error
        except asyncio.CancelledError:
            await self._unmake(holding)
            raise
        finally:
            self._deadlines.pop(holding.key, None)
        if failure is None and holding.state is State.CREATING:
            self._up(holding, value)
        else:
            await self._unmake(holding)
            dropped = holding.state is State.DROPPING
            if failure is not None and not dropped:
                self._count_failure("create", str(holding.key), failure)
            now = asyncio.get_running_loop().time()
            self._holdings.step(holding, Step.DELETED if dropped else Step.FAILED, now)
        self._reconcile()

    async def _make_tap(self, seat: Seat, holding: Holding) -> Tap:
        async with task_group() as group:
            group.create_task(self._follow(seat.channel_id))
            remote = group.create_task(
                make_tap(self._client, self._arrivals, seat.channel_id, holding.parts, self._media)
            )
        # What ``_follow`` learnt; if the caller has left in the meantime, what was known when he came.
        now = self._roster.seats.get(seat.channel_id, seat)
        leg = Leg(seat.channel_id, seat.epoch, seat.room, seat.language, seat.name, muted=now.muted)
        return Tap(leg, holding.parts[Kind.MEDIA], remote.result())

    async def _make_booth(self, holding: Holding) -> Booth:
        key = holding.key
        assert isinstance(key, BoothKey), "only a booth's holding comes here"
        remote = await make_booth(self._client, self._arrivals, key, holding.parts, self._media)
        return Booth(key.room, key.language, holding.parts[Kind.BOOTH], remote)

    def _up(self, holding: Holding, value: Tap | Booth) -> None:
        now = asyncio.get_running_loop().time()
        self._holdings.step(holding, Step.UP, now)
        self._roster.note_own(*holding.parts.values())
        holding.value = value
        if isinstance(value, Tap):
            holding.muted = value.leg.muted
            self.stats.attached += 1
            self.stats.latencies.append(now - holding.since)
            self._listener.tap_ready(value)
        else:
            self.stats.booths += 1
            self._listener.booth_ready(value)
        log.info("attach.up", what=str(holding.key), seconds=round(now - holding.since, 3))

    def _drop(self, key: Key, why: str, now: float) -> None:
        holding = self._holdings.get(key)
        assert holding is not None, "the plan drops only what we hold"
        log.info("attach.drop", what=str(key), why=why)
        creating = holding.state is State.CREATING
        self._holdings.step(holding, Step.DROP, now)
        self._tell_closed(holding)
        if not creating:
            self._spawn(self._delete(holding))
        elif (deadline := self._deadlines.get(key)) is not None and not deadline.expired():
            deadline.reschedule(now)  # the lane that makes it ends now, as if it had taken too long, and undoes it

    async def _delete(self, holding: Holding) -> None:
        await self._unmake(holding)
        key = holding.key
        if isinstance(key, LegKey) and key.channel_id not in self._roster.seats:
            try:
                await self._client.unsubscribe(f"channel:{key.channel_id}")
            except FAILURES as error:
                self._count_failure("unsubscribe", str(key), error)
        self._holdings.step(holding, Step.DELETED, asyncio.get_running_loop().time())
        self._reconcile()

    async def _unmake(self, holding: Holding) -> None:
        """Delete a holding's objects; what is left of them is an orphan, which the next plan sweeps."""
        try:
            await unmake(self._client, holding.parts)
        except FAILURES as error:
            self._count_failure("delete", str(holding.key), error)
        else:
            self._roster.forget_own(*holding.parts.values())

    async def _sweep(self, name: str, kind: Kind | None) -> None:
        ok = True
        try:
            if await delete(self._client, name, kind):
                self.stats.swept += 1
                log.info("attach.swept", object=name)
            self._roster.forget_own(name)
        except FAILURES as error:
            ok = False
            self._count_failure("sweep", name, error)
        self._holdings.swept(name, asyncio.get_running_loop().time(), ok=ok)
        self._reconcile()

    # ----

    def _ready_tap(self, key: LegKey) -> tuple[Holding, Tap]:
        holding = self._holdings.get(key)
        assert holding is not None and isinstance(holding.value, Tap), "the plan tells only of ready taps"
        return holding, holding.value

    def _tell_closed(self, holding: Holding) -> None:
        value, holding.value = holding.value, None
        if isinstance(value, Tap):
            self._listener.tap_closed(value)
        elif value is not None:
            self._listener.booth_closed(value)

    def _count_failure(self, doing: str, what: str, error: BaseException) -> None:
        self.stats.failed += 1
        log.warning("attach.failed", doing=doing, what=what, why=_why(error))


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__
