"""Carries out the plan's actions: a short task for each, at most one at a time for any leg or booth."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import structlog

from dragoman.errors import AriTransportError
from dragoman.recovery import kinds
from dragoman.recovery.telling import Tell, nobody
from dragoman.telephony.ari.client import AriClient
from dragoman.telephony.attach import (
    LEFT,
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
)
from dragoman.telephony.model import Address, AttachListener, Booth, Leg, Tap
from dragoman.telephony.recipes import (
    FAILURES,
    REJOIN,
    REJOIN_CONTEXT,
    Arrivals,
    delete,
    make_booth,
    make_tap,
    task_group,
    unmake,
)
from dragoman.telephony.roster import MUTED, Kind, Roster, Seat

log = structlog.get_logger(__name__)


LATENCY_BOUNDS: Final = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)
"""s. A tap takes 10 to 15 ms when all is well; after five (attacher.CREATE_S) it is tried again."""


@dataclass(slots=True)
class AttachStats:
    """Plain counters, read at scrape time."""

    attached: int = 0
    """Taps that came up."""
    booths: int = 0
    """Booths that came up."""
    swept: int = 0
    """Orphans deleted."""
    rejoined: int = 0
    """Callers sent into their conference anew, because another phone took over their channel."""
    failed: int = 0
    """Actions that failed; each is tried again after a back-off."""
    heartbeats_failed: int = 0
    latency_counts: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS) + 1))
    """Taps per bucket (not cumulative) of the time from taking in that a caller entered to his tap carrying audio."""
    latency_sum: float = 0.0
    """s, over all taps."""

    @property
    def latency_bounds(self) -> tuple[float, ...]:
        """Upper bounds of ``latency_counts``, s; its last count is what took longer than all."""
        return LATENCY_BOUNDS

    def count_tap(self, latency: float) -> None:
        """A tap came up, ``latency`` s after its caller was first missed."""
        self.attached += 1
        self.latency_sum += latency
        self.latency_counts[bisect_left(LATENCY_BOUNDS, latency)] += 1


class Lanes:
    """The tasks that make, drop and sweep.

    Args:
        client: for the requests.
        listener: told of what came up and what closed.
        media: IP and UDP port of our media socket, as Asterisk reaches it.
        roster: told what the answers say, ahead of the events.
        holdings: moved on from state to state.
        arrivals: fed with the events by whoever consumes them.
        create_s: s for making a tap or booth.
        changed: called when an action has come to its end.
        unanswered: called when Asterisk did not answer.
    """

    def __init__(
        self,
        client: AriClient,
        listener: AttachListener,
        media: Address,
        roster: Roster,
        holdings: Holdings,
        arrivals: Arrivals,
        *,
        create_s: float,
        changed: Callable[[], None],
        unanswered: Callable[[], None],
    ) -> None:
        self.stats = AttachStats()
        self.tell: Tell = nobody
        """Told of what is lost, and made anew."""
        self.group: asyncio.TaskGroup | None = None
        """Owns the tasks; set while the attacher runs."""
        self._client = client
        self._listener = listener
        self._media = media
        self._roster = roster
        self._holdings = holdings
        self._arrivals = arrivals
        self._create_s = create_s
        self._changed = changed
        self._unanswered = unanswered
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadlines: dict[Key, asyncio.Timeout] = {}
        """Of what is being created; to end one is to call the creation off."""

    def begin(self, action: Action, now: float) -> None:
        """Take an action on; ``now`` in s, monotonic."""
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

    def rejoin(self, channel_name: str) -> None:
        """Have a caller leave his conference and enter it anew; he hears nothing of it."""
        self._spawn(self._rejoin(channel_name))

    def close(self) -> list[asyncio.Task[None]]:
        """Call everything off, and tell the listener of what was up that it is closed.

        Returns:
            The tasks that are ending, to be waited for.
        """
        for task in self._tasks:
            task.cancel()
        self.tell_closed(self._holdings)
        return list(self._tasks)

    def tell_closed(self, holdings: Iterable[Holding], *, lost: bool = False) -> None:
        """Tell the listener that these are closed, unless it has been told; ``lost``: they are made anew."""
        for holding in holdings:
            value, holding.value = holding.value, None
            if isinstance(value, Tap):
                self._listener.tap_closed(value, lost=lost)
            elif value is not None:
                self._listener.booth_closed(value)

    async def follow(self, channel_id: str) -> None:
        """Have the leg's own events sent, and learn what had changed before they were.

        Raises:
            FAILURES: among them AriError if the call has ended.
        """
        await self._client.subscribe(f"channel:{channel_id}")
        seat = self._roster.seats.get(channel_id)
        muted = await self._client.get_variable(channel_id, MUTED) == "1"
        # An event that overtook the answer is newer than it, and has put another seat there.
        if seat is not None and self._roster.seats.get(channel_id) is seat:
            self._roster.note_muted(channel_id, muted)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        assert self.group is not None, "only run() begins anything"
        lane = self.group.create_task(work)
        self._tasks.add(lane)
        lane.add_done_callback(self._tasks.discard)

    async def _create(self, holding: Holding, make: Callable[[Holding], Awaitable[Tap | Booth]]) -> None:
        """Make a tap or booth and tell of it; or nothing of it is left."""
        try:
            value = await self._attempt(holding, make)
        except asyncio.CancelledError:
            await self._unmake(holding)
            raise
        if value is not None and holding.state is State.CREATING:
            self._up(holding, value)
        else:
            await self._unmake(holding)
            step = Step.DELETED if holding.state is State.DROPPING else Step.FAILED
            self._holdings.step(holding, step, asyncio.get_running_loop().time())
        self._changed()

    async def _attempt(self, holding: Holding, make: Callable[[Holding], Awaitable[Tap | Booth]]) -> Tap | Booth | None:
        """What was made, or None if that failed or was called off."""
        try:
            async with asyncio.timeout(self._create_s) as deadline:
                self._deadlines[holding.key] = deadline
                return await make(holding)
        except FAILURES as error:
            if holding.state is State.CREATING:
                self.count_failure("create", str(holding.key), error)
            return None
        finally:
            del self._deadlines[holding.key]

    async def _make_tap(self, seat: Seat, holding: Holding) -> Tap:
        async with task_group() as group:
            group.create_task(self.follow(seat.channel_id))
            remote = group.create_task(
                make_tap(self._client, self._arrivals, seat.channel_id, holding.parts, self._media)
            )
        # What ``follow`` learnt; if the caller has left in the meantime, what was known when he came.
        now = self._roster.seats.get(seat.channel_id, seat)
        leg = Leg(
            seat.channel_id,
            seat.epoch,
            seat.room,
            seat.language,
            seat.name,
            muted=now.muted,
            caller=seat.caller,
            voice=seat.voice,
        )
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
            self.stats.count_tap(now - holding.since)
            self._listener.tap_ready(value)
        else:
            self.stats.booths += 1
            self._listener.booth_ready(value)
        log.info("attach.up", what=str(holding.key), ms=round((now - holding.since) * 1000))

    def _drop(self, key: Key, why: str, now: float) -> None:
        holding = self._holdings.get(key)
        assert holding is not None, "the plan drops only what we hold"
        log.info("attach.drop", what=str(key), why=why)
        if why not in LEFT:
            self._tell_lost(key, why)
        creating = holding.state is State.CREATING
        self._holdings.step(holding, Step.DROP, now)
        self.tell_closed((holding,), lost=why not in LEFT)
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
                self.count_failure("unsubscribe", str(key), error)
        self._holdings.step(holding, Step.DELETED, asyncio.get_running_loop().time())
        self._changed()

    async def _unmake(self, holding: Holding) -> None:
        """Delete a holding's objects; what is left of them is an orphan, which the next plan sweeps."""
        try:
            await unmake(self._client, holding.parts)
        except FAILURES as error:
            self.count_failure("delete", str(holding.key), error)
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
            self.count_failure("sweep", name, error)
        self._holdings.swept(name, asyncio.get_running_loop().time(), ok=ok)
        self._changed()

    async def _rejoin(self, channel_name: str) -> None:
        try:
            await self._client.run_dialplan(REJOIN_CONTEXT, {REJOIN: channel_name})
        except FAILURES as error:
            self.count_failure("rejoin", channel_name, error)
        else:
            self.stats.rejoined += 1
            log.info("attach.rejoined", channel=channel_name, why="somebody else speaks on it")

    def _ready_tap(self, key: LegKey) -> tuple[Holding, Tap]:
        holding = self._holdings.get(key)
        assert holding is not None and isinstance(holding.value, Tap), "the plan tells only of ready taps"
        return holding, holding.value

    def _tell_lost(self, key: Key, why: str) -> None:
        component, session = ("tap", key.channel_id) if isinstance(key, LegKey) else ("booth", key.room)
        detail = f"{key}: {why}"
        kind, action = kinds.Kind.ATTACHMENT_LOST, kinds.Action.REATTACH
        self.tell(kind, action, kinds.Status.RECOVERING, component, session=session, detail=detail)

    def count_failure(self, doing: str, what: str, error: BaseException) -> None:
        """Note that an action failed; it is tried again."""
        self.stats.failed += 1
        log.warning("attach.failed", doing=doing, what=what, why=str(error) or type(error).__name__)
        if isinstance(error, (AriTransportError, TimeoutError)):
            self._unanswered()
