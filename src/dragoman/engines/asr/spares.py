"""Worker processes that are loaded before they are needed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

import structlog

from dragoman.engines.worker import WorkerProcess
from dragoman.errors import EngineCrashed, EngineError

log = structlog.get_logger(__name__)


class Spares:
    """Keeps ``count`` loaded workers of every language that is asked for; loading one takes up to some seconds."""

    def __init__(self, engine: str, count: int, load: Callable[[str], Awaitable[WorkerProcess]]) -> None:
        """``engine`` is whom errors name; ``load`` starts a worker for a language and returns it when it is ready."""
        self._engine = engine
        self._count = count
        self._load = load
        self._spare: dict[str, list[asyncio.Task[WorkerProcess]]] = defaultdict(list)
        self._ours: set[asyncio.Task[WorkerProcess]] = set()
        """Every worker that is loading or loaded and nobody's yet: what ``close`` has to end."""
        self._closed = False

    def fill(self, language: str) -> None:
        """Begin to load what is missing."""
        tasks = self._spare[language]
        while len(tasks) < self._count and not self._closed:
            tasks.append(self._begin(language))

    async def filled(self) -> None:
        """Wait until all are loaded; raises what loading raised."""
        await asyncio.gather(*(task for tasks in self._spare.values() for task in tasks))

    async def take(self, language: str) -> WorkerProcess:
        """A loaded worker, the caller's from now on; the next one is being loaded already.

        Raises:
            EngineError: it cannot be loaded, or these spares are closed.
        """
        if self._closed:
            raise EngineCrashed(self._engine, "closed")
        worker: WorkerProcess | None = None
        while worker is None and self._spare[language]:
            worker = await self._usable(self._spare[language].pop(0))
        if worker is None:
            worker = await self._handed_over(self._begin(language))
        self.fill(language)
        return worker

    async def close(self) -> None:
        """End the workers that are nobody's yet; who waits for one is told. Idempotent."""
        self._closed = True
        tasks = tuple(self._ours)
        self._spare.clear()
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, WorkerProcess):
                result.kill()
                await result.close()
        self._ours.difference_update(tasks)

    def _begin(self, language: str) -> asyncio.Task[WorkerProcess]:
        task = asyncio.create_task(self._ready(language), name=f"load {language} worker")
        self._ours.add(task)
        return task

    async def _ready(self, language: str) -> WorkerProcess:
        return await self._load(language)

    async def _usable(self, task: asyncio.Task[WorkerProcess]) -> WorkerProcess | None:
        """The worker of a loading task; None if it failed or has died since."""
        try:
            worker = await self._handed_over(task)
        except EngineError as error:
            if self._closed:
                raise
            log.warning("a spare worker could not be loaded", error=str(error))
            return None
        if worker.alive:
            return worker
        await worker.close()
        return None

    async def _handed_over(self, task: asyncio.Task[WorkerProcess]) -> WorkerProcess:
        """Its worker, ours no more; loading ends when the caller is cancelled."""
        try:
            worker = await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():  # not we: ``close`` did it
                raise EngineCrashed(self._engine, "closed while a worker was loading") from None
            task.cancel()
            task.add_done_callback(self._discard)
            raise
        except EngineError:
            self._ours.discard(task)
            raise
        self._ours.discard(task)
        return worker

    def _discard(self, task: asyncio.Task[WorkerProcess]) -> None:
        """Nobody waits any more for this worker."""
        self._ours.discard(task)
        if not task.cancelled() and task.exception() is None:
            task.result().kill()
