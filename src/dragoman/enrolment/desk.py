"""The enrolment desk: takes orders, works on them one at a time, and tells who watches how each is getting on."""

from __future__ import annotations

import asyncio
import shutil
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import structlog

from dragoman.enrolment.decode import Unreadable, decode
from dragoman.enrolment.leftovers import Leftovers
from dragoman.enrolment.model import Clip, ClipReport, Enrolment, Order, State, refusal
from dragoman.enrolment.ports import Voices
from dragoman.errors import ClipRejected, DragomanError, EnrolmentBusy, StoreUnavailable
from dragoman.voices.fault import FaultKind
from dragoman.voices.profile import new_id

WAITING = 8
"""Enrolments whose clips are here, waiting ones and the one worked on together, beyond which nobody begins to send. One
takes some 10 s on a CPU, and up to 120 MB of disk."""

RECEIVING = 16
"""Senders at once. Who began may finish and is queued then, so WAITING and these together lie on disk at most: 3 GB."""

DECODING = 2
"""Processes that decode clips at once, for enrolments and comparisons together: each may take up to 2 GB."""

REMEMBERED = 100
"""Ended enrolments whose reports can still be read; the oldest is forgotten first."""

RETRY_AFTER_S = 20.0
"""What a refused sender is told: about the time that one enrolment takes."""

T = TypeVar("T")


log = structlog.get_logger(__name__)

Decode = Callable[[str, Path, Path], Awaitable[Clip | Unreadable]]


@dataclass(slots=True)
class _Job:
    """An enrolment with all it went through; ``history`` is short: a step per state and per clip read."""

    folder: Path
    order: Order | None = None
    history: list[Enrolment] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: bool = False
    """All of it was received; until then it is a sender's place that it takes."""
    cancelled: bool = False
    forgotten: bool = False
    """Its profile was deleted: nothing is told of it, also while its clips are still being deleted."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when its clips are deleted and its place is free."""

    @property
    def now(self) -> Enrolment:
        return self.history[-1]

    def move(self, enrolment: Enrolment) -> None:
        self.history.append(enrolment)
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class Place:
    """A sender's place at the desk, until his clips have ``arrived``; then ``submit`` or ``release`` it."""

    def __init__(self, desk: EnrolmentDesk, profile_id: str, folder: Path) -> None:
        self.id = profile_id
        """Of the enrolment and of the profile to be."""
        self.folder = folder
        """Where its clips go; gone when the enrolment ends."""
        self._desk = desk
        self._open = True

    def arrived(self) -> None:
        """All was received: another may send. ``submit`` implies it."""
        self._desk._arrive(self)

    def submit(self, order: Order) -> Enrolment:
        """Queue the order; its clips lie in ``folder``.

        Raises:
            EnrolmentBusy: the daemon began to stop meanwhile.
        """
        self._open = False
        return self._desk._submit(self, order)

    async def release(self) -> None:
        """Give the place back and delete what was received; nothing to do after ``submit``."""
        if self._open:
            self._open = False
            await self._desk._release(self)


class EnrolmentDesk:
    """Bounded: ``admit`` refuses beyond WAITING and RECEIVING. ``run`` works until cancelled; run it once.

    Args:
        voices: who examines clips and makes profiles. Its computing is done in one thread of ours.
        folder: for clips on their way; what an earlier daemon left there is deleted.
        waiting: enrolments at once whose clips are here.
        receiving: senders at once.
        reader: decodes a clip; another one in tests.
    """

    def __init__(
        self,
        voices: Voices,
        folder: Path,
        *,
        waiting: int = WAITING,
        receiving: int = RECEIVING,
        reader: Decode = decode,
    ) -> None:
        self.voices = voices
        self.refused = 0
        """Senders who were told to come back later."""
        self.slow = 0
        """Senders who were sent away because hardly anything came of them."""
        self.ended: dict[State, int] = {}
        """Enrolments by how they ended."""
        self.leftovers = Leftovers(voices.delete)
        """Profiles that should not be; run it beside the desk."""
        self._root = folder
        self._waiting = waiting
        self._receiving = receiving
        self._decoding = asyncio.Semaphore(DECODING)
        self._decode = reader
        self._held: dict[str, _Job] = {}
        self._past: OrderedDict[str, _Job] = OrderedDict()
        self._queue: deque[str] = deque()
        self._closed = False
        self._arrived = asyncio.Event()
        self._working = ""
        self._work: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "enrolment")

    # ---- for the interface

    async def admit(self) -> Place:
        """Take a place at the desk, before anything is received.

        Raises:
            EnrolmentBusy: none is free.
        """
        arrived = sum(job.arrived for job in self._held.values())
        if self._closed:
            why = "The daemon is shutting down."
        elif arrived >= self._waiting:
            why = f"{self._waiting} enrolments are under way already."
        elif len(self._held) - arrived >= self._receiving:
            why = f"{self._receiving} senders are sending already."
        else:
            why = ""
        if why:
            self.refused += 1
            raise EnrolmentBusy(why, RETRY_AFTER_S)
        profile_id = new_id()
        folder = self._root / profile_id
        self._held[profile_id] = _Job(folder)
        try:
            await asyncio.to_thread(folder.mkdir, 0o700, parents=True)
        except BaseException:
            del self._held[profile_id]
            raise
        return Place(self, profile_id, folder)

    def status(self, profile_id: str) -> Enrolment | None:
        """How an enrolment is getting on, or ended; None if it is not known, or not known any more."""
        job = self._job(profile_id)
        return job.now if job else None

    async def watch(self, profile_id: str, after: int = 0) -> AsyncIterator[tuple[int, Enrolment]]:
        """Every step from number ``after`` + 1 on, as it happens; ends with the enrolment."""
        job = self._job(profile_id)
        while job is not None:
            changed = job.changed
            while after < len(job.history):
                after += 1
                yield after, job.history[after - 1]
            if job.now.ended:
                return
            await changed.wait()

    async def cancel(self, profile_id: str) -> bool:
        """End an enrolment, wherever it is, and delete its clips; False: there is none under way."""
        job = self._held.get(profile_id)
        if job is None or not job.history or job.now.ended:
            return False
        job.cancelled = True
        if self._working == profile_id and self._work is not None:
            self._work.cancel()
        elif profile_id in self._queue:
            self._queue.remove(profile_id)
            self._end(job, State.CANCELLED)
            await self._clear(profile_id)
            self._announce_places()
        await job.gone.wait()
        return True

    async def discard(self, profile_id: str) -> None:
        """Delete a profile that nobody wants, if not now, then when the database answers."""
        await self.leftovers.discard(profile_id)

    def forget(self, profile_id: str) -> None:
        """Keep no report of an enrolment that ended."""
        job = self._past.pop(profile_id, None)
        if job is not None:
            job.forgotten = True

    async def compute(self, work: Callable[..., T], *args: Any) -> T:
        """Do what computes, in the one thread: it waits for the enrolment under way, and the loop for nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    async def read(self, name: str, path: Path) -> Clip | Unreadable:
        """Decode one clip; DECODING at once."""
        async with self._decoding:
            return await self._decode(name, path, path.with_suffix(".pcm"))

    # ---- life

    async def run(self) -> None:
        """Work, until cancelled; then no clip is left on disk."""
        await asyncio.to_thread(self._sweep)
        try:
            while True:
                while not self._queue:
                    self._arrived.clear()
                    await self._arrived.wait()
                self._working = self._queue.popleft()
                self._announce_places()
                job = self._held[self._working]
                async with asyncio.TaskGroup() as group:
                    self._work = group.create_task(self._serve(job))
                self._work, self._working = None, ""
        finally:
            self._closed = True
            self._thread.shutdown(wait=False, cancel_futures=True)
            for profile_id in tuple(self._queue):
                self._end(self._held[profile_id], State.CANCELLED, "The daemon stopped.")
            self._held.clear()
            await asyncio.shield(asyncio.to_thread(self._sweep))

    async def _serve(self, job: _Job) -> None:
        """Bring one enrolment to its end, whatever that is."""
        try:
            await self._enrol(job)
        except asyncio.CancelledError:
            self._end(job, State.CANCELLED)
            if not job.cancelled:
                raise  # the daemon stops
        except ClipRejected as error:
            self._end(job, State.REFUSED, str(error))
        except DragomanError as error:
            self._end(job, State.FAILED, str(error))
        except Exception:
            log.exception("enrolment failed", profile=job.now.id)
            self._end(job, State.FAILED, "The enrolment failed inside the daemon; its log says why.")
        finally:
            await self._clear(job.now.id)

    async def _enrol(self, job: _Job) -> None:
        assert job.order is not None
        order = job.order
        job.move(job.now.to(State.DECODING))
        clips: dict[str, Clip] = {}
        reports: dict[str, ClipReport] = {}
        for sent in order.clips:
            found = await self.read(sent.name, sent.path)
            if isinstance(found, Unreadable):
                reports[sent.name] = ClipReport(sent.name, (FaultKind.UNREADABLE,), found.why)
                job.move(replace(job.now, clips=tuple(reports.values())))
            else:
                clips[sent.name] = found
        job.move(job.now.to(State.EXAMINING))
        examined = await self.compute(self.voices.examine, list(clips.values()))
        reports.update((report.name, report) for report in examined)
        in_order = tuple(reports[sent.name] for sent in order.clips)
        job.move(replace(job.now, clips=in_order))
        if why := refusal(in_order):
            self._end(job, State.REFUSED, why)
            return
        job.move(job.now.to(State.MAKING))
        good = [clips[report.name] for report in in_order if report.good]
        order = replace(order, consent_audio=clips.get(order.consent_clip))
        profile, warnings = await self.compute(self.voices.make, job.now.id, order, good)
        job.move(replace(job.now.to(State.STORING), warnings=warnings))
        await self._store(job, profile)

    async def _store(self, job: _Job, profile: object) -> None:
        """Store it whole; who cancels meanwhile has it deleted again."""
        assert job.order is not None
        storing = asyncio.ensure_future(self.voices.put(profile, job.order.callers))
        try:
            await asyncio.shield(storing)
        except asyncio.CancelledError:
            await asyncio.wait((storing,))
            if not storing.cancelled() and isinstance(storing.exception(), StoreUnavailable | None):
                await self.leftovers.discard(job.now.id)
            raise
        except StoreUnavailable:
            self.leftovers.add(job.now.id)  # a database that went while it wrote may have it
            raise
        self._end(job, State.DONE)

    # ---- places

    def _submit(self, place: Place, order: Order) -> Enrolment:
        job = self._held.get(place.id)
        if job is None:
            raise EnrolmentBusy("The daemon is shutting down.", RETRY_AFTER_S)
        job.order, job.arrived = order, True
        self._queue.append(place.id)
        job.move(Enrolment(place.id, order.name, ahead=len(self._queue) - (not self._working)))
        self._arrived.set()
        return job.now

    def _arrive(self, place: Place) -> None:
        if (job := self._held.get(place.id)) is not None:
            job.arrived = True

    async def _release(self, place: Place) -> None:
        if place.id in self._held:
            await self._clear(place.id)

    def _announce_places(self) -> None:
        for ahead, profile_id in enumerate(self._queue, 1):
            job = self._held[profile_id]
            if job.now.ahead != ahead:
                job.move(replace(job.now, ahead=ahead))

    def _job(self, profile_id: str) -> _Job | None:
        job = self._held.get(profile_id) or self._past.get(profile_id)
        return job if job and job.history and not job.forgotten else None

    def _end(self, job: _Job, state: State, detail: str = "") -> None:
        if job.now.ended:
            return
        self.ended[state] = self.ended.get(state, 0) + 1
        job.move(job.now.to(state, detail))
        self._past[job.now.id] = job
        while len(self._past) > REMEMBERED:
            self._past.popitem(last=False)

    async def _clear(self, profile_id: str) -> None:
        """Delete an enrolment's clips and free its place, in this order: no more of them lie on disk than may."""
        job = self._held[profile_id]  # held until the last line, so that no sweep takes what is being received
        try:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, job.folder, ignore_errors=True))
        finally:
            del self._held[profile_id]
            job.gone.set()

    def _sweep(self) -> None:
        self._root.mkdir(0o700, parents=True, exist_ok=True)
        for left in self._root.iterdir():
            if left.name not in self._held:
                shutil.rmtree(left, ignore_errors=True)
