"""Glossaries on DeepL's side: made in the background when a clause first needs one, found again after a restart.

A room's glossary changes rarely and no clause can wait for an upload: until the glossary is ready, they go without.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import structlog

from dragoman.engines.faults import crashes_of
from dragoman.engines.mt.deepl_account import Glossary
from dragoman.engines.mt.deepl_messages import NAME
from dragoman.errors import EngineError

log = structlog.get_logger(__name__)

PREFIX = "dragoman-"
"""What the names of our glossaries begin with; others of the account are never touched."""

MAX_TERM = 1024
"""Bytes of a term, UTF-8 (DeepL's limit)."""

WAITING = 32
"""Glossaries that may wait to be made: rooms x pairs of a busy hour's start. More are asked for by later clauses."""

RETRY_S = 60.0
"""Seconds until a glossary that could not be made is tried again."""

Terms = tuple[tuple[str, str], ...]


class GlossaryApi(Protocol):
    """What is asked of the account (``deepl_account.Account``); each raises EngineError."""

    async def glossaries(self) -> list[Glossary]:
        """All of the account's."""

    async def create(self, name: str, source: str, target: str, entries: dict[str, str]) -> Glossary:
        """Make one."""

    async def delete(self, glossary_id: str) -> None:
        """Delete one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One glossary to be had; its name says what is in it, so the same terms always find the same glossary."""

    name: str
    source: str
    target: str
    entries: tuple[tuple[str, str], ...]


@lru_cache(maxsize=256)
def plan(source: str, target: str, terms: Terms) -> Plan | None:
    """What DeepL can hold of ``terms``; None if that is nothing. Of two with the same source the first counts."""
    entries: dict[str, str] = {}
    for pair in terms:
        said, meant = (" ".join(term.split()) for term in pair)
        if _fits(said) and _fits(meant):
            entries.setdefault(said, meant)
    if not entries:
        return None
    kept = tuple(entries.items())
    digest = hashlib.sha256(json.dumps(kept).encode()).hexdigest()[:16]
    return Plan(f"{PREFIX}{source}-{target}-{digest}".lower(), source, target, kept)


def _fits(term: str) -> bool:
    return term.isprintable() and 0 < len(term.encode("utf-8", "replace")) <= MAX_TERM


class Glossaries:
    """Which glossary is ready. ``start`` and ``close`` once each."""

    def __init__(self, api: GlossaryApi, keep: int, clock: Callable[[], float]) -> None:
        """``keep``: glossaries of ours that may lie in the account; ``clock``: seconds, monotonic."""
        self._api = api
        self._keep = keep
        self._clock = clock
        self._ready: OrderedDict[str, str] = OrderedDict()
        """Name -> id, the least recently used first."""
        self._not_before: OrderedDict[str, float] = OrderedDict()
        """Name -> when it may be tried again, for those that could not be made."""
        self._wanted: asyncio.Queue[Plan] = asyncio.Queue(WAITING)
        self._queued: set[str] = set()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to make what is asked for."""
        self._worker = asyncio.create_task(self._work(), name="deepl glossaries")

    async def close(self) -> None:
        """Stop; the glossaries stay where they are. Idempotent."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker

    def find(self, source: str, target: str, terms: Terms) -> tuple[str | None, bool]:
        """The glossary's id if it is ready, and whether one is still to be expected; asks for it to be made.

        ``source`` and ``target`` are DeepL's codes without variant. Never waits.
        """
        wanted = plan(source, target, terms) if terms and self._keep else None
        if wanted is None:
            return None, False
        if (found := self._ready.get(wanted.name)) is not None:
            self._ready.move_to_end(wanted.name)
            return found, False
        again = self._not_before.get(wanted.name, -math.inf)
        if self._clock() >= again and wanted.name not in self._queued and not self._wanted.full():
            self._queued.add(wanted.name)
            self._wanted.put_nowait(wanted)
        return None, again != math.inf

    def forget(self, glossary_id: str) -> None:
        """The server does not know it any more: somebody deleted it."""
        for name, known in list(self._ready.items()):
            if known == glossary_id:
                del self._ready[name]

    async def _work(self) -> None:
        while True:
            wanted = await self._wanted.get()
            try:
                with crashes_of(NAME):
                    self._ready[wanted.name] = await self._make(wanted)
                self._not_before.pop(wanted.name, None)
            except EngineError as error:
                again = self._clock() + RETRY_S if error.retryable else math.inf
                log.warning("deepl glossary not made", name=wanted.name, error=str(error), for_good=again == math.inf)
                self._not_before[wanted.name] = again
                while len(self._not_before) > 8 * WAITING:
                    self._not_before.popitem(last=False)
            finally:
                self._queued.discard(wanted.name)

    async def _make(self, wanted: Plan) -> str:
        ours = {each.name: each for each in await self._api.glossaries() if each.name.startswith(PREFIX)}
        found = ours.get(wanted.name)
        if found is None:
            found = await self._api.create(wanted.name, wanted.source, wanted.target, dict(wanted.entries))
            ours[found.name] = found
            log.info("deepl glossary made", name=found.name, entries=len(wanted.entries))
        ours.pop(wanted.name, None)
        await self._delete_old(ours)
        return found.id

    async def _delete_old(self, others: dict[str, Glossary]) -> None:
        """Keep the account at ``keep`` glossaries of ours: the oldest that nobody asked for go first."""
        used = list(self._ready)

        def age(name: str) -> tuple[int, float]:
            return (used.index(name) + 1 if name in self._ready else 0, others[name].created.timestamp())

        surplus = max(0, len(others) + 1 - self._keep)
        for name in sorted(others, key=age)[:surplus]:
            self._ready.pop(name, None)
            try:
                await self._api.delete(others[name].id)
            except EngineError as error:
                log.warning("deepl glossary not deleted", name=name, error=str(error))
