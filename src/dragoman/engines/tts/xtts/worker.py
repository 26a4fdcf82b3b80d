"""The synthesizer's thread: loads the model, and lets all clauses speak, one step for all at a time.

The loop's thread only leaves orders and takes what is delivered. torch releases Python's lock while it computes, so
that the loop runs beside it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TypeVar

import numpy as np
import structlog
import torch

from dragoman.engines.tts.xtts.clause import Clause, Follow, Next, Order
from dragoman.engines.tts.xtts.follower import Follower
from dragoman.engines.tts.xtts.gpt import Seat, Spoken, moved
from dragoman.engines.tts.xtts.loading import Loaded
from dragoman.engines.tts.xtts.settings import COUNTERS, NAME, Settings
from dragoman.engines.tts.xtts.trouble import free_memory, trouble_of
from dragoman.engines.tts.xtts.vocoder import decode
from dragoman.errors import EngineBusy, EngineCrashed, EngineError, EngineRejected
from dragoman.media.format import SAMPLE_RATE as FINAL_RATE
from dragoman.media.resample import Resampler
from dragoman.recovery.backoff import Backoff
from dragoman.recovery.gpu import Mend, ModelPolicy, Trouble

log = structlog.get_logger(__name__)

NICE = 5
"""How much the thread steps back behind the loop's, which has to send a packet every 20 ms."""

NOTHING = np.zeros(0, np.float32)

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
        desk: _Desk | None = None
        try:
            try:
                loaded = self._loading(self._settings)
            except BaseException as error:
                self.ready.set_exception(error)
                return
            self._follower.start()
            policy = ModelPolicy(self._settings.slots, may_move=loaded.device != "cpu" and self._settings.may_move)
            while True:
                desk = _Desk(loaded, self.counts, policy, self._follower)
                self.ready.set_result(loaded)
                mend, why = self._serve(desk)
                if mend is None:
                    return
                self._refuse(f"its model is being loaded anew: {why}")
                del loaded  # and with it what it holds of the device's memory
                desk.fail(EngineCrashed(NAME, why))
                desk = None
                anew = self._load_anew(mend)
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

    def _serve(self, desk: _Desk) -> tuple[Mend | None, str]:
        """Speak until stopped (None), or until the model has to be loaded anew, and why."""
        while self._take(desk):
            failed = desk.step()
            if failed is None:
                continue
            mend, why = failed
            self.counts["mended"] += 1
            self.on_mend(mend, why)
            if mend in (Mend.RESTART, Mend.MOVE):
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

    def _load_anew(self, mend: Mend) -> Loaded | None:
        """Load until that succeeds, slower and slower; None: stopped meanwhile."""
        if mend is Mend.MOVE:
            self._settings = replace(self._settings, device="cpu", dtype="auto", cuda_graph=False)
        backoff = Backoff()
        while True:
            free_memory()
            try:
                loaded = self._loading(self._settings)
            except Exception as error:
                wait = backoff.failed(time.monotonic())
                log.warning("model not loaded", engine=NAME, error=f"{type(error).__name__}: {error}", again_s=wait)
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped, wait)
                    if self._stopped:
                        return None
            else:
                with self._changed:
                    self._mending = ""
                log.info("model loaded anew", engine=NAME, device=loaded.device)
                return loaded

    def _take(self, desk: _Desk) -> bool:
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


class _Desk:
    """Who speaks and who waits; all of it in the thread."""

    def __init__(self, loaded: Loaded, counts: Counter[str], policy: ModelPolicy, follow: Follow) -> None:
        self.loaded = loaded
        self._follow = follow
        self._policy = policy
        self._counts = counts
        self._waiting: deque[Clause] = deque()  # bounded by the orders that were accepted
        self._speaking: dict[Seat, Clause] = {}
        self._rates: dict[str, tuple[float, float]] = {}

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._speaking)

    def accept(self, order: Order) -> None:
        """Spell it, find its voice, let it wait for a row."""
        if order.cancelled:
            return
        request, loaded = order.request, self.loaded
        try:
            pieces = loaded.speller(request.text, request.language)
            if not pieces:
                raise EngineRejected(NAME, "nothing to say in this text")
            voice = loaded.voices.conditioning(request.speaker, None)
            Resampler(voice.rate, FINAL_RATE)  # its filter is made and kept here, not in the loop's thread
            order.voice = voice
            latents = torch.from_numpy(voice.latents)
            embedding = torch.from_numpy(voice.embedding).reshape(1, -1, 1)
            embedding = moved(embedding, loaded.device, loaded.precision)
        except EngineError as error:
            order.deliver(error)
        except Exception as error:
            log.exception("clause not taken", engine=NAME)
            order.deliver(EngineCrashed(NAME, f"{type(error).__name__}: {error}"))
        else:
            self._counts["own_voice"] += voice.own
            self._counts["voice_unusable"] += bool(voice.instead_of)
            self._waiting.append(
                Clause(
                    order,
                    pieces,
                    latents,
                    embedding,
                    loaded.manner,
                    self._counts,
                    self._rates,
                    voice.stretch,
                    self._follow,
                )
            )

    def step(self) -> tuple[Mend, str] | None:
        """Who is cancelled leaves, who waits joins, everybody who is in says one token more.

        What is to be done, and why, where the model failed: its state is not to be trusted any more.
        """
        try:
            self._leave()
            self._join()
            spoken = self.loaded.decoder.step()
        except Exception as error:
            log.exception("step failed", engine=NAME)
            return self._failed(error)
        self._counts["steps"] += bool(spoken)
        self._counts["batched"] += len(spoken)
        try:
            self._sound([each.seat for each in spoken if self._hear(each) is Next.SOUND])
        except Exception as error:
            log.exception("sound failed", engine=NAME)
            return self._failed(error)
        return None

    def _hear(self, each: Spoken) -> Next:
        """One clause's token; raises what is wrong with the device, not with the clause."""
        clause = self._speaking[each.seat]
        return self._then(each.seat, lambda: clause.hear(each.token, each.latent))

    def _sound(self, seats: Sequence[Seat]) -> None:
        """Decode what these clauses have due, in one go, and let them play it."""
        windows = [window for seat in seats if (window := self._speaking[seat].window) is not None]
        sounds = iter(decode(self.loaded.manner.hifigan, windows))
        for seat in seats:
            clause = self._speaking[seat]
            sound = NOTHING if clause.window is None else next(sounds).numpy()
            clause.window = None
            self._then(seat, partial(clause.take, sound))

    def _then(self, seat: Seat, tell: Callable[[], Next]) -> Next:
        """Tell a clause something, and do what it asks for then."""
        clause = self._speaking[seat]
        try:
            then = tell()
        except Exception as error:
            if trouble_of(error) is not Trouble.OTHER:
                raise
            log.exception("clause failed", engine=NAME)
            then = clause.broken(EngineCrashed(NAME, f"{type(error).__name__}: {error}"))
        if then in (Next.PIECE, Next.DONE):
            self.loaded.decoder.leave(seat)
            del self._speaking[seat]
        if then is Next.PIECE:
            self._waiting.appendleft(clause)  # a listener waits for it already
        return then

    def _failed(self, error: Exception) -> tuple[Mend, str]:
        return self._policy.failed(trouble_of(error), time.monotonic()), f"{type(error).__name__}: {error}"

    def end(self, error: EngineError) -> None:
        """Everybody is told that no more comes."""
        for clause in self._emptied():
            clause.end(error)

    def fail(self, error: EngineError) -> None:
        """Everybody is told, and what of his clause is left to be said."""
        for clause in self._emptied():
            clause.broken(error)

    def _emptied(self) -> list[Clause]:
        clauses = [*self._speaking.values(), *self._waiting]
        self._speaking.clear()
        self._waiting.clear()
        self.loaded.decoder.clear()
        return clauses

    def _leave(self) -> None:
        for seat, clause in list(self._speaking.items()):
            if clause.order.cancelled:
                self.loaded.decoder.leave(seat)
                del self._speaking[seat]
        if any(clause.order.cancelled for clause in self._waiting):
            self._waiting = deque(clause for clause in self._waiting if not clause.order.cancelled)

    def _join(self) -> None:
        decoder = self.loaded.decoder
        joining = list(islice(self._waiting, min(decoder.free, self._policy.slots - len(self._speaking))))
        if not joining:
            return
        prefixes = [decoder.prefix(clause.latents, clause.piece.tokens) for clause in joining]
        seats = decoder.join(prefixes, [clause.seed for clause in joining])
        for clause, seat in zip(joining, seats, strict=True):
            self._waiting.popleft()  # not before: if that failed, they were to be told
            self._speaking[seat] = clause
