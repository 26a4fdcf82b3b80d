"""Worker processes that are loaded before they are needed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

import structlog

from dragoman.engines.worker import WorkerProcess
from dragoman.errors import EngineError

log = structlog.get_logger(__name__)


class Spares:
    """Keeps ``count`` loaded workers of every language that is asked for; loading one takes up to some seconds."""

    def __init__(self, count: int, load: Callable[[str], Awaitable[WorkerProcess]]) -> None:
        """``load`` starts a worker for a language and returns it when it is ready."""
        self._count = count
        self._load = load
        self._loading: dict[str, list[asyncio.Task[WorkerProcess]]] = defaultdict(list)
        self._closed = False

    def fill(self, language: str) -> None:
        """Begin to load what is missing."""
        tasks = self._loading[language]
        while len(tasks) < self._count and not self._closed:
            tasks.append(asyncio.create_task(self._ready(language), name=f"load {language} worker"))

    async def filled(self) -> None:
        """Wait until all are loaded; raises what loading raised."""
        await asyncio.gather(*(task for tasks in self._loading.values() for task in tasks))

    async def take(self, language: str) -> WorkerProcess:
        """A loaded worker, the caller's from now on; the next one is being loaded already.

        Raises:
            EngineError: it cannot be loaded.
        """
        worker: WorkerProcess | None = None
        while worker is None and self._loading[language]:
            worker = await self._usable(self._loading[language].pop(0))
        if worker is None:
            worker = await self._ready(language)
        self.fill(language)
        return worker

    async def close(self) -> None:
        """End the spare workers. Idempotent."""
        self._closed = True
        tasks = [task for tasks in self._loading.values() for task in tasks]
        self._loading.clear()
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, WorkerProcess):
                result.kill()
                await result.close()

    async def _ready(self, language: str) -> WorkerProcess:
        return await self._load(language)

    @staticmethod
    async def _usable(task: asyncio.Task[WorkerProcess]) -> WorkerProcess | None:
        """The worker of a loading task; None if it failed or has died since."""
        try:
            worker = await asyncio.shield(task)
        except EngineError as error:
            log.warning("a spare worker could not be loaded", error=str(error))
            return None
        except asyncio.CancelledError:
            task.add_done_callback(_discard)
            raise
        if worker.alive:
            return worker
        await worker.close()
        return None


def _discard(task: asyncio.Task[WorkerProcess]) -> None:
    """Nobody waits any more for this worker."""
    if not task.cancelled() and task.exception() is None:
        task.result().kill()
