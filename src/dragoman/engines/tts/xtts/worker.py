"""The synthesizer's thread: loads the model, and lets all clauses speak, one step for all at a time.

The loop's thread only leaves orders and takes what is delivered. torch releases Python's lock while it computes, so
that the loop runs beside it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import structlog
import torch

from dragoman.engines.tts.xtts.clause import Order
from dragoman.engines.tts.xtts.desk import Desk
from dragoman.engines.tts.xtts.follower import Follower
from dragoman.engines.tts.xtts.loading import Loaded
from dragoman.engines.tts.xtts.settings import COUNTERS, NAME, Settings
from dragoman.engines.tts.xtts.trouble import free_memory, trouble_of
from dragoman.errors import EngineBusy, EngineCrashed, EngineUnavailable
from dragoman.recovery.backoff import Backoff
from dragoman.recovery.gpu import Mend, ModelPolicy

log = structlog.get_logger(__name__)

NICE = 5
"""How much the thread steps back behind the loop's, which has to send a packet every 20 ms."""

T = TypeVar("T")


Loading = Callable[[Settings], Loaded]


class Worker:
    """The thread, from ``start`` to ``stop``."""

    def __init__(self, settings: Settings, loading: Loading) -> None:
        """``loading`` is called in the thread."""
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTERS, 0))
        self.ready: Future[Loaded] = Future()
        self.ended: Future[None] = Future()
        self._settings = settings
        self._loading = loading
        self._follower = Follower()
        self._changed = threading.Condition()
        self._orders: deque[Order] = deque()  # bounded by _open: more are refused (EngineBusy)
        self._open = 0
        """Orders that were taken and not released; the loop's thread counts them."""
        # Bounded by who asks: each waits for its answer. Called with None: there will be none.
        self._errands: deque[Callable[[Loaded | None], None]] = deque()
        self._stopped = False
        self._mending = ""  # why nothing is spoken for now
        self.on_mend: Callable[[Mend, str], None] = lambda mend, why: None
        """Called in the thread when the model failed: what is done, and why."""
        # A daemon thread: while a model loads, nothing else would end the process.
        self._thread = threading.Thread(target=self._run, name="xtts", daemon=True)

    def start(self) -> None:
        """Begin to load; ``ready`` tells when, or why not."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step that is under way; ``ended`` tells when. Idempotent."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def join(self) -> None:
        """After ``ended``: until it is gone."""
        self._thread.join()

    def submit(self, order: Order) -> None:
        """Take an order, to be released afterwards; it is told everything by its ``deliver``.

        Raises:
            EngineBusy: too many wait.
            EngineCrashed: stopped.
        """
        with self._changed:
            if self._stopped or self._mending:
                raise EngineCrashed(NAME, self._mending or "closed")
            slots, waiting = self._settings.slots, self._settings.max_waiting
            if self._open >= slots + waiting:
                raise EngineBusy(NAME, f"{self._open - slots} clauses wait for one of {slots} slots")
            self._orders.append(order)
            self._open += 1
            self.counts["clauses"] += 1
            self._changed.notify()

    def release(self, order: Order, ended: bool) -> None:
        """Nobody takes anything of it any more; where it has not ended, its slot is free before the next step."""
        with self._changed:
            self._open -= 1
            if not ended:
                order.cancelled = True
                self.counts["cancelled"] += 1
                self._changed.notify()

    def ask(self, errand: Callable[[Loaded], T]) -> Future[T]:
        """Run ``errand`` in the thread, between two steps."""
        answer: Future[T] = Future()

        def run(loaded: Loaded | None) -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                if loaded is None:
                    raise EngineCrashed(NAME, "closed")
                answer.set_result(errand(loaded))
            except BaseException as error:
                answer.set_exception(error)

        with self._changed:
            if self._stopped or self._mending:
                raise EngineCrashed(NAME, self._mending or "closed")
            self._errands.append(run)
            self._changed.notify()
        return answer

    def _run(self) -> None:
        with suppress(OSError):  # a container may forbid it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICE)
        torch.set_num_threads(self._settings.threads)
        desk: Desk | None = None
        try:
            try:
                loaded = self._loading(self._settings)
            except BaseException as error:
                self.ready.set_exception(error)
                return
            self._follower.start()
            policy = ModelPolicy(self._settings.slots, may_move=loaded.device != "cpu" and self._settings.may_move)
            while True:
                desk = Desk(loaded, self.counts, policy, self._follower)
                self.ready.set_result(loaded)
                mend, why = self._serve(desk)
                if mend is None:
                    return
                if mend is Mend.GIVE_UP:
                    self._give_up(why)
                else:
                    self._refuse(f"its model is being loaded anew: {why}")
                del loaded  # and with it what it holds of the device's memory
                desk.fail(EngineCrashed(NAME, why))
                desk = None
                anew = None if mend is Mend.GIVE_UP else self._load_anew(mend, policy)
                if anew is None:
                    return
                loaded = anew
        finally:
            with self._changed:
                self._stopped = True
                left, self._orders = list(self._orders), deque()
                unanswered, self._errands = list(self._errands), deque()
            closed = EngineCrashed(NAME, "closed")
            if desk is not None:
                desk.end(closed)
            for order in left:
                order.deliver(closed)
            for errand in unanswered:
                errand(None)
            self._follower.close()
            self.ended.set_result(None)

    def _serve(self, desk: Desk) -> tuple[Mend | None, str]:
        """Speak until stopped (None), or until the model has to be loaded anew, and why."""
        while self._take(desk):
            failed = desk.step()
            if failed is None:
                continue
            mend, why = failed
            self.counts["mended"] += 1
            self.on_mend(mend, why)
            if mend in (Mend.RESTART, Mend.MOVE, Mend.GIVE_UP):
                return mend, why
            desk.fail(EngineCrashed(NAME, why))
            free_memory()
        return None, ""

    def _refuse(self, why: str) -> None:
        """Nobody is to wait for a model that is being loaded: the next synthesizer speaks."""
        with self._changed:
            self._mending = why
            self.ready = Future()
            left, self._orders = list(self._orders), deque()
        for order in left:
            order.deliver(EngineCrashed(NAME, why))

    def _give_up(self, why: str) -> None:
        """The last that is done: only another process could use the device again."""
        self.counts["given_up"] += 1
        log.error("given up until the daemon is restarted: another voice speaks", engine=NAME, reason=why)
        self._refuse(why := f"given up until the daemon is restarted: {why}")
        self.ready.set_exception(EngineUnavailable(NAME, why))

    def _load_anew(self, mend: Mend, policy: ModelPolicy) -> Loaded | None:
        """Load until that succeeds, slower and slower; None: stopped meanwhile, or given up."""
        backoff = Backoff()
        while True:
            if mend is Mend.MOVE:
                self._settings = replace(self._settings, device="cpu", dtype="auto", cuda_graph=False)
            free_memory()
            try:
                loaded = self._loading(self._settings)
            except Exception as error:
                mend, why = policy.not_loaded(trouble_of(error)), f"{type(error).__name__}: {error}"
                if mend is not Mend.RESTART:
                    self.on_mend(mend, why)
                if mend is Mend.GIVE_UP:
                    self._give_up(why)
                    return None
                wait = backoff.failed(time.monotonic())
                log.warning("model not loaded", engine=NAME, error=f"{type(error).__name__}: {error}", again_s=wait)
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped, wait if mend is Mend.RESTART else 0.0)
                    if self._stopped:
                        return None
            else:
                policy.loaded()
                with self._changed:
                    self._mending = ""
                log.info("model loaded anew", engine=NAME, device=loaded.device)
                return loaded

    def _take(self, desk: Desk) -> bool:
        """Give the desk what has come; waits when there is nothing to do. False: stop."""
        with self._changed:
            while not (self._stopped or self._orders or self._errands or desk.busy):
                self._changed.wait()
            if self._stopped:
                return False
            orders, self._orders = list(self._orders), deque()
            errands, self._errands = list(self._errands), deque()
        for errand in errands:
            errand(desk.loaded)
        for order in orders:
            desk.accept(order)
        return True
