"""Gathers requests that come at about the same time into batches for one thread.

A translation model does eight short clauses in hardly more time than one, so speakers who end their clauses together
should not queue behind each other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from dragoman.errors import EngineBusy, EngineCrashed, EngineError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """One batch at a time, in a thread of its own.

    The first request waits ``window`` seconds for company; those that come while a batch runs are the next batch, at
    once. At most ``max_waiting`` wait: one more is refused, so that another engine may take it. Who is cancelled
    before his batch begins is left out of it; later, his result is thrown away.
    """

    def __init__(
        self,
        engine: str,
        run: Callable[[Sequence[Item]], Sequence[Result | EngineError]],
        *,
        max_batch: int,
        max_waiting: int,
        window: float,
    ) -> None:
        """``run`` is called in the thread, and answers each item in order, by a result or by an error to raise."""
        self._engine = engine
        self._run = run
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._window = window
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._runner: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=engine)
        self._closed = False
        self.batches = 0
        """Batches run."""
        self.items = 0
        """Requests in them."""
        self.refused = 0
        """Requests refused because too many waited."""

    async def ask(self, item: Item) -> Result:
        """The result for ``item``.

        Raises:
            EngineBusy: ``max_waiting`` wait already.
            EngineCrashed: ``run`` failed, or the batcher is closed.
            EngineError: what ``run`` answered to this item.
        """
        if self._closed:
            raise EngineCrashed(self._engine, "closed")
        # Those who gave up still lie here until their turn, and count for nothing.
        if sum(not future.done() for _, future in self._waiting) >= self._max_waiting:
            self.refused += 1
            raise EngineBusy(self._engine, f"{self._max_waiting} clauses wait already")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._work(), name=f"{self._engine} batches")
        return await future

    async def close(self) -> None:
        """Refuse what waits, and wait for the batch that runs (a thread cannot be stopped). Idempotent."""
        self._closed = True
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(EngineCrashed(self._engine, "closed"))
        self._waiting.clear()
        if self._runner is not None:
            await asyncio.wait([self._runner])
        self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        """Run batches until nobody waits."""
        if len(self._waiting) < self._max_batch:
            await asyncio.sleep(self._window)
        while batch := self._take():
            items = [item for item, _ in batch]
            try:
                results = await asyncio.get_running_loop().run_in_executor(self._thread, self._run, items)
            except Exception as error:  # whatever the model raises, its clauses go to the next engine
                results = [EngineCrashed(self._engine, f"{type(error).__name__}: {error}")] * len(items)
            self.batches += 1
            self.items += len(items)
            for (_, future), result in zip(batch, results, strict=True):
                if future.done():
                    continue
                if isinstance(result, EngineError):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    def _take(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        while self._waiting and len(batch) < self._max_batch:
            item, future = self._waiting.popleft()
            if not future.done():
                batch.append((item, future))
        return batch
